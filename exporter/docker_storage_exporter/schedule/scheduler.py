"""The living program: lists, measures within the budget, and publishes snapshots, each in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from docker_storage_exporter.hostfs.filesystem import FilesystemProbes
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.inventory.engine import Change, Engine
from docker_storage_exporter.layout import KINDS, rules_of
from docker_storage_exporter.measure import measure
from docker_storage_exporter.model.keys import ObjectKey
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.model.snapshot import Snapshot
from docker_storage_exporter.schedule.agenda import LARGE_ENTRIES, Lane
from docker_storage_exporter.schedule.attribution import Attribution
from docker_storage_exporter.schedule.budget import Budget
from docker_storage_exporter.schedule.crew import Crew
from docker_storage_exporter.schedule.jobs import Job, StoppedError, Work
from docker_storage_exporter.schedule.lanes import Hearers, Lanes, Measure
from docker_storage_exporter.schedule.ledger import Ledger
from docker_storage_exporter.schedule.listing import Listed, Lister
from docker_storage_exporter.schedule.loops import Loops
from docker_storage_exporter.schedule.memory import Memory, Recollection
from docker_storage_exporter.schedule.publisher import Publisher
from docker_storage_exporter.schedule.tally import Tally
from docker_storage_exporter.settings import Settings

_log = logging.getLogger(__name__)
_EVENT_DELAY_SECONDS = 2.0  # events come in bursts: one list for all of them
_STILL_INTERVALS = 2
_SPACE_SECONDS = 15.0  # between two looks at how much space is left
_STOP_SECONDS = 0.5  # what is measured has so long to end, and then the state file has as long to be written


class Scheduler:
    """Owns the parts and connects them: lists, hands what is wanted to the lanes, has snapshots published and saved.

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
        self.crew = Crew(settings.scan_timeout, clock, self.pay, self._retry_stuck)
        self.loops = Loops()
        self.publisher = Publisher(
            self.ledger,
            self.budget,
            publish,
            self.pay,
            clock,
            settings.publish_interval,
            settings.collector_max_objects,
        )
        self.list_soon = threading.Event()
        self._settings = settings
        self._engine = engine
        self._probes = FilesystemProbes(host.view)
        self._clock = clock
        self._rules = rules_of(settings)
        hearers = Hearers(self.publisher.changed.set, self._inspect_again, self.begin_lane)
        interval = settings.scan_interval
        self.lanes = Lanes(host, self.crew, self.ledger, self.budget, self.tally, measure, hearers, interval, clock)
        self._lister = Lister(engine, host, self.crew, self.list_soon.set)
        self._listed: Listed | None = None
        self._recollection = Recollection(memory, self.ledger, clock, settings.state_interval) if memory else None
        self._began = clock()
        self._listing_cost = 0.0

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
        if self._listed is None or all(source.settled for source in self._listed.sources):
            return True
        last = max(self._began, self.crew.progress.get(Work.MEASUREMENT, 0.0))
        return self._clock() - last <= _STILL_INTERVALS * self._settings.scan_interval

    def renew(self) -> None:
        """List what exists and plan where it is. Raises ExporterError as Lister.list does."""
        started, cpu = self._clock(), time.thread_time()
        self.list_soon.clear()
        listed = self._lister.list(self._rules)
        previous, self._listed = self._listed, listed
        if previous is None or previous.sources is not listed.sources:
            self._measure_these(listed)
        if previous is None or previous.plan is not listed.plan:
            self.attribution.watch(listed.inventory, listed.plan, listed.sources)
        self._explain_stored(listed)
        self.pay(Work.LISTING, time.thread_time() - cpu)
        self.tally.listed(listed.inventory.at, self._clock() - started)
        if previous is None or _says_something_else(previous, listed):
            self.publisher.changed.set()

    def _explain_stored(self, listed: Listed) -> None:
        """What an image store grew by is known without a walk: a pull, or a build."""
        mountpoint = next((root.mountpoint for root in listed.inventory.roots if root.role == "images"), "")
        if mountpoint:
            self.attribution.explain_stored(mountpoint, sum(facts.stored_bytes for facts in listed.stores.facts))

    def _measure_these(self, listed: Listed) -> None:
        """Want the sources of a listing; those that the memory holds are as old there as they are."""
        self.ledger.keep(listed.sources)
        recalled = self._recollection.recall(listed) if self._recollection else {}
        ages = {source: listed.inventory.at - kept.at for source, kept in recalled.items()}
        large = {source for source, kept in recalled.items() if (kept.size.inodes or 0) > LARGE_ENTRIES}
        self.lanes.replace(listed.sources, ages, large)

    def publish_due(self) -> float:
        """Publish a new snapshot if one is due; seconds to the next call."""
        return self.publisher.publish_due(self._listed)

    def look_at_space(self) -> float:
        """Read how much space is left, and measure first what may have taken it; seconds to the next look."""
        cpu = time.thread_time()
        self.attribution.look(self._probes.read(tuple(self.attribution.mountpoints)), time.time())
        suspects = self.attribution.suspects(self.ledger.measured_at)
        self.lanes.put_first(suspects)
        for source in suspects:
            _log.debug("%s is measured first: its filesystem loses space that nothing explains", source.path)
        self.pay(Work.LOOK, time.thread_time() - cpu)
        return _SPACE_SECONDS

    def save_due(self) -> float:
        """Save what was measured if the last time is long enough ago; seconds to the next call."""
        if self._recollection is None:
            return self._settings.state_interval
        delay = self._recollection.seconds_to_save()
        if delay > 0:
            return delay
        cpu = time.thread_time()
        self._recollection.save(self._listed)
        self.pay(Work.STATE, time.thread_time() - cpu)
        return self._settings.state_interval

    def apply(self, settings: Settings) -> None:
        """Go on with other settings: intervals, duty, rules and the most objects. A walk under way keeps its pace."""
        self._settings, self._rules = settings, rules_of(settings)
        self.budget.change_duty(settings.scan_duty)
        self.crew.timeout = settings.scan_timeout
        self.lanes.change_interval(settings.scan_interval)
        self.lanes.share_out()
        self.publisher.interval, self.publisher.limit = settings.publish_interval, settings.collector_max_objects
        if self._recollection is not None:
            self._recollection.interval = settings.state_interval
        self.publisher.changed.set()
        self.list_soon.set()

    def hint(self, change: Change) -> None:
        """Something changed at the engine: list soon, and do what the change asks for besides."""
        if change.inspect:
            self._engine.inspect_again([change.inspect])
        if change.destroyed is not None:
            self._forget(change.destroyed)
        self.list_soon.set()

    def start(self) -> None:
        """List for the first time, publish, then go on in the background. Raises ExporterError as `renew` does."""
        self.crew.begin_watching()
        self.renew()
        self.publish_due()
        loops: list[tuple[str, Callable[[], float]]] = [("inventory", self._renew_again), ("publish", self.publish_due)]
        loops += [("space", self._look_at_space_again)]
        loops += [("state", self.save_due)] if self._recollection is not None else []
        for name, step in loops:
            self.loops.begin(name, step)
        for lane in Lane:
            self.begin_lane(lane)

    def stop(self) -> None:
        """End all threads, cutting walks short, and keep what was measured; within two seconds, whatever hangs.

        What is stuck in the kernel is left to the end of the process.
        """
        self.loops.stop()
        self.list_soon.set()
        self.lanes.stop()
        self.loops.join(_STOP_SECONDS)
        if self._recollection is not None and not self.loops.is_alive("state"):
            save = partial(self._recollection.save, self._listed)
            with suppress(StoppedError):  # a second call: all is saved already
                self.crew.start(Job(Work.STATE, "state file"), save).wait(_STOP_SECONDS)
        self.crew.stop()
        self._engine.close()

    def begin_lane(self, lane: Lane) -> None:
        """Start a thread that does a lane's work; also in place of one that hangs."""
        self.loops.begin(f"measure-{lane.value}", partial(self.lanes.measure_next, lane))

    def _retry_stuck(self) -> None:
        """What hung has ended: try at once all that did not answer before."""
        self.lanes.hurry(self.ledger.failed(Unmeasured.STUCK))
        self.list_soon.set()

    def _forget(self, destroyed: tuple[str, str]) -> None:
        """An object was destroyed. If there is one of its name again, it is another one, and measured as such."""
        kind, identity = destroyed
        if self._listed is None:
            return
        kinds = [candidate for candidate in KINDS if candidate == kind or candidate.startswith(f"{kind}_")]
        places = [self._listed.plan.place(ObjectKey(candidate, "", identity)) for candidate in kinds]
        sources = [place.source for place in places if place.source]
        for source in sources:
            self.ledger.end_lineage(source)
        self.lanes.hurry(sources)
        self.publisher.changed.set()

    def pay(self, work: Work, seconds: float) -> None:
        """Pay CPU seconds out of the budget, for whatever work."""
        self.budget.charge(seconds)
        self.tally.paid(work, seconds)

    def _renew_again(self) -> float:
        """Wait for the interval or for a reason to list sooner, then list."""
        stopping = self.loops.stopping
        if self.list_soon.wait(self._settings.inventory_interval):
            stopping.wait(max(_EVENT_DELAY_SECONDS, self.budget.rest(self._listing_cost)))
        if not stopping.is_set():
            before = self._listing_seconds()
            self.renew()
            self._listing_cost = self._listing_seconds() - before
        return 0.0

    def _listing_seconds(self) -> float:
        return sum(self.tally.cpu[work] for work in (Work.LISTING, Work.STORE, Work.LOOK))

    def _look_at_space_again(self) -> float:
        self.loops.stopping.wait(self.look_at_space())
        return 0.0

    def _inspect_again(self, container: str) -> None:
        self.hint(Change(inspect=container))


def _says_something_else(previous: Listed, listed: Listed) -> bool:
    """Whether a page of the one would differ from a page of the other, sizes apart."""
    before, now = previous.inventory, listed.inventory
    return previous.plan is not listed.plan or (before.engine, before.refused, before.roots) != (
        now.engine,
        now.refused,
        now.roots,
    )
