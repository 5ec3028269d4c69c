"""Pure assembly: what exists, where it is and what was last measured of it become one consistent snapshot."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from docker_storage_exporter.layout import SUBJECTS, Item, Plan, Subject
from docker_storage_exporter.measure import Walk
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Inventory
from docker_storage_exporter.model.places import Location, Place, Sized, Skip, Unmeasured
from docker_storage_exporter.model.sizes import Measurement, Source
from docker_storage_exporter.model.snapshot import Row, Snapshot
from docker_storage_exporter.model.text import printable

_STAYING_BONUS = 1.1  # what is on the page stays until something a tenth larger comes: series do not flap
_ID_LENGTH = 12
_OWNERS = frozenset(subject.owned_by for subject in SUBJECTS)
_HEXADECIMAL = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows at one moment: the last complete measurement and the last failure of each source."""

    measurements: Mapping[Source, Measurement] = field(default_factory=dict)
    failures: Mapping[Source, Unmeasured] = field(default_factory=dict)


def assemble(
    inventory: Inventory, plan: Plan, known: Known, at: float, limit: int = 10_000, previous: Snapshot | None = None
) -> Snapshot:
    """One snapshot of everything, see Survey. `previous` is the page until now."""
    return Survey(previous).assemble(inventory, plan, known, at, limit)


class Survey:
    """Puts snapshots together, one after the other: a row that did not change is the very same one in the next.

    `previous` is the current snapshot where another survey assembled it. Not for several threads.
    """

    def __init__(self, previous: Snapshot | None = None) -> None:
        self._previous = previous
        self._tables: dict[Kind, _Table] = {}
        self._overlaps = _Overlaps(Plan())

    def assemble(self, inventory: Inventory, plan: Plan, known: Known, at: float, limit: int = 10_000) -> Snapshot:
        """One snapshot of everything. `limit` objects of a kind are shown, the largest."""
        self._tables = tables = self._named(plan)
        if self._overlaps.plan is not plan:
            self._overlaps = _Overlaps(plan)
        for table in tables.values():
            table.look_up(known, self._overlaps)
        self._overlaps.forget()
        shown = _largest(tables, limit, self._previous)
        snapshot = Snapshot(
            inventory=inventory,
            at=at,
            rows={kind: table.show(shown[kind], known) for kind, table in tables.items()},
            distinct_bytes={kind: table.distinct_bytes for kind, table in tables.items()},
            skipped=Counter({(kind, skip): n for kind, table in tables.items() for skip, n in table.skipped.items()}),
            unmeasured=Counter({(kind, why): n for kind, table in tables.items() for why, n in table.failed.items()}),
            pending=Counter({kind: table.pending for kind, table in tables.items() if table.pending}),
            cut={s.kind: len(tables[s.kind].items) - len(shown[s.kind]) for s in SUBJECTS if s.owned_by is None},
            mountpoints=_mountpoints(inventory, tables.values()),
        )
        self._previous = snapshot
        return snapshot

    def _named(self, plan: Plan) -> dict[Kind, _Table]:
        """A table for each kind: the one there is if neither its objects nor their owners changed."""
        named: dict[Kind, _Table] = {}
        for subject in SUBJECTS:
            before = self._tables.get(subject.kind)
            owners = named.get(subject.owned_by) if subject.owned_by is not None else None
            objects = plan.objects.get(subject.kind, {})
            stays = before is not None and before.objects is objects and before.named_after is owners
            named[subject.kind] = before if before is not None and stays else _Table(subject, objects, owners, before)
        return named


