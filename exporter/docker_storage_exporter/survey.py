"""Pure assembly: what exists, where it is and what was last measured of it become one consistent snapshot."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from docker_storage_exporter.layout import Plan
from docker_storage_exporter.model import (
    BindRow,
    Container,
    ContainerRow,
    Inventory,
    Kind,
    Measurement,
    Method,
    Place,
    Sized,
    Skip,
    Snapshot,
    TmpfsRow,
    Tree,
    Unmeasured,
    VolumeRow,
    printable,
)

_Row = TypeVar("_Row", VolumeRow, ContainerRow, BindRow)
_STAYING_BONUS = 1.1  # what is on the page stays until something a tenth larger comes: series do not flap
_ID_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows at one moment: the last complete measurement and the last failure of each tree."""

    measurements: Mapping[Tree, Measurement] = field(default_factory=dict)
    failures: Mapping[Tree, Unmeasured] = field(default_factory=dict)


def assemble(
    inventory: Inventory, plan: Plan, known: Known, at: float, most: int = 10_000, previous: Snapshot | None = None
) -> Snapshot:
    """One snapshot of everything. `most` objects of a kind are shown, the largest; `previous` is the page until now."""
    volumes = _volume_rows(inventory, plan, known)
    containers = _container_rows(inventory, plan, known)
    binds = _bind_rows(plan, known)
    kept_volumes = _largest(volumes, most, _shown(previous, "volumes"), _volume_size)
    kept_containers = _largest(containers, most, _shown(previous, "containers"), _container_size)
    kept_binds = _largest(binds, most, _shown(previous, "binds"), _bind_size)
    return Snapshot(
        inventory=inventory,
        at=at,
        volumes=kept_volumes,
        containers=kept_containers,
        binds=kept_binds,
        bind_distinct_bytes=sum(_bind_size(row) for row in binds if row.counted),
        skipped=Counter((kind, place.skip) for kind, place in plan.places() if place.skip is not None),
        unmeasured=_unmeasured(plan, known),
        pending=Counter(
            kind
            for kind, place in plan.places()
            if place.tree and place.tree not in known.measurements and place.tree not in known.failures
        ),
        cut={
            Kind.VOLUME: len(volumes) - len(kept_volumes),
            Kind.LAYER: len(containers) - len(kept_containers),
            Kind.BIND: len(binds) - len(kept_binds),
        },
    )


def _sized(place: Place, known: Known) -> Sized:
    if place.tree is None:
        return Sized(place, failed=place.unmeasured)
    return Sized(place, known.measurements.get(place.tree), known.failures.get(place.tree))


def _volume_rows(inventory: Inventory, plan: Plan, known: Known) -> list[VolumeRow]:
    users = Counter(
        name
        for container in inventory.containers
        for name in {mount.source for mount in container.mounts if mount.type == "volume"}
    )
    shown = [v for v in inventory.volumes if _is_shown(plan.volumes.get(v.name))]
    keys = _unique_keys(shown, lambda v: v.name, lambda v: hashlib.sha256(_raw(v.name)).hexdigest())
    return [
        VolumeRow(key, volume, _sized(plan.volumes.get(volume.name, Place()), known), users[volume.name])
        for key, volume in zip(keys, shown, strict=True)
    ]


def _container_rows(inventory: Inventory, plan: Plan, known: Known) -> list[ContainerRow]:
    # The newest of two containers of one name is the one the engine means by it: the other is on its way out.
    ordered = sorted(inventory.containers, key=lambda c: (-c.created, c.id))
    shown = [c for c in ordered if plan.layers.get(c.id, Place()).skip is not Skip.EXCLUDED]
    keys = _unique_keys(shown, lambda c: c.name, lambda c: c.id)
    rows = [_container_row(key, container, plan, known) for key, container in zip(keys, shown, strict=True)]
    return sorted(rows, key=lambda row: row.key)


