"""The plan: every object of an inventory with its place, so that measuring and showing agree on what there is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from docker_storage_exporter.hostfs.mounts import FilesystemNames
from docker_storage_exporter.layout.subject import HostView, Item, Subject
from docker_storage_exporter.layout.subjects import KINDS, SUBJECTS
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.places import Place, Skip
from docker_storage_exporter.model.sizes import Source
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
    """Every object by its kind and key, in the order of its kind.

    One whose kind is switched off has no place, and is here only if it is shown then. `bases` are what the places of a
    kind depend on, see Subject.
    """

    objects: Mapping[Kind, Mapping[ObjectKey, Item]] = field(default_factory=dict)
    bases: Mapping[Kind, object] = field(default_factory=dict, compare=False)

    @property
    def places(self) -> dict[ObjectKey, Place]:
        """The place of each object that has one."""
        return {item.key: item.place for item in self.items() if item.place != _NOWHERE}

    def of(self, kind: Kind) -> Collection[Item]:
        """The objects of a kind."""
        return self.objects.get(kind, {}).values()

    def place(self, key: ObjectKey) -> Place:
        """The place of an object; nowhere for one that is not known."""
        item = self.objects.get(key.kind, {}).get(key)
        return item.place if item is not None else _NOWHERE

    def items(self) -> Iterator[Item]:
        """Every object."""
        for items in self.objects.values():
            yield from items.values()

    def sources(self) -> dict[Source, Kind]:
        """Every distinct source to measure, with the kind of the first object that wants it."""
        sources: dict[Source, Kind] = {}
        for item in self.items():
            for source in item.place.sources:
                sources.setdefault(source, item.key.kind)
        return sources


_EVERYTHING = Rules()


def plan_of(view: HostView, rules: Rules = _EVERYTHING, previous: Plan | None = None) -> Plan:
    """Find the place of every object.

    What did not change since the `previous` plan is taken over from it: the very same items, mappings of a kind, and
    plan.
    """
    names = FilesystemNames(view.mounts, view.rootfs)
    for root in view.inventory.roots:  # who is asked about first names a filesystem
        names.of(root.path)
    before = previous or Plan()
    planner = _Planner(view, rules, names, before)
    objects = {subject.kind: planner.objects(subject) for subject in SUBJECTS}
    same = all(before.objects.get(kind) is found for kind, found in objects.items())
    if previous is not None and same and before.bases == planner.bases:
        return previous
    return Plan(objects, planner.bases)


class _Planner:
    """Places the objects of one view. `bases` are those of the kinds that were planned."""

    def __init__(self, view: HostView, rules: Rules, names: FilesystemNames, before: Plan) -> None:
        self.bases: dict[Kind, object] = {}
        self._scene = view
        self._rules = rules
        self._names = names
        self._before = before

    def objects(self, subject: Subject) -> Mapping[ObjectKey, Item]:
        """The objects of a kind; those of the plan before if all of them are the same."""
        is_on = subject.kind in self._rules.kinds
        before = self._before.objects.get(subject.kind, {})
        if not is_on and not subject.always:
            return before if not before else {}
        stays = self._stays(subject)
        items: dict[ObjectKey, Item] = {}
        unchanged = 0
        for key, facts in subject.objects(self._scene):
            known = before.get(key)
            if known is not None and stays and known.facts == facts:
                self._names.keep(known.place.device, known.place.mountpoint)
                items[known.key] = known
                unchanged += 1
                continue
            item = self._allowed(subject, subject.item(key, facts, self._scene), is_on=is_on)
            if item is not None:
                same = item == known
                items[key] = known if known is not None and same else item
                unchanged += same
        return before if unchanged == len(items) == len(before) and list(items) == list(before) else items

    def _stays(self, subject: Subject) -> bool:
        """Whether all that places of a kind depend on is as it was."""
        basis = subject.basis(self._scene)
        self.bases[subject.kind] = None if basis is None else (basis, self._rules, self._scene.inventory.refused)
        return basis is not None and self._before.bases.get(subject.kind) == self.bases[subject.kind]

    def _allowed(self, subject: Subject, item: Item, *, is_on: bool) -> Item | None:
        """The object by what holds for all: kinds switched off, unwanted names, a disk that is refused."""
        refused = self._scene.inventory.refused
        if not self._rules.wants(subject, item.name):
            return replace(item, place=Place(skip=Skip.EXCLUDED)) if is_on else None
        if not is_on:
            return replace(item, place=_NOWHERE)
        if refused is not None and item.place.skip is None:
            return replace(item, place=Place(unmeasured=refused))
        return replace(item, place=self._located(item.place))

    def _located(self, place: Place) -> Place:
        """The place with the filesystem that it is on."""
        source = place.source
        if source is None or not source.on_host:
            return place
        mountpoint = self._names.of(source.path) if source.shares_filesystem else ""
        device, inside = self._scene.mounts.location(self._scene.rootfs + source.path) or (None, "")
        return replace(place, device=device, inside=inside, mountpoint=mountpoint)
