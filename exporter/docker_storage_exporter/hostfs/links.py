"""Which files of a tree have more names than the tree holds: deleting the tree does not free them."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from docker_storage_exporter.hostfs.beneath import open_beneath


@dataclass(frozen=True, slots=True)
class LinkedOutside:
    """So many files of a tree, of so many bytes, have names outside of it as well."""

    files: int = 0
    allocated_bytes: int = 0


def linked_outside(root: int, mountpoints: Collection[str] = ()) -> LinkedOutside:
    """Look at every entry of the tree at an open descriptor; `mountpoints` are left out, as is what is elsewhere.

    What cannot be read is not counted.
    """
    status = os.fstat(root)
    if not stat.S_ISDIR(status.st_mode):
        return LinkedOutside(1, status.st_blocks * 512) if status.st_nlink > 1 else LinkedOutside()
    links: dict[int, list[int]] = {}  # inode -> names not met yet, bytes
    pending = [""]
    while pending:
        path = pending.pop()
        with suppress(OSError):
            pending += _look_into(root, path, mountpoints, status.st_dev, links)
    outside = [size for unseen, size in links.values() if unseen > 0]
    return LinkedOutside(len(outside), sum(outside))


def _look_into(
    root: int, path: str, mountpoints: Collection[str], device: int, links: dict[int, list[int]]
) -> list[str]:
    """Note the files of one directory that have several names; its subdirectories."""
    directories = []
    folder = open_beneath(root, path)
    try:
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                below = f"{path}/{entry.name}" if path else entry.name
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if status.st_dev != device or below in mountpoints:
                        continue
                    if stat.S_ISDIR(status.st_mode):
                        directories.append(below)
                    elif status.st_nlink > 1:
                        links.setdefault(status.st_ino, [status.st_nlink, status.st_blocks * 512])[0] -= 1
    finally:
        os.close(descriptor)
    return directories
