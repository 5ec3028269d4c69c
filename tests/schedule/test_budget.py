"""The bucket of CPU seconds."""

import pytest

from docker_storage_exporter.schedule.budget import Budget


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def budget(clock):
    return Budget(0.1, clock)


def test_it_starts_with_ten_seconds_of_refill_saved_up(budget):
    assert budget.wait_seconds() == 0
    assert budget.reserve() == pytest.approx(1.0)
    assert budget.reserve() == 0


def test_the_smallest_duty_allows_a_start_too(clock):
    budget = Budget(0.00001, clock)
    assert budget.wait_seconds() == 0
    budget.settle(budget.reserve(), 0.001)
    assert budget.wait_seconds() == pytest.approx(100)

    clock.now += 1000

    assert budget.wait_seconds() == 0


def test_what_is_used_is_waited_off_at_the_duty(budget, clock):
    budget.charge(1.5)

    assert budget.wait_seconds() == pytest.approx(5.1, abs=0.01)
    clock.now += 6
    assert budget.wait_seconds() == 0


def test_over_a_long_time_no_more_than_the_duty_can_be_used(budget, clock):
    used = 0.0
    for _ in range(10_000):
        if budget.wait_seconds() == 0:
            budget.charge(0.05)
            used += 0.05
        clock.now += 0.1

    assert used == pytest.approx(0.1 * 1000, rel=0.03)


def test_a_reservation_is_settled_for_what_was_really_used(budget):
    reserved = budget.reserve()
    budget.settle(reserved, 0.25)

    assert budget.reserve() == pytest.approx(0.75)


def test_an_idle_budget_saves_no_more_than_its_capacity(budget, clock):
    clock.now += 100_000

    assert budget.reserve() == pytest.approx(1.0)


def test_the_used_ratio_is_that_of_the_last_minute(budget, clock):
    assert budget.used_ratio() == 0
    budget.charge(3)
    assert budget.used_ratio() == pytest.approx(0.5)
    clock.now += 61
    assert budget.used_ratio() == 0


def test_another_duty_refills_at_its_rate_and_saves_up_no_more_than_ten_seconds_of_it(budget, clock):
    budget.change_duty(0.05)
    assert budget.reserve() == pytest.approx(0.5)

    budget.change_duty(0.5)
    clock.now += 2
    assert budget.reserve() == pytest.approx(1.0)
    clock.now += 100
    assert budget.reserve() == pytest.approx(5.0)


def test_what_was_used_is_summed_up_by_the_second_however_often_it_is_paid(budget, clock):
    for _ in range(6_000):
        budget.charge(0.001)
        clock.now += 0.01

    assert budget.used_ratio() == pytest.approx(1.0, rel=0.02)
    assert len(budget._spent) <= 61


def test_who_has_to_wait_waits_until_a_start_is_worth_it_and_then_goes_on(budget, clock):
    budget.charge(0.999)
    assert budget.wait_seconds() == pytest.approx(0.09)

    clock.now += 0.09

    assert budget.wait_seconds() == 0
    budget.charge(0.007)
    assert budget.wait_seconds() == 0