def _container_row(key: str, container: Container, plan: Plan, known: Known) -> ContainerRow:
    log = plan.logs.get(container.id)
    return ContainerRow(
        key=key,
        container=container,
        layer=_sized(plan.layers.get(container.id, Place()), known),
        log=_sized(log, known) if log else None,
        tmpfs=tuple(
            TmpfsRow(mount.destination, _sized(place, known))
            for mount in container.mounts
            if (place := plan.tmpfs.get((container.id, mount.destination)))
        ),
    )


def _bind_rows(plan: Plan, known: Known) -> list[BindRow]:
    sources = [path for path, place in plan.binds.items() if _is_shown(place)]
    keys = _unique_keys(sources, lambda path: path, lambda path: hashlib.sha256(_raw(path)).hexdigest())
    walked = {tree.path for tree in plan.trees() if tree.method is Method.WALK and tree in known.measurements}
    elsewhere = {place.tree.path for place in plan.volumes.values() if place.tree}
    seen: set[tuple[int, int]] = set()
    rows = []
    for key, path in zip(keys, sources, strict=True):
        sized = _sized(plan.binds[path], known)
        within = _enclosing(path, walked)
        identity = sized.measurement.identity if sized.measurement else None
        counted = identity is not None and not within and path not in elsewhere and identity not in seen
        if identity is not None and not within:
            seen.add(identity)
        rows.append(
            BindRow(key, path, sized, plan.bind_users.get(path, ()), plan.entries.get(path, ""), within, counted)
        )
    return rows


def _enclosing(path: str, walked: Collection[str]) -> str:
    """The nearest measured tree above a path, or an empty text."""
    parent = path.rpartition("/")[0]
    while parent:
        if parent in walked:
            return parent
        parent = parent.rpartition("/")[0]
    return ""


def _is_shown(place: Place | None) -> bool:
    return place is None or place.skip is not Skip.EXCLUDED


def _unmeasured(plan: Plan, known: Known) -> Counter[tuple[Kind, Unmeasured]]:
    """Objects that should have a number and have none now. An older number that is still shown is one."""
    found: Counter[tuple[Kind, Unmeasured]] = Counter()
    for kind, place in plan.places():
        if place.unmeasured is not None:
            found[kind, place.unmeasured] += 1
        elif place.tree and place.tree in known.failures and place.tree not in known.measurements:
            found[kind, known.failures[place.tree]] += 1
    return found


_Item = TypeVar("_Item")


def _unique_keys(items: Iterable[_Item], name: Callable[[_Item], str], identity: Callable[[_Item], str]) -> list[str]:
    """A label value for each item: its name; for whoever comes second with the same one, its id's start behind it."""
    taken: set[Hashable] = set()
    keys = []
    for item in items:
        key = printable(name(item))
        length = _ID_LENGTH
        plain = key
        while key in taken:
            key = f"{plain}~{identity(item)[:length]}"
            length += 1
        taken.add(key)
        keys.append(key)
    return keys


def _shown(previous: Snapshot | None, kind: str) -> frozenset[str]:
    return frozenset(row.key for row in getattr(previous, kind)) if previous else frozenset()


def _largest(rows: list[_Row], most: int, staying: Collection[str], size: Callable[[_Row], int]) -> tuple[_Row, ...]:
    """At most `most` rows, the largest, in their order. Rows that were shown before get a bonus."""
    if len(rows) <= most:
        return tuple(rows)
    ranked = sorted(rows, key=lambda row: (-size(row) * (_STAYING_BONUS if row.key in staying else 1), row.key))
    kept = {row.key for row in ranked[:most]}
    return tuple(row for row in rows if row.key in kept)


def _allocated(sized: Sized | None) -> int:
    return sized.measurement.usage.allocated_bytes if sized and sized.measurement else 0


def _volume_size(row: VolumeRow) -> int:
    return _allocated(row.sized)


def _container_size(row: ContainerRow) -> int:
    return _allocated(row.layer) + _allocated(row.log)


def _bind_size(row: BindRow) -> int:
    return _allocated(row.sized)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
