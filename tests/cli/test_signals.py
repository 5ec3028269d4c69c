"""Signals as something to wait for: none is lost, equal ones fold, and the end goes first."""

import os
import signal
from contextlib import closing

import pytest

from docker_storage_exporter.cli.signals import Signals


@pytest.fixture
def signals():
    """Signals that are taken, and put back after the test."""
    taken = (signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1)
    before = {number: signal.getsignal(number) for number in taken}
    with closing(Signals()) as made:
        made.take(*taken)
        yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def send(*numbers):
    for number in numbers:
        os.kill(os.getpid(), number)


def test_one_that_came_before_it_is_waited_for_is_not_lost(signals):
    send(signal.SIGHUP)

    assert signals.wait() == signal.SIGHUP


def test_equal_ones_are_one_and_the_end_goes_before_what_came_earlier(signals):
    send(*[signal.SIGHUP] * 50, signal.SIGUSR1, signal.SIGTERM, *[signal.SIGHUP] * 50)

    assert [signals.wait() for _ in range(3)] == [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1]


def test_what_comes_after_it_was_waited_for_comes_again(signals):
    send(signal.SIGHUP)
    signals.wait()
    send(signal.SIGHUP)

    assert signals.wait() == signal.SIGHUP
