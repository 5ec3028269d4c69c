"""How full a filesystem is, also when it does not answer."""

import os
import threading
import time

from docker_storage_exporter.hostfs import Filesystem, FilesystemProbe


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


def test_a_filesystem_that_hangs_costs_one_thread_and_comes_back_by_itself(tmp_path, monkeypatch):
    release, real = threading.Event(), Filesystem.of

    def hang(path):
        release.wait(30)
        return real(path)

    monkeypatch.setattr(Filesystem, "of", staticmethod(hang))
    probe = FilesystemProbe(str(tmp_path), patience=0.02)
    threads = threading.active_count()

    assert [probe.read() for _ in range(5)] == [None] * 5
    assert threading.active_count() == threads + 1

    release.set()
    deadline = time.monotonic() + 10
    while probe.read() is None:
        assert time.monotonic() < deadline
