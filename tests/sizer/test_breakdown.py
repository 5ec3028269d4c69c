"""Breakdown: the parts of every directory add up to it, hard links and mounts included."""

import os
import subprocess

import pytest
from conftest import need

from docker_storage_exporter.sizer import Root, Usage, measure
from docker_storage_exporter.sizer.breakdown import break_down, largest_files


@pytest.fixture
def folder(tmp_path):
    """Two levels of directories, a file with names in three of them, and a symbolic link to a directory."""
    root = tmp_path / "root"
    for path, size in {"a/x/data": 100_000, "a/y/data": 10_000, "b/data": 50_000, "plain": 7000}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x" * size)
    os.link(root / "a/x/data", root / "b/again")
    os.link(root / "a/x/data", root / "a/y/again")
    os.symlink(root / "a", root / "link")
    return root


REAL = "/usr/share/doc"  # thousands of files that anybody may read


@pytest.fixture
def broken_down():
    """Break a path down."""

    def broken_down(path, depth, mountpoints=()):
        descriptor = os.open(path, os.O_PATH)
        try:
            return break_down(Root(descriptor, mountpoints), depth)
        finally:
            os.close(descriptor)

    return broken_down


def measured(path):
    """What the walker says of a path alone."""
    descriptor = os.open(path, os.O_PATH)
    try:
        return measure([Root(descriptor)])[0]
    finally:
        os.close(descriptor)


def branches(branch):
    """All branches, by path."""
    found = {branch.path: branch}
    for child in branch.children:
        found |= branches(child)
    return found


@pytest.mark.parametrize(
    ("depth", "paths"),
    [(0, {""}), (1, {"", "a", "b"}), (2, {"", "a", "b", "a/x", "a/y"}), (9, {"", "a", "b", "a/x", "a/y"})],
)
def test_every_directory_down_to_the_depth_is_measured_as_if_alone(folder, broken_down, depth, paths):
    found = branches(broken_down(folder, depth))

    assert found.keys() == paths
    assert {path: branch.usage for path, branch in found.items()} == {path: measured(folder / path) for path in paths}


@pytest.mark.parametrize("depth", [1, 2])
def test_the_parts_less_what_they_share_are_the_whole(folder, broken_down, depth):
    for branch in branches(broken_down(folder, depth)).values():
        if branch.own is not None:
            parts = [branch.own, *(child.usage for child in branch.children)]
            for number in ("allocated_bytes", "apparent_bytes", "inodes"):
                shared = getattr(branch.shared, number)
                assert sum(getattr(part, number) for part in parts) - shared == getattr(branch.usage, number)


def test_what_is_shared_is_what_has_names_in_several_parts(folder, broken_down):
    top = broken_down(folder, 2)
    size = os.stat(folder / "a/x/data").st_blocks * 512

    assert top.shared == Usage(size, 100_000, 1)
    assert branches(top)["a"].shared == Usage(size, 100_000, 1)


def test_without_links_it_says_what_du_says_of_each_directory(broken_down):
    need("du")
    said = subprocess.run(["du", "-x", "-B1", "-d1", REAL], capture_output=True, check=True, text=True).stdout
    top = broken_down(REAL, 1)

    sizes = {path: int(size) for size, path in (line.split("\t") for line in said.splitlines())}
    assert {f"{REAL}/{child.path}": child.usage.allocated_bytes for child in top.children} | {
        REAL: top.usage.allocated_bytes
    } == sizes


def test_what_is_mounted_below_is_in_no_part(folder, broken_down):
    found = branches(broken_down(folder, 2, mountpoints=("b", "a/x")))

    assert found.keys() == {"", "a", "a/y"}
    assert found[""].shared == Usage()


def test_more_directories_than_are_opened_together_are_all_there(tmp_path, broken_down):
    for number in range(450):
        (tmp_path / f"{number}").mkdir()

    top = broken_down(tmp_path, 1)

    assert len(top.children) == 450
    assert top.shared == Usage()


@pytest.mark.parametrize("name", ["plain", "link"])
def test_what_is_no_directory_has_no_parts(folder, broken_down, name):
    descriptor = os.open(folder / name, os.O_PATH | os.O_NOFOLLOW)
    try:
        top = break_down(Root(descriptor), 3)
    finally:
        os.close(descriptor)

    assert (top.own, top.children, top.usage.inodes) == (None, [], 1)


def test_the_largest_files_of_a_directory_are_those_directly_in_it(folder):
    for name, size in {"big": 90_000, "small": 100, "mounted": 800_000}.items():
        (folder / name).write_bytes(b"x" * size)
    descriptor = os.open(folder, os.O_PATH)
    file = os.open(folder / "big", os.O_PATH)
    try:
        found = largest_files(Root(descriptor, ("mounted",)), 2)
        assert largest_files(Root(file), 2) == []
    finally:
        os.close(descriptor)
        os.close(file)

    assert found == [(name, os.stat(folder / name).st_blocks * 512) for name in ("big", "plain")]
