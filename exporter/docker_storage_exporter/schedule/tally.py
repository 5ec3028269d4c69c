"""What all work has cost and how often it failed, since the start."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from docker_storage_exporter.layout import KINDS
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.schedule.jobs import Work


@dataclass(slots=True, eq=False)
class Tally:
    """Running totals. Written by the measuring threads, read at any time."""

    entries: int = 0
    allocated_bytes: int = 0
    cpu: defaultdict[Work, float] = field(default_factory=lambda: defaultdict(float))
    failures: Counter[tuple[Kind, Unmeasured]] = field(default_factory=Counter)
    measurements: Counter[Kind] = field(default_factory=Counter)
    measuring_seconds: dict[Kind, float] = field(default_factory=lambda: dict.fromkeys(KINDS, 0.0))
    inventory_seconds: float = 0.0
    last_inventory: float = 0.0
    last_measurement: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def walked(self, entries: int, allocated_bytes: int) -> None:
        """A walk ended, complete or not."""
        with self._lock:
            self.entries += entries
            self.allocated_bytes += allocated_bytes

    def paid(self, work: Work, seconds: float) -> None:
        """CPU seconds were used for a kind of work."""
        with self._lock:
            self.cpu[work] += seconds

    def measured(self, kind: Kind, seconds: float, at: float) -> None:
        """A source was measured to the end, in so many seconds of wall clock; `at` is in seconds since the epoch."""
        with self._lock:
            self.last_measurement = at
            self.measurements[kind] += 1
            self.measuring_seconds[kind] += seconds

    def failed(self, kind: Kind, reason: Unmeasured) -> None:
        """A measurement failed."""
        with self._lock:
            self.failures[kind, reason] += 1

    def listed(self, at: float, seconds: float) -> None:
        """An inventory was made."""
        self.last_inventory, self.inventory_seconds = at, seconds
