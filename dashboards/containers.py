"""Containers: writable layers, logs and tmpfs mounts; what is written where it will be lost."""

from __future__ import annotations

from dashboards import common
from dashboards.common import FULL, largest, per_day, shown
from dashboards.panels import Column, Json, Query, Row, bars, dashboard, stat, table, timeseries, variable
from dashboards.query import SELECTED, by, join, without
from dashboards.recording import CONTAINER_COUNT, LAYERS, LOGS
from docker_storage_exporter.collector import catalogue as c

_KEYS = ("instance", "container")
_CHOSEN = '=~"$container"'
_LEGEND = "{{container}} on {{instance}}"
_DAY = 86400


def build() -> Json:
    """The dashboard."""
    info = f'{c.CONTAINER_INFO.name}{{job=~"$job",instance=~"$instance"}}'
    container = variable("container", "Container", f"label_values({info}, container)")
    return dashboard(
        common.CONTAINERS,
        "Docker storage / Containers",
        "What containers write into their writable layers, logs and tmpfs mounts.",
        [_totals(), _all(), _lost(), _layers(), _logs(), _tmpfs()],
        [*common.variables(), container],
    )


def _totals() -> Row:
    rotated = without("max", ["source"], SELECTED(c.LOG_LIMIT, source='="engine"'))
    unlimited = f"{SELECTED(c.LOG_BYTES)} unless {rotated}"
    return Row(
        "All containers",
        [
            stat("Containers", "How many containers there are, in any state.", "short",
                 Query(f"sum({SELECTED(CONTAINER_COUNT)})", "containers")),
            stat("Writable layers", "Bytes allocated by all writable layers.", "bytes",
                 Query(f"sum({SELECTED(LAYERS.host_size)})", "allocated")),
            stat("Growth of layers per day",
                 "Growth of all writable layers in the last 24 hours; at the last hour's pace until then.", "bytes",
                 Query(per_day(LAYERS), "per day"), none="not known yet"),
            stat("Logs", "Bytes allocated by all log files.", "bytes",
                 Query(f"sum({SELECTED(LOGS.host_size)})", "allocated")),
            stat("Logs without limit", "Bytes in log files that nothing rotates.", "bytes",
                 Query(f"sum({unlimited})", "bytes"), none="0 B", instant=True),
            stat("Memory in tmpfs mounts", "Memory used by the tmpfs mounts of all running containers.", "bytes",
                 Query(f"sum({SELECTED(c.TMPFS_USED)})", "used"), none="none", instant=True),
        ],
        [4, 4, 4, 4, 4, 4],
        4,
    )  # fmt: skip


def _all() -> Row:
    columns = {
        "instance": Column("Host", link=common.host_link(common.OVERVIEW)),
        "container": Column("Container", link=common.container_link()),
        "image": Column("Image"),
        "compose_project": Column("Compose project"),
        "layer": Column("Writable layer", "bytes", gauge=True),
        "layer growth": Column("Growth per day", "bytes"),
        "inodes": Column("Inodes", "short"),
        "log": Column("Log", "bytes"),
        "log limit": Column("Log limit", "bytes"),
        "created": Column("Created", "dateTimeFromNow"),
    }
    facts = ("image", "compose_project")
    identity = by("max", (*_KEYS, *facts), SELECTED(c.CONTAINER_INFO))
    layer = by("sum", _KEYS, SELECTED(c.LAYER_ALLOCATED))
    panel = table(
        "Containers",
        "Every container of the selected hosts; no log limit means that the log grows without end.",
        columns,
        Query(join(layer, f"({identity})", _KEYS, facts), "layer"),
        Query(by("sum", _KEYS, SELECTED(LAYERS.growth("24h"))) + f" * {_DAY}", "layer growth"),
        Query(by("sum", _KEYS, SELECTED(c.LAYER_INODES)), "inodes"),
        Query(by("sum", _KEYS, SELECTED(c.LOG_BYTES)), "log"),
        Query(by("min", _KEYS, SELECTED(c.LOG_LIMIT)), "log limit"),
        Query(by("max", _KEYS, SELECTED(c.CONTAINER_CREATED)) + " * 1000", "created"),
        sort="Writable layer",
    )
    return Row("Which containers?", [panel], [24], 12)


