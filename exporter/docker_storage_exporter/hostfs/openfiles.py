"""Which files of a tree running processes hold open: their bytes are freed only when these close them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from docker_storage_exporter.model.text import is_inside

_DELETED = " (deleted)"


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that a process has open. `path` is as the process sees it; `deleted` says that it has no name any more."""

    pid: int
    command: str
    path: str
    allocated_bytes: int
    deleted: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a tree is seen: on `device`, below `path`, in a mount namespace. `only_deleted` leaves out all else."""

    path: str
    device: int
    only_deleted: bool = False


def namespace_of(procfs: str, pid: int) -> str:
    """What tells the mount namespace of a process apart; empty without the rights, or when it is gone."""
    try:
        return os.readlink(f"{procfs}/{pid}/ns/mnt")
    except OSError:
        return ""


def open_files(procfs: str, seen: Mapping[str, Sequence[Seen]]) -> list[OpenFile]:
    """The open files in these places, each inode once.

    `seen` has the places by mount namespace; those under the empty text hold for the processes of all others. A
    process that may not be looked at counts for nothing, nor does a file that is only mapped into memory.
    """
    files: dict[tuple[int, int], OpenFile] = {}
    for pid in _pids(procfs):
        namespace = namespace_of(procfs, pid)
        if not namespace:
            continue
        places = seen.get(namespace, seen.get("", ()))
        for descriptor in _descriptors(procfs, pid):
            with suppress(OSError):
                _note(f"{procfs}/{pid}/fd/{descriptor}", pid, places, files)
    return [
        OpenFile(file.pid, _command(procfs, file.pid), file.path, file.allocated_bytes, file.deleted)
        for file in files.values()
    ]


def _note(link: str, pid: int, places: Sequence[Seen], files: dict[tuple[int, int], OpenFile]) -> None:
    path = os.readlink(link)
    if not path.startswith("/"):
        return
    status = os.stat(link)
    deleted = status.st_nlink == 0 and path.endswith(_DELETED)
    path = path.removesuffix(_DELETED) if deleted else path
    for place in places:
        if is_inside(path, place.path) and status.st_dev == place.device and (deleted or not place.only_deleted):
            key = status.st_dev, status.st_ino
            files.setdefault(key, OpenFile(pid, "", path, status.st_blocks * 512, deleted))


def _pids(procfs: str) -> Iterator[int]:
    with suppress(OSError):
        yield from sorted(int(name) for name in os.listdir(procfs) if name.isdigit())


def _descriptors(procfs: str, pid: int) -> list[str]:
    try:
        return os.listdir(f"{procfs}/{pid}/fd")
    except OSError:
        return []


def _command(procfs: str, pid: int) -> str:
    try:
        with open(f"{procfs}/{pid}/comm", "rb") as file:
            return os.fsdecode(file.read().strip())
    except OSError:
        return "?"
