"""The living program: lists, measures within the budget, and publishes snapshots, each in a thread of its own."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Protocol

import psutil

from docker_storage_exporter.errors import ExporterError
from docker_storage_exporter.hostfs.filesystem import FilesystemProbes
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.inventory.engine import Change, Engine
from docker_storage_exporter.layout import KINDS, rules_of
from docker_storage_exporter.measure import measure
from docker_storage_exporter.model import Inventory, Measurement, ObjectKey, Snapshot, Source, Unmeasured
from docker_storage_exporter.schedule.agenda import LARGE_ENTRIES, Lane
from docker_storage_exporter.schedule.attribution import Attribution
from docker_storage_exporter.schedule.budget import Budget
from docker_storage_exporter.schedule.crew import Crew
from docker_storage_exporter.schedule.jobs import Job, LeftBehindError, OverdueError, StoppedError, Work
from docker_storage_exporter.schedule.lanes import Hearers, Lanes, Measure
from docker_storage_exporter.schedule.ledger import Ledger
from docker_storage_exporter.schedule.listing import Listed, Lister
from docker_storage_exporter.schedule.tally import Tally
from docker_storage_exporter.settings import Settings
from docker_storage_exporter.survey import Survey
from docker_storage_exporter.threads import NamedThread

_log = logging.getLogger(__name__)
_IDLE_SECONDS = 1.0  # how long an idle lane sleeps before it looks again
_FIRST_PAUSE_SECONDS = 1.0  # and twice as long each time: at the start somebody waits for the first sizes
_EVENT_PAUSE_SECONDS = 2.0  # events come in bursts: one list for all of them
_STILL_INTERVALS = 2
_SPACE_SECONDS = 15.0  # between two looks at how much space is left
_SHARE = 0.25  # of the budget that listing may take, and as much that publishing may
_LONGEST_REST_SECONDS = 60.0
_STOP_SECONDS = 0.5  # what is measured has so long to end, and then the state file has as long to be written
_INTERNAL = "this is a defect in docker-storage-exporter; measuring goes on"


class Memory(Protocol):
    """Whatever carries measurements across restarts."""

    def recall(self, inventory: Inventory) -> Mapping[Source, Measurement]:
        """What was kept for the host of this inventory. Raises SettingError."""

    def keep(self, inventory: Inventory, measurements: Mapping[Source, Measurement]) -> bool:
        """Keep these instead; whether that went well."""


class Scheduler:
    """Owns the ledger, the budget, the crew and the threads.

    `publish` is called with each new snapshot, from one thread at a time. The methods without a loop (`renew`,
    `lanes.measure_next`, `publish_due`, `save_due`) are the whole of the work; `start` only calls them again and again.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        host: Host,
        publish: Callable[[Snapshot], None],
        *,
        measure: Measure = measure,
        clock: Callable[[], float] = time.monotonic,
        budget: Budget | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.tally = Tally()
        self.budget = budget or Budget(settings.scan_duty, clock)
        self.attribution = Attribution(time.time())
        self.ledger = Ledger(self.attribution)
        self.crew = Crew(settings.scan_timeout, clock, self.pay, self._answered)
        self._changed = threading.Event()
        self._hint = threading.Event()
        self._stopping = threading.Event()
        self._settings = settings
        self._engine = engine
        self._host = host
        self._probes = FilesystemProbes()
        self._publish = publish
        self._clock = clock
        self._rules = rules_of(settings)
        hearers = Hearers(self._changed.set, self._inspect_again, self._begin_lane)
        interval = settings.scan_interval
        self.lanes = Lanes(host, self.crew, self.ledger, self.budget, self.tally, measure, hearers, interval, clock)
        self._lister = Lister(engine, host, self.crew, self._hear_late)
        self._listed: Listed | None = None
        self._survey = Survey()
        self._memory = memory
        self._recalled = False
        self._saved: Mapping[Source, Measurement] = {}
        self._saved_at = self._began = clock()
        self._published_at = float("-inf")
        self._pause = 0.0
        self._page_cost = 0.0
        self._listing_cost = 0.0
        self._first_pass = True
        self._threads: list[threading.Thread] = []

    @property
    def abandoned(self) -> int:
        """How many jobs were given up and have not ended."""
        return self.crew.abandoned

    def unexplained_growth(self) -> dict[str, int]:
        """Bytes by mount point that filesystems lost in the last hour and nothing measured explains."""
        return self.attribution.unexplained()

    @property
    def is_measuring(self) -> bool:
        """Whether measuring gets on. False once nothing was measured, and no walk got on, for two intervals."""
        if self._listed is None or not self._listed.sources:
            return True
        last = max(self._began, self.crew.progress.get(Work.MEASUREMENT, 0.0))
        return self._clock() - last <= _STILL_INTERVALS * self._settings.scan_interval

    def renew(self) -> None:
        """List what exists and plan where it is. Raises ExporterError as Lister.list does."""
        started, cpu = self._clock(), time.thread_time()
        self._hint.clear()
        listed = self._lister.list(self._rules)
        previous, self._listed = self._listed, listed
        if previous is None or previous.sources is not listed.sources:
            self._measure_these(listed)
        if previous is None or previous.plan is not listed.plan:
            self.attribution.watch(listed.inventory, listed.plan, listed.sources)
        self.pay(Work.LISTING, time.thread_time() - cpu)
        self.tally.listed(listed.inventory.at, self._clock() - started)
        if previous is None or _says_something_else(previous, listed):
            self._changed.set()

    def _measure_these(self, listed: Listed) -> None:
        """Want the sources of a listing; those that the memory holds are as old there as they are."""
        self.ledger.keep(listed.sources)
        recalled = self._recall(listed)
        ages = {source: listed.inventory.at - kept.at for source, kept in recalled.items()}
        large = {source for source, kept in recalled.items() if (kept.size.inodes or 0) > LARGE_ENTRIES}
        self.lanes.replace(listed.sources, ages, large)

    def publish_due(self) -> float:
        """Publish a new snapshot if something changed and the last one is old enough; seconds to the next look.

        The first ones follow each other sooner than in the settings' interval, and the one that has all numbers for
        the first time comes at once.
        """
        pause = max(min(self._pause, self._settings.publish_interval), self._rest(self._page_cost))
        delay = self._published_at + pause - self._clock()
        is_first_pass_over = self._first_pass and not self.ledger.has_pending
        if delay > 0 and not is_first_pass_over:
            return delay
        if self._listed is not None and self._changed.is_set():
            self._pause = min(2 * self._pause or _FIRST_PAUSE_SECONDS, self._settings.publish_interval)
            self._changed.clear()
            self._publish_now()
        return _IDLE_SECONDS

    def look_at_space(self) -> float:
        """Follow the filesystems, and have measured first what may hold what they lost; seconds to the next look."""
        cpu = time.thread_time()
        paths = {self._host.view(path): path for path in self.attribution.mountpoints}
        found = self._probes.read(tuple(paths))
        self.attribution.look({paths[view]: filesystem for view, filesystem in found.items()}, time.time())
        suspects = self.attribution.suspects(self.ledger.measured_at)
        self.lanes.put_first(suspects)
        for source in suspects:
            _log.debug("%s is measured first: its filesystem loses space that nothing explains", source.path)
        self.pay(Work.LOOK, time.thread_time() - cpu)
        return _SPACE_SECONDS

    def save_due(self) -> float:
        """Let the memory keep what was measured if the last time is long enough ago; seconds to the next look."""
        delay = self._saved_at + self._settings.state_interval - self._clock()
        if delay > 0:
            return delay
        cpu = time.thread_time()
        self._save()
        self.pay(Work.STATE, time.thread_time() - cpu)
        return self._settings.state_interval

    def apply(self, settings: Settings) -> None:
        """Go on with other settings: intervals, duty, rules and the most objects. A walk under way keeps its pace."""
        self._settings, self._rules = settings, rules_of(settings)
        self.budget.change_duty(settings.scan_duty)
        self.crew.timeout = settings.scan_timeout
        self.lanes.change_interval(settings.scan_interval)
        self.lanes.share_out()
        self._changed.set()
        self._hint.set()

    def hint(self, change: Change) -> None:
        """Something changed at the engine: list soon, and do what the change asks for besides."""
        if change.inspect:
            self._engine.inspect_again([change.inspect])
        if change.destroyed is not None:
            self._forget(change.destroyed)
        self._hint.set()

    def start(self) -> None:
        """List for the first time, publish, then go on in the background. Raises ExporterError as `renew` does."""
        self.crew.begin_watching()
        self.renew()
        self.publish_due()
        loops: list[tuple[str, Callable[[], float]]] = [("inventory", self._renew_again), ("publish", self.publish_due)]
        loops += [("space", self._look_at_space_again)]
        loops += [("state", self.save_due)] if self._memory is not None else []
        for name, step in loops:
            self._begin(name, step)
        for lane in Lane:
            self._begin_lane(lane)

    def stop(self) -> None:
        """End all threads, cutting walks short, and keep what was measured; within two seconds, whatever hangs.

        What is stuck in the kernel is left to the end of the process.
        """
        self._stopping.set()
        self._hint.set()
        self.lanes.stop()
        due = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, due - time.monotonic()))
        if not any(thread.name == "state" and thread.is_alive() for thread in self._threads):
            with suppress(StoppedError):  # a second call: all is kept already
                self.crew.start(Job(Work.STATE, "state file"), self._save).wait(_STOP_SECONDS)
        self.crew.stop()
        self._engine.close()

    def _answered(self) -> None:
        """What hung has ended: try at once all that did not answer before."""
        self.lanes.hurry(self.ledger.failed(Unmeasured.STUCK))
        self._hint.set()

    def _forget(self, destroyed: tuple[str, str]) -> None:
        """An object was destroyed. If there is one of its name again, it is another one, and measured as such."""
        kind, identity = destroyed
        if self._listed is None:
            return
        kinds = [known for known in KINDS if known == kind or known.startswith(f"{kind}_")]
        places = [self._listed.plan.place(ObjectKey(known, "", identity)) for known in kinds]
        sources = [place.source for place in places if place.source]
        for source in sources:
            self.ledger.end_lineage(source)
        self.lanes.hurry(sources)
        self._changed.set()

    def pay(self, work: Work, seconds: float) -> None:
        """Pay CPU seconds out of the budget, for whatever work."""
        self.budget.charge(seconds)
        self.tally.paid(work, seconds)

    def _hear_late(self) -> None:
        self._hint.set()

    def _recall(self, listed: Listed) -> dict[Source, Measurement]:
        """Take over what the memory holds, once the disk is known to be the engine's; what is wanted of it."""
        inventory, sources = listed.inventory, listed.sources
        if self._memory is None or self._recalled or inventory.refused is not None:
            return {}
        found = {source: kept for source, kept in self._memory.recall(inventory).items() if source in sources}
        self._recalled = True
        self.ledger.recall(found)
        return found

    def _save(self) -> None:
        """Let the memory keep the ledger if it changed. A disk that is refused now says nothing about what was."""
        if self._memory is None or self._listed is None or self._listed.inventory.refused is not None:
            return
        measurements = self.ledger.known().measurements
        if measurements != self._saved and self._memory.keep(self._listed.inventory, measurements):
            self._saved = measurements
        self._saved_at = self._clock()

    def _publish_now(self) -> None:
        cpu = time.thread_time()
        assert self._listed is not None  # noqa: S101 - publish_due looked
        inventory, plan = self._listed.inventory, self._listed.plan
        limit = self._settings.collector_max_objects
        snapshot = self._survey.assemble(inventory, plan, self.ledger.known(), time.time(), limit)
        self._publish(snapshot)
        self._first_pass = self._first_pass and bool(snapshot.pending)
        self._published_at = self._clock()
        self._page_cost = time.thread_time() - cpu
        self.pay(Work.PAGE, self._page_cost)

    def _rest(self, cost: float) -> float:
        """How many seconds work that cost so much CPU time is not done again, so that measuring has its part."""
        return min(_LONGEST_REST_SECONDS, cost / (_SHARE * self.budget.duty))

    def _renew_again(self) -> float:
        """Wait for the interval or a hint, then list."""
        if self._hint.wait(self._settings.inventory_interval):
            self._stopping.wait(max(_EVENT_PAUSE_SECONDS, self._rest(self._listing_cost)))
        if not self._stopping.is_set():
            before = self._listing_seconds()
            self.renew()
            self._listing_cost = self._listing_seconds() - before
        return 0.0

    def _listing_seconds(self) -> float:
        return sum(self.tally.cpu[work] for work in (Work.LISTING, Work.STORE, Work.LOOK))

    def _look_at_space_again(self) -> float:
        pause = self.look_at_space()
        self._stopping.wait(pause)
        return 0.0

    def _inspect_again(self, container: str) -> None:
        self.hint(Change(inspect=container))

    def _begin_lane(self, lane: Lane) -> None:
        if self._stopping.is_set():
            return
        self._begin(f"measure-{lane.value}", partial(self.lanes.measure_next, lane))

    def _begin(self, name: str, step: Callable[[], float]) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = NamedThread(target=self._loop, args=(step,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _loop(self, step: Callable[[], float]) -> None:
        _be_idle()
        while not self._stopping.is_set():
            try:
                pause = step()
            except (LeftBehindError, StoppedError):
                return
            except (ExporterError, OSError) as error:
                _log.warning("%s", error)
                pause = _IDLE_SECONDS
            except OverdueError as error:
                _log.warning("%s does not answer", error)
                pause = _IDLE_SECONDS
            except Exception:  # noqa: BLE001 - one defect must not end measuring; it is logged with its traceback
                _log.exception(_INTERNAL)
                pause = _IDLE_SECONDS
            if pause > 0:
                self._stopping.wait(min(pause, _IDLE_SECONDS))  # an interval may change meanwhile


def _says_something_else(previous: Listed, listed: Listed) -> bool:
    """Whether a page of the one would differ from a page of the other, sizes apart."""
    before, now = previous.inventory, listed.inventory
    return previous.plan is not listed.plan or (before.engine, before.refused, before.roots) != (
        now.engine,
        now.refused,
        now.roots,
    )


def _be_idle() -> None:
    """Read from disk only when nobody else does. CPU priority stays: this thread holds the interpreter's lock."""
    try:
        psutil.Process(threading.get_native_id()).ionice(psutil.IOPRIO_CLASS_IDLE)
    except (psutil.Error, OSError) as error:
        _log.debug("no idle I/O class for thread %s of %s: %s", threading.get_native_id(), os.getpid(), error)
