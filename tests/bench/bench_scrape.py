"""Scrapes, memory and CPU with thousands of objects, on data roots made for it; writes docs/benchmarks.md.

    make bench                        everything, about half an hour
    make bench BENCH_ARGS=--quick     without the five minutes of steady state of each case

The client is a process of its own. Aims are written beside the figures, never asserted: a figure says how this
machine is, the next run says whether a change made it worse.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from many import Many
from prometheus_client import CollectorRegistry
from served import Served

from docker_storage_exporter.collector.pages import Pages
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.inventory.current import CurrentInventory
from docker_storage_exporter.model.snapshot import Snapshot
from docker_storage_exporter.schedule.once import measure_everything
from docker_storage_exporter.settings import Settings
from docker_storage_exporter.sizer import Control, implementation

_OUTPUT = Path(__file__).parents[2] / "docs" / "benchmarks.md"
_BEGIN, _END = "<!-- figures: written by make bench -->\n", "<!-- end of figures -->\n"
_ROUNDS = 3
_ROUND_SECONDS = 20.0
_PAUSE_SECONDS = 0.05  # between two scrapes of a round
_IDLE_SECONDS = 60.0
_STEADY_SECONDS = 300.0  # one whole default --scan.interval
_SCRAPE_INTERVAL_SECONDS = 15.0
_KINDS = ("volume", "container_layer", "container_log")
_MIB = 1024 * 1024


class Case(NamedTuple):
    """So many volumes of so many files each, and so many containers; `memory_aim` is in MiB.

    What takes a whole first pass more, scrapes and the steady state, is left out of one that is `huge`.
    """

    volumes: int
    files: int
    containers: int
    memory_aim: int
    huge: bool = False

    def __str__(self) -> str:
        return f"{self.volumes:,} volumes of {self.files} files, {self.containers:,} containers"


CASES = (Case(1_000, 100, 300, 64), Case(10_000, 10, 300, 128), Case(100_000, 2, 1_000, 200, huge=True))


@dataclass(slots=True)
class Column:
    """The figures of one case as text, by the name of their row."""

    case: Case
    figures: dict[str, str]

    def note(self, row: str, figure: str) -> None:
        self.figures[row] = figure
        sys.stderr.write(f"{self.case}: {row}: {figure}\n")


def measure(case: Case, *, steady: bool) -> Column:
    """All figures of a case."""
    column = Column(case, {})
    with tempfile.TemporaryDirectory(prefix="bench-scrape-") as folder:
        root = Many(folder, case.volumes, case.files, case.containers)
        root.build()
        _render(column, folder, root.data_root)
        with Served(folder, root.data_root) as exporter:
            _rest(column, exporter, steady=steady and not case.huge)
        if not case.huge:
            with Served(folder, root.data_root, "--scan.interval=1s") as exporter:
                _scrapes(column, exporter)
    return column


def _render(column: Column, folder: str, data_root: str) -> None:
    """How long one snapshot takes to render, in this process, with nothing else going on."""
    settings = Settings(docker_host=f"unix://{folder}/none.sock", path_data_root=data_root)
    host = Host()
    inventory = CurrentInventory(settings, host, EngineClient(settings))
    snapshot = measure_everything(settings, inventory.renew(), host, lambda *_: None, Control())
    column.note("snapshot render", _milliseconds(_median_seconds(lambda: _rendered(snapshot, gzip=False))))
    column.note("snapshot render and gzip", _milliseconds(_median_seconds(lambda: _rendered(snapshot, gzip=True))))
    pages = _rendered(snapshot, gzip=True)
    column.note("snapshot render, unchanged", _milliseconds(_median_seconds(lambda: pages.render(snapshot))))


def _rendered(snapshot: Snapshot, *, gzip: bool) -> Pages:
    """Pages that were just begun, with this one rendered as somebody has asked for it before."""
    pages = Pages(CollectorRegistry())
    pages.page("application/openmetrics-text", gzip=gzip)
    pages.render(snapshot)
    return pages


def _median_seconds(work: Callable[[], object]) -> float:
    found = []
    for _ in range(2 * _ROUNDS + 1):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return statistics.median(found)


def _rest(column: Column, exporter: Served, *, steady: bool) -> None:
    """First pass, page sizes, memory, and CPU when nothing is due, then over one whole scan interval."""
    column.note("a number of every kind", f"{exporter.first_numbers(_KINDS):.1f} s")
    column.note("first pass", f"{exporter.first_pass():.1f} s")
    time.sleep(11)  # the last new page of the first pass
    plain, packed = exporter.scrape(), exporter.scrape(gzip=True)
    column.note("page", f"{len(plain.body) / _MIB:.2f} MiB")
    column.note("page, gzip", f"{len(packed.body) / _MIB:.2f} MiB")
    cpu = exporter.cpu_seconds()
    time.sleep(_IDLE_SECONDS)
    column.note("idle CPU", f"{(exporter.cpu_seconds() - cpu) / _IDLE_SECONDS:.2%}")
    if steady:
        _steady(column, exporter)
    column.note("memory (RSS)", f"{exporter.memory() / _MIB:.0f} MiB")
    column.note("memory, highest", f"{exporter.memory('VmHWM') / _MIB:.0f} MiB")


def _steady(column: Column, exporter: Served) -> None:
    cpu, walks = exporter.cpu_seconds(), exporter.sum("docker_storage_exporter_cpu_seconds_total")
    for _ in range(int(_STEADY_SECONDS / _SCRAPE_INTERVAL_SECONDS)):
        time.sleep(_SCRAPE_INTERVAL_SECONDS)
        exporter.scrape(gzip=True)
    used = exporter.cpu_seconds() - cpu
    walked = exporter.sum("docker_storage_exporter_cpu_seconds_total") - walks
    column.note("steady CPU", f"{used / _STEADY_SECONDS:.2%}")
    column.note("steady CPU, walks", f"{walked / _STEADY_SECONDS:.2%}")


def _scrapes(column: Column, exporter: Served) -> None:
    """Scrapes while walks never stop, plain and gzip in turn; p50 and p99 are medians over the rounds."""
    exporter.first_pass()
    time.sleep(11)
    rounds = [_round(exporter) for _ in range(_ROUNDS)]
    for name in ("plain", "gzip"):
        for percent in (50, 99):
            found = statistics.median(statistics.quantiles(times[name], n=100)[percent - 1] for times in rounds)
            column.note(f"scrape p{percent}, {name}", _milliseconds(found))
    column.note("scrapes", str(sum(len(times[name]) for times in rounds for name in times)))


def _round(exporter: Served) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {"plain": [], "gzip": []}
    end = time.monotonic() + _ROUND_SECONDS
    while time.monotonic() < end:
        for name, found in times.items():
            found.append(exporter.scrape(gzip=name == "gzip").seconds)
            time.sleep(_PAUSE_SECONDS)
    return times


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def table(columns: list[Column]) -> str:
    """The figures, one column for each case, and what they were measured on."""
    lines = [
        f"Measured on {_machine()}.",
        "",
        "| figure | " + " | ".join(str(column.case) for column in columns) + " | aim |",
        "|---|" + "--:|" * len(columns) + "---|",
    ]
    aims = _aims()
    for row in columns[0].figures:
        cells = " | ".join(column.figures.get(row, "") for column in columns)
        lines.append(f"| {row} | {cells} | {aims.get(row, '')} |")
    return "\n".join(lines) + "\n"


def _aims() -> dict[str, str]:
    memory = " / ".join(f"{case.memory_aim} MiB" for case in CASES)
    scrape = dict.fromkeys(("scrape p99, plain", "scrape p99, gzip"), "10 ms")
    firsts = {"a number of every kind": "120 s", "first pass": "600 s"}
    return {**scrape, **firsts, "memory (RSS)": memory, "idle CPU": "0.5 % at 1,300 objects"}


def _machine() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return (
        f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB of memory, Linux {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()}, the {implementation} walker, warm cache, "
        f"load {os.getloadavg()[2]:.1f} over the last quarter of an hour"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure scrapes, memory and CPU; write docs/benchmarks.md.")
    parser.add_argument("--quick", action="store_true", help="leave out the steady state")
    parser.add_argument("--case", type=int, action="append", help="number of a case, from 0; prints and writes nothing")
    options = parser.parse_args()
    wanted = CASES if options.case is None else [CASES[number] for number in options.case]
    found = table([measure(case, steady=not options.quick) for case in wanted])
    sys.stdout.write(found)
    if options.case is None and not options.quick:
        before, _, rest = _OUTPUT.read_text().partition(_BEGIN)
        _OUTPUT.write_text(before + _BEGIN + found + _END + rest.partition(_END)[2])


if __name__ == "__main__":
    main()
