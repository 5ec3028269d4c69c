"""The newest change of an inode, and the beats of a walk that gets on."""

from __future__ import annotations

import os
import threading
import time

import pytest

from docker_storage_exporter.sizer import Root
from sizer.conftest import opened


def newest(*paths):
    """The newest ctime of all, as a usage has it."""
    return max(os.lstat(path).st_ctime_ns for path in paths) / 1e9


def every(tree):
    return [tree, *(path for path in tree.rglob("*"))]


@pytest.fixture
def deep(tree):
    """Folders and files, one of them changed last; the path of that one."""
    (tree / "a/b/c").mkdir(parents=True)
    for number in range(300):
        (tree / f"a/file-{number}").write_bytes(b"x")
    last = tree / "a/b/c/last"
    last.write_bytes(b"x")
    time.sleep(0.02)  # more than a tick of the kernel's clock
    last.chmod(0o600)
    return last


def test_the_newest_change_is_that_of_any_inode_however_deep(tree, deep, walker):
    found = walker(tree)

    assert (found.changed, found.future) == (newest(deep), 0)
    assert found.changed == newest(*every(tree))


def test_a_directory_s_own_change_counts(tree, deep, walker):
    time.sleep(0.02)
    (tree / "a/b").chmod(0o700)

    assert walker(tree).changed == newest(tree / "a/b") > newest(deep)


def test_a_single_file_has_its_own(tree, deep, walker):
    assert walker(deep).changed == newest(deep)


def test_a_file_with_several_names_counts(tree, deep, walker):
    time.sleep(0.02)
    os.link(deep, tree / "second")

    assert walker(tree).changed == newest(*every(tree))


def test_what_is_mounted_inside_does_not_count(tree, deep, walker):
    assert walker(tree, ["a/b/c"]).changed < newest(deep)


def test_a_change_in_the_future_is_ignored_and_counted(tree, deep, walker, monkeypatch):
    """The clock is set back: a change time cannot be set."""
    before_last = os.lstat(deep).st_ctime_ns - 1
    monkeypatch.setattr(time, "time_ns", lambda: before_last)

    found = walker(tree)

    assert found.future == 1
    assert found.changed == newest(*(path for path in every(tree) if path != deep))


def test_where_everything_lies_in_the_future_there_is_none(tree, deep, walker, monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: -1)

    found = walker(tree)

    assert (found.changed, found.future) == (None, found.inodes)


def test_each_of_several_roots_has_its_own(tree, deep, walker):
    with opened(tree / "a/b") as first, opened(deep) as second:
        one, two = walker.measure([Root(first), Root(second)], walker.control())

    assert (one.changed, two.changed) == (newest(deep), newest(deep))


def test_a_walk_over_empty_directories_beats(tree, walker):
    for number in range(5000):
        (tree / f"{number}").mkdir()
    control = walker.control()
    with opened(tree) as descriptor:
        walker.measure([Root(descriptor)], control)

    assert control.beats > 5000 / 128 * 2 - 1  # once for what was listed, and once for what was opened


def test_a_walk_that_naps_for_its_share_beats_and_one_that_ended_does_not(tree, walker):
    for number in range(2000):
        (tree / f"{number}").touch()
    control = walker.control(burst=0.0, share=0.0001)
    with opened(tree) as descriptor:
        walk = threading.Thread(target=walker.measure, args=([Root(descriptor)], control))
        walk.start()
        beats, deadline = control.beats, time.monotonic() + 10
        entries = -1
        while control.beats < beats + 5 and time.monotonic() < deadline:
            entries = control.entries
            time.sleep(0.01)
        assert entries < 2000
        control.stop()
        walk.join()
    ended = control.beats
    time.sleep(0.1)

    assert control.beats == ended > beats
