"""Holding: what processes have open stays on disk, deleted already or not."""

import os
from contextlib import ExitStack

import pytest

from docker_storage_exporter.explain.holding import held_open
from docker_storage_exporter.explain.owners import Owner
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.places import Place


@pytest.fixture
def opened(tmp_path):
    """Open a file of so many bytes in the folder, for as long as the test runs."""
    with ExitStack() as files:

        def opened(name, size):
            file = files.enter_context(open(tmp_path / name, "wb"))
            file.write(b"x" * size)
            file.flush()
            os.fsync(file.fileno())
            return os.fstat(file.fileno()).st_blocks * 512

        yield opened


def held(path):
    return held_open(Host(), Owner(Kind.BIND, str(path), Place()), str(path))


def test_an_open_file_stays_until_its_process_ends(tmp_path, opened):
    size = opened("log", 10_000)

    (stay,) = held(tmp_path)

    assert stay.allocated_bytes == size
    assert stay.why.startswith("in 1 file open in ")
    assert f"({os.getpid()})" in stay.why
    assert stay.why.endswith(", until that ends")


def test_a_deleted_file_is_said_apart_since_no_walk_has_seen_it(tmp_path, opened):
    kept, gone = opened("kept", 5000), opened("gone", 50_000) + opened("gone too", 4096)
    os.unlink(tmp_path / "gone")
    os.unlink(tmp_path / "gone too")

    deleted, named = held(tmp_path)

    assert (deleted.allocated_bytes, named.allocated_bytes) == (gone, kept)
    assert deleted.why.endswith("deleted already, not in the size above")


def test_a_file_open_twice_counts_once(tmp_path, opened):
    size = opened("log", 10_000)
    with open(tmp_path / "log", "rb"):
        (stay,) = held(tmp_path)

    assert stay.allocated_bytes == size


def test_what_is_open_beside_the_tree_or_nowhere_is_not_told(tmp_path, opened):
    (tmp_path / "tree").mkdir()
    opened("tree-2", 10_000)

    assert held(tmp_path / "tree") == []
    assert held(tmp_path / "missing") == []
