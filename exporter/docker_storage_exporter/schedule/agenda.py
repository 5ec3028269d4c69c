"""Which source is due, in two lanes, so that one huge source never blocks the rest."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import Enum

from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.sizes import Source

LARGE_ENTRIES = 100_000
"""A walk that meets more entries than this goes on in the lane for large sources."""


_MOST_INTERVALS = 20
_MOST_DOUBLINGS = 5  # 2 ** 5 is more than that


class Lane(Enum):
    """The two queues. Every source starts in the small one."""

    SMALL = "small"
    LARGE = "large"


class Agenda:
    """When each source is due; oldest first within a lane. Times are the caller's seconds. Safe for several threads."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._lock = threading.Lock()
        self._order = itertools.count()
        self._entries: dict[Source, int] = {}  # the one heap entry of each source that counts; older ones are void
        self._put_off: Counter[Source] = Counter()
        self._taken: set[Source] = set()
        self._large: set[Source] = set()
        self._heaps: dict[Lane, list[tuple[float, int, Source]]] = {lane: [] for lane in Lane}

    def replace(
        self,
        sources: Mapping[Source, Kind],
        now: float,
        ages: Mapping[Source, float] | None = None,
        large: Collection[Source] = (),
    ) -> None:
        """These are the sources from now on, by kind: new ones are due at once, missing ones never again.

        Of the new ones each kind has its turn, so that a host with many volumes soon has a number of every kind.

        `ages` says how long ago sources that are new here were measured in an earlier run, and `large` which of them
        were large then.
        """
        with self._lock:
            for source in self._entries.keys() - sources.keys():
                del self._entries[source]
                self._put_off.pop(source, None)
                self._large.discard(source)
            for source in _in_turns([source for source in sources if source not in self._entries], sources):
                age = (ages or {}).get(source)
                lane = Lane.LARGE if source in large else Lane.SMALL
                self._put(source, lane, now if age is None else now + self._pause(source) - max(0.0, age))

    def change_interval(self, interval: float, now: float) -> None:
        """Sources are due again after another interval, those included that wait now."""
        with self._lock:
            later, self._interval = interval - self._interval, interval
            for lane, heap in self._heaps.items():
                waiting = [(due + later if due > now else due, entry, source) for due, entry, source in heap]
                self._heaps[lane] = waiting
                heapq.heapify(waiting)

    def take(self, lane: Lane, now: float) -> Source | None:
        """Take the source that has been due longest until it is put back; None if none is due."""
        with self._lock:
            heap = self._heaps[lane]
            while heap and heap[0][0] <= now:
                _, entry, source = heapq.heappop(heap)
                if self._entries.get(source) == entry:
                    self._taken.add(source)
                    return source
            return None

    def put_back(self, source: Source, now: float, *, large: bool, failed: bool = False) -> None:
        """A source was measured or failed: it is due again after the interval; never once it has its last number."""
        self._put_off.pop(source, None)
        pause = self._interval if failed else self._pause(source)
        self._return(source, Lane.LARGE if large else Lane.SMALL, now + pause)

    def put_off(self, source: Source, now: float, *, large: bool) -> None:
        """A source did not answer: it is due again after the interval, twice as long each time, up to 20 intervals."""
        pause = self._interval * min(2 ** min(self._put_off[source], _MOST_DOUBLINGS), _MOST_INTERVALS)
        self._put_off[source] += 1
        self._return(source, Lane.LARGE if large else Lane.SMALL, now + pause)

    def hurry(self, sources: Iterable[Source], now: float) -> None:
        """These are due at once if they wait for their time, in their order; ahead of all others with `now` at 0."""
        with self._lock:
            for source in sources:
                if source in self._entries and source not in self._taken:
                    self._put(source, Lane.LARGE if source in self._large else Lane.SMALL, now)

    def move_to_large(self, source: Source, now: float) -> None:
        """A source turned out to be large: it is due at once in the other lane."""
        self._return(source, Lane.LARGE, now)

    def next_due(self, lane: Lane) -> float:
        """When the next source of a lane is due; infinity when the lane is empty."""
        with self._lock:
            heap = self._heaps[lane]
            return heap[0][0] if heap else float("inf")

    def _pause(self, source: Source) -> float:
        return float("inf") if source.settled else self._interval

    def _return(self, source: Source, lane: Lane, due: float) -> None:
        with self._lock:
            self._taken.discard(source)
            if source in self._entries:
                self._put(source, lane, due)

    def _put(self, source: Source, lane: Lane, due: float) -> None:
        entry = self._entries[source] = next(self._order)
        if lane is Lane.LARGE:
            self._large.add(source)
        else:
            self._large.discard(source)
        heapq.heappush(self._heaps[lane], (due, entry, source))


def _in_turns(sources: Iterable[Source], kinds: Mapping[Source, Kind]) -> Iterator[Source]:
    """The sources, one of each kind at a time."""
    queues: dict[Kind, deque[Source]] = {}
    for source in sources:
        queues.setdefault(kinds[source], deque()).append(source)
    while queues:
        for kind, queue in tuple(queues.items()):
            yield queue.popleft()
            if not queue:
                del queues[kind]