class _Table:
    """The objects of a kind in the order of their labels, with what is known of them; of those shown there are rows.

    They are `named_after` their owners, if they have some; `names` are the labels of owners. `sizes` are the allocated
    bytes of each of the `items`, `rows` those shown last. The counts are of all objects of the kind.
    """

    def __init__(
        self, subject: Subject, objects: Mapping[ObjectKey, Item], named_after: _Table | None, before: _Table | None
    ) -> None:
        self.subject = subject
        self.objects = objects
        self.named_after = named_after
        self.items, self._labels = self._sorted()
        self.names = {item.key: label for item, label in self._labelled()} if subject.kind in _OWNERS else {}
        self.skipped = Counter(item.place.skip for item in objects.values() if item.place.skip is not None)
        self.mountpoints = {item.place.mountpoint for item in objects.values()}
        self.sizes: list[int] = []
        self.distinct_bytes = 0
        self.pending = 0
        self.failed: Counter[Unmeasured] = Counter()
        self._uncounted: set[int] = set()
        self._within: dict[int, str] = {}
        self.rows: dict[ObjectKey, Row] = before.rows if before is not None else {}
        made = before._made.items() if before is not None else ()  # noqa: SLF001 - the same class
        self._made: dict[ObjectKey, Measurement | None] = {key: found for key, found in made if key in objects}

    def look_up(self, known: Known, overlaps: _Overlaps) -> None:
        """See what is known of every object now, and count."""
        measurements, failures = known.measurements, known.failures
        self.sizes, self.failed, self._uncounted, self._within = [], Counter(), set(), {}
        total = pending = 0
        for number, item in enumerate(self.items):
            place = item.place
            measurement = self._measured(item, measurements)
            if measurement is None:
                self.sizes.append(0)
                failed = _failed(place, failures)
                if failed is not None:
                    self.failed[failed] += 1
                pending += bool(place.sources) and failed is None
            else:
                self.sizes.append(measurement.size.allocated)
                total += measurement.size.allocated
            counted = overlaps.is_first(place.source, measurement)
            if self.subject.overlaps and (within := overlaps.within(place.location, measurements)):
                self._within[number] = within
                counted = False
            if not counted:
                self._uncounted.add(number)
                total -= self.sizes[-1]
        if self.subject.distinct is not None:
            total = self.subject.distinct(self.items, measurements)
        self.distinct_bytes, self.pending = total, pending

    def show(self, numbers: Iterable[int], known: Known) -> tuple[Row, ...]:
        """The rows of some of the items; one that did not change is the very same as before."""
        before, self.rows = self.rows, {}
        for number in numbers:
            row = self._row(number, known, before.get(self.items[number].key))
            self.rows[row.key] = row
        return tuple(self.rows.values())

    def _row(self, number: int, known: Known, before: Row | None) -> Row:
        item, place, labels = self.items[number], self.items[number].place, self._labels[number]
        labels = labels if isinstance(labels, tuple) else (labels,)
        measurement = self._measured(item, known.measurements)
        failed = _failed(place, known.failures)
        counted, within = number not in self._uncounted, self._within.get(number, "")
        if (
            before is not None
            and before.sized.measurement is measurement
            and before.sized.failed is failed
            and before.sized.place is place
            and before.facts is item.facts
            and before.counted is counted
            and before.within == within
            and before.labels == labels
        ):
            return before
        return Row(item.key, labels, item.facts, Sized(place, measurement, failed), counted, within)

    def _measured(self, item: Item, measurements: Mapping[Source, Measurement]) -> Measurement | None:
        """What was measured of an object; of one that is made of parts the very same as long as it says the same."""
        if self.subject.measured is None:
            source = item.place.source
            return measurements.get(source) if source is not None else None
        found, known = self.subject.measured(item, measurements), self._made.get(item.key)
        if found == known:
            return known
        self._made[item.key] = found
        return found

    def _sorted(self) -> tuple[list[Item], list[str | tuple[str, ...]]]:
        """The objects in the order of their labels, and these: a single one as it is, since there are many."""
        items = [item for item in self.objects.values() if item.place.skip is not Skip.EXCLUDED]
        owners = self.named_after
        if owners is None:
            names = _names(items)
            items.sort(key=lambda item: names[item.key])
            return items, [names[item.key] for item in items]
        named = [((owners.names[item.owner], *map(printable, item.more)), item) for item in items if item.owner]
        named.sort(key=lambda pair: (pair[0], pair[1].key.id))
        return [item for _, item in named], list(_told_apart(named))

    def _labelled(self) -> Iterator[tuple[Item, str]]:
        for item, labels in zip(self.items, self._labels, strict=True):
            yield item, labels if isinstance(labels, str) else labels[0]


def _failed(place: Place, failures: Mapping[Source, Unmeasured]) -> Unmeasured | None:
    """Why an object has no number, or no newer one."""
    return next((failures[source] for source in place.sources if source in failures), place.unmeasured)


def _names(items: Iterable[Item]) -> dict[ObjectKey, str]:
    """A label of its own for each object; who comes second with the same name gets its id's start behind it."""
    names: dict[ObjectKey, str] = {}
    taken: set[str] = set()
    for item in sorted(items, key=lambda item: (item.key.scope, item.precedence, item.key.id)):
        label = plain = printable(item.name)
        length = _ID_LENGTH
        while label in taken:
            label = f"{plain}~{_hexadecimal(item.key.id)[:length]}"
            length += 1
        taken.add(label)
        names[item.key] = label
    return names


