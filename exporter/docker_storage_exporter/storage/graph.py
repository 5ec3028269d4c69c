"""The classic graph drivers: a directory for each layer, and `image/DRIVER/layerdb` that says whose it is.

Source: moby, daemon/graphdriver and layer/filestore.go, the same from 20.10 to 29.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.reasons import reason_for
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Container, Image, Inventory, StorageRoot
from docker_storage_exporter.model.places import Location, Unmeasured
from docker_storage_exporter.model.text import is_inside, some_of
from docker_storage_exporter.storage.facts import Claim, StoreFacts
from docker_storage_exporter.storage.layerdb import LayerDatabase, LayerDatabaseReader, listed

_MOUNT = re.compile(r"[0-9a-f]{64}")  # the daemon's own check of a mount-id
_LAYER = re.compile(r"[0-9a-f]{64}(-init)?|[0-9a-z]{25}")  # of the latter kind are those that BuildKit makes
_UNCLAIMED = "a layer that no container has: an image's, the build cache's, or left over"
_LONGEST_ID = 128

GRAPH_DRIVERS = ("overlay2", "overlay", "fuse-overlayfs", "aufs", "btrfs", "zfs", "devicemapper", "vfs")
"""Every graph driver that an engine has had, known here or not. Each keeps its layers in a folder of its name."""


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """A graph driver's store as it was read.

    `folder` holds a directory for each of `names`; `mounts` are the names of writable layers by container id, read from
    the folder `layerdb`. `location` is what `folder` is, whatever it is called.
    """

    driver: GraphDriver
    folder: str
    names: frozenset[str] = frozenset()
    mounts: Mapping[str, str] = field(default_factory=dict)
    database: LayerDatabase = LayerDatabase()
    location: Location | None = None
    layerdb: str = ""
    reason: Unmeasured | None = None

    @property
    def complete(self) -> bool:
        """Whether all of it was read."""
        return self.reason is None

    @property
    def stored_bytes(self) -> int:
        """Nothing: layerdb has the lengths of files, not what they occupy."""
        return 0

    def keeps(self, container: Container) -> bool:
        """Whether the container was made with this driver."""
        return container.driver == self.driver.name

    def writable_layer(self, container: Container) -> Claim | Unmeasured:
        """The directory with what the container wrote: by what the engine says, else by layerdb."""
        name = self._name(container)
        if not name:
            return self.reason or Unmeasured.UNKNOWN_LAYER
        owner = ObjectKey(Kind.LAYER, "", container.id)
        return Claim(owner, (self._path(name),), with_apparent=self.driver.with_apparent)

    def directories(self, container: Container) -> tuple[str, ...]:
        """Its layer's directory, that of the layer with what the engine prepared for it, and its entry in layerdb."""
        name = self._name(container)
        layers = (f"{self.folder}/{layer}" for layer in (name, f"{name}-init") if layer in self.names)
        entry = (f"{self.layerdb}/{container.id}",) if container.id in self.mounts else ()
        return (*layers, *entry)

    def layers(self) -> tuple[str, ...]:
        """The names of all layers."""
        return tuple(sorted(self.names))

    def images(self) -> tuple[Image, ...]:
        """The images in `image/DRIVER/imagedb`, by their ids."""
        return self.database.images

    def claims(self, inventory: Inventory) -> Iterator[Claim]:
        """The writable layers, by the containers' ids."""
        for container in sorted(inventory.containers, key=lambda container: container.id):
            if self.keeps(container) and isinstance(claim := self.writable_layer(container), Claim):
                yield claim

    def whose(self, location: Location) -> str | None:
        """The layer whose directory encloses a place in the same filesystem."""
        here = self.location
        if here is None or location.device != here.device or not is_inside(location.path, here.path):
            return None
        name = location.path[len(here.path.rstrip("/")) :].strip("/").partition("/")[0]
        return name if name in self.names else None

    def called(self, location: Location) -> str:
        """A layer's directory, with the images that it belongs to."""
        name = self.whose(location)
        if name is None:
            return ""
        images = [(image.names or (image.id,))[0] for image in self.database.images if self._is_made_of(image, name)]
        if not images:
            return _UNCLAIMED
        return f"a layer of image {some_of(images)}"

    def _is_made_of(self, image: Image, name: str) -> bool:
        return any(piece.path == self._path(name) for piece in (*image.unique, *image.shared))

    def _name(self, container: Container) -> str:
        return container.layer or self.mounts.get(container.id, "")

    def _path(self, name: str) -> str:
        return f"{self.folder}/{name}{self.driver.below}"


@dataclass(frozen=True, slots=True)
class GraphDriver:
    """A graph driver: layers lie in `folder` below the data root, their files in `below` of their directory.

    `with_apparent` is False for drivers whose writable layer is a whole copy of the image: the engine's own number is
    then the difference to the image, which no walk of the copy tells.
    """

    name: str
    folder: str
    below: str = ""
    with_apparent: bool = True
    image_store: str = "graphdriver"
    role: str = "data"

    @property
    def names(self) -> tuple[str, ...]:
        """The engine's word for it."""
        return (self.name,)

    def read(
        self,
        roots: Sequence[StorageRoot],
        host: Host,
        previous: StoreFacts | None,
        step: Callable[[], None] = lambda: None,
    ) -> GraphFacts | None:
        """The facts of the store in the data root. What layerdb says of a container never changes: it is read once."""
        root = next((root.path for root in roots if root.role == self.role), "")
        if not root:
            return None
        mounts = host.mounts()
        here = host.resolve(f"{root}/{self.folder}", mounts)  # an administrator may have put a link there
        folder = here.path
        is_same = isinstance(previous, GraphFacts) and previous.folder == folder
        before = previous if isinstance(previous, GraphFacts) and is_same else GraphFacts(self, folder)
        layerdb = f"{root}/image/{self.name}/layerdb/mounts"
        facts = GraphFacts(self, folder, location=host.location(folder, mounts), layerdb=layerdb)
        images = LayerDatabaseReader(host.view(root), self.name, lambda name: f"{folder}/{name}{self.below}", step)
        try:
            return replace(
                facts,
                names=frozenset(name for name in os.listdir(host.view(folder)) if _LAYER.fullmatch(name)),
                mounts=_mounts(host.view(layerdb), before.mounts, step),
                database=images.read(before.database),
            )
        except FileNotFoundError:
            return facts
        except OSError as error:
            return replace(facts, mounts=before.mounts, database=before.database, reason=reason_for(error))


def _mounts(folder: str, known: Mapping[str, str], step: Callable[[], None]) -> dict[str, str]:
    mounts = {}
    for container in listed(folder):
        step()
        name = known.get(container) or _mount_id(f"{folder}/{container}/mount-id")
        if name:
            mounts[container] = name
    return mounts


def _mount_id(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            content = file.read(_LONGEST_ID)
    except (OSError, UnicodeDecodeError):
        return ""
    return content if _MOUNT.fullmatch(content) else ""
