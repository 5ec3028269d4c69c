"""What walking costs those beside it, and what the engine's own answer costs; writes docs/benchmark-beside.md.

    make bench-beside

First, scrapes of a page of 1,300 objects from a client process, while the server's process walks a tree of 200,000
files again and again, or does not; alone, and while four processes compute without a pause. Then, on a real dockerd,
a volume of 200,000 files: the engine's /system/df, GNU du and the walker in turn. Figures are medians over rounds.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from many import Many
from prometheus_client import CollectorRegistry

from docker_storage_exporter.collector.pages import Pages
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.httpd.address import Address
from docker_storage_exporter.httpd.listening import listen
from docker_storage_exporter.httpd.server import Server
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.inventory.current import CurrentInventory
from docker_storage_exporter.schedule.once import measure_everything
from docker_storage_exporter.settings import Settings
from docker_storage_exporter.sizer import Control, Root, core, walk
from docker_storage_exporter.store import Store
from docker_storage_exporter.web.app import application

sys.path.insert(0, str(Path(__file__).parents[1]))
from engine.dockerd import Dockerd

_OUTPUT = Path(__file__).parents[2] / "docs" / "benchmark-beside.md"
_FILES, _FILES_IN_DIRECTORY = 200_000, 33
_ROUNDS = 5
_SCRAPES = 300
_CLIENT = """
import sys, time, urllib.request
for _ in range(int(sys.argv[2])):
    started = time.perf_counter()
    urllib.request.urlopen(sys.argv[1]).read()
    print(time.perf_counter() - started)
    time.sleep(0.01)
"""
_Walker = Callable[[str, Control], None]


def _walk_with(measure: Callable[..., object], path: str, control: Control) -> None:
    descriptor = os.open(path, os.O_PATH)
    try:
        while not control.stopped:
            measure([Root(descriptor)], control)
    finally:
        os.close(descriptor)


WALKERS: dict[str, tuple[Callable[..., object], Control] | None] = {
    "none": None,
    "the plain twin": (walk.measure, Control()),
    "C core, 2 threads": (core.measure, Control(threads=2)),
    "C core, 2 threads at normal priority": (core.measure, Control(threads=2, idle_priority=False)),
}


@contextmanager
def walking(name: str, tree: str) -> Iterator[None]:
    """Walk a tree again and again in a thread of this process."""
    chosen = WALKERS[name]
    if chosen is None:
        yield
        return
    measure, how = chosen
    control = Control(threads=how.threads, idle_priority=how.idle_priority)
    thread = threading.Thread(target=_walk_with, args=(measure, tree, control))
    thread.start()
    yield
    control.stop()
    thread.join()


@contextmanager
def competing() -> Iterator[None]:
    """Four processes that compute."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    yield
    for process in started:
        process.kill()
        process.wait()


def scrape_table(folder: str, tree: str) -> list[str]:
    """Percentiles of scrapes for each walker, alone and with others computing."""
    url = _serve(folder)
    found: dict[tuple[str, bool], list[list[float]]] = {}
    for _ in range(_ROUNDS):
        for busy in (False, True):
            for name in WALKERS:
                with competing() if busy else nullcontext(), walking(name, tree):
                    found.setdefault((name, busy), []).append(_scrape(url))
    rows = ["| who walks meanwhile | others compute | p50 | p99 | p99 ÷ p99 of none |", "|---|---|--:|--:|--:|"]
    for (name, busy), rounds in sorted(found.items(), key=lambda item: item[0][1]):
        p50, p99 = (statistics.median(_percentile(times, q) for times in rounds) for q in (50, 99))
        pairs = zip(rounds, found["none", busy], strict=True)
        ratio = statistics.median(_percentile(times, 99) / _percentile(idle, 99) for times, idle in pairs)
        others = "four processes" if busy else "nobody"
        rows.append(f"| {name} | {others} | {p50 * 1000:.1f} ms | {p99 * 1000:.1f} ms | {ratio:.2f} |")
    return rows


def _serve(folder: str) -> str:
    root = Many(folder, 1_000, 1, 300)
    root.build()
    settings = Settings(docker_host=f"unix://{folder}/none.sock", path_data_root=root.data_root)
    inventory = CurrentInventory(settings, Host(), EngineClient(settings))
    pages, store = Pages(CollectorRegistry()), Store()
    pages.render(measure_everything(settings, inventory.renew(), Host(), lambda *_: None, Control()))
    server = Server(listen([Address("127.0.0.1", 0)]), application(pages, store))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"{server.urls[0]}/metrics"


def _scrape(url: str) -> list[float]:
    done = subprocess.run([sys.executable, "-c", _CLIENT, url, str(_SCRAPES)], capture_output=True, check=True)
    return sorted(float(line) for line in done.stdout.split())


def _percentile(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100)[percent - 1]


def engine_table(folder: Path) -> list[str]:
    """The engine's /system/df beside du and the walker, on a volume of a real dockerd."""
    engine = Dockerd(folder)
    try:
        engine.start()
        engine.docker("volume", "create", "large")
        path = str(engine.volume_path("large"))
        build(path)
        programs: dict[str, Callable[[], object]] = {
            "C core, 2 threads": lambda: _measure_once(path, 2),
            "C core, 1 thread": lambda: _measure_once(path, 1),
            "GNU du -sx": lambda: subprocess.run(["du", "-sx", path], capture_output=True, check=True),
            "the engine's /system/df": lambda: engine.get("/v1.41/system/df"),
        }
        times: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(_ROUNDS + 3):
            for name, program in programs.items():
                started = time.perf_counter()
                program()
                times[name].append(time.perf_counter() - started)
    finally:
        engine.clean_up()
    rows = ["| who measures | wall | ÷ C core, 2 threads |", "|---|--:|--:|"]
    for name, found in times.items():
        ratio = statistics.median(a / b for a, b in zip(found[1:], times["C core, 2 threads"][1:], strict=True))
        rows.append(f"| {name} | {statistics.median(found[1:]) * 1000:.0f} ms | {ratio:.2f} |")
    return rows


def _measure_once(path: str, threads: int) -> None:
    descriptor = os.open(path, os.O_PATH)
    core.measure([Root(descriptor)], Control(threads=threads, idle_priority=False))
    os.close(descriptor)


def build(path: str) -> None:
    """200,000 small files."""
    for number in range(_FILES):
        folder = f"{path}/{number // _FILES_IN_DIRECTORY}"
        if number % _FILES_IN_DIRECTORY == 0:
            os.makedirs(folder)
        with open(f"{folder}/{number}", "wb") as file:
            file.write(b"x" * 100)


def main() -> None:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown")
    machine = f"{os.cpu_count()} cores of {model}, Linux {platform.release()}, Python {platform.python_version()}"
    lines = ["# What walking costs those beside it", "", *(__doc__ or "").split("\n\n")[2].splitlines(), ""]
    lines += [f"Measured on {machine}, {_ROUNDS} rounds, load before {os.getloadavg()[1]:.1f}.", ""]
    folder = tempfile.mkdtemp(prefix="bench-beside-")
    try:
        tree = f"{folder}/tree"
        build(tree)
        lines += ["## Scrapes while walking", "", *scrape_table(folder, tree), ""]
        (Path(folder) / "engine").mkdir()
        lines += ["## Against the engine", "", *engine_table(Path(folder) / "engine")]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _OUTPUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stderr.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
