"""Exporter health: whether the numbers can be trusted, and what measuring them costs."""

from __future__ import annotations

from dashboards import common
from dashboards.alerts_health import WALKED
from dashboards.panels import Column, Json, Query, Row, Steps, dashboard, stat, table, timeseries
from dashboards.query import SELECTED, by
from dashboards.settings import Settings
from docker_storage_exporter.collector import catalogue as c

_HOST = ("instance",)
_LEGEND = "{{instance}}"
_OLD = Steps(Settings().stale_after.seconds / 3, Settings().stale_after.seconds)
_ANY = Steps(1, 1000)
_RATE = "$__rate_interval"


def build() -> Json:
    """The dashboard."""
    return dashboard(
        common.HEALTH,
        "Docker storage / Exporter health",
        "How old the numbers are, what could not be measured and why, and what measuring costs.",
        [_now(), _ages(), _failures(), _costs(), _scrapes(), _versions()],
        common.variables(),
    )


def _now() -> Row:
    pending, unmeasured = SELECTED(c.PENDING), SELECTED(c.UNMEASURED)
    return Row(
        "Can the numbers be trusted?",
        [
            stat("Exporters", "How many exporters are selected, and how many of them can be scraped.", "short",
                 Query(f"sum({SELECTED.foreign('up')})", "up"), Query(f"count({SELECTED.foreign('up')})", "of"),
                 none="none", none_color="red"),
            stat("Engines down", "How many engines do not answer.", "short",
                 Query(f"count({SELECTED(c.ENGINE_UP)} == 0) or vector(0)", "down"), steps=_ANY),
            stat("Oldest measurement", "The age of the oldest number that is shown.", "s",
                 Query(f"max({_oldest()})", "age"), steps=_OLD),
            stat("Still to be measured", "Objects that wait for their first measurement.", "short",
                 Query(f"sum({pending})", "objects")),
            stat("Without a number", "Objects that should have a size and have none.", "short",
                 Query(f"sum({unmeasured})", "objects"), steps=_ANY),
            stat("Partial", "Objects that hold entries which could not be read.", "short",
                 Query(f"({_partial()}) or vector(0)", "objects"), steps=_ANY),
        ],
        [4, 4, 4, 4, 4, 4],
        4,
    )  # fmt: skip


def _oldest() -> str:
    """The ages of all that is measured, host by host and kind by kind."""
    ages = (by("min", _HOST, SELECTED(kind.measured)) for kind in WALKED.values() if kind.measured)
    named = (f'label_replace({age}, "kind", "{kind.value}", "", "")' for kind, age in zip(WALKED, ages, strict=True))
    return f"time() - ({' or '.join(named)})"


def _partial() -> str:
    parts = [f"{SELECTED(kind.unreadable)} > 0" for kind in WALKED.values() if kind.unreadable]
    return f"count({' or '.join(parts)})"


def _ages() -> Row:
    return Row(
        "How old are they?",
        [
            timeseries("Oldest measurement", "Age of the oldest number of each kind on each host.", "s",
                       Query(_oldest(), "{{kind}} on {{instance}}"), steps=_OLD),
            timeseries("Age of the page", "Time since the object series were put together.", "s",
                       Query(by("max", _HOST, f"time() - {SELECTED(c.SNAPSHOT_TIMESTAMP)}"), _LEGEND)),
            timeseries("Age of the inventory", "Time since all objects were last listed.", "s",
                       Query(by("max", _HOST, f"time() - {SELECTED(c.LAST_INVENTORY)}"), _LEGEND)),
            timeseries("Still to be measured", "Objects that wait for their first measurement.", "short",
                       Query(f"{by('sum', ('instance', 'kind'), SELECTED(c.PENDING))} > 0",
                             "{{kind}} on {{instance}}")),
        ],
        [6, 6, 6, 6],
    )  # fmt: skip


