"""Everything that `df` shows, as one value and one JSON document: the exporter writes it, `df` and `watch` read it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from docker_storage_exporter.listing.row import SHARED_IMAGES, Row

OBJECTS_PATH = "/api/v1/objects"
"""Where an exporter answers with its listing."""

_NUMBER = (int, float)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """So many objects of a kind have no number: `outcome` is `skipped`, `unmeasured`, `pending` or `cut`."""

    kind: str
    outcome: str
    reason: str
    objects: int


@dataclass(frozen=True, slots=True)
class FilesystemRow:
    """A filesystem that storage roots or objects lie on."""

    mountpoint: str
    size_bytes: int
    used_bytes: int
    avail_bytes: int
    inodes: int
    inodes_free: int


@dataclass(frozen=True, slots=True)
class Total:
    """The sum over the rows of a kind; what counts in another row counts once.

    A number is None where no row has it. `complete` is False where one that should be there is missing or lacks
    entries: the sums are then lower bounds.
    """

    kind: str
    objects: int
    allocated_bytes: int | None
    apparent_bytes: int | None
    inodes: int | None
    complete: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a listing is from. `host` is hostfs.host_mark; `root` the data root's canonical path; `refused` says why
    sizes were refused, if so.
    """

    host: str
    root: str
    engine: str
    source: str
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """One moment: the objects, the filesystems they are on, and what has no number.

    `at` is when it was put together; `totals` may be those of more objects than the rows that are shown.
    """

    at: float
    origin: Origin
    rows: tuple[Row, ...] = ()
    totals: tuple[Total, ...] = ()
    filesystems: tuple[FilesystemRow, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def oldest(self) -> float | None:
        """When the oldest number was measured; None without any number."""
        return min((row.measured_timestamp for row in self.rows if row.measured_timestamp is not None), default=None)

    def objects(self, outcome: str) -> int:
        """How many objects are pending, or cut, and so on."""
        return sum(left.objects for left in self.left_out if left.outcome == outcome)


def with_rows(shown: Listing, rows: Sequence[Row], top: int | None = None) -> Listing:
    """A listing with the first `top` of these rows, and the totals of all of them."""
    cut = {left.kind for left in shown.left_out if left.outcome == "cut" and left.objects}
    return dataclasses.replace(shown, rows=tuple(rows[:top]), totals=tuple(totals(rows, cut)))


def totals(rows: Iterable[Row], cut: Collection[str] = ()) -> list[Total]:
    """The totals of each kind, the largest first; rows of the kinds in `cut` are missing."""
    by_kind: dict[str, list[Row]] = {}
    for row in rows:
        by_kind.setdefault(row.kind, []).append(row)
    sums = [_total(kind, of_kind, cut=kind in cut) for kind, of_kind in by_kind.items()]
    return sorted(sums, key=lambda total: -(total.allocated_bytes or 0))


def _total(kind: str, rows: Sequence[Row], *, cut: bool) -> Total:
    return Total(
        kind=kind,
        objects=sum(row.name != SHARED_IMAGES for row in rows),
        allocated_bytes=_sum((row.allocated_bytes, row.counted) for row in rows),
        apparent_bytes=_sum((row.apparent_bytes, row.counted) for row in rows),
        inodes=_sum((row.inodes, row.counted) for row in rows),
        complete=not cut and all(row.complete for row in rows if row.counted),
    )


def _sum(numbers: Iterable[tuple[int | None, bool]]) -> int | None:
    known = [number * counted for number, counted in numbers if number is not None]
    return sum(known) if known else None


def document(shown: Listing) -> dict[str, Any]:
    """The listing as JSON values; `objects` are the rows."""
    return {
        "at": shown.at,
        "origin": dataclasses.asdict(shown.origin),
        "filesystems": [dataclasses.asdict(filesystem) for filesystem in shown.filesystems],
        "left_out": [dataclasses.asdict(left) for left in shown.left_out],
        "totals": [dataclasses.asdict(total) for total in shown.totals],
        "objects": row_documents(shown.rows),
    }


def row_documents(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Rows as JSON values."""
    return [{name: getattr(row, name) for name in ROW_FIELDS} for row in rows]


def from_document(document: Any) -> Listing:
    """The listing in a document. Raises ValueError for anything else, since anybody may listen on a port."""
    try:
        return Listing(
            at=float(document["at"]),
            origin=_made(Origin, document["origin"]),
            rows=tuple(_row(item) for item in document["objects"]),
            totals=tuple(_made(Total, item) for item in document["totals"]),
            filesystems=tuple(_made(FilesystemRow, item) for item in document["filesystems"]),
            left_out=tuple(_made(LeftOut, item) for item in document["left_out"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no listing: {error!r}") from error


ROW_FIELDS = tuple(entry.name for entry in fields(Row))
_TEXTS = ("kind", "name", "note", "project", "mountpoint")
_NUMBERS = tuple(entry.name for entry in fields(Row) if "None" in str(entry.type))


def _row(item: Mapping[str, Any]) -> Row:
    values = {name: item[name] for name in ROW_FIELDS}
    values["users"] = tuple(values["users"])
    texts = [values[name] for name in _TEXTS]
    numbers = [values[name] for name in _NUMBERS]
    if not all(isinstance(text, str) for text in (*texts, *values["users"])):
        raise TypeError(f"no row: {item}"[:200])
    if not all(number is None or isinstance(number, _NUMBER) for number in numbers):
        raise TypeError(f"no row: {item}"[:200])
    return Row(**values)


def _made(kind: Any, item: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    values = {name: item[name] for name in hints}
    if not all(isinstance(value, hints[name]) for name, value in values.items()):
        raise TypeError(f"no {kind.__name__}: {item}"[:200])
    return kind(**values)
