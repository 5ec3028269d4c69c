"""Which tree is due, in two lanes, so that one huge tree never blocks the rest."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Collection, Mapping
from enum import Enum

from docker_storage_exporter.model import Tree

LARGE_ENTRIES = 100_000
"""A walk that meets more entries than this goes on in the lane for large trees."""


class Lane(Enum):
    """The two queues. Every tree starts in the small one."""

    SMALL = "small"
    LARGE = "large"


class Agenda:
    """When each tree is due; oldest first within a lane. Times are the caller's seconds. Safe for several threads."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._lock = threading.Lock()
        self._order = itertools.count()
        self._entries: dict[Tree, int] = {}  # the one heap entry of each tree that counts; older ones are void
        self._heaps: dict[Lane, list[tuple[float, int, Tree]]] = {lane: [] for lane in Lane}

    def replace(self, trees: Collection[Tree], now: float, ages: Mapping[Tree, float] | None = None) -> None:
        """These are the trees from now on: new ones are due at once, missing ones never again.

        `ages` says how long ago trees that are new here were measured by somebody else.
        """
        with self._lock:
            for tree in self._entries.keys() - set(trees):
                del self._entries[tree]
            for tree in trees:
                if tree not in self._entries:
                    age = (ages or {}).get(tree)
                    self._put(tree, Lane.SMALL, now if age is None else now + self._interval - max(0.0, age))

    def change_interval(self, interval: float, now: float) -> None:
        """Trees are due again after another interval, those included that wait now."""
        with self._lock:
            later, self._interval = interval - self._interval, interval
            for lane, heap in self._heaps.items():
                waiting = [(due + later if due > now else due, entry, tree) for due, entry, tree in heap]
                self._heaps[lane] = waiting
                heapq.heapify(waiting)

    def take(self, lane: Lane, now: float) -> Tree | None:
        """The tree that has been due longest, which is then nobody else's until it is put back; None if none is due."""
        with self._lock:
            heap = self._heaps[lane]
            while heap and heap[0][0] <= now:
                _, entry, tree = heapq.heappop(heap)
                if self._entries.get(tree) == entry:
                    return tree
            return None

    def put_back(self, tree: Tree, now: float, *, large: bool) -> None:
        """A tree was measured or failed: it is due again after the interval."""
        self._return(tree, Lane.LARGE if large else Lane.SMALL, now + self._interval)

    def move_to_large(self, tree: Tree, now: float) -> None:
        """A tree turned out to be large: it is due at once in the other lane."""
        self._return(tree, Lane.LARGE, now)

    def next_due(self, lane: Lane) -> float:
        """When the next tree of a lane is due; infinity when the lane is empty."""
        with self._lock:
            heap = self._heaps[lane]
            return heap[0][0] if heap else float("inf")

    def _return(self, tree: Tree, lane: Lane, due: float) -> None:
        with self._lock:
            if tree in self._entries:
                self._put(tree, lane, due)

    def _put(self, tree: Tree, lane: Lane, due: float) -> None:
        entry = self._entries[tree] = next(self._order)
        heapq.heappush(self._heaps[lane], (due, entry, tree))
