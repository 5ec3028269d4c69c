"""Loops: a step again and again, whatever it raises, until the end."""

import threading

import pytest

from docker_storage_exporter.errors import AccessError
from docker_storage_exporter.schedule.jobs import LeftBehindError, OverdueError, StoppedError
from docker_storage_exporter.schedule.loops import Loops
from waiting import wait_until


@pytest.fixture
def loops():
    """Loops that never sleep."""
    made = Loops()
    made.stopping.wait = lambda seconds: None
    yield made
    made.stop()
    made.join(10)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ZeroDivisionError(), "this is a defect"),
        (AccessError("no right to read it"), "no right to read it"),
        (OverdueError("overlay2"), "overlay2 does not answer"),
        (OSError(5, "Input/output error"), "Input/output error"),
    ],
)
def test_what_a_step_raises_is_logged_and_the_loop_goes_on(loops, error, said, caplog):
    calls = []

    def step():
        calls.append(1)
        if len(calls) == 1:
            raise error
        loops.stop()
        return 0.0

    loops.begin("test", step)
    loops.join(10)

    assert len(calls) == 2
    assert said in caplog.text


@pytest.mark.parametrize("error", [LeftBehindError(), StoppedError()])
def test_a_loop_whose_work_somebody_else_does_ends_without_a_word(loops, error, caplog):
    def step():
        raise error

    loops.begin("test", step)
    wait_until(lambda: not loops.is_alive("test"), "the loop has ended")

    assert caplog.text == ""


def test_a_loop_that_hangs_is_not_waited_for_longer_than_asked(loops):
    inside, released = threading.Event(), threading.Event()

    def step():
        inside.set()
        released.wait(60)
        return 0.0

    loops.begin("hangs", step)
    assert inside.wait(10)

    loops.stop()
    loops.join(0.1)

    assert loops.is_alive("hangs")
    released.set()


def test_nothing_begins_after_the_end(loops):
    loops.stop()
    loops.begin("late", lambda: 0.0)

    assert not loops.is_alive("late")
