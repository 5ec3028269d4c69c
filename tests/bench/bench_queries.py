"""How long the rules and the fleet's panels take over many hosts; writes docs/benchmark-queries.md.

The series are made up: every volume grows at a pace of its own. They are loaded as blocks, so that a day needs no day.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from monitoring import Prometheus, substituted

from dashboards.generate import HERE, all_dashboards
from dashboards.panels import OBJECT_POINTS
from dashboards.recording import (
    CONTAINER_COUNT,
    DANGLING_BYTES,
    DANGLING_COUNT,
    FILESYSTEM_TREND,
    VOLUME_COUNT,
    VOLUMES,
)
from docker_storage_exporter.collector import catalogue as c

_DAY, _BLOCK, _AIM = 86400, 6 * 3600, 2.0  # blocks as Prometheus compacts them within a day
_REPORT = HERE.parent / "docs/benchmark-queries.md"
_JOB = 'job="docker-storage-exporter"'
_FLEET = ("overview.json", "volumes.json")


@dataclass(frozen=True)
class World:
    """So many hosts with so many volumes each, scraped every so many seconds until `end`."""

    hosts: int
    volumes: int
    step: int
    end: int

    def volume_series(self) -> Iterator[tuple[str, str, int]]:
        """Labels, volume name and a number of its own for each volume."""
        for number in range(self.hosts * self.volumes):
            host, volume = divmod(number, self.volumes)
            yield f'{_JOB},instance="host{host:03}:10054",volume="volume{volume:03}"', f"volume{volume:03}", number

    def host_series(self) -> Iterator[tuple[str, int]]:
        """Labels and number of each host."""
        for host in range(self.hosts):
            yield f'{_JOB},instance="host{host:03}:10054"', host

    def families(self) -> Iterator[tuple[str, list[tuple[str, Callable[[int], float]]]]]:
        """Every series by family: its labels, and its value at a moment."""
        volumes, hosts = list(self.volume_series()), list(self.host_series())
        disk, start = ',mountpoint="/"', self.end - _DAY
        pace = [1 + number % 97 for number in range(len(volumes))]
        yield c.VOLUME_ALLOCATED.name, [(v, lambda t, n=n: 4096 * (n + pace[n] * (t // 300))) for v, _, n in volumes]
        yield c.VOLUME_APPARENT.name, [(v, lambda t, n=n: 4000 * (n + pace[n] * (t // 300))) for v, _, n in volumes]
        yield c.VOLUME_UNREADABLE.name, [(v, lambda _: 0) for v, _, _ in volumes]
        yield c.VOLUME_MEASURED.name, [(v, lambda t, n=n: t - n % 300) for v, _, n in volumes]
        yield c.VOLUME_LINEAGE.name, [(v, lambda _: start - 30 * _DAY) for v, _, _ in volumes]
        yield c.VOLUME_FILESYSTEM_INFO.name, [(v + disk, lambda _: 1) for v, _, _ in volumes]
        yield c.VOLUME_CONTAINERS.name, [(v, lambda _, n=n: n % 10 and 1) for v, _, n in volumes]
        yield c.VOLUME_INODES.name, [(v, lambda _, n=n: n) for v, _, n in volumes]
        facts = 'driver="local",scope="local",anonymous="false",compose_project="shop",compose_volume=""'
        yield c.VOLUME_INFO.name, [(f"{v},{facts}", lambda _: 1) for v, _, _ in volumes]
        for window in ("1h", "24h"):
            growth = [(v, lambda _, n=n: 4096 * pace[n] / 300) for v, _, n in volumes]
            yield VOLUMES.growth(window).name, growth
            yield VOLUMES.host_growth(window).name, [(h, lambda _, n=n: 1e5 + n) for h, n in hosts]
        for recorded in (VOLUMES.host_size, VOLUME_COUNT, CONTAINER_COUNT, DANGLING_BYTES, DANGLING_COUNT):
            yield recorded.name, [(h, lambda t, n=n: t + n) for h, n in hosts]
        yield c.FILESYSTEM_SIZE.name, [(h + disk, lambda _: 1e12) for h, _ in hosts]
        yield c.FILESYSTEM_AVAIL.name, [(h + disk, lambda t, n=n: 5e11 - n * (t % _DAY)) for h, n in hosts]
        yield FILESYSTEM_TREND.name, [(h + disk, lambda _, n=n: -1.0 - n) for h, n in hosts]
        yield (
            c.BUILD_INFO.name,
            [(f'{h},version="1",revision="",sizer="c",engine="docker"', lambda _: 1) for h, _ in hosts],
        )

    def load(self, folder: Path) -> int:
        """Write all as blocks of a Prometheus in this folder; how many samples there are."""
        families, samples = list(self.families()), 0
        start = self.end - _DAY
        for block in range(start // _BLOCK, self.end // _BLOCK + 1):
            moments = [t for t in range(start, self.end + 1, self.step) if t // _BLOCK == block]
            if not moments:
                continue
            page = folder / "page.om"
            with page.open("w") as file:
                for name, series in families:
                    file.write(f"# TYPE {name} gauge\n")
                    for labels, value in series:
                        file.writelines(f"{name}{{{labels}}} {value(t)} {t}\n" for t in moments)
                        samples += len(moments)
                file.write("# EOF\n")
            command = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=6h", "openmetrics", page]
            command.append(folder / "data")
            subprocess.run(command, check=True, capture_output=True)
            page.unlink()
        return samples


def seconds(run: Callable[[], object]) -> float:
    """The median of three runs."""
    times = []
    for _ in range(3):
        before = time.perf_counter()
        run()
        times.append(time.perf_counter() - before)
    return statistics.median(times)


def time_rules(prometheus: Prometheus, world: World) -> list[tuple[float, str]]:
    """The time of each rule that reads volumes or hosts, the slowest first."""
    found = {}
    for name in ("recording.yaml", "alerts.yaml"):
        for group in yaml.safe_load((HERE / "rules" / name).read_text())["groups"]:
            for rule in group["rules"]:
                found[rule.get("record") or f"{rule['alert']} ({rule['labels']['severity']})"] = rule["expr"]
    timed = ((seconds(lambda expr=expr: prometheus.query(expr, world.end)), name) for name, expr in found.items())
    return sorted(timed, reverse=True)


def time_panels(prometheus: Prometheus, world: World) -> list[tuple[float, str]]:
    """The time of each panel, its queries one after the other, over all hosts and a day; the slowest first."""
    timed = []
    for name in _FLEET:
        for panel in all_dashboards()[name]["panels"]:
            if panel.get("targets"):
                title = f"{name.removesuffix('.json')}: {panel['title']}"
                timed.append((seconds(lambda panel=panel: show(prometheus, world, panel)), title))
    return sorted(timed, reverse=True)


def show(prometheus: Prometheus, world: World, panel: dict) -> None:
    """Ask what Grafana asks for a panel: a point in time, or a day in as many points as the panel has."""
    step = 1800 if panel.get("maxDataPoints") == OBJECT_POINTS else 120  # what Grafana makes of 60 and of 720 points
    for target in panel["targets"]:
        expr = substituted(target["expr"])
        if target["instant"]:
            prometheus.query(expr, world.end)
        else:
            prometheus.query_range(expr, world.end - _DAY, world.end, step)


def measure(world: World, *, panels: bool) -> dict:
    """Load a world and time it."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        folder = Path(name)
        before = time.perf_counter()
        samples = world.load(folder)
        print(f"{world}: {samples} samples loaded in {time.perf_counter() - before:.0f} s", file=sys.stderr)
        prometheus = Prometheus(folder, {}, "--storage.tsdb.retention.time=10y")
        try:
            rules = time_rules(prometheus, world)
            return {"samples": samples, "rules": rules, "panels": time_panels(prometheus, world) if panels else []}
        finally:
            prometheus.stop()


