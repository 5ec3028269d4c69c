"""What each tree held before, so that it can be said how fast it grows: a few points a tree, however long it runs."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from docker_storage_exporter.model import Measurement, Sized, Snapshot, Tree

WINDOW_SECONDS = 3600.0
"""How far back growth per hour looks."""

_MOST_POINTS = 8  # 10,000 trees with that many points take about 3 MB


@dataclass(frozen=True, slots=True)
class Growth:
    """How fast a tree grows; negative where it shrinks.

    `per_second` is taken from its last two measurements, `per_hour` from all that are kept of the last hour, which
    `seconds` is the length of.
    """

    per_second: float
    per_hour: float
    seconds: float


class History:
    """The past of every tree on the page. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pasts: dict[Tree, _Past] = {}

    def note(self, snapshot: Snapshot) -> None:
        """Add what was measured anew; forget the trees that are not on the page any more."""
        with self._lock:
            pasts: dict[Tree, _Past] = {}
            for sized in _all_sized(snapshot):
                tree, measurement = sized.place.tree, sized.measurement
                if tree is None or measurement is None or tree in pasts:
                    continue
                past = self._pasts.get(tree)
                if past is None or past.identity != measurement.identity:  # another directory of the same name
                    past = _Past(measurement.identity)
                past.add(measurement)
                pasts[tree] = past
            self._pasts = pasts

    def growth(self) -> dict[Tree, Growth]:
        """The growth of each tree that was measured twice."""
        with self._lock:
            return {tree: growth for tree, past in self._pasts.items() if (growth := past.growth())}


@dataclass(slots=True)
class _Past:
    """Points of one tree, oldest first: time and allocated bytes by turns, in an array for the sake of its size."""

    identity: tuple[int, int]
    points: array[float] = field(default_factory=lambda: array("d"))

    def add(self, measurement: Measurement) -> None:
        if self.points and self.points[-2] >= measurement.at:
            return
        self.points.extend((measurement.at, float(measurement.usage.allocated_bytes)))
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


def _all_sized(snapshot: Snapshot) -> Iterator[Sized]:
    for volume in snapshot.volumes:
        yield volume.sized
    for container in snapshot.containers:
        yield container.layer
        if container.log is not None:
            yield container.log
        for tmpfs in container.tmpfs:
            yield tmpfs.sized
    for bind in snapshot.binds:
        yield bind.sized
