"""What was last measured of every source, and since when its numbers can be compared."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping

from docker_storage_exporter.measure import Outcome
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.model.sizes import Lineage, Measurement, Source
from docker_storage_exporter.schedule.attribution import Attribution
from docker_storage_exporter.survey import Known


class Ledger:
    """The last complete measurement and the last failure of each source that is wanted. Safe for several threads.

    A failure leaves the last complete measurement standing, unless it says that the source is gone. `attribution` is
    told how much more, or less, each source holds than before.
    """

    def __init__(self, attribution: Attribution | None = None) -> None:
        self._attribution = attribution or Attribution(time.time())
        self._lock = threading.Lock()
        self._wanted: Collection[Source] = frozenset()
        self._measurements: dict[Source, Measurement] = {}
        self._failures: dict[Source, Unmeasured] = {}

    def record(self, source: Source, outcome: Outcome) -> None:
        """A source was measured to the end. What is not wanted any more is not kept."""
        with self._lock:
            if source in self._wanted and outcome.size is not None:
                before = self._measurements.get(source)
                lineage = _lineage(source, outcome, before)
                now = self._measurements[source] = Measurement(outcome.size, outcome.at, source, lineage)
                self._explain(source, before, now)
                self._failures.pop(source, None)

    def recall(self, measurements: Mapping[Source, Measurement]) -> None:
        """These were measured in an earlier life."""
        with self._lock:
            self._measurements |= {source: found for source, found in measurements.items() if source in self._wanted}

    def fail(self, source: Source, reason: Unmeasured) -> bool:
        """A source could not be measured; whether that is news."""
        with self._lock:
            if source not in self._wanted:
                return False
            is_news = self._failures.get(source) is not reason
            self._failures[source] = reason
            if reason is Unmeasured.VANISHED:
                self._drop(source)
            return is_news

    def end_lineage(self, source: Source) -> None:
        """What is there now is not what was measured, whatever it looks like: a number never outlives its object."""
        with self._lock:
            self._drop(source)

    def failed(self, reason: Unmeasured) -> list[Source]:
        """The sources that last failed for a reason."""
        with self._lock:
            return [source for source, found in self._failures.items() if found is reason]

    def keep(self, sources: Collection[Source]) -> None:
        """These are wanted from now on, a set or the keys of a mapping that never changes; forget every other."""
        with self._lock:
            self._wanted = sources
            for source in [source for source in self._measurements if source not in sources]:
                self._drop(source)
            for source in [source for source in self._failures if source not in sources]:
                del self._failures[source]

    def measured_at(self, source: Source) -> float | None:
        """When a source was last measured to the end, in seconds since the epoch; None for never."""
        with self._lock:
            measurement = self._measurements.get(source)
            return measurement.at if measurement is not None else None

    def _drop(self, source: Source) -> None:
        before = self._measurements.pop(source, None)
        if before is not None:
            self._attribution.explain(source, -before.size.allocated, 0.0)

    def _explain(self, source: Source, before: Measurement | None, now: Measurement) -> None:
        if before is not None:
            self._attribution.explain(source, now.size.allocated - before.size.allocated, now.at - before.at)
        elif self._attribution.born(now.lineage.born):
            self._attribution.explain(source, now.size.allocated, 0.0)

    @property
    def has_pending(self) -> bool:
        """Whether there is a source that neither has a measurement nor failed."""
        with self._lock:
            failed = sum(source not in self._measurements for source in self._failures)
            return len(self._measurements) + failed < len(self._wanted)

    def known(self) -> Known:
        """A copy of the present state."""
        with self._lock:
            return Known(dict(self._measurements), dict(self._failures))


def _lineage(source: Source, outcome: Outcome, before: Measurement | None) -> Lineage:
    """The lineage of a new measurement: that of the one before if they can be compared, else one that begins now."""
    known = before.lineage if before is not None else None
    if known is not None and (known.identity, known.meaning) == (outcome.identity, source.meaning):
        return known
    return Lineage(*outcome.identity, source.meaning, outcome.at)
