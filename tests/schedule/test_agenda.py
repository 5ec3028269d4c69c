"""Which source is due."""

import pytest

from docker_storage_exporter.measure import Layer, Walk
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.schedule.agenda import Agenda, Lane

A, B, C = (Walk((path,)) for path in "abc")


def volumes(sources):
    return dict.fromkeys(sources, Kind.VOLUME)


@pytest.fixture
def agenda():
    return Agenda(interval=300)


def test_new_sources_are_due_at_once_in_the_small_lane(agenda):
    agenda.replace(volumes([A, B]), now=10)

    assert [agenda.take(Lane.SMALL, 10), agenda.take(Lane.SMALL, 10), agenda.take(Lane.SMALL, 10)] == [A, B, None]
    assert agenda.take(Lane.LARGE, 10) is None


def test_a_measured_source_is_due_again_after_the_interval_and_not_before(agenda):
    agenda.replace(volumes([A]), now=0)
    agenda.take(Lane.SMALL, 0)
    agenda.put_back(A, 7, large=False)

    assert agenda.next_due(Lane.SMALL) == 307
    assert agenda.take(Lane.SMALL, 306.9) is None
    assert agenda.take(Lane.SMALL, 307) is A


def test_the_one_that_waited_longest_comes_first(agenda):
    agenda.replace(volumes([A, B]), now=0)
    for tree, at in ((agenda.take(Lane.SMALL, 0), 20), (agenda.take(Lane.SMALL, 0), 10)):
        agenda.put_back(tree, at, large=False)
    agenda.replace(volumes([A, B, C]), now=15)

    assert [agenda.take(Lane.SMALL, 400) for _ in range(3)] == [C, B, A]


def test_a_large_source_waits_in_its_own_lane(agenda):
    agenda.replace(volumes([A, B]), now=0)
    agenda.move_to_large(agenda.take(Lane.SMALL, 0), 1)

    assert agenda.take(Lane.SMALL, 1) is B
    assert agenda.take(Lane.LARGE, 1) is A


def test_a_source_that_vanished_is_never_due_again(agenda):
    agenda.replace(volumes([A, B]), now=0)
    taken = agenda.take(Lane.SMALL, 0)
    agenda.replace(volumes([]), now=1)
    agenda.put_back(taken, 2, large=False)

    assert agenda.take(Lane.SMALL, 10_000) is None


def test_listing_again_changes_nothing_for_known_sources(agenda):
    agenda.replace(volumes([A]), now=0)
    agenda.put_back(agenda.take(Lane.SMALL, 0), 0, large=False)
    agenda.replace(volumes([A]), now=5)

    assert agenda.take(Lane.SMALL, 299) is None


def test_a_source_is_nobody_elses_while_it_is_measured(agenda):
    agenda.replace(volumes([A]), now=0)
    agenda.take(Lane.SMALL, 0)
    agenda.replace(volumes([A]), now=1)

    assert agenda.take(Lane.SMALL, 1) is None


def test_a_source_that_vanished_and_came_back_is_due_once(agenda):
    agenda.replace(volumes([A]), now=0)
    agenda.replace(volumes([]), now=1)
    agenda.replace(volumes([A]), now=2)

    assert agenda.take(Lane.SMALL, 2) is A
    assert agenda.take(Lane.SMALL, 2) is None


def test_a_source_that_was_measured_before_is_due_by_its_age():
    agenda = Agenda(300)
    agenda.replace(volumes([A, B, C]), 1000, {A: 100, B: 400, C: -50})

    assert agenda.take(Lane.SMALL, 1000) == B
    assert agenda.take(Lane.SMALL, 1199) is None
    assert agenda.take(Lane.SMALL, 1200) == A
    assert agenda.take(Lane.SMALL, 1299) is None
    assert agenda.take(Lane.SMALL, 1300) == C


