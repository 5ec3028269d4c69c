"""What each object held before, so that it can be said how fast it grows: a few points, however long it runs."""

from __future__ import annotations

import threading
from array import array
from dataclasses import dataclass, field

from docker_storage_exporter.model.keys import ObjectKey
from docker_storage_exporter.model.sizes import Growth, Lineage, Measurement
from docker_storage_exporter.model.snapshot import Snapshot

WINDOW_SECONDS = 3600.0
"""How far back growth per hour looks."""

_MOST_POINTS = 8  # 10,000 objects with that many points take about 3 MB


class History:
    """The past of every object on the page, as far as its numbers can be compared. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pasts: dict[ObjectKey, _Past] = {}

    def note(self, snapshot: Snapshot) -> None:
        """Add what was measured again; forget the objects that are not on the page any more."""
        with self._lock:
            pasts: dict[ObjectKey, _Past] = {}
            for row in snapshot.all_rows():
                measurement = row.sized.measurement
                if measurement is None:
                    continue
                past = self._pasts.get(row.key)
                if past is None or past.lineage != measurement.lineage:
                    past = _Past(measurement.lineage)
                past.add(measurement)
                pasts[row.key] = past
            self._pasts = pasts

    def growth(self) -> dict[ObjectKey, Growth]:
        """The growth of each object that was measured twice."""
        with self._lock:
            return {key: growth for key, past in self._pasts.items() if (growth := past.growth())}


@dataclass(slots=True)
class _Past:
    """Points of one object, oldest first: time and allocated bytes alternate in one array, which is small."""

    lineage: Lineage
    points: array[float] = field(default_factory=lambda: array("d"))

    def add(self, measurement: Measurement) -> None:
        if self.points and self.points[-2] >= measurement.at:
            return
        self.points.extend((measurement.at, float(measurement.size.allocated)))
        while len(self.points) > 4 and self.points[2] <= measurement.at - WINDOW_SECONDS:  # noqa: PLR2004 - two points
            del self.points[:2]
        if len(self.points) > 2 * _MOST_POINTS:
            self._thin_out()

    def growth(self) -> Growth | None:
        """None until there are two points."""
        if len(self.points) < 4:  # noqa: PLR2004 - two points
            return None
        first_at, first, *_ = self.points
        before_at, before, at, last = self.points[-4:]
        return Growth(
            per_second=(last - before) / (at - before_at),
            per_hour=(last - first) / (at - first_at) * 3600.0,
            seconds=at - first_at,
        )

    def _thin_out(self) -> None:
        """Drop the point that is nearest to both its neighbours; the first and the last two stay."""
        times = self.points[::2]
        nearest = min(range(1, len(times) - 2), key=lambda number: times[number + 1] - times[number - 1])
        del self.points[2 * nearest : 2 * nearest + 2]
