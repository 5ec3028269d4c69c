"""Volumes: all of them in a table, and the chosen ones in detail."""

from __future__ import annotations

from dashboards import common
from dashboards.common import FULL, FULL_IN, SOON, USED, per_day, shown
from dashboards.panels import Column, Json, Query, Row, bars, dashboard, stat, table, timeseries, variable
from dashboards.query import SELECTED, by, join, without
from dashboards.recording import DANGLING_BYTES, DANGLING_COUNT, VOLUME_COUNT, VOLUMES
from docker_storage_exporter.collector import catalogue as c
from docker_storage_exporter.collector.family import Family

_KEYS = ("instance", "volume")
_CHOSEN = '=~"$volume"'
_DAY = 86400


def build() -> Json:
    """The dashboard."""
    info = f'{c.VOLUME_INFO.name}{{job=~"$job",instance=~"$instance"}}'
    volume = variable("volume", "Volume", f"label_values({info}, volume)")
    return dashboard(
        common.VOLUMES,
        "Docker storage / Volumes",
        "Every volume: its size, its growth, who uses it, and when its filesystem is full.",
        [_totals(), _all(), _detail(), _filesystem(), _mounts()],
        [*common.variables(), volume],
    )


def _totals() -> Row:
    return Row(
        "All volumes",
        [
            stat("Volumes", "How many volumes there are.", "short", Query(f"sum({SELECTED(VOLUME_COUNT)})", "volumes")),
            stat("Allocated", "Bytes allocated by all volumes.", "bytes",
                 Query(f"sum({SELECTED(VOLUMES.host_size)})", "allocated")),
            stat("Growth per day", "Growth of all volumes in the last 24 hours; at the last hour's pace until then.",
                 "bytes", Query(per_day(VOLUMES), "per day"), none="not known yet"),
            stat("Growth per day, last hour", "Growth of all volumes at the pace of the last hour.", "bytes",
                 Query(f"sum({SELECTED(VOLUMES.host_growth('1h'))}) * {_DAY}", "per day"), none="not known yet"),
            stat("Dangling volumes", "How many volumes no container mounts.", "short",
                 Query(f"sum({SELECTED(DANGLING_COUNT)})", "dangling")),
            stat("Dangling bytes", "Bytes in volumes that no container mounts.", "bytes",
                 Query(f"sum({SELECTED(DANGLING_BYTES)})", "dangling")),
        ],
        [4, 4, 4, 4, 4, 4],
        4,
    )  # fmt: skip


def _all() -> Row:
    columns = {
        "instance": Column("Host", link=common.host_link(common.OVERVIEW)),
        "volume": Column("Volume", link=common.volume_link()),
        "size": Column("Size", "bytes", gauge=True),
        "growth": Column("Growth per day", "bytes"),
        "inodes": Column("Inodes", "short"),
        "containers": Column("Containers", "short"),
        "driver": Column("Driver"),
        "compose_project": Column("Compose project"),
        "anonymous": Column("Anonymous"),
        "dangling": Column("Dangling", "bool_yes_no"),
    }
    facts = ("driver", "compose_project", "anonymous")
    identity = by("max", (*_KEYS, *facts), SELECTED(c.VOLUME_INFO))
    panel = table(
        "Volumes",
        "Every volume of the selected hosts; a click on its name shows it in detail below.",
        columns,
        Query(join(by("sum", _KEYS, SELECTED(c.VOLUME_ALLOCATED)), f"({identity})", _KEYS, facts), "size"),
        Query(by("sum", _KEYS, SELECTED(VOLUMES.growth("24h"))) + f" * {_DAY}", "growth"),
        Query(by("sum", _KEYS, SELECTED(c.VOLUME_INODES)), "inodes"),
        Query(by("sum", _KEYS, SELECTED(c.VOLUME_CONTAINERS)), "containers"),
        Query(by("sum", _KEYS, f"{SELECTED(c.VOLUME_CONTAINERS)} == bool 0"), "dangling"),
        sort="Size",
    )
    return Row("Which volumes?", [panel], [24], 12)


def _chosen(family: Family) -> str:
    return shown(_KEYS, SELECTED(family, volume=_CHOSEN))


