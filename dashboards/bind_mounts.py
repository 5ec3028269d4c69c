"""Bind mounts: what containers use of the host's own folders."""

from __future__ import annotations

from dashboards import common
from dashboards.common import shown
from dashboards.panels import Column, Json, Query, Row, bars, dashboard, link, stat, table, timeseries, variable
from dashboards.query import SELECTED, by
from dashboards.recording import BINDS
from docker_storage_exporter.collector import catalogue as c
from docker_storage_exporter.model.keys import Kind

_KEYS = ("instance", "source")
_CHOSEN = '=~"$source"'
_LEGEND = "{{source}} on {{instance}}"
_DAY = 86400


def build() -> Json:
    """The dashboard."""
    info = f'{c.BIND_INFO.name}{{job=~"$job",instance=~"$instance"}}'
    return dashboard(
        common.BIND_MOUNTS,
        "Docker storage / Bind mounts",
        "The host's own files and folders that containers mount: how large, how fast growing, mounted by whom.",
        [_totals(), _all(), _detail()],
        [*common.variables(), variable("source", "Source", f"label_values({info}, source)")],
    )


def _totals() -> Row:
    inside = SELECTED(c.BIND_INFO, within='!=""')
    skipped = SELECTED(c.SKIPPED, kind=f'="{Kind.BIND.value}"')
    return Row(
        "All bind mounts",
        [
            stat("Distinct bytes", "Bytes of all sources together, nothing counted twice.", "bytes",
                 Query(f"sum({SELECTED(c.BIND_DISTINCT)})", "bytes")),
            stat("Sources", "How many different files and folders are bind-mounted and measured.", "short",
                 Query(f"count({SELECTED(c.BIND_ALLOCATED)})", "sources")),
            stat("Within another source", "Mounts of something that another measured tree encloses.", "short",
                 Query(f"count({inside}) or vector(0)", "mounts")),
            stat("Left out by rule", "Sources that are not measured, by reason.", "short",
                 Query(f"{by('sum', ('reason',), skipped)} > 0", "{{reason}}"), named=True, none="none", instant=True),
        ],
        [6, 6, 6, 6],
        4,
    )  # fmt: skip


def _all() -> Row:
    columns = {
        "instance": Column("Host", link=common.host_link(common.OVERVIEW)),
        "source": Column("Source", link=_source_link(), width=320),
        "size": Column("Size", "bytes", gauge=True),
        "growth": Column("Growth per day", "bytes"),
        "inodes": Column("Inodes", "short"),
        "mounts": Column("Mounts", "short"),
    }
    sources = table(
        "Sources",
        "Every source of bind mounts; sources within each other count their shared bytes each.",
        columns,
        Query(by("sum", _KEYS, SELECTED(c.BIND_ALLOCATED)), "size"),
        Query(by("sum", _KEYS, SELECTED(BINDS.growth("24h"))) + f" * {_DAY}", "growth"),
        Query(by("sum", _KEYS, SELECTED(c.BIND_INODES)), "inodes"),
        Query(by("count", _KEYS, SELECTED(c.BIND_INFO)), "mounts"),
        sort="Size",
    )
    facts = {
        "instance": Column("Host", link=common.host_link(common.OVERVIEW)),
        "source": Column("Source", link=_source_link(), width=320),
        "container": Column("Container", link=common.container_link()),
        "destination": Column("Mounted at"),
        "access": Column("Access"),
        "entry": Column("Entry"),
        "within": Column("Within", width=200),
    }
    chosen = by("max", tuple(facts), SELECTED(c.BIND_INFO, source=_CHOSEN))
    mounts = table(
        "Mounts", "Which containers mount the chosen sources, where, and how.", facts, Query(chosen, "mounted")
    )
    return Row("Which sources, mounted by whom?", [sources, mounts], [24, 24])


def _source_link() -> str:
    source = "${__data.fields.Source:percentencode}"
    return link(common.BIND_MOUNTS, instance=common.HOST_OF_ROW, source=source)


def _detail() -> Row:
    allocated = shown(_KEYS, SELECTED(c.BIND_ALLOCATED, source=_CHOSEN))
    apparent = shown(_KEYS, SELECTED(c.BIND_APPARENT, source=_CHOSEN))
    growth = shown(_KEYS, SELECTED(BINDS.growth("1h"), source=_CHOSEN))
    age = shown(_KEYS, f"time() - {SELECTED(c.BIND_MEASURED, source=_CHOSEN)}")
    return Row(
        "The chosen sources over time, at most 20 at a time",
        [
            timeseries("Size", "Allocated bytes of each chosen source.", "bytes", Query(allocated, _LEGEND),
                       per_object=True),
            timeseries("Growth per day", "Growth of each chosen source, at the pace of the last hour.", "bytes",
                       Query(f"{growth} * {_DAY}", _LEGEND), per_object=True),
            timeseries("Apparent size", "Lengths of the files in each chosen source.", "bytes",
                       Query(apparent, _LEGEND), per_object=True),
            bars("Oldest numbers", "How long ago the chosen sources were measured to the end, the oldest first.", "s",
                 Query(age, _LEGEND)),
        ],
        [12, 12, 12, 12],
        7,
    )  # fmt: skip
