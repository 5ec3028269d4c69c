"""Which rows are wanted, and in which order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from docker_storage_exporter.listing.document import Listing, with_rows
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

    def of(self, listing: Listing) -> Listing:
        """The listing with the first wanted rows, and with the totals of all that are wanted."""
        return with_rows(listing, self.ordered(listing.rows), self.top)

    def ordered(self, rows: Iterable[Row]) -> list[Row]:
        """All wanted rows in their order, largest first; those without the number that counts come last."""
        wanted = [row for row in rows if self._wants(row)]
        if self.sort == "name":
            wanted.sort(key=lambda row: (row.name, row.kind))
        else:
            number = _NUMBERS[self.sort]
            wanted.sort(key=lambda row: (number(row) is None, -(number(row) or 0), row.kind, row.name))
        return wanted

    def _wants(self, row: Row) -> bool:
        if self.kinds and row.kind not in self.kinds:
            return False
        if self.volume is not None and (row.kind != Kind.VOLUME.value or not self.volume.fullmatch(row.name)):
            return False
        return row.dangling or not self.dangling
