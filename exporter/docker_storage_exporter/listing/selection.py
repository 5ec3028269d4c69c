"""Which rows are wanted, and in which order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from docker_storage_exporter.listing.document import LeftOut, Listing, with_rows
from docker_storage_exporter.listing.row import Row
from docker_storage_exporter.model.keys import Kind

_Number = Callable[[Row], float | None]
_NUMBERS: dict[str, _Number] = {
    "allocated": lambda row: row.allocated_bytes,
    "apparent": lambda row: row.apparent_bytes,
    "inodes": lambda row: row.inodes,
    "growth": lambda row: row.growth_bytes_per_hour,
    "growth-now": lambda row: row.growth_bytes_per_second,
}
SORT_KEYS = ("allocated", "apparent", "inodes", "growth", "name")
"""What `--sort` takes; `watch` sorts by what grows now."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a listing is shown. An empty `kinds` means all of them; `volume` has to match a whole name."""

    kinds: frozenset[str] = frozenset()
    volume: re.Pattern[str] | None = None
    dangling: bool = False
    sort: str = "allocated"
    top: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every object is wanted."""
        return not self.kinds and self.volume is None and not self.dangling

    def of(self, listing: Listing) -> Listing:
        """The listing with the first wanted rows, and with the totals of all that are wanted.

        What was left out, and the filesystems, are those of the wanted objects as well.
        """
        wanted = self.ordered(listing.rows)
        if not self.is_whole:
            mountpoints = {row.mountpoint for row in wanted}
            filesystems = tuple(one for one in listing.filesystems if one.mountpoint in mountpoints)
            listing = replace(listing, filesystems=filesystems, left_out=tuple(self._left_out(listing, wanted)))
        return with_rows(listing, wanted, self.top)

    def ordered(self, rows: Iterable[Row]) -> list[Row]:
        """All wanted rows in their order, largest first; equal ones by size, those without the number last."""
        wanted = [row for row in rows if self._wants(row)]
        if self.sort == "name":
            wanted.sort(key=lambda row: (row.name, row.kind))
        else:
            number = _NUMBERS[self.sort]
            wanted.sort(
                key=lambda row: (
                    number(row) is None,
                    -(number(row) or 0),
                    row.allocated_bytes is None,
                    -(row.allocated_bytes or 0),
                    row.kind,
                    row.name,
                )
            )
        return wanted

    def knows(self, listing: Listing) -> bool:
        """Whether any row has the number that is sorted by: a fresh exporter knows no growth yet."""
        number = _NUMBERS.get(self.sort)
        return number is None or any(number(row) is not None for row in listing.rows)

    def _left_out(self, listing: Listing, wanted: Sequence[Row]) -> Iterator[LeftOut]:
        """What was left out of the wanted kinds; of chosen volumes, what their own rows say."""
        if self.volume is None and not self.dangling:
            yield from (left for left in listing.left_out if left.kind in self.kinds)
            return
        notes = Counter((row.kind, *row.note.split(": ", 1)) for row in wanted if ": " in row.note)
        for (kind, outcome, reason), number in notes.items():
            if outcome in ("skipped", "unmeasured"):
                yield LeftOut(kind, outcome, reason, number)

    def _wants(self, row: Row) -> bool:
        if self.kinds and row.kind not in self.kinds:
            return False
        if self.volume is not None and (row.kind != Kind.VOLUME.value or not self.volume.fullmatch(row.name)):
            return False
        return row.dangling or not self.dangling
