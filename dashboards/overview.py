"""Docker storage overview: how full, when full, of what, what grows, and what is wrong; for a fleet or one host."""

from __future__ import annotations

from dashboards import common
from dashboards.common import FULL, FULL_IN, SOON, USED, largest, per_day
from dashboards.panels import Column, Json, Query, Row, Steps, bars, dashboard, stat, table, text, timeseries
from dashboards.query import SELECTED, by, join
from dashboards.recording import (
    CONTAINER_COUNT,
    DANGLING_BYTES,
    DANGLING_COUNT,
    LAYERS,
    LOGS,
    VOLUME_COUNT,
    VOLUMES,
)
from docker_storage_exporter.collector import catalogue as c

_KINDS = (("volumes", VOLUMES), ("writable layers", LAYERS), ("logs", LOGS))
_DAY = 86400


def build() -> Json:
    """The dashboard."""
    return dashboard(
        common.OVERVIEW,
        "Docker storage / Overview",
        "How full the disks of Docker hosts are, when they will be full, and what fills them.",
        [_now(), _made_of(), _growing(), _largest(), _hosts(), _beside_images(), _images(), _alerts()],
        common.variables(),
    )


def _now() -> Row:
    return Row(
        "How full, and when full?",
        [
            stat("Fullest filesystem", "Largest share that is used of a filesystem under Docker.", "percentunit",
                 Query(f"max({USED})", "used"), steps=FULL),
            stat("First one full in", "Time until it is full, going on as in the last six hours.", "s",
                 Query(f"min({FULL_IN})", "left"), steps=SOON, none="not filling", none_color="green", instant=True),
            stat("Growth per day",
                 "Growth of volumes, writable layers and logs in the last day; at the last hour's pace until then.",
                 "bytes", Query(per_day(*(kind for _, kind in _KINDS)), "per day"), none="not known yet"),
            stat("Dangling volumes", "Bytes in volumes that no container mounts, in any state.", "bytes",
                 Query(f"sum({SELECTED(DANGLING_BYTES)})", "dangling")),
            stat("Hosts, volumes, containers", "How many exporters, volumes and containers are selected.", "short",
                 Query(f"count({SELECTED(c.BUILD_INFO)})", "hosts"),
                 Query(f"sum({SELECTED(VOLUME_COUNT)})", "volumes"),
                 Query(f"sum({SELECTED(CONTAINER_COUNT)})", "containers")),
            stat("Alerts firing", "Alerts of these rules that fire now.", "short",
                 Query(f"count({_firing('=')}) or vector(0)", "critical"),
                 Query(f"count({_firing('!=')}) or vector(0)", "other"),
                 colors={"critical": Steps(1, 1), "other": Steps(1, 10**6)}),
        ],
        [4, 4, 4, 4, 5, 3],
        4,
    )  # fmt: skip


def _firing(operator: str) -> str:
    """The firing alerts that are critical, or those that are not."""
    severity = f'{operator}"critical"'
    return SELECTED.foreign("ALERTS", alertname='=~"Docker.+"', alertstate='="firing"', severity=severity)


def _made_of() -> Row:
    sizes = [Query(f"sum({SELECTED(kind.host_size)})", name) for name, kind in _KINDS]
    growth = [Query(f"sum({SELECTED(kind.host_growth('1h'))}) * {_DAY}", name) for name, kind in _KINDS]
    free = by("sum", ("instance", "mountpoint"), SELECTED(c.FILESYSTEM_AVAIL))
    return Row(
        "What is it made of?",
        [
            timeseries("Volumes, writable layers, logs and images",
                       "Allocated bytes of each kind, on top of each other; what images share counts once.",
                       "bytes", *sizes, Query(f"sum({SELECTED(c.IMAGES_DISTINCT)})", "images"), stacked=True),
            timeseries("Growth by kind", "Growth per day of each kind, at the last hour's pace.", "bytes", *growth),
            timeseries("Filesystem use", "Share of each filesystem under Docker that is used.", "percentunit",
                       Query(by("max", ("instance", "mountpoint"), USED), "{{instance}} {{mountpoint}}"),
                       steps=FULL, maximum=1, per_object=True),
            timeseries("Free space", "Bytes left in each filesystem under Docker.", "bytes",
                       Query(free, "{{instance}} {{mountpoint}}"), per_object=True, least_first=True),
        ],
        [12, 12, 12, 12],
    )  # fmt: skip


def _growing() -> Row:
    day, legend = f" * {_DAY}", "{{volume}} on {{instance}}"
    volume, container = ("instance", "volume"), ("instance", "container")
    return Row(
        "What grows most?",
        [
            bars("Fastest growing volumes", "Growth of each volume in the last 24 hours.", "bytes",
                 Query(largest(10, volume, f"{SELECTED(VOLUMES.growth('24h'))} > 0") + day, legend)),
            bars("Fastest growing writable layers", "Growth of each container's writable layer in the last 24 hours.",
                 "bytes",
                 Query(largest(10, container, f"{SELECTED(LAYERS.growth('24h'))} > 0") + day,
                       "{{container}} on {{instance}}")),
            bars("Fastest growing logs", "Growth of each container's log files in the last 24 hours.", "bytes",
                 Query(largest(10, container, f"{SELECTED(LOGS.growth('24h'))} > 0") + day,
                       "{{container}} on {{instance}}")),
        ],
        [8, 8, 8],
    )  # fmt: skip


