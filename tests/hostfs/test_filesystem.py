"""How full a filesystem is, also when it does not answer."""

import os
import subprocess
import threading
import time

from conftest import need

from docker_storage_exporter.hostfs.filesystem import Filesystem, FilesystemProbe, FilesystemProbes


def test_it_is_what_statvfs_says(tmp_path):
    stats, found = os.statvfs(tmp_path), Filesystem.of(str(tmp_path))

    assert found.size_bytes == stats.f_blocks * stats.f_frsize
    assert found.inodes == stats.f_files
    assert 0 < found.used_bytes < found.size_bytes


def test_a_descriptor_will_do(tmp_path):
    descriptor = os.open(tmp_path, os.O_PATH)
    try:
        assert Filesystem.of(descriptor).size_bytes == Filesystem.of(str(tmp_path)).size_bytes
    finally:
        os.close(descriptor)


def test_a_probe_reads_and_says_none_for_what_cannot_be_read(tmp_path):
    assert FilesystemProbe(str(tmp_path)).read().size_bytes == Filesystem.of(str(tmp_path)).size_bytes
    assert FilesystemProbe(str(tmp_path / "missing")).read() is None


def test_a_filesystem_that_hangs_costs_one_thread_and_the_patience_once_and_comes_back_by_itself(tmp_path, monkeypatch):
    release, real = threading.Event(), Filesystem.of
    hanging = str(tmp_path / "hanging")
    os.mkdir(hanging)

    def hang(path):
        if path == hanging:
            release.wait(30)
        return real(path)

    monkeypatch.setattr(Filesystem, "of", staticmethod(hang))
    probes = FilesystemProbes(timeout=1)
    threads = threading.active_count()

    for number in range(5):
        began = time.monotonic()
        assert list(probes.read([hanging, str(tmp_path)])) == [str(tmp_path)]
        assert number == 0 or time.monotonic() - began < 1
    assert threading.active_count() == threads + 1

    release.set()
    deadline = time.monotonic() + 10
    while hanging not in probes.read([hanging, str(tmp_path)]):
        assert time.monotonic() < deadline


def test_a_filesystem_that_is_not_asked_for_any_more_is_forgotten(tmp_path):
    probes = FilesystemProbes()
    probes.read([str(tmp_path), "/"])

    assert list(probes.read(["/"])) == ["/"]
    assert list(probes._probes) == ["/"]


def test_a_filesystem_that_is_unmounted_has_no_number_and_one_that_comes_back_has(tmp_path):
    """The one that it was mounted on would answer in its place."""
    need("mount", root=True)
    probes = FilesystemProbes()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "disk", tmp_path], check=True)
    try:
        assert probes.read([str(tmp_path)])[str(tmp_path)].size_bytes == 8 * 2**20
    finally:
        subprocess.run(["umount", tmp_path], check=True)

    assert probes.read([str(tmp_path)]) == {}

    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "disk", tmp_path], check=True)
    try:
        assert probes.read([str(tmp_path)])[str(tmp_path)].size_bytes == 4 * 2**20
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_what_is_no_mount_point_was_never_unmounted(tmp_path):
    probes = FilesystemProbes()

    assert [len(probes.read([str(tmp_path)])) for _ in range(2)] == [1, 1]
