"""Which tree is due."""

import pytest

from docker_storage_exporter.model import Method, Tree
from docker_storage_exporter.schedule.agenda import Agenda, Lane

A, B, C = (Tree(Method.WALK, path) for path in "abc")


@pytest.fixture
def agenda():
    return Agenda(interval=300)


def test_new_trees_are_due_at_once_in_the_small_lane(agenda):
    agenda.replace([A, B], now=10)

    assert [agenda.take(Lane.SMALL, 10), agenda.take(Lane.SMALL, 10), agenda.take(Lane.SMALL, 10)] == [A, B, None]
    assert agenda.take(Lane.LARGE, 10) is None


def test_a_measured_tree_is_due_again_after_the_interval_and_not_before(agenda):
    agenda.replace([A], now=0)
    agenda.take(Lane.SMALL, 0)
    agenda.put_back(A, 7, large=False)

    assert agenda.next_due(Lane.SMALL) == 307
    assert agenda.take(Lane.SMALL, 306.9) is None
    assert agenda.take(Lane.SMALL, 307) is A


def test_the_one_that_waited_longest_comes_first(agenda):
    agenda.replace([A, B], now=0)
    for tree, at in ((agenda.take(Lane.SMALL, 0), 20), (agenda.take(Lane.SMALL, 0), 10)):
        agenda.put_back(tree, at, large=False)
    agenda.replace([A, B, C], now=15)

    assert [agenda.take(Lane.SMALL, 400) for _ in range(3)] == [C, B, A]


def test_a_large_tree_waits_in_its_own_lane(agenda):
    agenda.replace([A, B], now=0)
    agenda.move_to_large(agenda.take(Lane.SMALL, 0), 1)

    assert agenda.take(Lane.SMALL, 1) is B
    assert agenda.take(Lane.LARGE, 1) is A


def test_a_tree_that_vanished_is_never_due_again(agenda):
    agenda.replace([A, B], now=0)
    taken = agenda.take(Lane.SMALL, 0)
    agenda.replace([], now=1)
    agenda.put_back(taken, 2, large=False)

    assert agenda.take(Lane.SMALL, 10_000) is None


def test_listing_again_changes_nothing_for_known_trees(agenda):
    agenda.replace([A], now=0)
    agenda.put_back(agenda.take(Lane.SMALL, 0), 0, large=False)
    agenda.replace([A], now=5)

    assert agenda.take(Lane.SMALL, 299) is None


def test_a_tree_is_nobody_elses_while_it_is_measured(agenda):
    agenda.replace([A], now=0)
    agenda.take(Lane.SMALL, 0)
    agenda.replace([A], now=1)

    assert agenda.take(Lane.SMALL, 1) is None


def test_a_tree_that_vanished_and_came_back_is_due_once(agenda):
    agenda.replace([A], now=0)
    agenda.replace([], now=1)
    agenda.replace([A], now=2)

    assert agenda.take(Lane.SMALL, 2) is A
    assert agenda.take(Lane.SMALL, 2) is None


def test_a_tree_that_was_measured_before_is_due_by_its_age():
    agenda = Agenda(300)
    agenda.replace([A, B, C], 1000, {A: 100, B: 400, C: -50})

    assert agenda.take(Lane.SMALL, 1000) == B
    assert agenda.take(Lane.SMALL, 1199) is None
    assert agenda.take(Lane.SMALL, 1200) == A
    assert agenda.take(Lane.SMALL, 1299) is None
    assert agenda.take(Lane.SMALL, 1300) == C


def test_another_interval_holds_for_those_that_wait_and_leaves_those_that_are_due():
    agenda = Agenda(300)
    agenda.replace([A, B], 1000)
    agenda.put_back(agenda.take(Lane.SMALL, 1000), 1000, large=True)
    agenda.change_interval(60, 1010)

    assert agenda.take(Lane.SMALL, 1010) == B
    assert agenda.next_due(Lane.LARGE) == 1060
    agenda.put_back(B, 1020, large=False)
    assert agenda.next_due(Lane.SMALL) == 1080
    agenda.change_interval(600, 1030)
    assert (agenda.next_due(Lane.LARGE), agenda.next_due(Lane.SMALL)) == (1600, 1620)
