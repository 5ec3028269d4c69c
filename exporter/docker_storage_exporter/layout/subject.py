"""What a kind of object is: how its objects are found, named and chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from docker_storage_exporter.hostfs.host import HostPath
from docker_storage_exporter.hostfs.mounts import MountTable
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Inventory, Mount
from docker_storage_exporter.model.places import Place, Skip
from docker_storage_exporter.model.sizes import Measurement, Source
from docker_storage_exporter.model.text import is_inside
from docker_storage_exporter.storage import Stores

Users = tuple[tuple[str, Mount], ...]
"""Who mounts something: container ids with their mounts of it."""

_NO_LABELS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class HostView:
    """All that places are found from.

    `found` holds what stands at each bind source and each bind volume's device, by the engine's spelling of the path;
    `rootfs` is the prefix of this process's mount points; `moved` are the engine's own folders that are links.
    `enters_processes` says whether containers may be looked into by their processes; `default_registry` is what the
    name of an image begins with where people write none.
    """

    inventory: Inventory
    mounts: MountTable
    found: Mapping[str, HostPath] = field(default_factory=dict)
    stores: Stores = Stores()
    rootfs: str = ""
    moved: Mapping[str, str] = field(default_factory=dict)
    enters_processes: bool = True
    default_registry: str = ""

    def canonical(self, path: str) -> str:
        """A path below a storage root as the root's own mount shows it: a host may have bound the root elsewhere."""
        here = self.mounts.location(self.rootfs + path)
        for root in self.inventory.roots:
            there = self.mounts.location(self.rootfs + root.path)
            if here is None or there is None or here.device != there.device or not is_inside(here.path, there.path):
                continue
            canonical = root.path + here.path[len(there.path.rstrip("/")) :].rstrip("/")
            if self.mounts.location(self.rootfs + canonical) == here:
                return canonical
        return path

    def where(self, path: str) -> str:
        """The canonical path of one of the engine's own folders."""
        return self.moved.get(path, path)


@dataclass(frozen=True, slots=True)
class Item:
    """An object as its subject finds it.

    `name` is what the user calls it; `precedence` says which of two equal names is meant by it, the lower one. An
    object with an `owner` is named after that one, with `more` label values behind it.
    """

    key: ObjectKey
    name: str
    facts: Any
    place: Place
    owner: ObjectKey | None = None
    more: tuple[str, ...] = ()
    precedence: float = 0.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of object.

    `objects` are what an inventory has of it, each by its key with what the kind knows of it, and `item` places one.
    `basis` is what places depend on besides those facts: as long as it is equal to what it was, an object with equal
    facts has the place that it had. None where that cannot be said.

    `order` is its place among the kinds: what belongs to several kinds counts for the first of them. `noun` and
    `plural` are what people call it, `labels` and `prefix` those of its metric families. `switch` is the setting that
    measures it at all and `names` the beginning of the settings that choose by name; empty where there is none.
    `skips` are the rules by which one can be left out, beside the user's own; `owned_by` is the kind of its owner.
    One that is `always` there is shown also while its kind is switched off, without numbers. One that `overlaps` may
    lie inside another measured tree. `engine_labels` and `users` are asked of an object's facts, and so is `called`,
    which is what people call it where its labels are not.

    An object is measured by its source, unless the kind has `measured`, which makes its number out of what was measured
    of its parts, and then also `distinct`, the bytes of several objects with nothing counted twice.
    """

    kind: Kind
    order: int
    noun: str
    plural: str
    labels: tuple[str, ...]
    prefix: str
    objects: Callable[[HostView], Iterable[tuple[ObjectKey, Any]]]
    item: Callable[[ObjectKey, Any, HostView], Item]
    basis: Callable[[HostView], object] = lambda _: None
    switch: str = ""
    names: str = ""
    skips: frozenset[Skip] = frozenset()
    owned_by: Kind | None = None
    always: bool = False
    overlaps: bool = False
    measured: Callable[[Item, Mapping[Source, Measurement]], Measurement | None] | None = None
    distinct: Callable[[Iterable[Item], Mapping[Source, Measurement]], int] | None = None
    called: Callable[[Any], str] | None = None
    engine_labels: Callable[[Any], Mapping[str, str]] = lambda _: _NO_LABELS
    users: Callable[[Any], Users] = lambda _: ()