def test_another_interval_holds_for_those_that_wait_and_leaves_those_that_are_due():
    agenda = Agenda(300)
    agenda.replace(volumes([A, B]), 1000)
    agenda.put_back(agenda.take(Lane.SMALL, 1000), 1000, large=True)
    agenda.change_interval(60, 1010)

    assert agenda.take(Lane.SMALL, 1010) == B
    assert agenda.next_due(Lane.LARGE) == 1060
    agenda.put_back(B, 1020, large=False)
    assert agenda.next_due(Lane.SMALL) == 1080
    agenda.change_interval(600, 1030)
    assert (agenda.next_due(Lane.LARGE), agenda.next_due(Lane.SMALL)) == (1600, 1620)


def test_one_that_does_not_answer_is_put_off_twice_as_long_each_time_up_to_twenty_intervals(agenda):
    agenda.replace(volumes([A]), now=0)
    now, pauses = 0, []
    for _ in range(7):
        assert agenda.take(Lane.SMALL, now) is A
        agenda.put_off(A, now, large=False)
        pauses.append(agenda.next_due(Lane.SMALL) - now)
        now = agenda.next_due(Lane.SMALL)

    assert pauses == [300 * times for times in (1, 2, 4, 8, 16, 20, 20)]


def test_one_that_answered_is_due_after_the_interval_again_and_put_off_from_the_start(agenda):
    agenda.replace(volumes([A]), now=0)
    for _ in range(3):
        agenda.take(Lane.SMALL, 10_000)
        agenda.put_off(A, 0, large=False)
    agenda.take(Lane.SMALL, 10_000)
    agenda.put_back(A, 10_000, large=False)
    agenda.take(Lane.SMALL, 10_300)
    agenda.put_off(A, 10_300, large=False)

    assert agenda.next_due(Lane.SMALL) == 10_600


def test_those_that_are_hurried_are_due_at_once_and_no_others(agenda):
    agenda.replace(volumes([A, B, C]), now=0)
    for source in (A, B, C):
        agenda.take(Lane.SMALL, 0)
        agenda.put_off(source, 0, large=source is B)
    agenda.hurry([A, B], 5)

    assert [agenda.take(Lane.SMALL, 5), agenda.take(Lane.SMALL, 5)] == [A, None]
    assert agenda.take(Lane.LARGE, 5) is B


def test_of_new_sources_each_kind_has_its_turn(agenda):
    many = [Walk((f"v{number}",)) for number in range(5)]
    agenda.replace(volumes(many) | {A: Kind.LAYER, B: Kind.LAYER, C: Kind.LOG}, now=0)

    assert [agenda.take(Lane.SMALL, 0).path for _ in range(8)] == ["v0", "a", "c", "v1", "b", "v2", "v3", "v4"]


def test_one_that_is_being_measured_is_not_hurried(agenda):
    agenda.replace(volumes([A]), now=0)
    agenda.take(Lane.SMALL, 0)

    agenda.hurry([A, B], 1)

    assert agenda.take(Lane.SMALL, 1) is None
    agenda.put_back(A, 2, large=True)
    agenda.hurry([A], 3)
    assert agenda.take(Lane.LARGE, 3) is A


def test_what_never_changes_is_measured_once_and_again_only_after_a_failure():
    settled, agenda = Layer(("/layer",)), Agenda(10)
    agenda.replace({settled: Kind.IMAGE}, now=0)

    agenda.put_back(agenda.take(Lane.SMALL, 0), 0, large=False, failed=True)
    assert agenda.next_due(Lane.SMALL) == 10
    agenda.put_back(agenda.take(Lane.SMALL, 10), 10, large=False)
    assert agenda.next_due(Lane.SMALL) == float("inf")
    assert agenda.take(Lane.SMALL, 1e12) is None


def test_what_never_changes_and_was_measured_in_an_earlier_run_is_not_due():
    settled, agenda = Layer(("/layer",)), Agenda(10)

    agenda.replace({settled: Kind.IMAGE}, now=0, ages={settled: 1e6})

    assert agenda.take(Lane.SMALL, 1e12) is None
