"""The plan: every object of an inventory with its place, so that measuring and showing agree on what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from docker_storage_exporter.hostfs import MountTable, Source
from docker_storage_exporter.layout.binds import bind_place
from docker_storage_exporter.layout.containers import layer_place, log_place, tmpfs_place
from docker_storage_exporter.layout.volumes import volume_place
from docker_storage_exporter.model import Container, Inventory, Kind, Mount, Place, Skip, Tree, Unmeasured
from docker_storage_exporter.settings import Settings

BindUsers = tuple[tuple[str, Mount], ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """Which kinds are measured at all, and which names are wanted."""

    kinds: frozenset[Kind] = frozenset(Kind)
    include: Mapping[Kind, re.Pattern[str]] = field(default_factory=dict)
    exclude: Mapping[Kind, re.Pattern[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        """The rules that the user set. The expressions for containers hold for their layers, logs and tmpfs mounts."""
        wanted = {
            Kind.VOLUME: settings.collector_volumes,
            Kind.LAYER: settings.collector_layers,
            Kind.LOG: settings.collector_logs,
            Kind.TMPFS: settings.collector_tmpfs,
            Kind.BIND: settings.collector_bind_mounts,
        }
        include = {
            Kind.VOLUME: settings.collector_volume_include,
            Kind.LAYER: settings.collector_container_include,
            Kind.BIND: settings.collector_bind_mount_include,
        }
        exclude = {
            Kind.VOLUME: settings.collector_volume_exclude,
            Kind.LAYER: settings.collector_container_exclude,
            Kind.BIND: settings.collector_bind_mount_exclude,
        }
        return cls(
            kinds=frozenset(kind for kind, on in wanted.items() if on),
            include={kind: pattern for kind, pattern in include.items() if pattern},
            exclude={kind: pattern for kind, pattern in exclude.items() if pattern},
        )

    def wants(self, kind: Kind, name: str) -> bool:
        """Whether an object of that name is wanted."""
        include, exclude = self.include.get(kind), self.exclude.get(kind)
        return (include is None or include.fullmatch(name) is not None) and (
            exclude is None or exclude.fullmatch(name) is None
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Places by object: volumes by name, layers and logs by container id, tmpfs mounts by id and destination, bind
    mounts by canonical source. An object of a kind that is switched off has no place.
    """

    volumes: Mapping[str, Place] = field(default_factory=dict)
    layers: Mapping[str, Place] = field(default_factory=dict)
    logs: Mapping[str, Place] = field(default_factory=dict)
    tmpfs: Mapping[tuple[str, str], Place] = field(default_factory=dict)
    binds: Mapping[str, Place] = field(default_factory=dict)
    bind_users: Mapping[str, BindUsers] = field(default_factory=dict)
    entries: Mapping[str, str] = field(default_factory=dict)

    def places(self) -> Iterator[tuple[Kind, Place]]:
        """Every place with the kind of its object."""
        for kind, places in (
            (Kind.VOLUME, self.volumes),
            (Kind.LAYER, self.layers),
            (Kind.LOG, self.logs),
            (Kind.TMPFS, self.tmpfs),
            (Kind.BIND, self.binds),
        ):
            for place in places.values():
                yield kind, place

    def trees(self) -> dict[Tree, Kind]:
        """Every distinct tree to measure, with the kind of the first object that wants it."""
        found: dict[Tree, Kind] = {}
        for kind, place in self.places():
            if place.tree is not None:
                found.setdefault(place.tree, kind)
        return found


def locate(
    inventory: Inventory, rules: Rules, mounts: MountTable, sources: Mapping[str, Source], rootfs: str = ""
) -> Plan:
    """Find the place of every object.

    `sources` holds what stands at each bind source and each bind volume's device, by the engine's spelling of the
    path; `rootfs` is the prefix of this process's mount points.
    """
    places = _Places(inventory, rules)
    root = inventory.root
    users = _bind_users(inventory, sources)
    known = {source.path: source for source in sources.values()}
    containers = inventory.containers
    return Plan(
        volumes={
            v.name: place
            for v in inventory.volumes
            if (place := places.ask(Kind.VOLUME, v.name, volume_place(v, root, rootfs, mounts, sources)))
        },
        layers={
            c.id: place
            for c in containers
            if (place := places.of_container(Kind.LAYER, c, layer_place(c, inventory.engine, root)))
        },
        logs={c.id: place for c in containers if (place := places.of_container(Kind.LOG, c, log_place(c, root)))},
        tmpfs={
            (c.id, mount.destination): place
            for c in containers
            for mount in c.mounts
            if mount.type == "tmpfs" and (place := places.of_container(Kind.TMPFS, c, tmpfs_place(c, mount)))
        },
        binds={path: place for path in users if (place := places.ask(Kind.BIND, path, bind_place(known[path], root)))},
        bind_users=users,
        entries={path: known[path].entry for path in users},
    )


class _Places:
    """Applies to every place what holds for all: kinds switched off, names not wanted, a disk that is not trusted."""

    def __init__(self, inventory: Inventory, rules: Rules) -> None:
        self._refused: Unmeasured | None = inventory.refused
        self._rules = rules

    def of_container(self, kind: Kind, container: Container, place: Place | None) -> Place | None:
        if not self._rules.wants(Kind.LAYER, container.name):
            return Place(skip=Skip.EXCLUDED) if kind in self._rules.kinds else None
        return self._allowed(kind, place)

    def ask(self, kind: Kind, name: str, place: Place) -> Place | None:
        if not self._rules.wants(kind, name):
            return Place(skip=Skip.EXCLUDED) if kind in self._rules.kinds else None
        return self._allowed(kind, place)

    def _allowed(self, kind: Kind, place: Place | None) -> Place | None:
        if place is None or kind not in self._rules.kinds:
            return None
        if self._refused is not None and place.skip is None:
            return Place(unmeasured=self._refused)
        return place


def _bind_users(inventory: Inventory, sources: Mapping[str, Source]) -> dict[str, BindUsers]:
    """Who mounts each distinct source, by its canonical path."""
    users: dict[str, list[tuple[str, Mount]]] = {}
    for container in inventory.containers:
        for mount in container.mounts:
            if mount.type == "bind" and mount.source in sources:
                users.setdefault(sources[mount.source].path, []).append((container.id, mount))
    return {path: tuple(found) for path, found in sorted(users.items())}
