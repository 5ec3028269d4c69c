"""Trees that change while they are walked: what stays is counted, what goes is no error."""

from __future__ import annotations

import contextlib
import os
import threading
import time

import pytest

from docker_storage_exporter.sizer import Root
from sizer import trees
from sizer.conftest import opened

ROUNDS = 10


@contextlib.contextmanager
def meanwhile(change):
    """Repeat a change in another thread."""
    over = threading.Event()
    failures = []

    def repeat():
        try:
            while not over.is_set():
                change()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert failures == []


def test_removal_and_creation_during_walks_are_no_errors(tree, walker):
    stable = trees.bush(tree / "stable", directories=5)
    expected = walker(stable)

    def churn():
        trees.bush(tree / "volatile", directories=30, files=3)
        trees.remove(tree / "volatile")

    with meanwhile(churn):
        usages = [walker(tree) for _ in range(ROUNDS)]

    assert all(usage.unreadable == {} and usage.complete for usage in usages)
    assert all(usage.inodes >= 1 + expected.inodes for usage in usages)
    assert all(usage.apparent_bytes >= expected.apparent_bytes for usage in usages)


def test_a_deep_tree_that_moves_out_from_under_a_walk_is_no_error(tree, walker):
    """Whoever comes back up through ".." may find another directory there, and must neither count nor fail."""
    trees.comb(tree / "inside", 300, 3)
    outside = tree.parent / "outside"
    outside.mkdir()

    def move():
        (tree / "inside").rename(outside / "inside")
        time.sleep(0.001)
        (outside / "inside").rename(tree / "inside")
        time.sleep(0.002)

    with meanwhile(move):
        usages = [walker(tree) for _ in range(ROUNDS)]
    trees.remove(outside)

    assert all(usage.unreadable == {} and usage.complete for usage in usages)
    assert all(usage.inodes <= 2 + 300 * 5 for usage in usages)
    assert walker(tree).inodes == 2 + 300 * 5


def test_a_subtree_that_moves_while_it_is_walked_costs_nothing_of_what_is_above_it(tree, walker):
    """The way back up through ".." leads elsewhere then; the way down by name still leads to what is pending."""
    if walker.threads > 1:
        pytest.skip("several threads may still have to go down where the subtree was")
    trees.comb(tree, 300)
    inodes = walker(tree).inodes
    control = walker.control(burst=0, share=0.01 if walker.module == "core" else 0.05)  # about a second
    moved = threading.Thread(target=_move_when, args=(lambda: control.entries > 600, tree / "/".join("m" * 100), tree))

    moved.start()
    with opened(tree) as descriptor:
        usage = walker.measure([Root(descriptor)], control)[0]
    moved.join()

    assert (tree / "moved").exists()
    assert usage.inodes == inodes
    assert usage.unreadable == {}


def _move_when(condition, subtree, tree):
    while not condition():
        time.sleep(0.0002)
    subtree.rename(tree / "moved")


def test_a_directory_exchanged_for_a_link_does_not_lead_out(tree, walker):
    trees.bush(tree / "secret", directories=5)
    prison = tree / "prison"
    (prison / "door").mkdir(parents=True)

    def exchange():
        (prison / "door").rmdir()
        (prison / "door").symlink_to("../secret")
        (prison / "door").unlink()
        (prison / "door").mkdir()

    with meanwhile(exchange):
        usages = [walker(prison) for _ in range(200)]

    assert all(usage.inodes <= 2 and usage.unreadable == {} for usage in usages)


def test_a_root_that_was_removed_is_its_own_inode(tree, walker):
    gone = tree / "gone"
    gone.mkdir()
    descriptor = os.open(gone, os.O_RDONLY)
    gone.rmdir()

    usage = walker.measure([Root(descriptor)], walker.control())[0]
    os.close(descriptor)

    assert usage.inodes == 1
    assert usage.unreadable == {}


@pytest.mark.parametrize("growth", [0, 1 << 20])
def test_a_file_that_grows_is_counted_at_some_length_it_had(tree, walker, growth):
    path = trees.file(tree / "log", 1000)

    def append():
        with path.open("ab") as log:
            log.truncate(1000 + growth)
        path.open("r+b").close()

    with meanwhile(append):
        usages = [walker(tree) for _ in range(20)]

    assert all(usage.apparent_bytes in {1000, 1000 + growth} for usage in usages)
