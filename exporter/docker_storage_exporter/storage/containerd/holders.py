"""Who needs which snapshot and which content: what is reached from images, containers, builds and their history.

containerd's own garbage collection goes the same way (core/metadata/gc.go): from images and leases along the labels of
content, and from a snapshot to those below it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from docker_storage_exporter.storage.containerd.metadata import Lease, Namespace

DOCKER = "moby"
"""Docker's namespace in containerd. Its build history has another one."""

_HISTORY, _PLUGINS = f"{DOCKER}_history", f"plugins.{DOCKER}"
_CONTAINER_LEASE = re.compile(r"([0-9a-f]{64})(-.*)?")  # a container's, or that of an image that it mounts
_BUILD_LEASE = re.compile(r"([0-9a-z]{25})(-variants|-view)?")  # a record of the build cache (BuildKit: identity.NewID)


class HolderKind(str, Enum):
    """What needs something, in the order in which one of several is named as its owner."""

    IMAGE = "image"
    BUILD = "build"
    CONTAINER = "container"  # by what lies below its own layers
    HISTORY = "history"
    PLUGIN = "plugin"
    FOREIGN = "foreign"  # whatever is in another namespace, such as a Kubernetes of the same host
    TEMPORARY = "temporary"  # a download, an import or a build that goes on, or was given up


class Holder(NamedTuple):
    """One that needs something: an image by its digest, a container by its id, all else by a lease or a namespace."""

    kind: HolderKind
    id: str


class SnapshotNode(NamedTuple):
    """A snapshot among what can be needed; content is a digest."""

    snapshotter: str
    namespace: str
    name: str


Node = SnapshotNode | str
Parent = Callable[[SnapshotNode], str]
"""The name of the snapshot below one; empty where there is none."""

_NOBODY: frozenset[Holder] = frozenset()


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds each node, and the nodes that each image needs."""

    of_node: Mapping[Node, frozenset[Holder]] = field(default_factory=dict)
    of_image: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)

    def of(self, node: Node) -> frozenset[Holder]:
        """Who needs it; nobody where containerd's garbage collection will remove it."""
        return self.of_node.get(node, _NOBODY)

    def is_only(self, node: Node, digest: str) -> bool:
        """Whether nothing but this image needs it, so that it would go with the image.

        Containers that were made of the image do not count, nor does what ends by itself. A container that was
        committed does: its image is built on the layer that the engine prepared for it.
        """
        return not any(
            holder != (HolderKind.IMAGE, digest)
            and holder.kind is not HolderKind.TEMPORARY
            and (holder.kind is not HolderKind.CONTAINER or is_own(node, holder))
            for holder in self.of(node)
        )


def is_own(node: Node, holder: Holder) -> bool:
    """Whether a snapshot is a container's own: what it writes to, or what the engine prepared for it."""
    return isinstance(node, SnapshotNode) and node.name in (holder.id, f"{holder.id}-init")


def holders_of(namespaces: Mapping[str, Namespace], parent: Parent) -> Holders:
    """Follow everything that needs something."""
    reach: dict[Holder, set[Node]] = {}
    for name, namespace in namespaces.items():
        walk = _Walk(name, namespace, parent)
        for holder, roots, flat in _roots(name, namespace):
            reach.setdefault(holder, set()).update(walk.reached(roots, flat=flat))
    held: dict[Node, list[Holder]] = {}
    for holder, nodes in reach.items():
        for node in nodes:
            held.setdefault(node, []).append(holder)
    same: dict[frozenset[Holder], frozenset[Holder]] = {}  # one for all nodes that the same ones hold
    of_node = {node: same.setdefault(them := frozenset(holders), them) for node, holders in held.items()}
    images = {
        holder.id: tuple(sorted(nodes, key=str)) for holder, nodes in reach.items() if holder.kind is HolderKind.IMAGE
    }
    return Holders(of_node, images)


def _roots(name: str, namespace: Namespace) -> Iterator[tuple[Holder, list[Node], bool]]:
    """Each holder with what it needs first, and whether it needs no more than that."""
    if name not in (DOCKER, _HISTORY):
        kind = HolderKind.PLUGIN if name == _PLUGINS else HolderKind.FOREIGN
        yield Holder(kind, name), [*namespace.blobs], True
    if name == DOCKER:
        for target in {image.digest for image in namespace.images.values()}:
            yield Holder(HolderKind.IMAGE, target), [target], False
    for lease_id, lease in namespace.leases.items():
        nodes: list[Node] = [*lease.content]
        nodes += [SnapshotNode(snapshotter, name, snapshot) for snapshotter, snapshot in lease.snapshots]
        yield _holder(name, lease_id, lease), nodes, lease.flat


def _holder(namespace: str, lease_id: str, lease: Lease) -> Holder:
    """Whose a lease is, by its id."""
    if lease.temporary:
        return Holder(HolderKind.TEMPORARY, lease_id)
    if namespace == _HISTORY:
        return Holder(HolderKind.HISTORY, lease_id)
    if namespace == _PLUGINS:
        return Holder(HolderKind.PLUGIN, lease_id)
    if namespace != DOCKER:
        return Holder(HolderKind.FOREIGN, namespace)
    if match := _CONTAINER_LEASE.fullmatch(lease_id):
        return Holder(HolderKind.CONTAINER, match[1])
    if match := _BUILD_LEASE.fullmatch(lease_id):
        return Holder(HolderKind.BUILD, match[1])
    return Holder(HolderKind.TEMPORARY, lease_id)


class _Walk:
    """Goes from some nodes of a namespace to all that they need. Each image is followed once."""

    def __init__(self, name: str, namespace: Namespace, parent: Parent) -> None:
        self._name = name
        self._blobs = namespace.blobs
        self._parent = parent

    def reached(self, roots: Iterable[Node], *, flat: bool) -> set[Node]:
        """The nodes with all that they need. From the content of a `flat` lease nothing is followed."""
        seen: set[Node] = set()
        pending = list(roots)
        while pending:
            node = pending.pop()
            if node in seen:
                continue
            seen.add(node)
            if isinstance(node, SnapshotNode):
                below = self._parent(node)
                pending += [node._replace(name=below)] if below else []
            elif not flat and (blob := self._blobs.get(node)):
                pending += blob.content
                pending += [SnapshotNode(snapshotter, self._name, name) for snapshotter, name in blob.snapshots]
        return seen
