"""Times the walker against its peers on one tree and writes docs/benchmark-walk.md.

Usage: python tests/bench/bench_walk.py [--files N] [--rounds N] [--cold N] [--scratch DIRECTORY] [--cadvisor PROGRAM]

Every program is restarted each time, interpreter and all, and walks the whole tree. In each round all run one after
another, in an order that changes from round to round; the ratios are medians over rounds, so a machine that drifts
shifts both sides. A peer that is not installed is left out; cAdvisor's loop is built by `go build` in cadvisor/ beside.
"""

from __future__ import annotations

import argparse
import functools
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import docker_storage_exporter
from docker_storage_exporter.sizer import Control, Root, core

PACKAGE = Path(docker_storage_exporter.__file__).parents[1]
FILES_IN_DIRECTORY = 33
SIZES = (10_000, 100_000, 1_000_000)
REFERENCE = "this core, 2 threads"

MEASURE = """
import os, sys
from docker_storage_exporter.sizer import Control, Root
from docker_storage_exporter.sizer.{module} import measure
usage, = measure([Root(os.open(sys.argv[1], os.O_RDONLY))], Control(threads={threads}, idle_priority=False))
print(usage.allocated_bytes, usage.complete, usage.unreadable)
"""
OS_WALK = """
import os, sys
total = 0
for directory, directories, files in os.walk(sys.argv[1]):
    for name in directories + files:
        total += os.lstat(os.path.join(directory, name)).st_blocks
print(total)
"""
SCANDIR_RS = """
import sys
from scandir_rs import Count, ReturnType
print(Count(sys.argv[1], return_type=ReturnType.Ext).collect())
"""


@dataclass(frozen=True)
class Cost:
    """Of one run: seconds on the clock, seconds of CPU, bytes of memory at most."""

    wall: float
    cpu: float
    memory: int


def peers(cadvisor):
    """Name, threads and command of each program; the tree's path is appended."""
    python = (sys.executable, "-c")
    everything = {
        REFERENCE: ("2", (*python, MEASURE.format(module="core", threads=2))),
        "this core, 1 thread": ("1", (*python, MEASURE.format(module="core", threads=1))),
        "GNU du -sx": ("1", ("du", "-sx", "-B1")),
        "gdu": ("many", ("gdu", "-npcx")),
        "ncdu": ("1", ("ncdu", "-x0", "-o", os.devnull)),
        "scandir-rs Count(Ext)": ("many", (*python, SCANDIR_RS)),
        "os.walk + lstat": ("1", (*python, OS_WALK)),
        "the plain twin": ("1", (*python, MEASURE.format(module="walk", threads=1))),
    }
    if cadvisor:
        everything["cAdvisor's GetDirUsage"] = ("1", (cadvisor,))
    return {name: peer for name, peer in everything.items() if available(peer[1])}


def available(command):
    if shutil.which(command[0]) is None:
        return False
    return (
        command[-1] != SCANDIR_RS or subprocess.run([*command[:-1], "import scandir_rs"], check=False).returncode == 0
    )


def run(command, path):
    """What one run costs. Memory is taken by `time`, whose own is small: a child begins with that of its parent."""
    with tempfile.NamedTemporaryFile("r") as memory:
        timed = ["/usr/bin/time", "-f", "%M", "-o", memory.name, *command, str(path)]
        began = time.monotonic()
        process = subprocess.Popen(
            timed, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(PACKAGE)}
        )
        _, message = process.communicate()
        wall = time.monotonic() - began
        if process.returncode:
            raise SystemExit(f"{command[0]} failed: {message.decode()}")
        return wall, int(memory.read().split()[-1]) * 1024


def timed(command, path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall, memory = run(command, path)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, memory)


def rounds(commands, path, count, prepare=lambda: None):
    """The costs of each program, round by round."""
    costs = {name: [] for name in commands}
    for number in range(count):
        order = list(commands)
        order = order[number % len(order) :] + order[: number % len(order)]
        for name in order if number % 2 else reversed(order):
            prepare()
            costs[name].append(timed(commands[name][1], path))
    return costs


def forget_files():
    """Drop the caches of names, inodes and pages."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")
    time.sleep(0.2)


def build(path, files):
    """Directories of 33 files, a hundred to each directory above."""
    for number in range(max(1, files // FILES_IN_DIRECTORY)):
        directory = path / f"upper-{number // 100:04}" / f"lower-{number:06}"
        directory.mkdir(parents=True)
        descriptor = os.open(directory, os.O_RDONLY)
        for i in range(FILES_IN_DIRECTORY):
            file = os.open(f"file-{i:03}.dat", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=descriptor)
            if i % 8 == 0:
                os.write(file, b"x" * 100)
            os.close(file)
        os.close(descriptor)
    return path


def table(title, commands, costs):
    """A Markdown table of medians, and of ratios to the reference round by round."""
    lines = [
        f"### {title}",
        "",
        "| program | threads | wall s | CPU s | memory MiB | wall ÷ core | CPU ÷ core |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, (threads, _) in commands.items():
        own, reference = costs[name], costs[REFERENCE]
        cells = [
            f"{statistics.median(cost.wall for cost in own):.3f}",
            f"{statistics.median(cost.cpu for cost in own):.3f}",
            f"{statistics.median(cost.memory for cost in own) / 2**20:.1f}",
            f"{statistics.median(cost.wall / other.wall for cost, other in zip(own, reference, strict=True)):.2f}",
            f"{statistics.median(cost.cpu / other.cpu for cost, other in zip(own, reference, strict=True)):.2f}",
        ]
        lines.append(f"| {name} | {threads} | {' | '.join(cells)} |")
    return [*lines, ""]


def measured(path, **settings):
    """One walk in this process: its seconds and usage."""
    descriptor = os.open(path, os.O_RDONLY)
    began = time.monotonic()
    usage = core.measure([Root(descriptor)], Control(idle_priority=False, **settings))[0]
    seconds = time.monotonic() - began
    os.close(descriptor)
    return seconds, usage


def linearity(trees):
    lines = [
        "### Growth",
        "",
        "| entries | µs of CPU per entry, 1 thread | µs of wall clock per entry, 2 threads |",
        "|--:|--:|--:|",
    ]
    for path in trees:
        measured(path, threads=2)
        one = [measured(path, threads=1)[1] for _ in range(7)]
        two = [measured(path, threads=2)[0] for _ in range(7)]
        entries = one[0].entries
        cpu = statistics.median(usage.cpu_seconds for usage in one) / entries * 1e6
        lines.append(f"| {entries:,} | {cpu:.3f} | {statistics.median(two) / entries * 1e6:.3f} |")
    return [*lines, ""]


def memory_over_idle(path):
    """KiB that a walk adds to the peak of a process that has everything imported and measured something small."""
    script = """
