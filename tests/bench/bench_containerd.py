"""What listing ten thousand snapshots takes, beside containerd's own client; writes docs/benchmark-containerd.md.

The snapshots are a real containerd's: half of them committed, half of them being written to. Needs root, and the tree
that `make test-engines` makes.
"""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent)]

from docker_storage_exporter.hostfs.host import Host  # noqa: E402
from docker_storage_exporter.model.objects import StorageRoot  # noqa: E402
from docker_storage_exporter.storage.containerd import DRIVER  # noqa: E402
from engines.newer import NewerEngine  # noqa: E402

SNAPSHOTS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
_RUNS = 5
_PAGE = Path(__file__).parent.parent.parent / "docs/benchmark-containerd.md"
_MAKE = """
number=0
while [ $number -lt {half} ]; do
    ctr --address {socket} --namespace moby snapshots prepare key$number
    ctr --address {socket} --namespace moby snapshots commit layer$number key$number
    ctr --address {socket} --namespace moby snapshots prepare container$number layer$number
    number=$((number + 1))
done
"""

_TEXT = """\
# Benchmark: ten thousand snapshots

Written by `make bench-containerd`; wall clock time of {runs} runs each, on {machine} with Linux {release}.
A containerd of today has {snapshots} snapshots, half of them committed; its `metadata.db` has {size:.1f} MiB.

| what | median | least | most |
|---|---|---|---|
{lines}

Reading took the exporter at most {memory:.1f} MiB of Python objects at a time.
`ctr snapshots usage` tells the sizes of all of them, and walks those that are not committed; the exporter's
listing tells those of committed ones, and its walks of the others are paid from `--scan.duty`.
"""


def main() -> None:
    """Make the snapshots, time both, and write the page."""
    engine = NewerEngine(Path(tempfile.mkdtemp(prefix="bench-containerd-")), "overlayfs")
    try:
        engine.start_containerd()
        script = _MAKE.format(half=SNAPSHOTS // 2, socket=engine.socket)
        subprocess.run([*engine.prefix, "sh", "-ec", script], check=True, stdout=subprocess.DEVNULL)
        _PAGE.write_text(page(engine), encoding="utf-8")
    finally:
        engine.clean_up()


def page(engine: NewerEngine) -> str:
    """The results."""
    roots, host = (StorageRoot(str(engine.containerd_root), "images"),), Host()
    facts = DRIVER.read(roots, host, None)
    assert len(facts.layers()) == 2 * (SNAPSHOTS // 2)
    ours = timed(lambda: DRIVER.read(roots, host, None))
    again = timed(lambda: DRIVER.read(roots, host, facts))
    theirs = timed(lambda: engine.ctr("snapshots", "usage"))
    listed = timed(lambda: engine.ctr("snapshots", "ls"))
    memory = peak(lambda: DRIVER.read(roots, host, None))
    size = (engine.containerd_root / "io.containerd.snapshotter.v1.overlayfs/metadata.db").stat().st_size
    rows = {
        "this exporter, the first time": ours,
        "this exporter, when nothing changed": again,
        "`ctr snapshots usage`": theirs,
        "`ctr snapshots ls`": listed,
    }
    lines = [
        f"| {name} | {median:.3f} s | {least:.3f} s | {most:.3f} s |" for name, (least, median, most) in rows.items()
    ]
    return _TEXT.format(
        runs=_RUNS,
        machine=platform.machine(),
        release=platform.release(),
        snapshots=len(facts.layers()),
        size=size / 2**20,
        lines="\n".join(lines),
        memory=memory / 2**20,
    )


def timed(run: Callable[[], object]) -> tuple[float, float, float]:
    """The least, the median and the most of some runs, in seconds."""
    seconds = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds), statistics.median(seconds), max(seconds)


def peak(run: Callable[[], object]) -> int:
    """The most bytes of Python objects at one time."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    main()
