"""Where an object's bytes are, or why they are not looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from docker_storage_exporter.model.sizes import Measurement, Source


class Skip(str, Enum):
    """Why an object is left out by rule. A closed set: the `reason` label of skipped objects."""

    EXCLUDED = "excluded"  # by the user's own expressions
    DRIVER = "driver"  # a volume of a plugin: its files are the plugin's
    REMOTE = "remote_filesystem"  # touching it could hang
    SYSTEM = "system_path"  # /, /proc, /sys, /dev, /run
    STORAGE_ROOT = "storage_root"  # holds, or is part of, what is measured object by object
    SPECIAL = "special_file"  # a socket, a device or a fifo
    SHARED = "shared_filesystem"  # a volume's own mount shows a filesystem that others have a part of, too
    PROCESS = "process_access"  # only the container's own process can show it, and this one may not enter that
    NOT_MOUNTED = "not_mounted"  # a volume with options that nothing uses now


class Unmeasured(str, Enum):
    """Why an object that should have a number has none now. A closed set, like the failures' reasons."""

    FOREIGN_ENGINE = "foreign_engine"  # the engine and the disk are not one host
    UNKNOWN_ROOT = "unknown_data_root"  # the data root cannot be seen from here
    UNKNOWN_IMAGES_ROOT = "unknown_containerd_root"  # containerd's root cannot be seen from here
    UNKNOWN_LAYER = "unknown_layer"  # no directory is known to hold the object
    DRIVER = "unsupported_driver"
    PERMISSION = "permission_denied"
    LINK = "untrusted_link"  # a symbolic link where none may be, or that a container may have made
    VANISHED = "vanished"
    STUCK = "timeout"
    DISCONNECTED = "disconnected"  # the server of a FUSE filesystem is dead
    IO = "io_error"
    INTERNAL = "internal_error"  # no memory was left, or a defect, which the log then shows


class Location(NamedTuple):
    """What a path is whatever it is called: the filesystem's device number and the path inside that filesystem."""

    device: tuple[int, int]
    path: str

    def above(self) -> Iterator[Location]:
        """The directories that it is in, inside the same filesystem, the nearest first."""
        parent = self.path.rstrip("/")
        while parent:
            parent = parent.rpartition("/")[0]
            yield Location(self.device, parent or "/")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object's bytes are: how they are measured, or why there is no number.

    `parts` are the sources of one that is not measured by itself, but made of what others are made of as well.
    `device` (of the filesystem), `inside` (the path inside of it) and `mountpoint` (of the filesystem, as the host
    spells it) are known where the bytes lie at a path of the host's.
    """

    source: Source | None = None
    skip: Skip | None = None
    unmeasured: Unmeasured | None = None
    device: tuple[int, int] | None = None
    inside: str = ""
    mountpoint: str = ""
    parts: tuple[Source, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """All that has to be measured for it."""
        return self.parts if self.source is None else (self.source,)

    @property
    def location(self) -> Location | None:
        """What the path is whatever it is called; made when asked for, since there are many places."""
        return Location(self.device, self.inside) if self.device is not None else None


@dataclass(frozen=True, slots=True)
class Sized:
    """An object's place together with its last complete measurement; `failed` says why a wanted one is missing."""

    place: Place
    measurement: Measurement | None = None
    failed: Unmeasured | None = None
