"""Volumes: a plain folder, a folder somewhere else, or a filesystem of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from docker_storage_exporter.layout.paths import SKIPS, path_place
from docker_storage_exporter.layout.subject import HostView, Item, Subject, Users
from docker_storage_exporter.measure import Statfs, Walk
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Mount, Volume
from docker_storage_exporter.model.places import Place, Skip, Unmeasured


@dataclass(frozen=True, slots=True)
class VolumeFacts:
    """A volume, and who mounts it."""

    volume: Volume
    users: Users = ()


def volume_key(name: str) -> ObjectKey:
    """The key of the volume of that name."""
    return ObjectKey(Kind.VOLUME, "", name)


def _objects(view: HostView) -> Iterator[tuple[ObjectKey, VolumeFacts]]:
    users = {name: tuple(them) for name, them in _users(view).items()}
    for volume in view.inventory.volumes:
        yield volume_key(volume.name), VolumeFacts(volume, users.get(volume.name, ()))


def _item(key: ObjectKey, facts: VolumeFacts, view: HostView) -> Item:
    return Item(key, facts.volume.name, facts, _place(facts.volume, view))


def _basis(view: HostView) -> object:
    """Where volumes lie, as long as they are plain folders next to one another: no mount of a container's matters."""
    root = view.inventory.root
    folder = view.rootfs + view.where(f"{root}/volumes")
    if view.mounts.below(folder) or any(volume.filesystem for volume in view.inventory.volumes):
        return None
    if view.moved.keys() - {f"{root}/volumes", f"{root}/containers"}:
        return None
    return folder, view.rootfs, view.mounts.covering(folder), view.mounts.filesystem(folder)


def _users(view: HostView) -> dict[str, list[tuple[str, Mount]]]:
    users: dict[str, list[tuple[str, Mount]]] = {}
    for container in view.inventory.containers:
        for mount in container.mounts:
            if mount.type == "volume":
                users.setdefault(mount.source, []).append((container.id, mount))
    return users


def _place(volume: Volume, view: HostView) -> Place:
    """The place of a volume of whatever driver and options.

    A plain volume, with or without a quota, is the folder `volumes/NAME/_data` (local driver). A volume that is a bind
    is the folder it was given, in use or not. One with a filesystem of its own has it mounted only while in use;
    walking it would keep the engine from unmounting it, so its filesystem is asked, if that is the volume's alone. What
    another machine serves is not touched, and the folders of other drivers are theirs.
    """
    if volume.driver != "local":
        return Place(skip=Skip.DRIVER)
    if volume.filesystem == "bind":
        standing = view.found.get(volume.device)
        return path_place(standing, view) if standing else Place(unmeasured=Unmeasured.VANISHED)
    folder = view.where(f"{view.inventory.root}/volumes")
    path = view.where(f"{folder}/{volume.name}/_data")
    if view.mounts.remote(view.rootfs + path):
        return Place(skip=Skip.REMOTE)
    mounted = view.mounts.at(view.rootfs + path)
    if not volume.filesystem:
        return Place(Walk((path,)))
    if mounted is None:
        return Place(skip=Skip.NOT_MOUNTED)
    return Place(Statfs(path)) if view.mounts.is_alone(mounted) else Place(skip=Skip.SHARED)


SUBJECT = Subject(
    kind=Kind.VOLUME,
    order=1,
    noun="volume",
    plural="volumes",
    labels=("volume",),
    prefix="docker_volume",
    objects=_objects,
    item=_item,
    basis=_basis,
    switch="collector_volumes",
    names="collector_volume",
    skips=SKIPS | {Skip.DRIVER, Skip.NOT_MOUNTED, Skip.SHARED},
    always=True,
    engine_labels=lambda facts: facts.volume.labels,
    users=lambda facts: facts.users,
)
