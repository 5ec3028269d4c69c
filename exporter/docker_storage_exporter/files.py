"""The files that this program writes: each whole or not at all, and none below a storage root."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.model.objects import ROOT_NAMES, StorageRoot

_UNFINISHED = r"\.[0-9a-f]{8}\.new"
_ABANDONED_SECONDS = 3600.0  # writing takes moments: a writer that began so long ago was killed


def storage_root_of(path: str, roots: Iterable[StorageRoot], host: Host) -> str:
    """The storage root that a file lies in, as people call it and with its path; empty for a file elsewhere."""
    inside = (root for root in roots if lies_below(path, root.path, host))
    return next((f"{ROOT_NAMES[root.role]} {root.path}" for root in inside), "")


def lies_below(path: str, root: str, host: Host) -> bool:
    """Whether a file's folder is the storage root or lies in it, by whichever path both are reached."""
    try:
        storage = os.stat(host.view(root))
    except (OSError, ValueError):
        return False
    folder = os.path.realpath(os.path.dirname(path) or ".")
    while True:
        with suppress(OSError):
            if os.path.samestat(os.stat(folder), storage):
                return True
        if folder == "/":
            return False
        folder = os.path.dirname(folder)


def replace_file(path: str, parts: Iterable[bytes], mode: int = 0o600) -> None:
    """Write a file whole: beside the old one under another name, to the disk, and then in its place. Raises OSError.

    Whatever ends this early, an exception of a signal included, leaves the old file as it was and nothing beside it;
    what a killed process left is removed by the next one. A symbolic link at `path` is replaced, never followed. The
    name meanwhile is one that several processes do not share, and it ends in `.new`, which no reader of `path` looks
    for.
    """
    _remove_abandoned(path)
    new = f"{path}.{secrets.token_hex(4)}.new"
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)  # whatever the umask is
            file.writelines(parts)
            file.flush()
            os.fsync(descriptor)
        os.rename(new, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(new)
        raise
    _sync_folder(os.path.dirname(path) or ".")


def _remove_abandoned(path: str) -> None:
    folder, name = os.path.split(path)
    with suppress(OSError), os.scandir(folder or ".") as entries:
        for entry in entries:
            if not re.fullmatch(re.escape(name) + _UNFINISHED, entry.name):
                continue
            with suppress(OSError):
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > _ABANDONED_SECONDS:
                    os.unlink(entry.path)


def _sync_folder(folder: str) -> None:
    """Bring the new name to the disk as well."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
