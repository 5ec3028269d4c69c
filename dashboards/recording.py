"""The recording rules: how much there is of each kind, and how fast it grows, per object, host and fleet.

A growth is recorded only of a size that was measured often enough inside the window, of which every entry could be
read, and whose numbers can be compared over the whole of it: those of the same object, measured in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dashboards.query import Recorded, Scope, without
from dashboards.settings import Duration, Settings
from docker_storage_exporter.collector import catalogue as c
from docker_storage_exporter.collector.family import Family


@dataclass(frozen=True, slots=True)
class Object:
    """A kind of object with sizes. `adds_up` says whether their sum counts nothing twice."""

    size: Family
    lineage: Family
    measured: Family | None = None
    unreadable: Family | None = None
    adds_up: bool = True

    @property
    def key(self) -> str:
        """The label that names an object."""
        return self.size.labels[0]

    def growth(self, window: str) -> Recorded:
        """Bytes per second of each object over `1h` or `24h`."""
        return Recorded(self.size, ("instance", self.key), f"deriv{window}")

    def host_growth(self, window: str) -> Recorded:
        """Bytes per second of all objects of a host."""
        return Recorded(self.size, ("instance",), f"deriv{window}")

    def fleet_growth(self, window: str) -> Recorded:
        """Bytes per second of all objects of all hosts of a job."""
        return Recorded(self.size, ("job",), f"deriv{window}")

    @property
    def host_size(self) -> Recorded:
        """Bytes of all objects of a host."""
        return Recorded(self.size, ("instance",), "sum")

    @property
    def fleet_size(self) -> Recorded:
        """Bytes of all objects of all hosts of a job."""
        return Recorded(self.size, ("job",), "sum")


VOLUMES = Object(c.VOLUME_ALLOCATED, c.VOLUME_LINEAGE, c.VOLUME_MEASURED, c.VOLUME_UNREADABLE)
LAYERS = Object(c.LAYER_ALLOCATED, c.LAYER_LINEAGE, c.LAYER_MEASURED, c.LAYER_UNREADABLE)
LOGS = Object(c.LOG_BYTES, c.LOG_LINEAGE)
BINDS = Object(c.BIND_ALLOCATED, c.BIND_LINEAGE, c.BIND_MEASURED, c.BIND_UNREADABLE, adds_up=False)
OBJECTS = (VOLUMES, LAYERS, LOGS, BINDS)

WINDOWS = ("1h", "24h")
DANGLING_BYTES = Recorded(c.VOLUME_ALLOCATED, ("instance",), "sum_dangling")
DANGLING_COUNT = Recorded(c.VOLUME_CONTAINERS, ("instance",), "count_dangling")
VOLUME_COUNT = Recorded(c.VOLUME_CONTAINERS, ("instance",), "count")
CONTAINER_COUNT = Recorded(c.CONTAINER_CREATED, ("instance",), "count")
BINDS_FLEET_SIZE = Recorded(c.BIND_DISTINCT, ("job",), "sum")
FILESYSTEM_TREND = Recorded(c.FILESYSTEM_AVAIL, ("instance", *sorted(c.FILESYSTEM_AVAIL.labels)), "deriv6h")


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording rule."""

    record: Recorded
    expr: str


def growth_expression(scope: Scope, kind: Object, window: Duration, measurements: int) -> str:
    """Bytes per second, only where the window holds enough to tell."""
    # A size that changed so often was measured at least that often: the best there is for what has no timestamp.
    evidence = kind.measured or kind.size
    lines = [
        f"deriv({scope(kind.size, window=window)})",
        f"and (changes({scope(evidence, window=window)}) >= {measurements})",
        f"and {comparable(scope, kind, window)}",
        unmixed(scope, kind, window),
    ]
    if kind.unreadable:
        lines.append(f"unless (max_over_time({scope(kind.unreadable, window=window)}) > 0)")
    return "\n".join(lines)


def comparable(scope: Scope, kind: Object, window: Duration) -> str:
    """Whether all sizes of a window are those of one object, measured in one way."""
    return f"(time() - {scope(kind.lineage)} >= {window.seconds:g})"


def unmixed(scope: Scope, kind: Object, window: Duration) -> str:
    """Drop windows that hold a size of an earlier lineage, and those of a server that has seen too little of this one.

    A lineage starts when its first size is measured. That size is on the page a few seconds later, and a scrape in
    between still gets the old one: the lineage that the server saw at the start of the window has to be this one.
    A server that is new, or was away, has to have seen the object half a window ago.
    """
    lineage, halfway = scope(kind.lineage), window * 0.5
    seen = f"present_over_time({scope(kind.size, window=window * 0.125)} offset {halfway})"
    return f"unless ({lineage} offset {window} != {lineage})\nand {seen}"


def sizes(settings: Settings, scope: Scope) -> Iterator[Recording]:
    """How much there is of each kind, per host and fleet."""
    for kind in OBJECTS:
        if kind.adds_up:
            yield Recording(kind.host_size, without("sum", [kind.key], scope(kind.size)))
            yield Recording(kind.fleet_size, without("sum", ["instance"], scope(kind.host_size)))
    yield Recording(BINDS_FLEET_SIZE, without("sum", ["instance"], scope(c.BIND_DISTINCT)))
    volumes = scope(c.VOLUME_CONTAINERS)
    yield Recording(VOLUME_COUNT, without("count", ["volume"], volumes))
    yield Recording(CONTAINER_COUNT, without("count", ["container"], scope(c.CONTAINER_CREATED)))
    dangling = without("count", ["volume"], f"{volumes} == 0")
    yield Recording(DANGLING_COUNT, f"{dangling}\nor 0 * {scope(VOLUME_COUNT)}")
    dangling = without("sum", ["volume"], f"{scope(c.VOLUME_ALLOCATED)} and ({volumes} == 0)")
    yield Recording(DANGLING_BYTES, f"{dangling}\nor 0 * {scope(VOLUMES.host_size)}")
    yield Recording(FILESYSTEM_TREND, trend_expression(scope, settings.trend))


def trend_expression(scope: Scope, window: Duration) -> str:
    """Bytes per second that filesystems lose, only where a sixth of the window is known: a minute tells nothing."""
    sixth = window * (1 / 6)
    seen = f"present_over_time({scope(c.FILESYSTEM_AVAIL, window=sixth)} offset {sixth})"
    return f"deriv({scope(c.FILESYSTEM_AVAIL, window=window)})\nand {seen}"


def growth(settings: Settings, scope: Scope, window: str) -> Iterator[Recording]:
    """How fast each object grows, and each kind per host and fleet."""
    length = {"1h": settings.hour, "24h": settings.day}[window]
    for kind in OBJECTS:
        yield Recording(kind.growth(window), growth_expression(scope, kind, length, settings.measurements))
    for kind in OBJECTS:
        if kind.adds_up:
            yield Recording(kind.host_growth(window), without("sum", [kind.key], scope(kind.growth(window))))
            yield Recording(kind.fleet_growth(window), without("sum", ["instance"], scope(kind.host_growth(window))))


def recorded_names() -> frozenset[str]:
    """The name of every recorded series."""
    settings, scope = Settings(), Scope()
    rules = [*sizes(settings, scope), *growth(settings, scope, "1h"), *growth(settings, scope, "24h")]
    return frozenset(rule.record.name for rule in rules)
