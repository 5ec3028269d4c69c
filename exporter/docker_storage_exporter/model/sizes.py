"""Sizes: what was measured, by which source, and which numbers of one object can be compared."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import ClassVar, NamedTuple


@dataclass(frozen=True, slots=True)
class Size:
    """How much an object holds, in bytes, and what its source says besides. What a source does not tell is None.

    `allocated` are the bytes that it occupies, and `shared` those that it needs but others as well, which are not among
    them. `apparent` are the lengths of its files; `inodes` counts distinct ones and
    `unreadable` the entries that could not be read, which the other numbers lack. `limit` and `available` are those of
    a filesystem that is the object's own. `changed` is the newest change of an inode, in seconds since the epoch.
    """

    allocated: int
    apparent: int | None = None
    inodes: int | None = None
    unreadable: int | None = None
    limit: int | None = None
    available: int | None = None
    changed: float | None = None
    shared: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A way of measuring one thing; what it is, and how, is up to the classes in `measure`. Equal sources share one
    measurement.

    `name` tells the ways of measuring apart and `version` counts up when the meaning of its numbers changes.
    """

    name: ClassVar[str] = ""
    version: ClassVar[int] = 1
    on_host: ClassVar[bool] = True  # its path is the host's
    shares_filesystem: ClassVar[bool] = True  # with other objects, or with the host
    settled: ClassVar[bool] = False  # it never changes: it is measured once

    @property
    def meaning(self) -> str:
        """What its numbers mean: those of another meaning cannot be compared with them."""
        return sys.intern(f"{self.name}/{self.version}")  # one text for all: each lineage keeps it

    @property
    def path(self) -> str:
        """The path that stands for it: the host's, but for a tmpfs that of its container."""
        raise NotImplementedError

    @property
    def container_id(self) -> str:
        """The id of the container that it is found by: once it is gone, that has changed. Empty for all else."""
        return ""


class Identity(NamedTuple):
    """What makes a directory or file the same one: device, inode, and its birth in nanoseconds since the epoch.

    `born` is 0 where the filesystem does not know it (statx: STATX_BTIME).
    """

    device: int = 0
    inode: int = 0
    born: int = 0


class Lineage(NamedTuple):
    """The numbers of an object that can be compared: those of one identity and one meaning.

    `start` is when the first of them was measured, in seconds since the epoch. The identity is kept as its three
    numbers, since there are many lineages.
    """

    device: int
    inode: int
    born: int
    meaning: str
    start: float

    @property
    def identity(self) -> Identity:
        """What was measured."""
        return Identity(self.device, self.inode, self.born)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A complete measurement. `at` is when it was finished, in seconds since the epoch."""

    size: Size
    at: float
    source: Source
    lineage: Lineage


@dataclass(frozen=True, slots=True)
class Growth:
    """How fast an object grows; negative where it shrinks.

    `per_second` is taken from its last two measurements, `per_hour` from all that are kept of the last hour, which
    `seconds` is the length of.
    """

    per_second: float
    per_hour: float
    seconds: float
