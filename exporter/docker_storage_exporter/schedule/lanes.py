"""Measuring: two lanes of due sources, one source at a time in each, and every one of them ends in the ledger."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.reasons import reason_for
from docker_storage_exporter.measure import Outcome, device_of
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.model.sizes import Source
from docker_storage_exporter.schedule.agenda import LARGE_ENTRIES, Agenda, Lane
from docker_storage_exporter.schedule.budget import Budget
from docker_storage_exporter.schedule.crew import Crew
from docker_storage_exporter.schedule.jobs import Job, LeftBehindError, StoppedError, Work
from docker_storage_exporter.schedule.ledger import Ledger
from docker_storage_exporter.schedule.tally import Tally
from docker_storage_exporter.sizer import Control

_log = logging.getLogger(__name__)
_IDLE_SECONDS = 1.0  # how long an idle lane sleeps before it looks again
_INTERNAL = "this is a defect in docker-storage-exporter; measuring goes on"

Measure = Callable[[Source, Host, Control], Outcome]


@dataclass(eq=False, slots=True)
class _Attempt:
    """One source being measured in a lane, with the CPU seconds that were taken from the budget for it."""

    source: Source
    kind: Kind
    lane: Lane
    reserved: float
    control: Control

    @property
    def is_large(self) -> bool:
        return self.lane is Lane.LARGE


@dataclass(frozen=True, slots=True)
class Hearers:
    """Callbacks for what happens in the lanes.

    `changed` that the ledger did, `vanished` that what is found by a container is not there, `left_behind` that a
    thread hangs and another one has to do its lane's work.
    """

    changed: Callable[[], None]
    vanished: Callable[[str], None]
    left_behind: Callable[[Lane], None]


class Lanes:
    """Takes what is due, measures it within the budget, and writes down how that ended. Safe for several threads."""

    def __init__(
        self,
        host: Host,
        crew: Crew,
        ledger: Ledger,
        budget: Budget,
        tally: Tally,
        measure: Measure,
        hearers: Hearers,
        interval: float,
        clock: Callable[[], float],
    ) -> None:
        self.agenda = Agenda(interval)
        self.measure = measure
        self._host = host
        self._crew = crew
        self._ledger = ledger
        self._budget = budget
        self._tally = tally
        self._hearers = hearers
        self._clock = clock
        self._kinds: Mapping[Source, Kind] = {}
        self._controls: set[Control] = set()
        self._lock = threading.Lock()

    def replace(
        self, kinds: Mapping[Source, Kind], ages: Mapping[Source, float], large: Collection[Source] = ()
    ) -> None:
        """These sources are measured from now on, each with the kind that it counts for. See Agenda.replace."""
        self._kinds = kinds
        self.agenda.replace(kinds, self._clock(), ages, large)

    def change_interval(self, interval: float) -> None:
        """Measure at another interval from now on."""
        self.agenda.change_interval(interval, self._clock())

    def hurry(self, sources: Collection[Source]) -> None:
        """Measure these as soon as the budget allows."""
        self.agenda.hurry(sources, self._clock())

    def put_first(self, sources: Iterable[Source]) -> None:
        """Measure these before anything else, in their order."""
        self.agenda.hurry(sources, 0.0)

    def share_out(self) -> None:
        """Give each walk its share of the duty: that of one that walks alone is the whole of it."""
        with self._lock:
            for control in self._controls:
                control.change_share(min(1.0, self._budget.duty / len(self._controls)))

    def stop(self) -> None:
        """Cut short what is being measured."""
        with self._lock:
            for control in self._controls:
                control.stop()

    def measure_next(self, lane: Lane) -> float:
        """Measure the source of a lane that has been due longest, if any; seconds to wait before the next call.

        Raises LeftBehindError when that was given up meanwhile: another thread then does the lane's work.
        """
        delay = self._budget.wait_seconds()
        if delay > 0:
            return delay
        source = self.agenda.take(lane, self._clock())
        if source is None:
            return min(_IDLE_SECONDS, max(0.0, self.agenda.next_due(lane) - self._clock()))
        if self._crew.may_touch(partial(device_of, source, self._host)):
            cpu = time.thread_time()
            paid = self._try(source, lane)
            self._pay(time.thread_time() - cpu - paid)
        else:  # others wait for its device already
            self._note_failure(source, self._kind(source), Unmeasured.STUCK, "its device does not answer")
            self.agenda.put_off(source, self._clock(), large=lane is Lane.LARGE)
        return 0.0

    def _try(self, source: Source, lane: Lane) -> float:
        """Measure a source; however that ends, the ledger knows of it. How many CPU seconds of this thread are paid."""
        reserved = self._budget.reserve()
        control = Control(burst=reserved, max_entries=LARGE_ENTRIES if lane is Lane.SMALL else float("inf"))
        attempt = _Attempt(source, self._kind(source), lane, reserved, control)
        job = Job(Work.MEASUREMENT, source.path, partial(device_of, source, self._host), lambda: control.beats)
        self._begin(control)
        cpu = time.thread_time()
        paid = 0.0
        try:
            outcome = self._crew.do(
                job, lambda: self.measure(source, self._host, control), lambda: self._give_up(attempt)
            )
            paid = time.thread_time() - cpu
        except LeftBehindError:
            self._pay(time.thread_time() - cpu)
            raise
        except StoppedError:
            self._settle(attempt, 0.0)
        except Exception as error:  # noqa: BLE001 - one object must not end the lane, whatever it is
            paid = time.thread_time() - cpu
            self._settle(attempt, paid)
            self._fail(attempt, error)
        else:
            self._settle(attempt, outcome.cpu_seconds)
            self._record(attempt, outcome)
        finally:
            self._leave(control)
        return paid

    def _begin(self, control: Control) -> None:
        with self._lock:
            self._controls.add(control)
        self.share_out()

    def _leave(self, control: Control) -> None:
        with self._lock:
            self._controls.discard(control)
        self.share_out()

    def _record(self, attempt: _Attempt, outcome: Outcome) -> None:
        source, size = attempt.source, outcome.size
        self._tally.walked(outcome.entries, size.allocated if size else 0)
        if size is None:
            self.agenda.move_to_large(source, self._clock())
            return
        self._ledger.record(source, outcome)
        self._tally.measured(attempt.kind, outcome.duration, outcome.at)
        self._crew.progress[Work.MEASUREMENT] = self._clock()
        self.agenda.put_back(source, self._clock(), large=attempt.is_large and outcome.entries > LARGE_ENTRIES)
        self._hearers.changed()

    def _fail(self, attempt: _Attempt, error: Exception) -> None:
        source = attempt.source
        if isinstance(error, OSError):
            reason = reason_for(error)
        else:
            reason = Unmeasured.INTERNAL
            _log.error("cannot measure %s: %s", source.path, _INTERNAL, exc_info=error)
        self._note_failure(source, attempt.kind, reason, error)
        if reason is Unmeasured.VANISHED and source.container_id:  # it restarted or went away without an event
            self._hearers.vanished(source.container_id)
        self.agenda.put_back(source, self._clock(), large=attempt.is_large, failed=True)

    def _give_up(self, attempt: _Attempt) -> None:
        """The crew's watch found that a measurement hangs: go on without that thread."""
        attempt.control.stop()
        self._settle(attempt, 0.0)
        why = f"no progress for {self._crew.timeout:g} s; it is tried again later"
        self._note_failure(attempt.source, attempt.kind, Unmeasured.STUCK, why, logging.WARNING)
        self.agenda.put_off(attempt.source, self._clock(), large=attempt.is_large)
        self._hearers.left_behind(attempt.lane)

    def _note_failure(
        self, source: Source, kind: Kind, reason: Unmeasured, why: object, level: int = logging.DEBUG
    ) -> None:
        if self._ledger.fail(source, reason):
            _log.log(level, "cannot measure %s: %s", source.path, why)
        self._tally.failed(kind, reason)
        self._hearers.changed()

    def _settle(self, attempt: _Attempt, used: float) -> None:
        self._budget.settle(attempt.reserved, used)
        self._tally.paid(Work.MEASUREMENT, used)

    def _pay(self, used: float) -> None:
        self._budget.charge(used)
        self._tally.paid(Work.MEASUREMENT, used)

    def _kind(self, source: Source) -> Kind:
        """What the source was last listed as; it may leave the list while it is measured."""
        return self._kinds.get(source, Kind.VOLUME)
