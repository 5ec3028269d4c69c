"""Trees that are deep, wide or crowded, and processes that may open few descriptors."""

from __future__ import annotations

import os

import pytest

from docker_storage_exporter.sizer import Root
from sizer import trees
from sizer.confined import confined
from sizer.conftest import du, opened


@pytest.fixture(scope="module")
def forest(memory):
    """The trees that take long to build: one of each for all walkers."""
    trees.chain(memory / "chain", 5000)
    trees.comb(memory / "comb", 3000)
    trees.flat(memory / "flat", 40_000)
    for i in range(6):
        trees.comb(memory / "combs" / str(i), 200)
    return memory


def test_five_thousand_nested_directories_are_counted_to_the_end(forest, agrees_with_du):
    usage = agrees_with_du(forest / "chain")

    assert usage.inodes == 1 + 2 * 5000
    assert usage.apparent_bytes == 5000


@pytest.mark.parametrize("teeth", [2, 4])
def test_a_comb_is_counted_to_the_end_of_every_tooth(tree, agrees_with_du, teeth):
    usage = agrees_with_du(trees.comb(tree, 80, teeth))

    assert usage.inodes == 1 + 80 * (1 + 2 * (teeth - 1))


@pytest.mark.parametrize("nofile", [256, 64])
def test_a_comb_of_three_thousand_levels_needs_few_descriptors(forest, walker, nofile):
    usage = confined(walker, forest / "comb", nofile=nofile)

    assert usage["unreadable"] == {}
    assert usage["inodes"] == 1 + 3 * 3000
    assert usage["allocated_bytes"] == du(forest / "comb")


def test_a_chain_needs_few_descriptors(forest, walker):
    usage = confined(walker, forest / "chain", spare=16)

    assert (usage["unreadable"], usage["inodes"]) == ({}, 1 + 2 * 5000)


def test_combs_beside_each_other_need_few_descriptors(forest, walker):
    usage = confined(walker, forest / "combs", spare=48)

    assert usage["unreadable"] == {}
    assert usage["inodes"] == 1 + 6 * (1 + 3 * 200)


def test_running_out_of_descriptors_altogether_is_told(tree, walker):
    usage = confined(walker, trees.bush(tree, directories=2), spare=0)

    assert usage["unreadable"] == {"EMFILE": 1}
    assert (usage["inodes"], usage["complete"]) == (1, True)


def test_one_directory_of_many_names_is_counted(forest, agrees_with_du):
    usage = agrees_with_du(forest / "flat")

    assert usage.inodes == 1 + 40_000


def test_many_small_directories_are_counted(tree, agrees_with_du):
    for i in range(600):
        (tree / str(i)).mkdir()

    assert agrees_with_du(tree).inodes == 601


def test_hundreds_of_roots_in_one_call_are_told_apart(tree, walker):
    for i in range(300):
        (tree / str(i)).mkdir()
        trees.file(tree / str(i) / "file", i)
    with opened(tree) as parent:
        descriptors = [os.open(str(i), os.O_PATH, dir_fd=parent) for i in range(300)]

    usages = walker.measure([Root(descriptor) for descriptor in descriptors], walker.control())

    for descriptor in descriptors:
        os.close(descriptor)
    assert [usage.apparent_bytes for usage in usages] == list(range(300))
