"""Everything measured once, now: as fast as it goes for a user who waits, within a budget for a timer's job."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.reasons import reason_for
from docker_storage_exporter.layout import rules_of
from docker_storage_exporter.measure import device_of, measure
from docker_storage_exporter.model.objects import Inventory
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.model.sizes import Source
from docker_storage_exporter.model.snapshot import Snapshot
from docker_storage_exporter.schedule.budget import Budget
from docker_storage_exporter.schedule.crew import Crew
from docker_storage_exporter.schedule.jobs import Job, OverdueError, Work
from docker_storage_exporter.schedule.ledger import Ledger
from docker_storage_exporter.schedule.listing import Locator
from docker_storage_exporter.settings import Settings
from docker_storage_exporter.sizer import Control
from docker_storage_exporter.survey import assemble

Progress = Callable[[int, int, Control], None]


def measure_everything(
    settings: Settings,
    listed: Inventory,
    host: Host,
    progress: Progress,
    control: Control,
    budget: Budget | None = None,
) -> Snapshot:
    """One complete snapshot of what was listed. What makes no progress for the time of the settings is left out.

    `progress` is called with the number of sources done, of all sources, and the control of the walk, before each one.
    With a budget each source waits for its turn and is walked at the budget's pace, at the lowest priority; the control
    is then ignored.
    """
    crew, ledger = Crew(settings.scan_timeout), Ledger()
    crew.begin_watching()
    try:
        located = Locator(host, crew).locate(listed, rules_of(settings))
        ledger.keep(located.sources)
        for done, source in enumerate(located.sources):
            progress(done, len(located.sources), control)
            if budget is None:
                _measure(source, host, crew, ledger, control)
            else:
                _measure_within(budget, source, host, crew, ledger)
        progress(len(located.sources), len(located.sources), control)
    except BaseException:
        control.stop()
        raise
    finally:
        crew.stop()
    return assemble(located.inventory, located.plan, ledger.known(), time.time(), settings.collector_max_objects)


def _measure(source: Source, host: Host, crew: Crew, ledger: Ledger, control: Control) -> float:
    """Measure a source and write down how that ended; the CPU seconds that it took."""
    device = partial(device_of, source, host)
    if not crew.may_touch(device):  # others wait for it already
        ledger.fail(source, Unmeasured.STUCK)
        return 0.0
    job = Job(Work.MEASUREMENT, source.path, device, lambda: control.beats)
    try:
        outcome = crew.call(job, lambda: measure(source, host, control))
    except OSError as error:
        ledger.fail(source, reason_for(error))
    except OverdueError:
        ledger.fail(source, Unmeasured.STUCK)
    except MemoryError:
        ledger.fail(source, Unmeasured.INTERNAL)
    else:
        ledger.record(source, outcome)
        return outcome.cpu_seconds
    return 0.0


def _measure_within(budget: Budget, source: Source, host: Host, crew: Crew, ledger: Ledger) -> None:
    """Measure a source when the budget allows a start, and pay for it."""
    while (pause := budget.wait_seconds()) > 0:
        time.sleep(pause)
    reserved = budget.reserve()
    used = _measure(source, host, crew, ledger, Control(burst=reserved, share=min(1.0, budget.duty)))
    budget.settle(reserved, used)
