"""What only the C core promises: threads that give way, an interpreter that goes on, signals that are heard."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import docker_storage_exporter
from docker_storage_exporter import sizer
from docker_storage_exporter.sizer import Control, Root
from sizer import trees
from sizer.conftest import opened, threads_of_this_process, unavailable

IOPRIO_GET = {"x86_64": 252, "aarch64": 31}
IDLE_CLASS = 3


@pytest.fixture
def endless(core, tmp_path):
    """A walk that sleeps most of the time and goes on until it is stopped."""
    trees.bush(tmp_path / "tree")

    @contextlib.contextmanager
    def run(**settings):
        control = Control(burst=0.0002, share=0.001, **settings)
        with opened(tmp_path / "tree") as descriptor:
            thread = threading.Thread(target=core.measure, args=([Root(descriptor)] * 50, control))
            before = threads_of_this_process()
            thread.start()
            deadline = time.monotonic() + 5
            while control.entries < 100 and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(0.01)
            try:
                yield list(threads_of_this_process() - before - {thread.native_id})
            finally:
                control.stop()
                thread.join()

    return run


def io_class(thread):
    return ctypes.CDLL(None).syscall(IOPRIO_GET[platform.machine()], 1, thread) >> 13


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_walk_has_as_many_threads_as_it_was_told(endless, threads):
    with endless(threads=threads) as walkers:
        assert len(walkers) == threads


def test_walking_threads_take_only_what_nobody_else_wants(endless):
    with endless(threads=2) as walkers:
        assert {os.sched_getscheduler(thread) for thread in walkers} == {os.SCHED_IDLE}
        assert {io_class(thread) for thread in walkers} == {IDLE_CLASS}


def test_somebody_who_waits_can_have_walking_threads_of_normal_priority(endless):
    with endless(threads=2, idle_priority=False) as walkers:
        assert {os.sched_getscheduler(thread) for thread in walkers} == {os.SCHED_OTHER}
        assert IDLE_CLASS not in {io_class(thread) for thread in walkers}


def test_the_callers_own_priority_stays(core, tmp_path):
    with opened(tmp_path) as descriptor:
        core.measure([Root(descriptor)])

    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    assert io_class(0) != IDLE_CLASS


def test_walking_threads_hear_no_signals(endless):
    with endless(threads=1) as walkers:
        status = Path(f"/proc/self/task/{walkers[0]}/status").read_text()
    blocked = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigBlk")), 16)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        assert blocked & 1 << number - 1


def test_other_python_threads_run_during_a_walk(endless):
    with endless(threads=1):
        began = time.monotonic()
        sum(range(100_000))

        assert time.monotonic() - began < 1


@contextlib.contextmanager
def alarm(handler, seconds):
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_an_exception_from_a_signal_handler_ends_the_walk(core, tmp_path):
    trees.bush(tmp_path)

    def interrupt(*_):
        raise KeyboardInterrupt

    threads = threads_of_this_process()
    began = time.monotonic()
    with opened(tmp_path) as descriptor, alarm(interrupt, 0.05), pytest.raises(KeyboardInterrupt):
        core.measure([Root(descriptor)] * 50, Control(burst=0, share=0.0001))

    assert time.monotonic() - began < 1
    assert threads_of_this_process() == threads


def test_a_signal_handler_that_returns_lets_the_walk_go_on(core, tmp_path):
    trees.bush(tmp_path)
    heard = []

    with opened(tmp_path) as descriptor, alarm(lambda *_: heard.append(time.monotonic()), 0.05):
        usages = core.measure([Root(descriptor)] * 20, Control(burst=0, share=0.05))
        ended = time.monotonic()

    assert all(usage.complete for usage in usages)
    assert heard
    assert heard[0] < ended


def test_a_limit_of_threads_is_an_error_or_fewer_threads(core, tmp_path):
    """As nobody, who may have no further thread."""
    script = f"""
import os, resource
from docker_storage_exporter.sizer import Control, Root, core
root = Root(os.open({str(tmp_path)!r}, os.O_RDONLY))
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
os.setresuid(54321, 54321, 54321)
try:
    core.measure([root], Control(threads=2))
except BlockingIOError:
    print("refused")
"""
    if os.geteuid() != 0:
        unavailable("another user id needs root")
    package = Path(docker_storage_exporter.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.fspath(package)}

    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=environment)

    assert answer.stdout == "refused\n"


@pytest.mark.parametrize(
    "arguments", [(), (1,), ([], 0, 0, 0, 0, 0, 0, 0), (((),), 0, 0, 0, 0, 1, 0, 0), ((("x", (), 0),),)]
)
def test_wrong_arguments_raise(core, arguments):
    with pytest.raises(TypeError):
        core._walk.measure(*arguments)


def test_a_mount_point_must_be_bytes_without_nul(core):
    meter = Control()
    for path, error in (("text", TypeError), (b"nul\0", ValueError)):
        with pytest.raises(error):
            core._walk.measure(((0, (path,), 0),), meter.meter_address, 0.0, 0.0, 0, 1, 1, 0)


def test_the_package_measures_with_the_core_where_it_is_built(core):
    assert sizer.implementation == "c"
    assert sizer.measure is core.measure


def test_the_package_measures_with_the_plain_twin_where_the_core_is_not_built():
    package = Path(docker_storage_exporter.__file__).parents[1]
    script = """
import sys
sys.modules["docker_storage_exporter.sizer._walk"] = None
from docker_storage_exporter import sizer
print(sizer.implementation, sizer.measure.__module__)
"""
    answer = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.fspath(package)},
    )

    assert answer.stdout == "python docker_storage_exporter.sizer.walk\n"