def _lost() -> Row:
    growth = f"{SELECTED(LAYERS.growth('24h'))} > 0"
    stopped = f"{SELECTED(c.LAYER_ALLOCATED)} and on (job, instance, container) "
    idle = SELECTED(c.CONTAINER_STATE, state='=~"exited|dead|created"')
    stopped += f"({idle} == 1)"
    return Row(
        "What is written where it will be lost?",
        [
            bars("Growing writable layers", "Growth in the last 24 hours: gone with its container.", "bytes",
                 Query(f"{largest(15, _KEYS, growth)} * {_DAY}", _LEGEND)),
            bars("Layers of containers that do not run", "Bytes that removing these containers frees.", "bytes",
                 Query(largest(15, _KEYS, stopped), _LEGEND)),
        ],
        [12, 12],
    )  # fmt: skip


def _layers() -> Row:
    layer = shown(_KEYS, SELECTED(c.LAYER_ALLOCATED, container=_CHOSEN))
    apparent = shown(_KEYS, SELECTED(c.LAYER_APPARENT, container=_CHOSEN))
    limit = without("min", ["source"], SELECTED(c.LAYER_LIMIT, container=_CHOSEN))
    share = f"{SELECTED(c.LAYER_ALLOCATED, container=_CHOSEN)} / {limit}"
    growth = shown(_KEYS, SELECTED(LAYERS.growth("1h"), container=_CHOSEN))
    return Row(
        "Writable layers of the chosen containers, at most 20 at a time",
        [
            timeseries("Size of writable layers", "Allocated bytes of each writable layer.", "bytes",
                       Query(layer, _LEGEND), per_object=True),
            timeseries("Growth of writable layers", "Growth per day, at the pace of the last hour.", "bytes",
                       Query(f"{growth} * {_DAY}", _LEGEND), per_object=True),
            timeseries("Apparent size of writable layers", "Lengths of the files in each writable layer.", "bytes",
                       Query(apparent, _LEGEND), per_object=True),
            timeseries("Use of layer quotas", "Share of its quota that a writable layer uses, where it has one.",
                       "percentunit", Query(shown(_KEYS, share), _LEGEND), steps=FULL, maximum=1, per_object=True),
        ],
        [6, 6, 6, 6],
    )  # fmt: skip


def _logs() -> Row:
    log = SELECTED(c.LOG_BYTES, container=_CHOSEN)
    limit = without("min", ["source"], SELECTED(c.LOG_LIMIT, container=_CHOSEN))
    share = f"{log} / {limit}"
    growth = shown(_KEYS, SELECTED(LOGS.growth("1h"), container=_CHOSEN))
    drivers = by("count", ("driver",), SELECTED(c.LOG_INFO, container=_CHOSEN))
    return Row(
        "Logs of the chosen containers, at most 20 at a time",
        [
            timeseries("Size of logs", "Allocated bytes of each container's log files, rotations included.", "bytes",
                       Query(shown(_KEYS, log), _LEGEND), per_object=True),
            timeseries("Growth of logs", "Growth per day, at the pace of the last hour.", "bytes",
                       Query(f"{growth} * {_DAY}", _LEGEND), per_object=True),
            timeseries("Use of log limits", "Share of what its log files may grow to, where they are limited.",
                       "percentunit", Query(shown(_KEYS, share), _LEGEND), per_object=True),
            stat("Log drivers", "How many containers use each log driver.", "short",
                 Query(drivers, "{{driver}}"), named=True),
        ],
        [7, 7, 6, 4],
    )  # fmt: skip


def _tmpfs() -> Row:
    keys, legend = (*_KEYS, "destination"), "{{container}} {{destination}} on {{instance}}"
    used, size = SELECTED(c.TMPFS_USED, container=_CHOSEN), SELECTED(c.TMPFS_SIZE, container=_CHOSEN)
    return Row(
        "tmpfs mounts of the chosen containers, at most 20 at a time",
        [
            timeseries("Memory in tmpfs mounts", "Memory that each tmpfs mount uses.", "bytes",
                       Query(shown(keys, used), legend), per_object=True),
            timeseries("Use of tmpfs limits", "Share of its size that each mount uses.", "percentunit",
                       Query(shown(keys, f"{used} / ({size} > 0)"), legend),
                       steps=FULL, maximum=1, per_object=True),
        ],
        [12, 12],
    )  # fmt: skip
