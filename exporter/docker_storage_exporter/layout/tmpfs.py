"""The tmpfs mounts of running containers; in any other state they do not exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from docker_storage_exporter.layout.layers import container_key
from docker_storage_exporter.layout.subject import Item, Scene, Subject
from docker_storage_exporter.measure import Tmpfs
from docker_storage_exporter.model import RUNNING_STATES, Container, Kind, Mount, ObjectKey, Place


@dataclass(frozen=True, slots=True)
class TmpfsFacts:
    """A container and one of its tmpfs mounts."""

    container: Container
    mount: Mount


def _objects(scene: Scene) -> Iterator[tuple[ObjectKey, TmpfsFacts]]:
    for container in scene.inventory.containers:
        if container.state not in RUNNING_STATES or container.pid <= 0:
            continue
        for mount in container.mounts:
            if mount.type == "tmpfs":
                yield ObjectKey(Kind.TMPFS, "", container.id + mount.destination), TmpfsFacts(container, mount)


def _item(key: ObjectKey, facts: TmpfsFacts, scene: Scene) -> Item:
    del scene
    container, mount = facts.container, facts.mount
    return Item(
        key=key,
        name=container.name,
        facts=facts,
        place=Place(Tmpfs(mount.destination, container.id, container.pid)),
        owner=container_key(container.id),
        more=(mount.destination,),
    )


SUBJECT = Subject(
    kind=Kind.TMPFS,
    order=4,
    noun="tmpfs mount",
    plural="tmpfs mounts",
    labels=("container", "destination"),
    prefix="docker_container_tmpfs",
    objects=_objects,
    item=_item,
    switch="collector_tmpfs",
    names="collector_container",
    owned_by=Kind.LAYER,
    engine_labels=lambda facts: facts.container.labels,
)
