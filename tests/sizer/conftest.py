"""Every promise of the sizer is kept by each walker: the plain twin, and the C core with one, two and four threads."""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from docker_storage_exporter.sizer import Control, Root
from sizer import trees

WALKERS = {"python": ("walk", 1), "c1": ("core", 1), "c2": ("core", 2), "c4": ("core", 4)}


@dataclass(frozen=True)
class Walker:
    module: str
    threads: int

    @property
    def measure(self):
        return importlib.import_module(f"docker_storage_exporter.sizer.{self.module}").measure

    def __call__(self, path, mountpoints=(), *, depth=0, flags=os.O_RDONLY, **control):
        """Measure one path."""
        with opened(path, flags) as descriptor:
            return self.measure([Root(descriptor, mountpoints, depth)], self.control(**control))[0]

    def control(self, **settings):
        """A control at normal priority: threads that give way would make the tests wait for whatever else runs."""
        return Control(threads=self.threads, idle_priority=False, **settings)


@contextlib.contextmanager
def opened(path, flags=os.O_RDONLY):
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def threads_of_this_process():
    return {int(path.name) for path in Path("/proc/self/task").iterdir()}


def unavailable(reason):
    """Skip, or fail where everything has to be there."""
    if os.environ.get("REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def core_or_skip():
    try:
        return importlib.import_module("docker_storage_exporter.sizer.core")
    except ImportError:
        unavailable("the C core is not built")


@pytest.fixture(autouse=True)
def _root_where_it_is_needed(request):
    if request.node.get_closest_marker("root") and os.geteuid() != 0:
        unavailable("root is needed, for mounts or for dropping capabilities")


@pytest.fixture(params=WALKERS)
def walker(request):
    walker = Walker(*WALKERS[request.param])
    if walker.module == "core":
        core_or_skip()
    return walker


@pytest.fixture
def core():
    return core_or_skip()


@pytest.fixture
def tree(tmp_path):
    """An empty directory that may become a tree of any depth."""
    path = tmp_path / "tree"
    path.mkdir()
    yield path
    trees.remove(path)


@pytest.fixture(scope="module")
def memory():
    """A directory of a filesystem in memory, where there is one: large trees take a tenth of the time there."""
    shared = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as scratch:
        (Path(scratch) / "memory").mkdir()
        yield Path(scratch) / "memory"
        trees.remove(Path(scratch) / "memory")


@pytest.fixture
def mount():
    """Mounts, undone after the test."""
    targets = []

    def mount(*arguments):
        subprocess.run(["mount", *map(str, arguments)], check=True)
        targets.append(str(arguments[-1]))

    yield mount
    for target in reversed(targets):
        subprocess.run(["umount", "-l", target], check=True)


def du(path, *options):
    """What GNU du says of one filesystem, in bytes or inodes."""
    answer = subprocess.run(["du", "-sx", "-B1", *options, str(path)], check=True, capture_output=True, text=True)
    return int(answer.stdout.split()[0])


@pytest.fixture
def agrees_with_du(walker):
    """Whether a walker and du see the same in a tree; the usage."""

    def check(path):
        usage = walker(path)

        assert (du(path), du(path, "--inodes")) == (usage.allocated_bytes, usage.inodes)
        assert usage.complete
        assert usage.unreadable == {}
        return usage

    return check
