"""How a caller steers a walk and watches it."""

from __future__ import annotations

import threading
import time

import pytest

from docker_storage_exporter.sizer import Root
from sizer import trees
from sizer.conftest import opened
from waiting import wait_until

ENTRIES = 3001  # of the tree that most tests walk, the root included


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return trees.flat(tmp_path_factory.mktemp("control") / "tree", ENTRIES - 1)


PROMPTLY = 0.05
"""The CPU seconds that a walk of minutes may still use after a stop. The clock's depend on others."""


class Running:
    """A walk in a thread of its own, over one tree again and again so that it takes long."""

    def __init__(self, walker, path, repeats=1, **control):
        self.control = walker.control(**control)
        self.usages = None
        self._arguments = walker, path, repeats
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        walker, path, repeats = self._arguments
        with opened(path) as descriptor:
            self.usages = walker.measure([Root(descriptor)] * repeats, self.control)
            self.ended = time.monotonic()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.control.stop()
        self._thread.join()

    def stop(self):
        """Stop the walk; how many CPU seconds this process used until it had ended."""
        asked = time.process_time()
        self.control.stop()
        self._thread.join()
        return time.process_time() - asked


def test_a_walk_stopped_before_it_began_counts_nothing(tree, walker):
    control = walker.control()
    control.stop()

    with opened(tree) as descriptor:
        usage = walker.measure([Root(descriptor)], control)[0]

    assert (usage.complete, usage.inodes, usage.entries) == (False, 0, 0)


@pytest.mark.uncovered
def test_a_busy_walk_ends_soon_after_a_stop(tree, walker):
    seconds = []
    for _ in range(5):
        with Running(walker, tree, repeats=2000) as running:
            wait_until(lambda running=running: running.control.entries > 100)
            seconds.append(running.stop())
            assert not running.usages[-1].complete

    assert min(seconds) < PROMPTLY


def test_a_sleeping_walk_ends_soon_after_a_stop(tree, walker):
    seconds = []
    for _ in range(5):
        with Running(walker, tree, burst=0.0005, share=0.0001) as running:
            wait_until(lambda running=running: running.control.entries > 100)
            time.sleep(0.01)
            seconds.append(running.stop())
            assert not running.usages[0].complete

    assert min(seconds) < PROMPTLY


def test_a_walk_ends_at_its_deadline(tree, walker):
    deadline = time.monotonic() + 0.2
    with Running(walker, tree, repeats=10_000, deadline=deadline) as running:
        wait_until(lambda: running.usages is not None)

    assert running.ended >= deadline
    assert running.ended < deadline + 5
    assert running.usages[0].complete
    assert not running.usages[-1].complete


def test_a_sleeping_walk_ends_at_its_deadline(tree, walker):
    deadline = time.monotonic() + 0.1
    with Running(walker, tree, burst=0, share=0.0001, deadline=deadline) as running:
        wait_until(lambda: running.usages is not None)

    assert running.ended < deadline + 5
    assert not running.usages[0].complete


@pytest.mark.parametrize(
    ("limit", "complete"), [(ENTRIES, True), (ENTRIES - 1, False), (ENTRIES + 1, True), (1, False)]
)
def test_a_walk_is_complete_if_it_saw_no_more_entries_than_allowed(tree, walker, limit, complete):
    usage = walker(tree, max_entries=limit)

    assert usage.complete == complete


def test_a_walk_cut_short_by_its_entries_stops_soon_after(tree, walker):
    usage = walker(tree, max_entries=500)

    assert 500 < usage.entries <= 500 + 129 * walker.threads
    assert 0 < usage.inodes <= usage.entries


def test_the_limit_of_entries_is_for_all_roots_together(tree, walker):
    with opened(tree) as descriptor:
        usages = walker.measure([Root(descriptor)] * 3, walker.control(max_entries=2 * ENTRIES))

    assert not all(usage.complete for usage in usages)
    if walker.threads == 1:  # several threads walk several roots at the same time
        assert [usage.complete for usage in usages] == [True, True, False]


def test_a_file_as_root_is_complete_whatever_the_limit(tree, walker):
    path = trees.file(tree.parent / "file")

    assert walker(path, max_entries=0).complete


def test_the_control_shows_the_sum_of_what_the_usages_say(tree, walker):
    control = walker.control()
    with opened(tree) as descriptor:
        usages = walker.measure([Root(descriptor)] * 3, control)
        usages += walker.measure([Root(descriptor)], control)

    assert control.entries == sum(usage.entries for usage in usages) == 4 * ENTRIES
    assert control.allocated_bytes == sum(usage.allocated_bytes for usage in usages) > 0


def test_progress_can_be_watched_from_another_thread(tree, walker):
    with Running(walker, tree, repeats=100) as running:
        seen = set()
        wait_until(lambda: seen.add(running.control.entries) or running.usages is not None)

    assert max(seen) <= 100 * ENTRIES
    assert len(seen) > 3


def test_a_paced_walk_uses_its_share_of_a_core(tree, walker):
    with Running(walker, tree, repeats=500, burst=0, share=0.2) as running:
        began = time.monotonic()
        wait_until(lambda: running.control.entries > 100)
        time.sleep(0.5)
        running.stop()
        wall = running.ended - began
    share = sum(usage.cpu_seconds for usage in running.usages) / wall

    # Without pacing it is 1 or more. What naps cost is not paced: 0.01 on a quiet machine, 0.13 seen on a busy one.
    assert 0.02 < share < 0.5


def test_a_burst_is_used_at_once(tree, walker):
    began = time.monotonic()
    usage = walker(tree, burst=5, share=0.0001)

    assert usage.complete
    assert time.monotonic() - began < 5


def test_even_the_smallest_share_gets_on(tree, walker):
    """Waking up to look for a stop costs more than this share allows, and must not be held against the walk."""
    with Running(walker, tree, burst=0, share=0.0005) as running:
        wait_until(lambda: running.control.entries > 130)
        first = running.control.entries
        wait_until(lambda: running.control.entries > first)

        running.stop()


def test_a_share_of_nothing_sleeps_until_the_walk_is_stopped(tree, walker):
    with Running(walker, tree, burst=0, share=0) as running:
        time.sleep(0.1)

        assert running.usages is None
        assert running.stop() < 0.1


def test_a_stopped_control_stays_stopped(tree, walker):
    control = walker.control()
    control.stop()

    assert control.stopped
    control.sleep(10)  # returns at once


def test_a_walk_that_is_given_another_share_goes_by_it(tree, walker):
    """One that naps nearly always ends soon once it need not."""
    with Running(walker, tree, repeats=20, burst=0.0, share=0.0001) as running:
        wait_until(lambda: running.control.beats > 3)
        assert running.usages is None
        running.control.change_share(1.0)
        wait_until(lambda: running.usages is not None)

        assert all(usage.complete for usage in running.usages)