class _Overlaps:
    """What of a plan is the same as something else of it, or lies inside of it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        sources = [item.place.source for item in plan.items() if item.place.source is not None]
        single = len(sources) == len(set(sources))
        self._shared = frozenset() if single else frozenset(s for s, n in Counter(sources).items() if n > 1)
        inner = [item.place.location for s in SUBJECTS if s.overlaps for item in plan.of(s.kind)]
        above = {where for location in inner if location is not None for where in location.above()}
        self._walks = {
            item.place.location: item.place.source
            for item in (plan.items() if above else ())
            if item.place.location in above and isinstance(item.place.source, Walk)
        }
        self._sources_seen: set[Source] = set()
        self._inodes_seen: dict[int, set[int]] = {}

    def forget(self) -> None:
        """Nobody has had anything yet."""
        self._sources_seen.clear()
        self._inodes_seen.clear()

    def is_first(self, source: Source | None, measurement: Measurement | None) -> bool:
        """Whether these bytes are counted for the first time: by source, and by the identity of what was measured."""
        first = True
        if source in self._shared and source is not None:
            first = source not in self._sources_seen
            self._sources_seen.add(source)
        if measurement is not None and (inode := measurement.lineage.inode):
            seen = self._inodes_seen.setdefault(measurement.lineage.device, set())
            first = first and inode not in seen
            seen.add(inode)
        return first

    def within(self, location: Location | None, measured: Collection[Source]) -> str:
        """The path of the nearest measured tree above a place in the same filesystem, or an empty text."""
        if location is None or not self._walks:
            return ""
        walks = (walk for where in location.above() if (walk := self._walks.get(where)) and walk in measured)
        return next((walk.path for walk in walks), "")


def _told_apart(named: Iterable[tuple[tuple[str, ...], Item]]) -> Iterator[tuple[str, ...]]:
    """Their labels; of several that are called the same, those after the first with their id's digest behind."""
    before: tuple[str, ...] = ()
    for labels, item in named:
        same = labels == before
        before = labels
        yield (*labels[:-1], f"{labels[-1]}~{_hexadecimal(item.key.id)[:_ID_LENGTH]}") if same else labels


def _largest(tables: Mapping[Kind, _Table], limit: int, previous: Snapshot | None) -> dict[Kind, Sequence[int]]:
    """The numbers of at most `limit` objects of a kind, the largest with all that belongs to them.

    Those shown before get a bonus.
    """
    if all(len(table.items) <= limit for table in tables.values()):
        return {kind: range(len(table.items)) for kind, table in tables.items()}
    belongings: Counter[ObjectKey] = Counter()
    for table in tables.values():
        if table.named_after is not None:
            for item, size in zip(table.items, table.sizes, strict=True):
                belongings[item.owner or item.key] += size
    staying = {row.key for row in previous.all_rows()} if previous else frozenset()
    shown: dict[Kind, Sequence[int]] = {}
    for kind, table in tables.items():
        if table.named_after is None:
            shown[kind] = _kept(table, limit, belongings, staying)
        else:
            owners = table.named_after
            kept = {owners.items[number].key for number in shown[owners.subject.kind]}
            shown[kind] = [number for number, item in enumerate(table.items) if item.owner in kept]
    return shown


def _kept(
    table: _Table, limit: int, belongings: Mapping[ObjectKey, int], staying: Collection[ObjectKey]
) -> Sequence[int]:
    if len(table.items) <= limit:
        return range(len(table.items))
    keys = [item.key for item in table.items]
    sizes = [
        (size + belongings.get(key, 0)) * (_STAYING_BONUS if key in staying else 1)
        for key, size in zip(keys, table.sizes, strict=True)
    ]
    least = sorted(sizes, reverse=True)[limit - 1]
    larger = [number for number, size in enumerate(sizes) if size > least]
    equal = sorted((number for number, size in enumerate(sizes) if size == least), key=lambda number: keys[number])
    return sorted(larger + equal[: limit - len(larger)])


def _mountpoints(inventory: Inventory, tables: Iterable[_Table]) -> tuple[str, ...]:
    """Every distinct filesystem under storage roots and objects. Where the disk is refused there is none."""
    if inventory.refused is not None:
        return ()
    mountpoints = {root.mountpoint for root in inventory.roots}.union(*(table.mountpoints for table in tables))
    return tuple(sorted(mountpoints - {""}))


def _hexadecimal(identity: str) -> str:
    """The id itself where it is a digest, else the digest of it."""
    if _HEXADECIMAL.fullmatch(identity):
        return identity
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
