"""What an engine keeps for itself and must not be deleted by hand: below its roots, and below any other engine's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from docker_storage_exporter.explain.owners import Owners
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.mounts import MountTable
from docker_storage_exporter.model.objects import Container, Inventory
from docker_storage_exporter.model.text import is_inside
from docker_storage_exporter.storage import GRAPH_DRIVERS, Stores

_LAYERS = "layers of images, containers and the build cache"
_FOLDERS = {
    **dict.fromkeys(GRAPH_DRIVERS, _LAYERS),
    "rootfs": "the mounted roots of containers",
    "image": "the engine's index of images and layers",
    "buildkit": "the build cache's index",
    "containerd": "the image store of containerd",
    "network": "the engine's networks",
    "plugins": "the engine's plugins",
    "swarm": "the engine's Swarm state",
    "tmp": "the engine's temporary files",
    "volumes": "the engine's index of volumes",
    "containers": "the engine's folders of containers",
}
_LEFT_OVER = "layers of the storage driver {}, which the engine does not use now"
# What only such a directory has in it, by containerd 1.6 to 2.1, Docker 20.10 to 29, Podman 4 and 5.
_SIGNS = {
    "containerd": ("io.containerd.metadata.v1.bolt",),
    "another Docker": ("containers", "image", "volumes"),
    "Podman or CRI-O": ("storage.lock",),
}
_ROOT_NAME = re.compile(r"merged|rootfs|[0-9a-f]{64}")
_USUAL_ROOTS = ("/var/lib/docker", "/var/lib/containerd", "/var/lib/containers/storage", "/var/lib/kubelet")


@dataclass(frozen=True, slots=True)
class Territory:
    """A directory of an engine's, and what is there. `container` is whose it is, where it is one container's.

    `is_view` says that it shows what lies elsewhere, so its size would be nobody's.
    """

    root: str
    called: str
    container: Container | None = None
    is_view: bool = False


class Territories:
    """Whose engine's a path is. It looks for the signs of other engines above a path; below it nothing is touched."""

    def __init__(self, inventory: Inventory, owners: Owners, stores: Stores, host: Host) -> None:
        self._inventory = inventory
        self._owners = owners
        self._stores = stores
        self._host = host
        self._by_id = {container.id: container for container in inventory.containers}

    def of(self, path: str) -> Territory | None:
        """The smallest one that a canonical path is in; None where no engine is known to keep anything."""
        mounts = self._host.mounts()
        territories = [self._view(path, mounts), *self._of_containers(path, mounts)]
        territories += [self._own(path, mounts), self._foreign(path)]
        return max(filter(None, territories), key=lambda territory: len(territory.root), default=None)

    def below(self, path: str) -> str:
        """The first root of an engine's that is below a path; an empty text when none is known."""
        usual = (root for root in _USUAL_ROOTS if is_inside(root, path) and self._exists(root))
        own = (root.path for root in self._inventory.roots)
        return next((root for root in (*own, *usual) if root and is_inside(root, path)), "")

    def _view(self, path: str, mounts: MountTable) -> Territory | None:
        """A mounted root of a container: by its id, as the containerd store has it, or in its layer's directory."""
        entry = mounts.covering(self._host.view(path))
        if entry is None or not entry.is_view or entry.mountpoint in ("/", self._host.rootfs):
            return None
        root = entry.mountpoint_below(self._host.rootfs)
        container = self._by_id.get(os.path.basename(root)) or self._with_layer(os.path.dirname(root))
        if container is None:
            named = _ROOT_NAME.fullmatch(os.path.basename(root))  # a host may have overlays that are no container's
            return Territory(root, "the mounted root of a container", is_view=True) if named else None
        called = f"the mounted root of container {container.name}: its image with what it wrote"
        return Territory(root, called, container, is_view=True)

    def _with_layer(self, directory: str) -> Container | None:
        return next((c for c, at in self._directories() if at == directory), None)

    def _of_containers(self, path: str, mounts: MountTable) -> Iterator[Territory]:
        for container, directory in (*self._directories(), *self._mounted(mounts)):
            if is_inside(path, directory):
                yield Territory(directory, f"the engine's directory for container {container.name}", container)

    def _directories(self) -> Iterator[tuple[Container, str]]:
        """What goes with a container: its folder, and its directories in the store."""
        for container in self._inventory.containers:
            for directory in (self._owners.folder(container), *self._owners.directories(container)):
                yield container, directory

    def _mounted(self, mounts: MountTable) -> Iterator[tuple[Container, str]]:
        """The directories that running containers write to, told by the mounts of their roots."""
        for entry in mounts:
            container = self._by_id.get(os.path.basename(entry.mountpoint))
            if container is not None and entry.upper:
                yield container, os.path.dirname(entry.upper)

    def _own(self, path: str, mounts: MountTable) -> Territory | None:
        """What of a storage root a path is in, or of a folder that a link in the data root leads to."""
        root, images = self._inventory.root, self._inventory.root_of("images")
        if not root:
            return None
        if path == root:
            return Territory(root, "the data root")
        if path == images:
            return Territory(images, "containerd's root, with the engine's layers and images")
        if called := self._called(path, mounts):
            return Territory(images if images and is_inside(path, images) else root, called)
        for name, called in _FOLDERS.items():
            folder = self._host.resolve(f"{root}/{name}", mounts)
            if folder.error is None and not folder.remote and is_inside(path, folder.path):
                is_left_over = name in GRAPH_DRIVERS and name != self._inventory.engine.storage_driver
                return Territory(folder.path, _LEFT_OVER.format(name) if is_left_over else called)
        return Territory(root, "the engine's own files") if is_inside(path, root) else None

    def _called(self, path: str, mounts: MountTable) -> str:
        """What the stores say of a path."""
        location = self._host.location(path, mounts)
        called = (facts.called(location) for facts in self._stores.facts) if location is not None else ()
        return next(filter(None, called), "")

    def _foreign(self, path: str) -> Territory | None:
        """The nearest directory at or above a path that looks like an engine's root."""
        while path != "/":
            for engine, signs in _SIGNS.items():
                if path != self._inventory.root and all(self._exists(f"{path}/{sign}") for sign in signs):
                    return Territory(path, f"in {path}, the root of {engine}")
            path = os.path.dirname(path)
        return None

    def _exists(self, path: str) -> bool:
        return os.path.lexists(self._host.view(path))
