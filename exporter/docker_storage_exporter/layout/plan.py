"""The plan: every object of an inventory with its place, so that measuring and showing agree on what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from docker_storage_exporter.hostfs import FilesystemNames
from docker_storage_exporter.layout.subject import Item, Scene, Subject
from docker_storage_exporter.layout.subjects import KINDS, SUBJECTS
from docker_storage_exporter.model import Kind, ObjectKey, Place, Skip, Source
from docker_storage_exporter.settings import Settings

_NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Rules:
    """Which kinds are measured at all, and which names are wanted, by the beginning of the settings' names."""

    kinds: frozenset[Kind] = frozenset(KINDS)
    include: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    exclude: Mapping[str, re.Pattern[str]] = field(default_factory=dict)

    def wants(self, subject: Subject, name: str) -> bool:
        """Whether an object of that name is wanted."""
        include, exclude = self.include.get(subject.names), self.exclude.get(subject.names)
        return (include is None or include.fullmatch(name) is not None) and (
            exclude is None or exclude.fullmatch(name) is None
        )


def rules_of(settings: Settings) -> Rules:
    """The rules that the user set. The expressions for containers hold for their layers, logs and tmpfs mounts."""
    names = {subject.names for subject in SUBJECTS if subject.names}
    include = {name: getattr(settings, f"{name}_include") for name in names}
    exclude = {name: getattr(settings, f"{name}_exclude") for name in names}
    return Rules(
        kinds=frozenset(s.kind for s in SUBJECTS if not s.switch or getattr(settings, s.switch)),
        include={name: pattern for name, pattern in include.items() if pattern},
        exclude={name: pattern for name, pattern in exclude.items() if pattern},
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """Every object by its kind. One whose kind is switched off has no place, and is here only if it is shown then."""

    objects: Mapping[Kind, tuple[Item, ...]] = field(default_factory=dict)

    @property
    def places(self) -> dict[ObjectKey, Place]:
        """The place of each object that has one."""
        return {item.key: item.place for item in self.items() if item.place != _NOWHERE}

    def items(self) -> Iterator[Item]:
        """Every object."""
        for items in self.objects.values():
            yield from items

    def sources(self) -> dict[Source, Kind]:
        """Every distinct source to measure, with the kind of the first object that wants it."""
        found: dict[Source, Kind] = {}
        for item in self.items():
            if item.place.source is not None:
                found.setdefault(item.place.source, item.key.kind)
        return found


_EVERYTHING = Rules()


def plan_of(scene: Scene, rules: Rules = _EVERYTHING) -> Plan:
    """Find the place of every object."""
    names = FilesystemNames(scene.mounts, scene.rootfs)
    for root in scene.inventory.roots:  # who is asked about first names a filesystem
        names.of(root.path)
    return Plan({subject.kind: tuple(_allowed(subject, scene, rules, names)) for subject in SUBJECTS})


def _allowed(subject: Subject, scene: Scene, rules: Rules, names: FilesystemNames) -> Iterator[Item]:
    """The objects of a kind, with what holds for all: kinds switched off, unwanted names, a disk that is refused."""
    is_on = subject.kind in rules.kinds
    if not is_on and not subject.always:
        return
    refused = scene.inventory.refused
    for item in subject.items(scene):
        if not rules.wants(subject, item.name):
            if is_on:
                yield replace(item, place=Place(skip=Skip.EXCLUDED))
        elif not is_on:
            yield replace(item, place=_NOWHERE)
        elif refused is not None and item.place.skip is None:
            yield replace(item, place=Place(unmeasured=refused))
        else:
            yield replace(item, place=_located(item.place, scene, names))


def _located(place: Place, scene: Scene, names: FilesystemNames) -> Place:
    """The place with the filesystem that it is on."""
    source = place.source
    if source is None or not source.on_host:
        return place
    mountpoint = names.of(source.path) if source.shares_filesystem else ""
    return replace(place, location=scene.mounts.location(scene.rootfs + source.path), mountpoint=mountpoint)
