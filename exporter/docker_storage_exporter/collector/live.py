"""The few series that are read at the moment of the scrape: engine up, free space, the exporter itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from docker_storage_exporter import __version__
from docker_storage_exporter.collector import catalogue as c
from docker_storage_exporter.collector.family import Family
from docker_storage_exporter.confine.sandbox import Sandbox
from docker_storage_exporter.hostfs.filesystem import FilesystemProbes
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.layout import KINDS
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.model.text import printable
from docker_storage_exporter.schedule.budget import Budget
from docker_storage_exporter.schedule.jobs import Work
from docker_storage_exporter.schedule.tally import Tally
from docker_storage_exporter.sizer import implementation
from docker_storage_exporter.store import Store


class EngineStatus(Protocol):
    """Whoever knows which engine this is and whether it answers; None where none is asked."""

    @property
    def product(self) -> str:
        """The name of the engine."""

    @property
    def up(self) -> bool | None:
        """Whether it answered the last time."""

    @property
    def events_heard(self) -> bool | None:
        """Whether the event stream is open now; None where events are not listened to."""

    @property
    def last_event(self) -> float:
        """When the last event came, in seconds since the epoch; 0 for never."""


class Progress(Protocol):
    """Whoever knows whether measuring gets on."""

    @property
    def abandoned(self) -> int:
        """How many jobs did not end."""

    @property
    def is_measuring(self) -> bool:
        """Whether something was measured lately, or nothing has to be."""

    def unexplained_growth(self) -> Mapping[str, int]:
        """Bytes by mount point that nothing measured explains."""


class ConfigStatus(Protocol):
    """Whoever knows whether the settings could be read the last time, and when they last could."""

    successful: bool
    succeeded_at: float


class LiveCollector(Collector):
    """Reads what changes between snapshots.

    `web` knows the web configuration, if there is one; `revision` is what the build was made from, empty when unknown.
    `sandbox` says whether this process can write at all; it is put up after all of this was made.
    """

    def __init__(
        self,
        store: Store,
        tally: Tally,
        budget: Budget,
        engine: EngineStatus,
        config: ConfigStatus,
        host: Host,
        progress: Progress,
        revision: str = "",
        web: ConfigStatus | None = None,
    ) -> None:
        self._store = store
        self._tally = tally
        self._budget = budget
        self._engine = engine
        self._config = config
        self._progress = progress
        self._web = web
        self._revision = revision
        self.sandbox = Sandbox()
        self._probes = FilesystemProbes(host.view)

    def describe(self) -> Iterator[Metric]:
        """The families without samples, so that registering them reads nothing."""
        for family in c.LIVE_FAMILIES:
            yield _metric(family, ())

    def collect(self) -> Iterator[Metric]:
        """The families as they are now."""
        tally, snapshot = self._tally, self._store.latest
        engine = self._engine
        yield _metric(c.ENGINE_UP, [((engine.product,), engine.up)] if engine.up is not None else ())
        heard, last = engine.events_heard, engine.last_event
        yield _metric(c.EVENTS_HEARD, [((engine.product,), heard)] if heard is not None else ())
        yield _metric(c.LAST_EVENT, [((engine.product,), last)] if last else ())
        yield from self._filesystems()
        unexplained = self._progress.unexplained_growth()
        yield _metric(c.UNEXPLAINED_GROWTH, (((path,), number) for path, number in unexplained.items()))
        failures = (((k.value, r.value), tally.failures[k, r]) for k in KINDS for r in Unmeasured)
        yield _metric(c.FAILURES, failures)
        yield _metric(c.BUILD_INFO, [((__version__, self._revision, implementation, engine.product), 1)])
        yield _metric(c.WALKED_ENTRIES, [((), tally.entries)])
        yield _metric(c.WALKED_BYTES, [((), tally.allocated_bytes)])
        yield _metric(c.CPU, (((work.value,), tally.cpu[work]) for work in Work))
        yield _metric(c.MEASUREMENTS, (((k.value,), tally.measurements[k]) for k in KINDS))
        yield _metric(c.MEASUREMENT_SECONDS, (((k.value,), tally.measuring_seconds[k]) for k in KINDS))
        yield _metric(c.BUDGET_USED, [((), self._budget.used_ratio())])
        yield _metric(c.ABANDONED, [((), self._progress.abandoned)])
        yield _metric(c.MEASURING, [((), self._progress.is_measuring)])
        yield _metric(c.LAST_MEASUREMENT, [((), tally.last_measurement)] if tally.last_measurement else ())
        yield _metric(c.INVENTORY_DURATION, [((), tally.inventory_seconds)] if tally.last_inventory else ())
        yield _metric(c.LAST_INVENTORY, [((), tally.last_inventory)] if tally.last_inventory else ())
        yield _metric(c.SNAPSHOT_TIMESTAMP, [((), snapshot.at)] if snapshot else ())
        yield _metric(c.LANDLOCK, [((), self.sandbox.stands)])
        yield _metric(c.CONFIG_RELOAD_SUCCESSFUL, [((), self._config.successful)])
        yield _metric(c.CONFIG_RELOAD_TIMESTAMP, [((), self._config.succeeded_at)])
        yield _metric(c.WEB_CONFIG_RELOAD_SUCCESSFUL, [((), self._web.successful)] if self._web else ())
        yield _metric(c.WEB_CONFIG_RELOAD_TIMESTAMP, [((), self._web.succeeded_at)] if self._web else ())

    def _filesystems(self) -> Iterator[Metric]:
        """Every filesystem under storage roots and objects; no samples for one that does not answer."""
        snapshot = self._store.latest
        filesystems = self._probes.read(snapshot.mountpoints) if snapshot is not None else {}
        yield _metric(c.FILESYSTEM_SIZE, (((path,), one.size_bytes) for path, one in filesystems.items()))
        yield _metric(c.FILESYSTEM_AVAIL, (((path,), one.avail_bytes) for path, one in filesystems.items()))
        yield _metric(c.FILESYSTEM_INODES, (((path,), one.inodes) for path, one in filesystems.items()))
        yield _metric(c.FILESYSTEM_INODES_FREE, (((path,), one.inodes_free) for path, one in filesystems.items()))


def live_registry(collector: LiveCollector) -> CollectorRegistry:
    """A registry with the live families and those of the process itself."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def _metric(family: Family, samples: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    make: Callable[..., GaugeMetricFamily | CounterMetricFamily]
    make = CounterMetricFamily if family.type == "counter" else GaugeMetricFamily
    metric = make(family.base, family.help, labels=family.labels, unit=family.unit)
    for values, number in samples:
        metric.add_metric([printable(value) for value in values], float(number))
    return metric
