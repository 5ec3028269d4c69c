"""The filesystem that goes silent: it is one, and it does."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import need

from silent_fuse import SilentFuse, state_of
from waiting import wait_until

LOOK = "import os, sys; os.stat(sys.argv[1])"


@pytest.fixture
def fuse(tmp_path):
    """A filesystem that answers."""
    need("mount", root=True)
    with SilentFuse(tmp_path) as served:
        yield served


@pytest.fixture
def looker(fuse):
    """Start a process that looks at a file of it."""
    started = []

    def look():
        started.append(subprocess.Popen([sys.executable, "-c", LOOK, f"{fuse.mountpoint}/file"]))
        return started[-1]

    yield look
    fuse.kill()
    for process in started:
        process.wait()


def mounted(path):
    return f" {path} " in Path("/proc/self/mountinfo").read_text()


def test_it_is_a_filesystem_of_files(fuse, tmp_path):
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert (tmp_path / "folder/inside").stat().st_size == len((tmp_path / "folder/inside").read_bytes()) == 20_000
    assert "fuse.fuse-overlayfs" in Path("/proc/self/mountinfo").read_text()


def test_who_waits_for_a_request_that_is_not_read_can_be_killed(fuse, looker):
    fuse.stop_reading()
    process = looker()
    wait_until(lambda: state_of(process.pid) == ["S"] or process.poll() is not None)

    assert process.poll() is None
    process.kill()
    assert process.wait(10) == -signal.SIGKILL


def test_who_waits_for_an_answer_outlives_a_kill_until_it_comes(fuse, looker):
    fuse.swallow()
    process = looker()
    wait_until(fuse.swallowed)
    process.kill()
    wait_until(lambda: state_of(process.pid) == ["D"])

    assert process.poll() is None
    fuse.answer()
    assert process.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize("silence", [SilentFuse.stop_reading, SilentFuse.swallow])
def test_an_answer_that_comes_late_is_one(fuse, looker, silence):
    silence(fuse)
    process = looker()
    wait_until(lambda: "S" in state_of(process.pid) or "D" in state_of(process.pid))
    fuse.answer()

    assert process.wait(10) == 0


def test_a_dead_server_is_told_apart(fuse):
    fuse.kill()

    with pytest.raises(OSError, match="not connected") as caught:
        os.stat(f"{fuse.mountpoint}/file")
    assert caught.value.errno == errno.ENOTCONN


def test_it_is_unmounted_whatever_state_it_is_in(tmp_path):
    need("mount", root=True)
    for silence in (SilentFuse.answer, SilentFuse.stop_reading, SilentFuse.swallow, SilentFuse.kill):
        with SilentFuse(tmp_path) as served:
            silence(served)
            assert mounted(tmp_path)
        assert not mounted(tmp_path)
