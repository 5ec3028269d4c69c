"""tmpfs mounts inside another process's mount namespace."""

import os
import subprocess

import pytest
from conftest import need

from docker_storage_exporter.hostfs.process import read_tmpfs


@pytest.fixture
def process(tmp_path):
    """A process with a mount namespace of its own, in which a tmpfs holds one file of 300 KiB; and its cgroup's end."""
    need("unshare", "mount", root=True)
    script = (
        f"mkdir -p {tmp_path}/t {tmp_path}/plain && mount -t tmpfs -o size=1m tmpfs {tmp_path}/t"
        f" && dd if=/dev/zero of={tmp_path}/t/f bs=1k count=300 2>/dev/null && ln -s {tmp_path}/t {tmp_path}/link"
        " && echo ready && read line"
    )
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout.readline() == "ready\n"
        yield started.pid
        started.stdin.write("\n")


def cgroup_of(pid):
    """Something that stands in the process's cgroup file, in the place of a container's id."""
    with open(f"/proc/{pid}/cgroup") as lines:
        return lines.readline().strip()


def test_used_and_size_are_those_of_the_mount(process, tmp_path):
    found = read_tmpfs("/proc", process, cgroup_of(process), f"{tmp_path}/t")

    assert (found.used_bytes, found.size_bytes) == (300 * 1024, 1024**2)
    assert found.avail_bytes == found.size_bytes - found.used_bytes
    assert found.inodes == 2


def test_a_process_of_another_cgroup_is_not_believed(process, tmp_path):
    with pytest.raises(ProcessLookupError, match="is not the container's"):
        read_tmpfs("/proc", process, "f" * 64, f"{tmp_path}/t")


@pytest.mark.parametrize("destination", ["plain", "missing", "link", "t/f"])
def test_what_is_no_tmpfs_mount_is_not_measured(process, tmp_path, destination):
    with pytest.raises(FileNotFoundError, match="no tmpfs is mounted there"):
        read_tmpfs("/proc", process, cgroup_of(process), f"{tmp_path}/{destination}")


def test_a_process_that_ended_is_gone(tmp_path):
    with subprocess.Popen(["true"]) as ended:
        pass

    with pytest.raises(FileNotFoundError):
        read_tmpfs("/proc", ended.pid, "x", str(tmp_path))


def test_no_descriptor_is_left_behind(process, tmp_path):
    before = len(os.listdir("/proc/self/fd"))

    read_tmpfs("/proc", process, cgroup_of(process), f"{tmp_path}/t")
    with pytest.raises(FileNotFoundError):
        read_tmpfs("/proc", process, cgroup_of(process), f"{tmp_path}/plain")

    assert len(os.listdir("/proc/self/fd")) == before
