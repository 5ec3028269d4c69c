"""Whose bytes a path, a volume or a container holds: finds the objects that a user means. Pure: it opens nothing."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from docker_storage_exporter.layout import Item, Plan, container_key, volume_key
from docker_storage_exporter.measure import is_log
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Container, Inventory, Mount, Volume
from docker_storage_exporter.model.places import Place
from docker_storage_exporter.model.text import path_below, printable
from docker_storage_exporter.storage import Stores

_SHORTEST_ID = 4
_DIGEST = "sha256:"


@dataclass(frozen=True, slots=True)
class User:
    """A container that mounts something."""

    container: Container
    mount: Mount


@dataclass(frozen=True, slots=True)
class Owner:
    """An object, with its place. For a path `inside` is what is below the object's own root; empty for the root."""

    kind: Kind
    name: str
    place: Place
    volume: Volume | None = None
    container: Container | None = None
    users: tuple[User, ...] = ()
    inside: str = ""

    @property
    def containers(self) -> list[Container]:
        """The containers that mount it, each once."""
        return list({user.container.id: user.container for user in self.users}.values())


class Owners:
    """Everything that may own bytes, by name and by path."""

    def __init__(self, inventory: Inventory, plan: Plan, stores: Stores) -> None:
        self._inventory = inventory
        self._stores = stores
        self._plan = plan
        self._places = plan.places

    def volume(self, name: str) -> Owner | None:
        """The volume of that name, also as `df` shows it."""
        return next((self._of_volume(v) for v in self._inventory.volumes if name in (v.name, printable(v.name))), None)

    def tmpfs(self, name: str) -> Owner | None:
        """The tmpfs mount that `df` calls CONTAINER:DESTINATION."""
        for item in self._plan.of(Kind.TMPFS):
            if name == f"{printable(item.name)}:{printable(item.facts.mount.destination)}":
                return Owner(Kind.TMPFS, name, item.place, container=item.facts.container)
        return None

    def images(self, name: str) -> list[Item]:
        """The images of that tag, id, or beginning of an id; several only where the beginning is one of several ids."""
        items = self._plan.of(Kind.IMAGE)
        exact = [item for item in items if name == item.key.id or name in map(printable, item.facts.tags)]
        digest = name.removeprefix(_DIGEST)
        is_beginning = len(digest) >= _SHORTEST_ID
        return exact or [item for item in items if is_beginning and item.key.id.startswith(f"{_DIGEST}{digest}")]

    def made_from(self, image: str) -> list[Container]:
        """The containers that were made from an image."""
        return [container for container in self._inventory.containers if container.image_id == image]

    def container(self, name: str) -> Container | None:
        """The container of that name, id, or beginning of an id that no other has.

        Where two have one name, `df` shows the second as NAME~ID.
        """
        containers = self._inventory.containers
        for container in containers:
            if name in (container.name, printable(container.name), container.id):
                return container
        base, mark, beginning = name.rpartition("~")
        for container in containers:
            if mark and base == printable(container.name) and container.id.startswith(beginning):
                return container
        candidates = [c for c in containers if len(name) >= _SHORTEST_ID and c.id.startswith(name)]
        return candidates[0] if len(candidates) == 1 else None

    def similar(self, name: str) -> list[str]:
        """Names that were perhaps meant."""
        return difflib.get_close_matches(name, self.names(), n=3)

    def names(self) -> list[str]:
        """What volumes, containers and images are called."""
        names = [v.name for v in self._inventory.volumes] + [c.name for c in self._inventory.containers]
        names += [tag for item in self._plan.of(Kind.IMAGE) for tag in item.facts.tags]
        return [printable(name) for name in names]

    def at(self, path: str) -> Owner | None:
        """The object that a canonical path is in: the one with the nearest root."""
        nearest: tuple[int, Owner] | None = None
        for root, owner in self._roots():
            inside = path_below(path, root)
            if inside and owner.kind is Kind.LOG and owner.container and not is_log(owner.container.id, inside):
                continue  # the rest of a container's folder is the engine's
            if inside is not None and (nearest is None or len(root) > nearest[0]):
                nearest = len(root), _with_inside(owner, inside)
        return nearest[1] if nearest else None

    def below(self, path: str) -> Counter[Kind]:
        """How many objects of each kind have their root below a path."""
        return Counter(
            kind for kind, _ in {(owner.kind, root) for root, owner in self._roots() if path_below(root, path)}
        )

    def same_place(self, owner: Owner) -> list[Owner]:
        """Other objects on the same tree, such as a volume and a bind mount of one folder."""
        source = owner.place.source
        others = [other for _, other in self._roots() if other.place.source == source and other.kind != owner.kind]
        return [other for other in others if other.kind is not Kind.LAYER] if source else []

    def layer(self, container: Container) -> Owner:
        """A container's writable layer."""
        return Owner(Kind.LAYER, container.name, self._place(container_key(container.id)), container=container)

    def log(self, container: Container) -> Owner | None:
        """A container's log files; None where its driver keeps none."""
        place = self._places.get(container_key(container.id, Kind.LOG))
        return Owner(Kind.LOG, container.name, place, container=container) if place else None

    def folder(self, container: Container) -> str:
        """The folder that the engine keeps for a container, with its logs in it."""
        log = self.log(container)
        source = log.place.source if log else None
        return source.path if source else f"{self._inventory.root}/containers/{container.id}"

    def directories(self, container: Container) -> tuple[str, ...]:
        """What goes with a container in the store that keeps its layer."""
        facts = self._stores.of(container)
        return facts.directories(container) if facts else ()

    def _place(self, key: ObjectKey) -> Place:
        return self._places.get(key, Place())

    def _of_volume(self, volume: Volume) -> Owner:
        users = tuple(self._users("volume", volume.name))
        return Owner(Kind.VOLUME, volume.name, self._place(volume_key(volume.name)), volume, users=users)

    def _users(self, kind: str, source: str) -> Iterator[User]:
        for container in self._inventory.containers:
            for mount in container.mounts:
                if mount.type == kind and mount.source == source:
                    yield User(container, mount)

    def _roots(self) -> Iterator[tuple[str, Owner]]:
        """Every object with a directory, and that directory."""
        for volume in self._inventory.volumes:
            owner = self._of_volume(volume)
            if owner.place.source:
                yield owner.place.source.path, owner
        by_id = {container.id: container for container in self._inventory.containers}
        for container in by_id.values():
            layer, log = self.layer(container), self.log(container)
            if layer.place.source:
                yield layer.place.source.path, layer
            if log and log.place.source:
                yield log.place.source.path, log
        for item in self._plan.of(Kind.BIND):
            users = tuple(User(by_id[i], mount) for i, mount in item.facts.users if i in by_id)
            if item.place.source:
                yield item.facts.source, Owner(Kind.BIND, item.facts.source, item.place, users=users)


def _with_inside(owner: Owner, inside: str) -> Owner:
    return Owner(owner.kind, owner.name, owner.place, owner.volume, owner.container, owner.users, inside)
