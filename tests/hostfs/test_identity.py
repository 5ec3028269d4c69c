"""What makes a directory the same one."""

import os
import subprocess

import pytest

from docker_storage_exporter.hostfs.identity import identity_of
from docker_storage_exporter.model.sizes import Identity


def identity(path):
    descriptor = os.open(path, os.O_PATH)
    try:
        return identity_of(descriptor)
    finally:
        os.close(descriptor)


def test_it_is_device_inode_and_birth_as_stat_tells_them(tmp_path):
    born = subprocess.run(["stat", "-c", "%W", tmp_path], capture_output=True, text=True, check=True).stdout
    found, status = identity(tmp_path), os.stat(tmp_path)

    assert (found.device, found.inode, found.born // 10**9) == (status.st_dev, status.st_ino, int(born))


def test_it_stays_whatever_is_made_renamed_or_changed_in_it(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    before = identity(folder)
    (folder / "file").touch()
    folder.chmod(0o700)
    folder.rename(tmp_path / "two")

    assert identity(tmp_path / "two") == before


def test_another_directory_of_the_same_name_is_another_one_even_with_its_inode(tmp_path):
    seen = set()
    for _ in range(20):
        (tmp_path / "folder").mkdir()
        seen.add(identity(tmp_path / "folder"))
        (tmp_path / "folder").rmdir()

    assert len(seen) == 20


def test_where_no_birth_is_known_it_is_none():
    assert identity("/proc/self").born == 0
    assert Identity(1, 2) == Identity(1, 2, 0)


def test_a_descriptor_that_is_not_open_raises():
    with pytest.raises(OSError, match="Bad file descriptor"):
        identity_of(10**6)
