"""The nouns: what an engine keeps, what was measured of it, and the whole of both at one moment. No I/O.

Names and paths are text as `os.fsdecode` gives it: bytes that are no UTF-8 appear as lone surrogates, and
`printable` makes them fit for a page or a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from docker_storage_exporter.sizer import Usage

_ANONYMOUS_NAME = re.compile(r"[0-9a-f]{64}")

CONTAINER_STATES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")
"""Every state an engine reports for a container (moby: container/state.go)."""

RUNNING_STATES = frozenset({"running", "paused", "restarting"})
"""The states in which a container's process, and so its tmpfs mounts, may exist."""


class Kind(str, Enum):
    """The kinds of object that get numbers; the `kind` label of every count."""

    VOLUME = "volume"
    LAYER = "container_layer"
    LOG = "container_log"
    TMPFS = "tmpfs_mount"
    BIND = "bind_mount"


class Skip(str, Enum):
    """Why an object is left out by rule. A closed set: the `reason` label of skipped objects."""

    EXCLUDED = "excluded"  # by the user's own expressions
    DRIVER = "driver"  # a volume of a plugin: its files are the plugin's
    REMOTE = "remote_filesystem"  # touching it could hang
    SYSTEM = "system_path"  # /, /proc, /sys, /dev, /run
    STORAGE_ROOT = "storage_root"  # holds, or is part of, what is measured object by object
    SPECIAL = "special_file"  # a socket, a device or a fifo
    NOT_MOUNTED = "not_mounted"  # a volume with options that nothing uses now


class Unmeasured(str, Enum):
    """Why an object that should have a number has none now. A closed set, like the failures' reasons."""

    FOREIGN_ENGINE = "foreign_engine"  # the engine and the disk are not one host
    UNKNOWN_ROOT = "unknown_data_root"  # the data root cannot be seen from here
    UNKNOWN_LAYER = "unknown_layer"  # no directory is known to hold the object
    DRIVER = "unsupported_driver"
    PERMISSION = "permission_denied"
    LINK = "untrusted_link"  # a symbolic link that a container may have made
    VANISHED = "vanished"
    STUCK = "timeout"
    IO = "io_error"


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine whose objects these are.

    `image_store` is `graphdriver` or `containerd`; `storage_driver` is the graph driver's or the snapshotter's name.
    `version` is empty when the facts were read from disk, and `data_root` is the engine's own spelling of the path.
    """

    product: str = "docker"
    id: str = ""
    version: str = ""
    storage_driver: str = ""
    image_store: str = "graphdriver"
    data_root: str = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume.

    `filesystem` and `device` are what a `local` volume was told to mount on itself (options type and device), with
    `bind` for a bind; both are empty for a plain directory. Mount options are never kept: they may hold passwords.
    `limit_bytes` is its quota (local driver's option size on a plain volume).
    """

    name: str
    driver: str = "local"
    scope: str = "local"
    mountpoint: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    filesystem: str = ""
    device: str = ""
    limit_bytes: int | None = None

    @property
    def anonymous(self) -> bool:
        """Whether nobody named it: engines before 23.0 do not label such volumes, so the shape of the name counts."""
        if "com.docker.volume.anonymous" in self.labels:
            return True
        return _ANONYMOUS_NAME.fullmatch(self.name) is not None


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount of a container. `source` is the volume's name or the host's path; empty for tmpfs."""

    type: str
    source: str
    destination: str
    access: str = "rw"
    subpath: str = ""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How a container's output is kept. `limit_bytes` is size times files; None means without limit or unknown."""

    driver: str = ""
    limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """A container in whatever state.

    `layer` is the name of its writable layer's directory in the storage driver (layerdb's mount-id), empty when
    unknown. `driver` is the storage driver it was made with. `created` is in seconds since the epoch.
    """

    id: str
    name: str
    image_id: str = ""
    image: str = ""
    state: str = "created"
    pid: int = 0
    created: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    log: LogSettings = LogSettings()
    driver: str = ""
    layer: str = ""
    layer_limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """What exists, as one source saw it. `source` is `api` or `disk`; `at` is in seconds since the epoch.

    `root` is the data root's canonical path on the host, which the engine may spell in another way.
    `refused` says why no size may be taken from the disk that is read here, such as Unmeasured.FOREIGN_ENGINE; None
    means that engine and disk were proven to be one host.
    """

    engine: Engine
    volumes: tuple[Volume, ...] = ()
    containers: tuple[Container, ...] = ()
    source: str = "api"
    at: float = 0.0
    root: str = ""
    refused: Unmeasured | None = None


