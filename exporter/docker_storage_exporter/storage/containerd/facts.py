"""What is known of containerd's store once it was read: whose layers, images and content are whose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from docker_storage_exporter.bolt import Reading
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Container, Image, Inventory, Piece
from docker_storage_exporter.model.places import Location, Unmeasured
from docker_storage_exporter.model.sizes import Size
from docker_storage_exporter.model.text import path_below, some_of
from docker_storage_exporter.storage.containerd.holders import (
    DOCKER,
    Holder,
    HolderKind,
    Holders,
    Node,
    SnapshotNode,
    holders_of,
    is_own,
)
from docker_storage_exporter.storage.containerd.layouts import LAYOUTS
from docker_storage_exporter.storage.containerd.metadata import Namespace
from docker_storage_exporter.storage.containerd.snapshots import Snapshot, Snapshots
from docker_storage_exporter.storage.facts import Claim

CONTENT = "io.containerd.content.v1.content"
_BLOBS = "blobs/sha256/"
_DANGLING = "moby-dangling@"  # what Docker calls an image without a tag that a container still uses
_NO_SNAPSHOTS = Snapshots()


@dataclass(frozen=True)
class ContainerdFacts:
    """containerd's root as it was read `at` a time. `location` is what the root is, whatever it is called.

    `stored` are the bytes that each blob occupies, None where that cannot be seen. `running` are the numbers of
    containers' snapshots as mounts tell them, by container: all that is known where a database cannot be read.
    """

    root: str = ""
    location: Location | None = None
    snapshotters: Mapping[str, Reading[Snapshots]] = field(default_factory=dict)
    metadata: Reading[Mapping[str, Namespace]] = Reading((0, 0), {})
    stored: Mapping[str, int | None] = field(default_factory=dict)
    at: float = field(default=0.0, compare=False)
    running: Mapping[str, int] = field(default_factory=dict)
    reason: Unmeasured | None = None

    @property
    def complete(self) -> bool:
        """Whether all of it was read."""
        return self.reason is None

    @cached_property
    def stored_bytes(self) -> int:
        """All committed snapshots and all content, of every namespace."""
        snapshots = (one for name in self.snapshotters for one in self._snapshots(name).by_number.values())
        return sum(one.allocated or 0 for one in snapshots) + sum(size or 0 for size in self.stored.values())

    def keeps(self, container: Container) -> bool:
        """Whether the container was made with one of the snapshotters."""
        return container.driver in LAYOUTS

    def writable_layer(self, container: Container) -> Claim | Unmeasured:
        """What the container wrote: its snapshot is called by its id."""
        layout = LAYOUTS[container.driver]
        snapshot = self._snapshots(container.driver).writable.get(container.id)
        number = snapshot.number if snapshot is not None else self.running.get(container.id)
        if number is None:
            return self.reason or Unmeasured.UNKNOWN_LAYER
        owner = ObjectKey(Kind.LAYER, "", container.id)
        return Claim(owner, (f"{self.root}/{layout.folder}/{layout.directory(number)}{layout.below}",))

    def directories(self, container: Container) -> tuple[str, ...]:
        """The directories of its snapshot, and of the one with what the engine prepared for it."""
        snapshots = self._snapshots(container.driver)
        snapshot = snapshots.writable.get(container.id)
        if snapshot is None:
            return ()
        prepared = snapshots.by_name.get((snapshot.namespace, f"{container.id}-init"))
        return tuple(self._directory(container.driver, one) for one in (snapshot, prepared) if one is not None)

    def layers(self) -> tuple[str, ...]:
        """The snapshots as SNAPSHOTTER/NUMBER."""
        return tuple(
            f"{name}/{number}"
            for name in sorted(self.snapshotters)
            for number in sorted(self._snapshots(name).by_number)
        )

    def images(self) -> tuple[Image, ...]:
        """Docker's images, each digest once."""
        return self._images

    def claims(self, inventory: Inventory) -> Iterator[Claim]:
        """The writable layers, by the containers' ids, then what each image alone needs."""
        for container in sorted(inventory.containers, key=lambda container: container.id):
            if self.keeps(container) and isinstance(claim := self.writable_layer(container), Claim):
                yield claim
        for image in self._images:
            sizes = [piece.allocated for piece in image.unique]
            if None not in sizes:
                size = Size(sum(size for size in sizes if size is not None))
                yield Claim(ObjectKey(Kind.IMAGE, "", image.id), (), size)

    def whose(self, location: Location) -> str | None:
        """The snapshot whose directory encloses a place, as SNAPSHOTTER/NUMBER."""
        found = self._enclosing(location)
        return f"{found[0]}/{found[1]}" if found is not None else None

    def called(self, location: Location) -> str:
        """What a place in containerd's root is, and who needs it; empty for what is not in it."""
        inside = self._inside(location)
        if inside is None:
            return ""
        if (blob := path_below(inside, CONTENT)) is not None:
            return self._blob_called(blob)
        found = self._enclosing(location)
        if found is None:
            return "containerd's own files"
        name, number = found
        snapshot = self._snapshots(name).by_number.get(number)
        if snapshot is None:
            return "a layer that containerd does not list: being deleted, just made, or left over"
        return f"a layer {self._needed_by(self._node(name, snapshot))}"

    def _blob_called(self, inside: str) -> str:
        digest = inside[len(_BLOBS) :].partition("/")[0] if inside.startswith(_BLOBS) else ""
        if digest:
            return f"content {self._needed_by(f'sha256:{digest}')}"
        return "a download or an import in progress, or given up" if inside.startswith("ingest/") else "image content"

    def _needed_by(self, node: Node) -> str:
        """Who needs a node, in words."""
        holders = self._holders.of(node)
        names = [self._called(holder) for holder in sorted(holders, key=lambda holder: _rank(holder, node))]
        if names:
            return f"of {some_of(names)}"
        if isinstance(node, SnapshotNode) and node.namespace != DOCKER:
            return f"of the namespace {node.namespace}, which is not Docker's"
        return "that nothing needs: containerd removes it by itself"

    def _called(self, holder: Holder) -> str:
        if holder.kind is HolderKind.IMAGE:
            return f"image {self._names.get(holder.id, (holder.id,))[0]}"
        if holder.kind is HolderKind.CONTAINER:
            # What the engine prepares for a container tells it from an image that one mounts (Engine 29: by a digest).
            is_container = any((DOCKER, f"{holder.id}-init") in self._snapshots(name).by_name for name in LAYOUTS)
            return f"container {holder.id[:12]}" if is_container else "an image that a container mounts"
        return _HELD_BY[holder.kind].format(holder.id)

    def _inside(self, location: Location) -> str | None:
        here = self.location
        if here is None or location.device != here.device:
            return None
        return path_below(location.path, here.path)

    def _enclosing(self, location: Location) -> tuple[str, int] | None:
        """The snapshotter and the number of the snapshot whose directory encloses a place."""
        inside = self._inside(location) or ""
        for name, layout in LAYOUTS.items():
            below = path_below(inside, f"{layout.folder}/snapshots")
            number = (below or "").partition("/")[0]
            if number.isdecimal():
                return name, int(number)
        return None

    def _snapshots(self, name: str) -> Snapshots:
        reading = self.snapshotters.get(name)
        return reading.content if reading is not None else _NO_SNAPSHOTS

    def _files(self, name: str, snapshot: Snapshot | None) -> str:
        """Where a snapshot's files are; empty for one that is not here."""
        return f"{self._directory(name, snapshot)}{LAYOUTS[name].below}" if snapshot is not None else ""

    def _directory(self, name: str, snapshot: Snapshot) -> str:
        layout = LAYOUTS[name]
        return f"{self.root}/{layout.folder}/{layout.directory(snapshot.number)}"

    @staticmethod
    def _node(name: str, snapshot: Snapshot) -> SnapshotNode:
        return SnapshotNode(name, snapshot.namespace, snapshot.name)

    @cached_property
    def _holders(self) -> Holders:
        return holders_of(self.metadata.content, self._parent)

    def _parent(self, node: SnapshotNode) -> str:
        snapshot = self._snapshot(node)
        return snapshot.parent if snapshot is not None else ""

    def _snapshot(self, node: SnapshotNode) -> Snapshot | None:
        return self._snapshots(node.snapshotter).by_name.get((node.namespace, node.name))

    @cached_property
    def _names(self) -> dict[str, tuple[str, ...]]:
        """The names of each image, in order; those that only mark an image as kept are left out."""
        names: dict[str, list[str]] = {}
        for name, target in sorted(self._docker.images.items()):
            them = names.setdefault(target.digest, [])
            if not name.startswith(_DANGLING):
                them.append(name)
        return {digest: tuple(them) for digest, them in names.items() if them}

    @property
    def _docker(self) -> Namespace:
        return self.metadata.content.get(DOCKER) or Namespace()

    @cached_property
    def _images(self) -> tuple[Image, ...]:
        created: dict[str, float] = {}
        for target in self._docker.images.values():
            created[target.digest] = min(target.created, created.get(target.digest, target.created))
        return tuple(self._image(digest, created[digest]) for digest in sorted(created))

    def _image(self, digest: str, created: float) -> Image:
        nodes = self._holders.of_image.get(digest, ())
        alone = {node for node in nodes if self._holders.is_only(node, digest)}
        return Image(
            id=digest,
            names=self._names.get(digest, ()),
            created=created,
            unique=tuple(self._piece(node) for node in nodes if node in alone),
            shared=tuple(self._piece(node) for node in nodes if node not in alone),
            at=self.at,
        )

    def _piece(self, node: Node) -> Piece:
        """A node with the bytes that it occupies: none for what is not here, such as another platform's content."""
        if (piece := self._pieces.get(node)) is not None:
            return piece
        if isinstance(node, SnapshotNode):
            snapshot = self._snapshot(node)
            name, path = f"{node.snapshotter}/{node.name}", self._files(node.snapshotter, snapshot)
            missing = 0 if node.snapshotter in self.snapshotters else None
            # What is being written to has no size yet; no image is made of that.
            allocated = snapshot.allocated if snapshot is not None else missing
        else:
            name, allocated = node, self.stored.get(node, 0)
            path = f"{self.root}/{CONTENT}/blobs/{node.replace(':', '/', 1)}" if node in self.stored else ""
        return self._pieces.setdefault(node, Piece(name, allocated, path if allocated is not None else ""))

    @cached_property
    def _pieces(self) -> dict[Node, Piece]:
        """Those that images are made of: one for all of them."""
        return {}


_HELD_BY = {
    HolderKind.BUILD: "the build cache, record {}",
    HolderKind.HISTORY: "the build history",
    HolderKind.PLUGIN: "a plugin of the engine",
    HolderKind.FOREIGN: "the namespace {}, which is not Docker's",
    HolderKind.TEMPORARY: "a download, an import or a build in progress, or given up (lease {})",
}


_ORDER = {kind: number for number, kind in enumerate(HolderKind)}


def _rank(holder: Holder, node: Node) -> tuple[int, str]:
    """Where a holder is named among several: a container first for its own layers, late for those below them."""
    return -1 if is_own(node, holder) else _ORDER[holder.kind], holder.id