def _largest() -> Row:
    volume, container = ("instance", "volume"), ("instance", "container")
    return Row(
        "What is largest?",
        [
            bars("Largest volumes", "Allocated bytes of each volume.", "bytes",
                 Query(largest(10, volume, SELECTED(c.VOLUME_ALLOCATED)), "{{volume}} on {{instance}}")),
            bars("Largest writable layers", "Allocated bytes of each container's writable layer.", "bytes",
                 Query(largest(10, container, SELECTED(c.LAYER_ALLOCATED)), "{{container}} on {{instance}}")),
            bars("Largest logs", "Allocated bytes of each container's log files.", "bytes",
                 Query(largest(10, container, SELECTED(c.LOG_BYTES)), "{{container}} on {{instance}}")),
        ],
        [8, 8, 8],
    )  # fmt: skip


def _hosts() -> Row:
    host = ("instance",)
    columns = {
        "instance": Column("Host", link=common.host_link(common.OVERVIEW)),
        "used": Column("Used", "percentunit", gauge=True),
        "full in": Column("Full in", "s"),
        "volumes": Column("Volumes", "bytes", link=common.host_link(common.VOLUMES)),
        "layers": Column("Writable layers", "bytes", link=common.host_link(common.CONTAINERS)),
        "logs": Column("Logs", "bytes", link=common.host_link(common.CONTAINERS)),
        "growth": Column("Volume growth per day", "bytes", width=180),
        "dangling": Column("Dangling", "bytes"),
        "dangling volumes": Column("Dangling volumes", "short"),
    }
    panel = table(
        "Hosts",
        "Every selected host; a click on a number leads to what it is made of.",
        columns,
        Query(by("max", host, USED), "used"),
        Query(by("min", host, FULL_IN), "full in"),
        Query(by("sum", host, SELECTED(VOLUMES.host_size)), "volumes"),
        Query(by("sum", host, SELECTED(LAYERS.host_size)), "layers"),
        Query(by("sum", host, SELECTED(LOGS.host_size)), "logs"),
        Query(by("sum", host, SELECTED(VOLUMES.host_growth("24h"))) + f" * {_DAY}", "growth"),
        Query(by("sum", host, SELECTED(DANGLING_BYTES)), "dangling"),
        Query(by("sum", host, SELECTED(DANGLING_COUNT)), "dangling volumes"),
        sort="Used",
    )
    return Row("Which host?", [panel], [24], 9)


def _images() -> Row:
    keys = ("instance", "image_id")
    columns = {
        "instance": Column("Host", link=common.host_link(common.OVERVIEW)),
        "image": Column("Image", width=260),
        "alone": Column("Its alone", "bytes", gauge=True),
        "shared": Column("Shared", "bytes"),
        "containers": Column("Containers", "short"),
        "age": Column("Age", "s"),
        "image_id": Column("Id"),
    }
    info = SELECTED(c.IMAGE_INFO)
    named = [
        Query(join(by("sum", keys, expression), info, keys, ("image",)), name)
        for name, expression in (
            ("alone", SELECTED(c.IMAGE_UNIQUE)),
            ("shared", SELECTED(c.IMAGE_SHARED)),
            ("containers", SELECTED(c.IMAGE_CONTAINERS)),
            ("age", f"time() - {SELECTED(c.IMAGE_CREATED)}"),
        )
    ]
    panel = table(
        "Images",
        "Every image with its first tag: what only it needs, and what others need as well.",
        columns,
        *named,
        sort="Its alone",
    )
    return Row("Which image?", [panel], [24])


def _beside_images() -> Row:
    unused = f"{SELECTED(c.IMAGE_UNIQUE)} and {SELECTED(c.IMAGE_CONTAINERS)} == 0"
    words = (
        "Build cache, directories that nothing claims, and the full account of the storage roots are not measured by "
        "this version. `docker system df` on the host tells the engine's view of the build cache."
    )
    return Row(
        "Images, build cache and the rest",
        [
            stat("All images", "Bytes of all images together, what several share counted once.", "bytes",
                 Query(f"sum({SELECTED(c.IMAGES_DISTINCT)})", "images")),
            stat("Images without a container", "Bytes that only images have from which no container was made.", "bytes",
                 Query(f"sum({unused})", "unused"), none="none"),
            text("Build cache", "What this page does not show yet.", words),
        ],
        [6, 6, 12],
        4,
    )  # fmt: skip


def _alerts() -> Row:
    columns = {
        "instance": Column("Host", link=common.host_link(common.HEALTH)),
        "alertname": Column("Alert"),
        "severity": Column("Severity"),
        "alertstate": Column("State"),
        "volume": Column("Volume", link=common.volume_link()),
        "container": Column("Container", link=common.container_link()),
        "kind": Column("Kind"),
    }
    labels = tuple(columns)
    both = SELECTED.foreign("ALERTS", alertname='=~"Docker.+"')
    panel = table(
        "Alerts", "Alerts of these rules that are pending or firing.", columns, Query(by("max", labels, both), "value")
    )
    return Row("What is wrong?", [panel], [24], 7)
