"""Every source, measured on real files and mounts."""

import json
import os
import subprocess

import pytest
from conftest import need

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.measure import SOURCES, LogFiles, Statfs, Tmpfs, Walk, try_opening
from docker_storage_exporter.measure import measure as measure_source
from docker_storage_exporter.sizer import Control


def measure(source):
    return measure_source(source, Host(), Control())


def walk(*paths, **facts):
    return measure(Walk(tuple(map(str, paths)), **facts))


def logs(folder):
    return measure(LogFiles(str(folder), "a" * 64))


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

    outcome = walk(tmp_path)

    found = outcome.size
    assert found.allocated == du(tmp_path)
    assert found.apparent == 10_000
    assert outcome.identity[:2] == (os.stat(tmp_path).st_dev, os.stat(tmp_path).st_ino)
    assert outcome.entries == 2
    assert outcome.cpu_seconds > 0


def test_a_file_is_a_tree_of_one(tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 10_000)

    found = walk(tmp_path / "file").size

    assert (found.apparent, found.inodes) == (10_000, 1)


def test_a_mount_of_the_same_device_inside_is_not_entered_unlike_du(tmp_path, mounted):
    (tmp_path / "tree/inside").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/big").write_bytes(b"x" * 1_000_000)
    mounted(tmp_path / "tree/inside", "--bind", tmp_path / "other")

    assert walk(tmp_path / "tree").size.apparent == 0
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
            walk(tmp_path / "secret")
        except PermissionError:
            os._exit(7)
        finally:
            os._exit(1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_link_in_the_place_of_a_folder_is_not_followed(tmp_path):
    (tmp_path / "volumes/v").mkdir(parents=True)
    (tmp_path / "volumes/v/_data").symlink_to("/etc")

    with pytest.raises(OSError, match=r"symbolic link|Not a directory"):
        walk(tmp_path / "volumes/v/_data")


def test_a_vanished_folder_raises_what_the_system_says(tmp_path):
    with pytest.raises(FileNotFoundError):
        walk(tmp_path / "gone")


def test_logs_are_all_rotations_of_every_driver_and_nothing_else(tmp_path):
    identity = "a" * 64
    wanted = [f"{identity}-json.log", f"{identity}-json.log.1", f"{identity}-json.log.2.gz"]
    wanted += [f"{identity}-json.log-20261124", f"{identity}-json.log-20261123.gz"]  # of an outside logrotate
    wanted += ["local-logs/container.log", "local-logs/container.log.1.gz", "container-cached.log"]
    (tmp_path / "local-logs").mkdir()
    for number, name in enumerate(wanted):
        (tmp_path / name).write_bytes(b"x" * (5000 * number + 1))
    for name in ("config.v2.json", "hosts", "local-logs/other"):
        (tmp_path / name).write_bytes(b"x" * 50_000)

    found = logs(tmp_path).size

    assert found.allocated == sum((tmp_path / name).stat().st_blocks * 512 for name in wanted)
    assert found.inodes == len(wanted)


def test_a_log_that_is_a_link_counts_for_itself_and_is_not_followed(tmp_path):
    (tmp_path / "container-cached.log").symlink_to("/usr/bin/env")

    assert logs(tmp_path).size.allocated == 0


def test_a_container_without_logs_has_zero_bytes_of_them(tmp_path):
    assert logs(tmp_path).size.allocated == 0


def test_a_volume_with_a_filesystem_is_what_that_says_and_gone_when_it_is_unmounted(tmp_path, mounted):
    mounted(tmp_path, "-t", "tmpfs", "-o", "size=1m", "tmpfs")
    (tmp_path / "file").write_bytes(b"x" * 300 * 1024)

    found = measure(Statfs(str(tmp_path))).size

    assert (found.allocated, found.limit, found.available) == (307_200, 1024**2, 1024**2 - 307_200)
    with pytest.raises(FileNotFoundError):
        measure(Statfs(str(tmp_path.parent)))


def test_no_descriptor_is_left_behind(tmp_path):
    (tmp_path / f"{'a' * 64}-json.log").write_text("x")
    before = len(os.listdir("/proc/self/fd"))
    for one in (walk, logs):
        one(tmp_path)
        with pytest.raises(FileNotFoundError):
            one(tmp_path / "gone")

    assert len(os.listdir("/proc/self/fd")) <= before + 1  # each Host keeps its view of the mounts open


def test_several_folders_are_added_up_and_the_first_stands_for_them(tmp_path):
    for name, size in (("one", 10_000), ("two", 50_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"x" * size)

    outcome = walk(tmp_path / "one", tmp_path / "two")

    assert outcome.size.apparent == 60_000
    assert outcome.size.allocated == du(tmp_path / "one") + du(tmp_path / "two")
    assert outcome.identity.inode == os.stat(tmp_path / "one").st_ino


def test_lengths_that_would_mean_something_else_are_absent(tmp_path):
    found = walk(tmp_path, with_apparent=False).size

    assert (found.apparent, found.allocated) == (None, du(tmp_path))


@pytest.mark.parametrize(
    "source",
    [
        Walk(("/a", "/b\udcff"), with_apparent=False),
        LogFiles("/c", "a" * 64),
        Statfs("/d"),
        Tmpfs("/t", "b" * 64, 7),
    ],
)
def test_a_source_is_what_it_was_after_it_was_kept(source):
    kept = json.loads(json.dumps(source.kept()))

    assert SOURCES[source.name].from_kept(kept) == source


def test_every_source_has_a_name_and_a_meaning_of_its_own():
    assert set(SOURCES) == {"walk", "layer", "logs", "statfs", "tmpfs"}
    assert {source.name for source in SOURCES.values()} == set(SOURCES)


def test_opening_is_tried_as_measuring_would(tmp_path, mounted):
    (tmp_path / "disk").mkdir()
    mounted(tmp_path / "disk", "-t", "tmpfs", "tmpfs")

    for source in (Walk((str(tmp_path),)), LogFiles(str(tmp_path), "a"), Statfs(str(tmp_path / "disk"))):
        try_opening(source, Host())
    for source in (Walk((f"{tmp_path}/gone",)), LogFiles(f"{tmp_path}/gone", "a"), Statfs(str(tmp_path))):
        with pytest.raises(FileNotFoundError):
            try_opening(source, Host())
