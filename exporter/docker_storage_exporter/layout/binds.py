"""Bind mounts: each distinct source once, by its canonical path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docker_storage_exporter.hostfs.host import HostPath
from docker_storage_exporter.layout.paths import SKIPS, path_place
from docker_storage_exporter.layout.subject import HostView, Item, Subject, Users
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Mount


@dataclass(frozen=True, slots=True)
class BindFacts:
    """A source of bind mounts: its path, who mounts it, and whether it is a `directory`, a `file` or `special`."""

    source: str
    users: Users = ()
    entry: str = "directory"


def bind_key(source: str) -> ObjectKey:
    """The key of the source at that canonical path."""
    return ObjectKey(Kind.BIND, "", source)


def _objects(view: HostView) -> Iterator[tuple[ObjectKey, BindFacts]]:
    for path, users in _users(view).items():
        yield bind_key(path), BindFacts(path, tuple(users), _found(users, view).entry)


def _item(key: ObjectKey, facts: BindFacts, view: HostView) -> Item:
    return Item(key, facts.source, facts, path_place(_found(facts.users, view), view))


def _found(users: Sequence[tuple[str, Mount]], view: HostView) -> HostPath:
    """What stands there. Of several spellings one that no container can have redirected counts."""
    return min((view.found[mount.source] for _, mount in users), key=lambda found: found.distrusted)


def _users(view: HostView) -> dict[str, list[tuple[str, Mount]]]:
    users: dict[str, list[tuple[str, Mount]]] = {}
    for container in view.inventory.containers:
        for mount in container.mounts:
            if mount.type == "bind" and mount.source in view.found:
                users.setdefault(view.found[mount.source].path, []).append((container.id, mount))
    return users


SUBJECT = Subject(
    kind=Kind.BIND,
    order=5,
    noun="bind mount",
    plural="bind mounts",
    labels=("source",),
    prefix="docker_bind_mount",
    objects=_objects,
    item=_item,
    switch="collector_bind_mounts",
    names="collector_bind_mount",
    skips=SKIPS,
    overlaps=True,
    users=lambda facts: facts.users,
)
