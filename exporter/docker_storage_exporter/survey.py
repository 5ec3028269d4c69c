"""Pure assembly: what exists, where it is and what was last measured of it become one consistent snapshot."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from docker_storage_exporter.layout import SUBJECTS, Item, Plan, Subject
from docker_storage_exporter.measure import Walk
from docker_storage_exporter.model import (
    Inventory,
    Kind,
    Location,
    Measurement,
    ObjectKey,
    Place,
    Row,
    Sized,
    Skip,
    Snapshot,
    Source,
    Unmeasured,
    printable,
)

_STAYING_BONUS = 1.1  # what is on the page stays until something a tenth larger comes: series do not flap
_ID_LENGTH = 12
_HEXADECIMAL = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows at one moment: the last complete measurement and the last failure of each source."""

    measurements: Mapping[Source, Measurement] = field(default_factory=dict)
    failures: Mapping[Source, Unmeasured] = field(default_factory=dict)


def assemble(
    inventory: Inventory, plan: Plan, known: Known, at: float, most: int = 10_000, previous: Snapshot | None = None
) -> Snapshot:
    """One snapshot of everything. `most` objects of a kind are shown, the largest; `previous` is the page until now."""
    table = _Table(plan, known)
    rows = {subject.kind: table.rows(subject) for subject in SUBJECTS}
    shown = {kind: tuple(found) for kind, found in _largest(rows, table.owners, most, previous).items()}
    places = [(item.key.kind, item.place) for item in plan.items()]
    return Snapshot(
        inventory=inventory,
        at=at,
        rows=shown,
        distinct_bytes={kind: sum(_allocated(row) for row in found if row.counted) for kind, found in rows.items()},
        skipped=Counter((kind, place.skip) for kind, place in places if place.skip is not None),
        unmeasured=Counter((kind, reason) for kind, place in places if (reason := _unmeasured(place, known))),
        pending=Counter(kind for kind, place in places if _is_pending(place, known)),
        cut={s.kind: len(rows[s.kind]) - len(shown[s.kind]) for s in SUBJECTS if s.owned_by is None},
        mountpoints=_mountpoints(inventory, (place for _, place in places)),
    )


class _Table:
    """Makes the rows, kind by kind. What it saw of earlier kinds, it neither names nor counts again.

    `owners` are the keys of the objects that others belong to, by the keys of these.
    """

    def __init__(self, plan: Plan, known: Known) -> None:
        self.owners: dict[ObjectKey, ObjectKey] = {}
        self._plan = plan
        self._known = known
        self._labels: dict[ObjectKey, str] = {}
        self._counted: set[tuple[int, int] | Source] = set()
        self._walked = {
            item.place.location: item.place.source.path
            for item in plan.items()
            if isinstance(item.place.source, Walk) and item.place.location and item.place.source in known.measurements
        }

    def rows(self, subject: Subject) -> list[Row]:
        """The rows of a kind in the order of their labels, those that are cut off later included."""
        items = [item for item in self._plan.objects.get(subject.kind, ()) if item.place.skip is not Skip.EXCLUDED]
        self._name(item for item in items if item.owner is None)
        named = sorted((self._labels_of(item), item) for item in items)
        return [self._row(subject, labels, item) for labels, item in named]

    def _name(self, items: Iterable[Item]) -> None:
        """Give each object a label of its own; who comes second with the same name gets its id's start behind it."""
        taken: set[str] = set()
        for item in sorted(items, key=lambda item: (item.key.scope, item.precedence, item.key.id)):
            label = plain = printable(item.name)
            length = _ID_LENGTH
            while label in taken:
                label = f"{plain}~{_hexadecimal(item.key.id)[:length]}"
                length += 1
            taken.add(label)
            self._labels[item.key] = label

    def _labels_of(self, item: Item) -> tuple[str, ...]:
        if item.owner is None:
            return (self._labels[item.key],)
        self.owners[item.key] = item.owner
        return (self._labels[item.owner], *item.more)

    def _row(self, subject: Subject, labels: tuple[str, ...], item: Item) -> Row:
        sized = _sized(item.place, self._known)
        within = self._enclosing(item.place.location) if subject.overlaps and item.place.location else ""
        return Row(item.key, labels, item.facts, sized, self._is_first(sized) and not within, within)

    def _is_first(self, sized: Sized) -> bool:
        """Whether nobody before had these bytes: by the source, and by what was measured, whatever it is called."""
        marks: list[tuple[int, int] | Source] = [sized.place.source] if sized.place.source else []
        if sized.measurement and sized.measurement.lineage.identity.inode:
            marks.append(sized.measurement.lineage.identity[:2])
        first = self._counted.isdisjoint(marks)
        self._counted.update(marks)
        return first

    def _enclosing(self, location: Location) -> str:
        """The nearest measured tree above a place in the same filesystem, or an empty text."""
        parent = location.path.rstrip("/")
        while parent:
            parent = parent.rpartition("/")[0]
            found = self._walked.get(Location(location.device, parent or "/"))
            if found is not None:
                return found
        return ""


def _sized(place: Place, known: Known) -> Sized:
    if place.source is None:
        return Sized(place, failed=place.unmeasured)
    return Sized(place, known.measurements.get(place.source), known.failures.get(place.source))


def _unmeasured(place: Place, known: Known) -> Unmeasured | None:
    """Why an object that should have a number has none now. An older number that is still shown is one."""
    if place.source is None or place.source in known.measurements:
        return place.unmeasured
    return known.failures.get(place.source)


def _is_pending(place: Place, known: Known) -> bool:
    return place.source is not None and place.source not in known.measurements and place.source not in known.failures


def _largest(
    rows: Mapping[Kind, list[Row]], owners: Mapping[ObjectKey, ObjectKey], most: int, previous: Snapshot | None
) -> dict[Kind, list[Row]]:
    """At most `most` rows of a kind, the largest with all that belongs to them. Rows shown before get a bonus."""
    if all(len(found) <= most for found in rows.values()):
        return dict(rows)
    sizes: Counter[ObjectKey] = Counter()
    for found in rows.values():
        for row in found:
            sizes[owners.get(row.key, row.key)] += _allocated(row)
    staying = {row.key for row in previous.all_rows()} if previous else frozenset()
    kept: set[ObjectKey] = set()
    for found in rows.values():
        kept |= _kept([row.key for row in found if row.key not in owners], most, sizes, staying)
    return {kind: [row for row in found if owners.get(row.key, row.key) in kept] for kind, found in rows.items()}


def _kept(
    keys: list[ObjectKey], most: int, sizes: Mapping[ObjectKey, int], staying: Collection[ObjectKey]
) -> set[ObjectKey]:
    if len(keys) > most:
        keys.sort(key=lambda key: (-sizes[key] * (_STAYING_BONUS if key in staying else 1), key))
    return set(keys[:most])


def _mountpoints(inventory: Inventory, places: Iterable[Place]) -> tuple[str, ...]:
    """Every distinct filesystem under storage roots and objects. Where the disk is refused there is none."""
    if inventory.refused is not None:
        return ()
    found = {root.mountpoint for root in inventory.roots} | {place.mountpoint for place in places}
    return tuple(sorted(found - {""}))


def _allocated(row: Row) -> int:
    return row.sized.measurement.size.allocated if row.sized.measurement else 0


def _hexadecimal(identity: str) -> str:
    """The id itself where it is a digest, else the digest of it."""
    if _HEXADECIMAL.fullmatch(identity):
        return identity
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
