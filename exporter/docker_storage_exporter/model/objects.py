"""The nouns of an engine: what it keeps, as it tells of it or as its disk shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from docker_storage_exporter.model.labels import ANONYMOUS
from docker_storage_exporter.model.places import Unmeasured

_ANONYMOUS_NAME = re.compile(r"[0-9a-f]{64}")

CONTAINER_STATES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")
"""Every state an engine reports for a container (moby: container/state.go)."""

RUNNING_STATES = frozenset({"running", "paused", "restarting"})
"""The states in which a container's process, and so its tmpfs mounts, may exist."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine whose objects these are.

    `image_store` is `graphdriver` or `containerd`; `storage_driver` is the graph driver's or the snapshotter's name.
    `version` is empty when the facts were read from disk, and `data_root` is the engine's own spelling of the path.
    `containerd_address` is the socket of the containerd that it uses, empty before Docker 27.
    """

    product: str = "docker"
    id: str = ""
    version: str = ""
    storage_driver: str = ""
    image_store: str = "graphdriver"
    data_root: str = ""
    containerd_address: str = ""


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
    labels: Mapping[str, str] = field(default_factory=dict)
    filesystem: str = ""
    device: str = ""
    limit_bytes: int | None = None

    @property
    def anonymous(self) -> bool:
        """Whether nobody named it: engines before 23.0 do not label such volumes, so the shape of the name counts."""
        if ANONYMOUS in self.labels:
            return True
        return _ANONYMOUS_NAME.fullmatch(self.name) is not None


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount of a container. `source` is the volume's name or the host's path; empty for tmpfs."""

    type: str
    source: str
    destination: str
    access: str = "rw"


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
class Piece:
    """Something that images are made of and that never changes: a layer, or content.

    `path` is its directory or file on the host. `allocated` are the bytes that it occupies, where the store tells; else
    they are those of the tree at `path`, and without a path they are not known.
    """

    name: str
    allocated: int | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """An image: everything that one digest stands for.

    `id` is the digest, `names` are its tags as the store spells them, in order; none for a dangling one. `created` is
    in seconds since the epoch. The pieces that are `unique` would go with it, those that are `shared` are needed by
    something else as well: another image, or the build cache. `at` is when that was found out.
    """

    id: str
    names: tuple[str, ...] = ()
    created: float = 0.0
    unique: tuple[Piece, ...] = ()
    shared: tuple[Piece, ...] = ()
    at: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class StorageRoot:
    """A directory that an engine keeps things in, by its canonical path on the host.

    `role` is what it holds: `data` for the data root, `images` for containerd's, where it keeps layers and images.
    `mountpoint` is where its filesystem is mounted, as the host spells it; empty when that is not known.
    """

    path: str
    role: str = "data"
    mountpoint: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What exists, as one source saw it. `source` is `api` or `disk`; `at` is in seconds since the epoch.

    `roots` are the storage roots, the data root first; the engine may spell their paths in another way.
    `refused` says why no size may be taken from the disk that is read here, such as Unmeasured.FOREIGN_ENGINE; None
    means that engine and disk were proven to be one host.
    """

    engine: Engine
    volumes: tuple[Volume, ...] = ()
    containers: tuple[Container, ...] = ()
    source: str = "api"
    at: float = 0.0
    roots: tuple[StorageRoot, ...] = ()
    refused: Unmeasured | None = None

    @property
    def root(self) -> str:
        """The data root's canonical path; empty when it is not known."""
        return self.root_of("data")

    def root_of(self, role: str) -> str:
        """The path of the storage root with that role; empty when there is none."""
        return next((root.path for root in self.roots if root.role == role), "")


ROOT_NAMES = {"data": "data root", "images": "containerd root"}
"""What people call the storage root of a role."""
