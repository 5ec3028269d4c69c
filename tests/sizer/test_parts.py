"""The parts of a tree: its directories of the first levels, each with all that is below it."""

from __future__ import annotations

import os
import subprocess

import pytest

from docker_storage_exporter.sizer import Part
from sizer import trees


def du_parts(path, depth):
    """Path and allocated bytes of each directory down to a depth, as du says."""
    command = ["du", "-x0", "-B1", "-d", str(depth), "."]
    answer = subprocess.run(command, check=True, capture_output=True, cwd=path).stdout
    lines = [line.split(b"\t", 1) for line in answer.split(b"\0") if line]
    return sorted((os.fsdecode(name.removeprefix(b"./")), int(size)) for size, name in lines if name != b".")


@pytest.mark.parametrize("depth", [1, 2, 3, 50])
@pytest.mark.parametrize("shape", ["bush", "comb", "flat"])
def test_parts_are_what_du_says_of_each_directory(tree, walker, shape, depth):
    {"bush": trees.bush, "comb": lambda path: trees.comb(path, 20, 3), "flat": lambda path: trees.flat(path, 3000)}[
        shape
    ](tree)

    usage = walker(tree, depth=depth)

    assert du_parts(tree, depth) == [(part.path, part.allocated_bytes) for part in usage.parts]
    assert usage == (whole := walker(tree))
    assert usage.entries == whole.entries


def test_a_part_counts_itself_and_everything_below(tree, walker):
    (tree / "a" / "b").mkdir(parents=True)
    trees.file(tree / "a" / "one", 1000)
    trees.file(tree / "a" / "b" / "two", 500)
    trees.file(tree / "three", 7)
    (tree / "empty").mkdir()
    blocks = (tree / "a").stat().st_blocks * 512

    parts = {part.path: part for part in walker(tree, depth=2).parts}

    assert {path: (part.inodes, part.apparent_bytes) for path, part in parts.items()} == {
        "a": (4, 1500),
        "a/b": (2, 500),
        "empty": (1, 0),
    }
    assert parts["empty"] == Part("empty", blocks, 0, 1)


def test_an_inode_linked_into_several_parts_counts_in_one_of_them(tree, walker):
    for name in "ab":
        (tree / name).mkdir()
    os.link(trees.file(tree / "a" / "shared", 900), tree / "b" / "shared")

    parts = walker(tree, depth=1).parts

    assert sorted(part.apparent_bytes for part in parts) == [0, 900]


def test_mount_points_are_no_parts(tree, walker):
    (tree / "a" / "b").mkdir(parents=True)

    assert [part.path for part in walker(tree, ["a/b"], depth=5).parts] == ["a"]


def test_names_of_parts_may_be_any_bytes(tree, walker):
    for name in ("\udcff\udcfe", "new\nline"):
        (tree / name / name).mkdir(parents=True)

    assert [part.path for part in walker(tree, depth=2).parts] == sorted(
        path for name in ("\udcff\udcfe", "new\nline") for path in (name, f"{name}/{name}")
    )


def test_without_a_depth_there_are_no_parts(tree, walker):
    assert walker(trees.bush(tree, directories=2)).parts == ()


def test_a_file_has_no_parts(tree, walker):
    assert walker(trees.file(tree / "file"), depth=3).parts == ()


def test_parts_of_a_walk_cut_short_are_no_larger_than_the_whole(tree, walker):
    usage = walker(trees.bush(tree), depth=1, max_entries=300)

    assert not usage.complete
    assert sum(part.inodes for part in usage.parts) <= usage.inodes
    assert sum(part.allocated_bytes for part in usage.parts) <= usage.allocated_bytes
