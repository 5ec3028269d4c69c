"""Containers, each with its writable layer, in whatever state it is."""

from __future__ import annotations

from collections.abc import Iterator

from docker_storage_exporter.layout.subject import HostView, Item, Subject
from docker_storage_exporter.measure import Walk
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Container
from docker_storage_exporter.model.places import Place, Unmeasured
from docker_storage_exporter.storage import Stores


def container_key(container: str, kind: Kind = Kind.LAYER) -> ObjectKey:
    """The key of what a container of that id has one of: its writable layer, or its log."""
    return ObjectKey(kind, "", container)


def _objects(view: HostView) -> Iterator[tuple[ObjectKey, Container]]:
    for container in view.inventory.containers:
        yield container_key(container.id), container


def _item(key: ObjectKey, container: Container, view: HostView) -> Item:
    # The newest of two containers of one name is the one the engine means by it: the other is on its way out.
    return Item(key, container.name, container, _place(container, view.stores), precedence=-container.created)


def _place(container: Container, stores: Stores) -> Place:
    facts = stores.of(container)
    if facts is None:
        return Place(unmeasured=stores.reasons.get(container.driver, Unmeasured.DRIVER))
    claim = facts.writable_layer(container)
    return Place(unmeasured=claim) if isinstance(claim, Unmeasured) else Place(Walk(claim.paths, claim.with_apparent))


SUBJECT = Subject(
    kind=Kind.LAYER,
    order=2,
    noun="writable layer",
    plural="writable layers",
    labels=("container",),
    prefix="docker_container_layer",
    objects=_objects,
    item=_item,
    switch="collector_layers",
    names="collector_container",
    always=True,
    engine_labels=lambda container: container.labels,
)