def table(rows: list[tuple[float, str]], what: str, number: int = 12) -> str:
    """The slowest few as Markdown."""
    lines = [f"| {what} | seconds |", "|---|--:|"]
    return "\n".join(lines + [f"| {name} | {spent:.2f} |" for spent, name in rows[:number]])


def processor() -> str:
    """What this ran on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(os.sched_getaffinity(0))} x {models[0] if models else platform.machine()}"


def main() -> int:
    """Measure, and write the report; 1 when something takes longer than the aim."""
    end = int(time.time()) // 7200 * 7200 - 7200
    fleet = measure(World(200, 100, 900, end), panels=True)
    dense = measure(World(20, 100, 60, end), panels=False)
    version = subprocess.run(["prometheus", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    slowest_rule, slowest_panel = fleet["rules"][0], fleet["panels"][0]
    text = (HERE.parent / "tests/bench/queries.md.in").read_text().format(
        version=version.split(" (")[0],
        processor=processor(),
        samples=f"{fleet['samples']:,}",
        dense_samples=f"{dense['samples']:,}",
        panel=f"*{slowest_panel[1]}*, {slowest_panel[0]:.2f} s",
        rule=f"`{slowest_rule[1]}`, {slowest_rule[0]:.2f} s",
        panels=table(fleet["panels"], "panel"),
        rules=table(fleet["rules"], "rule"),
        dense=table(dense["rules"], "rule", 5),
    )  # fmt: skip
    _REPORT.write_text(text)
    print(text)
    return int(max(slowest_rule[0], slowest_panel[0]) > _AIM)


if __name__ == "__main__":
    sys.exit(main())
