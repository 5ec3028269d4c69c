"""A database file that is read again and again: only when it has a new transaction."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from docker_storage_exporter.bolt.database import Bucket, newest_transaction, read

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What was made of a file. `version` is its inode and its newest transaction just before that."""

    version: tuple[int, int]
    content: T


def read_file(path: str, take: Callable[[Bucket], T], known: Reading[T] | None = None) -> Reading[T]:
    """What `take` makes of the root bucket of the database at `path`: the `known` reading while it has not changed.

    A symbolic link is not followed, and only a regular file is read. Raises like `read`, and OSError.
    """
    descriptor = os.open(path, _READ)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", path)
        version = status.st_ino, newest_transaction(descriptor)
        if known is not None and known.version == version:
            return known
        return Reading(version, read(descriptor, take))
    finally:
        os.close(descriptor)
