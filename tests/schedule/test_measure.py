"""One tree measured by the method that it names, on real files and mounts."""

import os
import subprocess

import pytest
from conftest import need

from docker_storage_exporter.hostfs import Host
from docker_storage_exporter.model import Method, Tree
from docker_storage_exporter.schedule.measure import measure_tree
from docker_storage_exporter.sizer import Control


def measure(method, path, **facts):
    return measure_tree(Tree(method, str(path), **facts), Host(), Control())


def du(path):
    return int(subprocess.run(["du", "-sx", "-B1", path], capture_output=True, check=True).stdout.split()[0])


@pytest.fixture
def mounted(tmp_path):
    """Mount things below a folder; everything is unmounted after the test."""
    need("mount", root=True)
    points = []

    def mount(point, *options):
        subprocess.run(["mount", *options, point], check=True)
        points.append(point)

    yield mount
    for point in reversed(points):
        subprocess.run(["umount", "-l", point], check=True)


def test_a_folder_is_walked(tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 10_000)

    outcome = measure(Method.WALK, tmp_path)

    found = outcome.measurement
    assert found.usage.allocated_bytes == du(tmp_path)
    assert found.usage.apparent_bytes == 10_000
    assert (found.identity, found.entry) == ((os.stat(tmp_path).st_dev, os.stat(tmp_path).st_ino), "directory")
    assert outcome.entries == 2
    assert outcome.cpu_seconds > 0


def test_a_file_is_a_tree_of_one(tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 10_000)

    found = measure(Method.WALK, tmp_path / "file").measurement

    assert (found.usage.apparent_bytes, found.usage.inodes, found.entry) == (10_000, 1, "file")


def test_a_mount_of_the_same_device_inside_is_not_entered_unlike_du(tmp_path, mounted):
    (tmp_path / "tree/inside").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/big").write_bytes(b"x" * 1_000_000)
    mounted(tmp_path / "tree/inside", "--bind", tmp_path / "other")

    assert measure(Method.WALK, tmp_path / "tree").measurement.usage.apparent_bytes == 0
    assert du(tmp_path / "tree") > 1_000_000


def test_a_folder_that_cannot_be_listed_is_a_failure_and_not_a_small_folder(tmp_path):
    need("unshare", root=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/file").write_bytes(b"x" * 10_000)
    (tmp_path / "secret").chmod(0o700)
    for folder in tmp_path.parents:
        if folder.name.startswith(("pytest", "test_")):
            folder.chmod(0o755)
    child = os.fork()
    if child == 0:
        try:
            os.setuid(65534)
            measure(Method.WALK, tmp_path / "secret")
        except PermissionError:
            os._exit(7)
        finally:
            os._exit(1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_link_in_the_place_of_a_folder_is_not_followed(tmp_path):
    (tmp_path / "volumes/v").mkdir(parents=True)
    (tmp_path / "volumes/v/_data").symlink_to("/etc")

    with pytest.raises(OSError, match=r"symbolic link|Not a directory"):
        measure(Method.WALK, tmp_path / "volumes/v/_data")


def test_a_vanished_folder_raises_what_the_system_says(tmp_path):
    with pytest.raises(FileNotFoundError):
        measure(Method.WALK, tmp_path / "gone")


def test_logs_are_all_rotations_of_every_driver_and_nothing_else(tmp_path):
    identity = "a" * 64
    wanted = [f"{identity}-json.log", f"{identity}-json.log.1", f"{identity}-json.log.2.gz"]
    wanted += ["local-logs/container.log", "local-logs/container.log.1.gz", "container-cached.log"]
    (tmp_path / "local-logs").mkdir()
    for number, name in enumerate(wanted):
        (tmp_path / name).write_bytes(b"x" * (5000 * number + 1))
    for name in ("config.v2.json", f"{identity}-json.logger", "hosts", "local-logs/other"):
        (tmp_path / name).write_bytes(b"x" * 50_000)

    found = measure(Method.LOGS, tmp_path, container=identity).measurement

    assert found.usage.allocated_bytes == sum((tmp_path / name).stat().st_blocks * 512 for name in wanted)
    assert found.usage.inodes == len(wanted)


def test_a_log_that_is_a_link_counts_for_itself_and_is_not_followed(tmp_path):
    (tmp_path / "container-cached.log").symlink_to("/usr/bin/env")

    assert measure(Method.LOGS, tmp_path, container="a" * 64).measurement.usage.allocated_bytes == 0


def test_a_container_without_logs_has_zero_bytes_of_them(tmp_path):
    assert measure(Method.LOGS, tmp_path, container="a" * 64).measurement.usage.allocated_bytes == 0


def test_a_volume_with_a_filesystem_is_what_that_says_and_gone_when_it_is_unmounted(tmp_path, mounted):
    mounted(tmp_path, "-t", "tmpfs", "-o", "size=1m", "tmpfs")
    (tmp_path / "file").write_bytes(b"x" * 300 * 1024)

    found = measure(Method.FILESYSTEM, tmp_path).measurement

    assert (found.usage.allocated_bytes, found.size_bytes, found.avail_bytes) == (307_200, 1024**2, 1024**2 - 307_200)
    with pytest.raises(FileNotFoundError):
        measure(Method.FILESYSTEM, tmp_path.parent)


def test_no_descriptor_is_left_behind(tmp_path):
    (tmp_path / f"{'a' * 64}-json.log").write_text("x")
    before = len(os.listdir("/proc/self/fd"))
    for method in (Method.WALK, Method.LOGS):
        measure(method, tmp_path, container="a" * 64)
        with pytest.raises(FileNotFoundError):
            measure(method, tmp_path / "gone")

    assert len(os.listdir("/proc/self/fd")) <= before + 1  # each Host keeps its view of the mounts open