import os, sys
from docker_storage_exporter.sizer import Control, Root, core
def kib(field):
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith(field)))
core.measure([Root(os.open("/dev/null", os.O_RDONLY))], Control(threads=2))
idle = kib("VmRSS")
open("/proc/self/clear_refs", "w").write("5")
core.measure([Root(os.open(sys.argv[1], os.O_RDONLY))], Control(threads=2))
print(kib("VmHWM") - idle)
"""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    command = [sys.executable, "-c", script, str(path)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def milliseconds_to_stop(path, threads):
    """How long a walk takes to return after it was stopped."""
    taken = []
    for _ in range(21):
        control, ended = Control(threads=threads, idle_priority=False), []
        walk = functools.partial(_walk_until_stopped, path, control, ended)
        thread = threading.Thread(target=walk)
        thread.start()
        time.sleep(0.02)
        asked = time.monotonic()
        control.stop()
        thread.join()
        taken.append((ended[0] - asked) * 1000)
    return statistics.median(taken), max(taken)


def _walk_until_stopped(path, control, ended):
    descriptor = os.open(path, os.O_RDONLY)
    core.measure([Root(descriptor)], control)
    ended.append(time.monotonic())
    os.close(descriptor)


def machine(path):
    """What the figures were taken on."""
    model = next(
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    )
    target = subprocess.run(["findmnt", "-nT", path, "-o", "FSTYPE"], check=True, capture_output=True, text=True)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}, "
        f"{target.stdout.split()[-1]}, Python {platform.python_version()}; load average {os.getloadavg()[2]:.1f}"
    )


def report(arguments, scratch):
    """The page, part by part: a run of many minutes that is cut short has still written what it found."""
    tree, commands = build(scratch / str(arguments.files), arguments.files), peers(arguments.cadvisor)
    entries = measured(tree)[1].entries
    yield [
        "# The walker against its peers",
        "",
        f"Machine: {machine(tree)}. Tree: {entries:,} entries, {FILES_IN_DIRECTORY} files in each directory.",
        "Each program runs from its start to its end, interpreter included; all run in each round, in changing order.",
        "Ratios are medians of the rounds' own ratios to this core with two threads at normal priority.",
        "Memory is the peak of the whole process. Written by `tests/bench/bench_walk.py`.",
        "",
    ]
    yield table(f"Warm caches, {arguments.rounds} rounds", commands, rounds(commands, tree, arguments.rounds))
    if arguments.cold:
        costs = rounds(commands, tree, arguments.cold, forget_files)
        yield table(f"Cold caches, {arguments.cold} rounds", commands, costs)
    yield ["### Memory and stopping", "", *memory_and_stopping(tree), ""]
    smaller, larger = [size for size in SIZES if size < arguments.files], arguments.largest
    trees = [build(scratch / str(size), size) for size in smaller] + [tree]
    if larger > arguments.files:
        trees.append(build(scratch / str(larger), larger))
    yield linearity(trees)


def memory_and_stopping(tree):
    lines = [f"- A walk with two threads adds {memory_over_idle(tree):,} KiB to the idle process."]
    for threads in (1, 2):
        median, most = milliseconds_to_stop(tree, threads)
        lines.append(
            f"- Stopped, a walk with {threads} thread(s) returns within {median:.2f} ms, at most {most:.2f} ms."
        )
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1_000_000, help="in the tree that all programs walk")
    parser.add_argument("--largest", type=int, default=5_000_000, help="files in the last tree of the growth table")
    parser.add_argument("--rounds", type=int, default=7, help="with warm caches")
    parser.add_argument("--cold", type=int, default=5, help="rounds with cold caches, which needs root; 0 for none")
    parser.add_argument("--scratch", default=None, help="directory to build the trees in")
    parser.add_argument("--cadvisor", help="a program that prints what cAdvisor's fs.GetDirUsage says of its argument")
    parser.add_argument("--output", type=Path, default=Path("docs/benchmark-walk.md"))
    arguments = parser.parse_args()
    arguments.output.parent.mkdir(exist_ok=True)
    page = ""
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        for lines in report(arguments, Path(scratch)):
            part = "\n".join(lines) + "\n"
            sys.stdout.write(part)
            sys.stdout.flush()
            page += part
            arguments.output.write_text(page.rstrip("\n") + "\n")


if __name__ == "__main__":
    main()