def _failures() -> Row:
    reasons, legend = ("kind", "reason"), "{{kind}}: {{reason}}"
    failures = by("sum", reasons, f"rate({SELECTED(c.FAILURES, window=_RATE)})")
    return Row(
        "What failed, and why?",
        [
            timeseries("Failed measurements", "Measurements per second that failed, by kind and reason.", "ops",
                       Query(f"{failures} > 0", legend), none="none failed"),
            timeseries("Objects without a number", "Objects that should have a size and have none, by reason.", "short",
                       Query(f"{by('sum', reasons, SELECTED(c.UNMEASURED))} > 0", legend), none="none"),
            timeseries("Objects left out by rule", "Objects that are not measured on purpose, by reason.", "short",
                       Query(f"{by('sum', reasons, SELECTED(c.SKIPPED))} > 0", legend), none="none"),
            timeseries("Objects cut from the page", "The smallest, beyond the most that a page may show.", "short",
                       Query(f"{by('sum', ('kind',), SELECTED(c.CUT))} > 0", "{{kind}}"), none="none"),
        ],
        [6, 6, 6, 6],
    )  # fmt: skip


def _costs() -> Row:
    cpu = by("sum", ("instance", "work"), f"rate({SELECTED(c.CPU, window=_RATE)})")
    process = by("sum", _HOST, f"rate({SELECTED.foreign('process_cpu_seconds_total', window=_RATE)})")
    entries = by("sum", _HOST, f"rate({SELECTED(c.WALKED_ENTRIES, window=_RATE)})")
    walked = by("sum", _HOST, f"rate({SELECTED(c.WALKED_BYTES, window=_RATE)})")
    memory = by("sum", _HOST, SELECTED.foreign("process_resident_memory_bytes"))
    return Row(
        "What does measuring cost?",
        [
            timeseries("Budget used", "Share of the CPU budget that was used over the last minute.", "percentunit",
                       Query(by("max", _HOST, SELECTED(c.BUDGET_USED)), _LEGEND), maximum=1),
            timeseries("CPU by work", "CPU seconds per second that each kind of work used.", "percentunit",
                       Query(cpu, "{{work}} on {{instance}}")),
            timeseries("CPU of the process", "CPU seconds per second that the whole exporter used.", "percentunit",
                       Query(process, _LEGEND)),
            timeseries("Memory", "Resident memory of the exporter.", "bytes", Query(memory, _LEGEND)),
            timeseries("Entries walked", "Directory entries met per second.", "ops", Query(entries, _LEGEND)),
            timeseries("Bytes measured", "Allocated bytes seen per second by complete walks.", "binBps",
                       Query(walked, _LEGEND)),
            timeseries("Inventory duration", "How long the last listing of all objects took.", "s",
                       Query(by("max", _HOST, SELECTED(c.INVENTORY_DURATION)), _LEGEND)),
            timeseries("Jobs that did not end", "Threads that wait for a disk or a server which does not answer.",
                       "short", Query(by("max", _HOST, SELECTED(c.ABANDONED)), _LEGEND)),
        ],
        [6, 6, 6, 6, 6, 6, 6, 6],
        7,
    )  # fmt: skip


def _scrapes() -> Row:
    duration = by("max", _HOST, SELECTED.foreign("scrape_duration_seconds"))
    samples = by("sum", _HOST, SELECTED.foreign("scrape_samples_scraped"))
    return Row(
        "What does a scrape cost?",
        [
            timeseries("Scrape duration", "How long Prometheus waited for the page.", "s", Query(duration, _LEGEND)),
            timeseries("Samples per scrape", "How many samples the page has.", "short", Query(samples, _LEGEND)),
        ],
        [12, 12],
        7,
    )  # fmt: skip


def _versions() -> Row:
    exporter = {
        "instance": Column("Host", link=common.host_link(common.OVERVIEW)),
        "version": Column("Exporter"),
        "revision": Column("Revision"),
        "sizer": Column("Walker"),
    }
    engine = {
        "instance": Column("Host", link=common.host_link(common.OVERVIEW)),
        "engine": Column("Engine"),
        "version": Column("Version"),
        "storage_driver": Column("Storage driver"),
        "image_store": Column("Image store"),
        "data_root": Column("Data root"),
    }
    return Row(
        "Which versions?",
        [
            table("Exporters", "Version of each exporter and the walker that it uses.", exporter,
                  Query(by("max", tuple(exporter), SELECTED(c.BUILD_INFO)), "value")),
            table("Engines", "Version, storage driver and data root of each engine.", engine,
                  Query(by("max", tuple(engine), SELECTED(c.ENGINE_INFO)), "value")),
        ],
        [8, 16],
    )  # fmt: skip
