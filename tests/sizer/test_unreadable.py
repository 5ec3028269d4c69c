"""What exists but cannot be read is counted by its errno, and the walk goes on."""

from __future__ import annotations

import os

import pytest

from sizer import trees
from sizer.confined import confined

NOBODY = 65534


@pytest.fixture
def open_tree(tree):
    tree.chmod(0o755)
    return tree


@pytest.mark.root
def test_a_directory_that_may_not_be_read_counts_itself_and_one_error(open_tree, walker):
    trees.file(open_tree / "file", 10)
    for name in ("locked", "locked-too"):
        (open_tree / name).mkdir()
        trees.file(open_tree / name / "hidden", 1000)
        (open_tree / name).chmod(0)

    usage = confined(walker, open_tree, uid=NOBODY)

    assert usage["unreadable"] == {"EACCES": 2}
    assert (usage["inodes"], usage["apparent_bytes"], usage["complete"]) == (4, 10, True)


@pytest.mark.root
def test_a_directory_that_may_be_read_but_not_searched_counts_an_error_for_each_name(open_tree, walker):
    listed = open_tree / "listed"
    (listed / "directory").mkdir(parents=True)
    for i in range(5):
        trees.file(listed / str(i))
    listed.chmod(0o444)

    usage = confined(walker, open_tree, uid=NOBODY)

    assert usage["unreadable"] == {"EACCES": 6}
    assert usage["inodes"] == 2


@pytest.mark.root
def test_a_directory_that_may_be_searched_but_not_read_counts_an_error_for_itself(open_tree, walker):
    (open_tree / "x" / "inner").mkdir(parents=True)
    (open_tree / "x").chmod(0o111)

    assert confined(walker, open_tree, uid=NOBODY)["unreadable"] == {"EACCES": 1}


@pytest.mark.root
def test_a_root_that_may_not_be_read_counts_itself_and_one_error(open_tree, walker):
    trees.bush(open_tree, directories=2)
    open_tree.chmod(0)

    usage = confined(walker, open_tree, uid=NOBODY, flags=os.O_PATH)

    assert usage["unreadable"] == {"EACCES": 1}
    assert usage["inodes"] == 1


@pytest.mark.root
def test_a_way_back_that_is_barred_is_no_error_where_the_way_down_is_open(open_tree, walker):
    """A deep comb whose teeth may be read but not searched: ".." fails from within them, names from the root do not."""
    level = open_tree
    for _ in range(100):
        (level / "a").mkdir()
        (level / "z").mkdir()
        (level / "m").mkdir()
        (level / "a").chmod(0o444)
        (level / "z").chmod(0o444)
        level /= "m"

    usage = confined(walker, open_tree, uid=NOBODY)

    assert usage["unreadable"] == {}
    assert usage["inodes"] == 1 + 300


@pytest.mark.parametrize("error", ["EIO", "ESTALE"])
def test_a_directory_that_breaks_while_it_is_read_counts_one_error(tree, walker, error):
    usage = confined(walker, trees.bush(tree, directories=2), fail=("getdents64", error))

    assert usage["unreadable"] == {error: 1}
    assert (usage["inodes"], usage["complete"]) == (1, True)


def test_a_vanished_directory_is_no_error_when_it_is_read(tree, walker):
    usage = confined(walker, trees.bush(tree, directories=2), fail=("getdents64", "ENOENT"))

    assert usage["unreadable"] == {}
    assert usage["inodes"] == 1


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        ("EIO", {"EIO": 61}),
        ("ESTALE", {"ESTALE": 61}),
        ("ENOMEM", {"ENOMEM": 61}),
        ("ENOENT", {}),
        ("ENOTDIR", {}),
        ("ELOOP", {}),
    ],
)
def test_entries_that_cannot_be_looked_at_count_one_error_each_unless_they_vanished(tree, walker, error, counted):
    """Where the library uses this call for fstat too, the root itself has the error."""
    trees.flat(tree, 61)

    usage = confined(walker, tree, fail=("newfstatat", error))

    if usage["inodes"] == 0:
        counted = dict.fromkeys(counted, 1)
    assert usage["unreadable"] == counted


@pytest.mark.parametrize("error", ["EIO", "ESTALE", "EACCES", "ENFILE"])
def test_directories_that_cannot_be_opened_count_one_error_each(tree, walker, error):
    usage = confined(walker, trees.bush(tree, directories=3), fail=("openat", error))

    assert usage["unreadable"] == {error: 1}
    assert usage["inodes"] == 1
