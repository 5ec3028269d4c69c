"""The log files of containers."""

from __future__ import annotations

from collections.abc import Iterator

from docker_storage_exporter.layout.layers import container_key
from docker_storage_exporter.layout.subject import HostView, Item, Subject
from docker_storage_exporter.measure import LogFiles
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Container
from docker_storage_exporter.model.places import Place

# Drivers that send logs away keep a local cache for `docker logs` all the same, so only two keep nothing.
_LOGS_ELSEWHERE = frozenset({"journald", "none", ""})


def _objects(view: HostView) -> Iterator[tuple[ObjectKey, Container]]:
    for container in view.inventory.containers:
        if container.log.driver not in _LOGS_ELSEWHERE:
            yield container_key(container.id, Kind.LOG), container


def _item(key: ObjectKey, container: Container, view: HostView) -> Item:
    folder = view.where(f"{view.inventory.root}/containers")
    place = Place(LogFiles(f"{folder}/{container.id}", container.id))
    return Item(key, container.name, container, place, owner=container_key(container.id))


SUBJECT = Subject(
    kind=Kind.LOG,
    order=3,
    noun="log",
    plural="logs",
    labels=("container",),
    prefix="docker_container_log",
    objects=_objects,
    item=_item,
    switch="collector_logs",
    names="collector_container",
    owned_by=Kind.LAYER,
    engine_labels=lambda container: container.labels,
)