def _detail() -> Row:
    legend = "{{volume}} on {{instance}}"
    hour = shown(_KEYS, SELECTED(VOLUMES.growth("1h"), volume=_CHOSEN))
    day = shown(_KEYS, SELECTED(VOLUMES.growth("24h"), volume=_CHOSEN))
    return Row(
        "The chosen volumes in detail, at most 20 at a time",
        [
            timeseries("Size", "Allocated bytes of each chosen volume.", "bytes",
                       Query(_chosen(c.VOLUME_ALLOCATED), legend), per_object=True),
            timeseries("Growth per day", "Growth of each chosen volume, at the pace of the last hour.", "bytes",
                       Query(f"{hour} * {_DAY}", legend), per_object=True),
            timeseries("Growth per day over 24 hours", "The same, evened out over a day.", "bytes",
                       Query(f"{day} * {_DAY}", legend), per_object=True),
            timeseries("Allocated and apparent",
                       "Blocks on disk and lengths of files: apparent above allocated means sparse files.",
                       "bytes",
                       Query(_chosen(c.VOLUME_ALLOCATED), f"{legend} allocated"),
                       Query(_chosen(c.VOLUME_APPARENT), f"{legend} apparent"), per_object=True),
            timeseries("Inodes", "Files and directories in each chosen volume.", "short",
                       Query(_chosen(c.VOLUME_INODES), legend), per_object=True),
            bars("Oldest numbers", "How long ago the chosen volumes were measured to the end, the oldest first.", "s",
                 Query(shown(_KEYS, f"time() - {SELECTED(c.VOLUME_MEASURED, volume=_CHOSEN)}"), legend)),
        ],
        [8, 8, 8, 8, 8, 8],
    )  # fmt: skip


def _filesystem() -> Row:
    own = (SELECTED(c.VOLUME_FILESYSTEM_AVAIL, volume=_CHOSEN), SELECTED(c.VOLUME_FILESYSTEM_SIZE, volume=_CHOSEN))
    limit = without("min", ["source"], SELECTED(c.VOLUME_LIMIT, volume=_CHOSEN))
    quota = (SELECTED(c.VOLUME_ALLOCATED, volume=_CHOSEN), limit)
    place = ("instance", "mountpoint")
    here = f"on (job, instance, mountpoint) {SELECTED(c.VOLUME_FILESYSTEM_INFO, volume=_CHOSEN)}"
    return Row(
        "When is the filesystem full?",
        [
            timeseries("Filesystem use", "Share that is used of each filesystem with a chosen volume.", "percentunit",
                       Query(by("max", place, f"({USED}) and {here}"), "{{instance}} {{mountpoint}}"),
                       steps=FULL, maximum=1, per_object=True),
            stat("Full in", "Time until the filesystem is full, going on as in the last six hours.", "s",
                 Query(by("min", place, f"({FULL_IN}) and {here}"), "{{instance}} {{mountpoint}}"), steps=SOON,
                 none="not filling", none_color="green", instant=True, named=True),
            timeseries("Own filesystem or quota",
                       "Share that a chosen volume uses of its quota, or of the filesystem that it has of its own.",
                       "percentunit",
                       Query(shown(_KEYS, f"1 - {own[0]} / {own[1]}"), "{{volume}} on {{instance}}, filesystem"),
                       Query(shown(_KEYS, f"{quota[0]} / {quota[1]}"), "{{volume}} on {{instance}}, quota"),
                       steps=FULL, maximum=1, per_object=True),
        ],
        [10, 4, 10],
    )  # fmt: skip


def _mounts() -> Row:
    columns = {
        "instance": Column("Host", link=common.host_link(common.OVERVIEW)),
        "volume": Column("Volume", link=common.volume_link()),
        "container": Column("Container", link=common.container_link()),
        "destination": Column("Mounted at"),
        "access": Column("Access"),
    }
    mounts = by("max", tuple(columns), SELECTED(c.VOLUME_MOUNT_INFO, volume=_CHOSEN))
    panel = table(
        "Mounts", "Which containers mount the chosen volumes, where, and how.", columns, Query(mounts, "mounted")
    )
    return Row("Who mounts them?", [panel], [24])
