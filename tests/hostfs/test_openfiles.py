"""Open files: what running processes hold of a tree, deleted or not, as real processes show it."""

import os

import pytest

from docker_storage_exporter.hostfs.openfiles import Seen, namespace_of, open_files


@pytest.fixture
def held(tmp_path):
    """The test holds a deleted file, a living one and one of another folder open."""
    for name in ("tree/gone", "tree/here", "treetop"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 20_000)
    descriptors = [os.open(tmp_path / name, os.O_RDONLY) for name in ("tree/gone", "tree/gone", "tree/here", "treetop")]
    os.unlink(tmp_path / "tree/gone")
    yield tmp_path / "tree"
    for descriptor in descriptors:
        os.close(descriptor)


def found(seen):
    """The open files of this process in these places."""
    return {(os.path.basename(f.path), f.deleted) for f in open_files("/proc", seen) if f.pid == os.getpid()}


def test_each_file_below_the_path_is_told_once_with_its_bytes_and_who_holds_it(held):
    device = held.stat().st_dev

    files = [file for file in open_files("/proc", {"": [Seen(str(held), device)]}) if file.pid == os.getpid()]

    assert {(os.path.basename(file.path), file.deleted) for file in files} == {("gone", True), ("here", False)}
    assert len(files) == 2
    assert {file.allocated_bytes for file in files} == {os.stat(held / "here").st_blocks * 512}
    with open("/proc/self/comm") as comm:
        assert {file.command for file in files} == {comm.read().strip()}


def test_a_place_may_be_asked_for_deleted_files_only(held):
    assert found({"": [Seen(str(held), held.stat().st_dev, only_deleted=True)]}) == {("gone", True)}


def test_a_file_of_another_device_with_the_same_path_is_another_file(held):
    assert found({"": [Seen(str(held), held.stat().st_dev + 1)]}) == set()


def test_a_mount_namespace_has_places_of_its_own(held):
    places = [Seen(str(held), held.stat().st_dev)]

    assert found({namespace_of("/proc", os.getpid()): places}) == {("gone", True), ("here", False)}
    assert found({"": places, namespace_of("/proc", os.getpid()): []}) == set()


def test_without_proc_nothing_is_known(tmp_path):
    assert open_files(str(tmp_path), {"": [Seen("/", 1)]}) == []
    assert namespace_of(str(tmp_path), 1) == ""