class Method(str, Enum):
    """How a tree gets its number."""

    WALK = "walk"  # every inode below a directory, or one file
    LOGS = "logs"  # the log files in a container's directory
    TMPFS = "tmpfs"  # what statfs says of a tmpfs inside a container
    FILESYSTEM = "filesystem"  # what statfs says of a volume's own filesystem


@dataclass(frozen=True, slots=True)
class Tree:
    """One thing to measure. Objects with equal trees share one measurement.

    `path` is canonical, as the host spells it; for a tmpfs it is the destination inside `container`, whose process
    is `pid`.
    """

    method: Method
    path: str
    container: str = ""
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Measurement:
    """A complete measurement of a tree.

    `at` is when it was finished, in seconds since the epoch; `identity` is device and inode of what was measured.
    For Method.TMPFS and Method.FILESYSTEM `size_bytes` and `avail_bytes` are the filesystem's.
    """

    usage: Usage
    at: float
    duration: float = 0.0
    identity: tuple[int, int] = (0, 0)
    size_bytes: int | None = None
    avail_bytes: int | None = None
    entry: str = "directory"


@dataclass(frozen=True, slots=True)
class Growth:
    """How fast a tree grows; negative where it shrinks.

    `per_second` is taken from its last two measurements, `per_hour` from all that are kept of the last hour, which
    `seconds` is the length of.
    """

    per_second: float
    per_hour: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object's bytes are: a tree, or why there is none."""

    tree: Tree | None = None
    skip: Skip | None = None
    unmeasured: Unmeasured | None = None


@dataclass(frozen=True, slots=True)
class Sized:
    """An object's place together with its last complete measurement; `failed` says why a wanted one is missing."""

    place: Place
    measurement: Measurement | None = None
    failed: Unmeasured | None = None


@dataclass(frozen=True, slots=True)
class VolumeRow:
    """A volume on the page; `key` is its unique label value."""

    key: str
    volume: Volume
    sized: Sized
    containers: int = 0


@dataclass(frozen=True, slots=True)
class TmpfsRow:
    """A tmpfs mount of a container on the page."""

    destination: str
    sized: Sized


@dataclass(frozen=True, slots=True)
class ContainerRow:
    """A container on the page, with its layer, its log files (None when its driver keeps none) and tmpfs mounts."""

    key: str
    container: Container
    layer: Sized
    log: Sized | None = None
    tmpfs: tuple[TmpfsRow, ...] = ()


@dataclass(frozen=True, slots=True)
class BindRow:
    """One distinct source of bind mounts. `users` are container ids with their mounts of it; `entry` is `directory`,
    `file` or `special`; `counted` says whether its bytes belong to the total of distinct bytes. `within` is the path of
    the measured tree that encloses it, or empty.
    """

    key: str
    source: str
    sized: Sized
    users: tuple[tuple[str, Mount], ...] = ()
    entry: str = "directory"
    within: str = ""
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the page shows, taken together at one moment and never changed afterwards."""

    inventory: Inventory
    at: float
    volumes: tuple[VolumeRow, ...] = ()
    containers: tuple[ContainerRow, ...] = ()
    binds: tuple[BindRow, ...] = ()
    bind_distinct_bytes: int = 0
    skipped: Mapping[tuple[Kind, Skip], int] = field(default_factory=dict)
    unmeasured: Mapping[tuple[Kind, Unmeasured], int] = field(default_factory=dict)
    pending: Mapping[Kind, int] = field(default_factory=dict)
    cut: Mapping[Kind, int] = field(default_factory=dict)


def printable(text: str) -> str:
    r"""The text as valid UTF-8 for a label, a log line or a table: undecodable bytes and NUL become \xNN."""
    if "\0" in text:  # ends the page for Prometheus's lexer
        text = text.replace("\0", r"\x00")
    if text.isascii():
        return text
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that no byte stands behind: JSON can spell one
        raw = text.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace")
