"""What the dashboards have in common: their addresses, their variables, and expressions that more than one shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dashboards.panels import Steps, link, variable
from dashboards.query import SELECTED, by
from dashboards.recording import FILESYSTEM_TREND, Object
from dashboards.settings import Settings
from docker_storage_exporter.collector import catalogue as c

OVERVIEW = "docker-storage-overview"
VOLUMES = "docker-storage-volumes"
CONTAINERS = "docker-storage-containers"
BIND_MOUNTS = "docker-storage-bind-mounts"
HEALTH = "docker-storage-health"

_SETTINGS = Settings()
_LINES = 20
_DAY = 86400
HOST_OF_ROW = "${__data.fields.Host:percentencode}"
FULL = Steps(1 - _SETTINGS.full_warning_avail, 1 - _SETTINGS.full_critical_avail)
"""The colours of a share that is used: those of the alerts."""
SOON = Steps(_SETTINGS.fill_warning_horizon.seconds * 3, _SETTINGS.fill_warning_horizon.seconds, falling=True)
"""The colours of a time that is left."""

USED = f"1 - {SELECTED(c.FILESYSTEM_AVAIL)} / {SELECTED(c.FILESYSTEM_SIZE)}"
"""The share of each filesystem that Docker stores things on that is used."""
FULL_IN = f"{SELECTED(c.FILESYSTEM_AVAIL)} / -({SELECTED(FILESYSTEM_TREND)} < 0)"
"""Seconds until each filesystem is full, going on as in the last six hours; nothing where it is not filling."""


def variables() -> list[Any]:
    """The variables of every dashboard: which jobs, which hosts."""
    return [
        variable("job", "Job", f"label_values({c.BUILD_INFO.name}, job)"),
        variable("instance", "Instance", f'label_values({c.BUILD_INFO.name}{{job=~"$job"}}, instance)'),
    ]


def largest(number: int, labels: tuple[str, ...], expression: str) -> str:
    """The largest few, by these labels."""
    return f"topk({number}, {by('sum', labels, expression)})"


def per_day(*kinds: Object) -> str:
    """Bytes that all objects of these kinds grow in a day: of the last day, or at the last hour's pace until then.

    Nothing where neither is known yet, which is not the same as no growth.
    """
    return " or ".join(f"sum({_all(kinds, window)}) * {_DAY}" for window in ("24h", "1h"))


def _all(kinds: Iterable[Object], window: str) -> str:
    """The growth of several kinds as one vector: a kind that is not known yet leaves the others standing.

    They get a label each, since `or` drops what has the labels of its left side.
    """
    growths = [SELECTED(kind.host_growth(window)) for kind in kinds]
    return " or ".join(f'label_replace({growth}, "kind", "{number}", "", "")' for number, growth in enumerate(growths))


def shown(labels: tuple[str, ...], expression: str) -> str:
    """As many series as a panel over time can show: with everything chosen, a fleet has thousands."""
    return by("sum", labels, f"topk({_LINES}, {expression})")


def volume_link() -> str:
    """The detail view of the volume that a row of a table is about."""
    return link(VOLUMES, instance=HOST_OF_ROW, volume="${__data.fields.Volume:percentencode}")


def container_link() -> str:
    """The detail view of the container that a row of a table is about."""
    return link(CONTAINERS, instance=HOST_OF_ROW, container="${__data.fields.Container:percentencode}")


def host_link(uid: str) -> str:
    """A dashboard of the host that a row of a table is about."""
    return link(uid, instance=HOST_OF_ROW)
