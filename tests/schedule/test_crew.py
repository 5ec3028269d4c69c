"""Jobs that end, and jobs that do not: by a clock that only the test moves."""

import threading

import pytest

from docker_storage_exporter.schedule.crew import Crew
from docker_storage_exporter.schedule.devices import MOST_IN_ALL, MOST_ON_A_DEVICE
from docker_storage_exporter.schedule.jobs import Job, LeftBehindError, OverdueError, StoppedError, Work

DISK, DEAD = (8, 1), (0, 99)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Hanging:
    """A job that hangs until the test lets it go."""

    def __init__(self, crew, device=DEAD, **facts):
        self.released = threading.Event()
        self.inside = threading.Event()
        self.beats = 0
        self.job = Job(Work.MEASUREMENT, "hanging", lambda: device, lambda: self.beats, **facts)
        self.pending = crew.start(self.job, self.act)
        assert self.inside.wait(10)

    def act(self):
        self.inside.set()
        assert self.released.wait(30)
        return "late"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hang(crew):
    """Start jobs that hang; all end with the test."""
    made = []

    def hang(**facts):
        made.append(Hanging(crew, **facts))
        return made[-1]

    yield hang
    for each in made:
        each.released.set()


@pytest.fixture
def heard():
    """What the crew told: CPU time that was paid, and answers of what was given up."""
    return []


@pytest.fixture
def crew(clock, heard):
    made = Crew(30, clock, lambda work, seconds: heard.append((work, seconds >= 0)), lambda: heard.append("answered"))
    yield made
    made.stop()


def job(device=DISK):
    return Job(Work.MEASUREMENT, "job", lambda: device)


def give_up(crew, clock):
    clock.now += crew.timeout
    crew.look_after()


def test_a_job_gives_what_it_returns_or_raises(crew):
    def fail():
        raise PermissionError(13, "no")

    assert crew.call(job(), lambda: 5) == crew.do(job(), lambda: 5) == 5
    for way in (crew.call, crew.do):
        with pytest.raises(PermissionError):
            way(job(), fail)
        with pytest.raises(MemoryError):
            way(job(), lambda: (_ for _ in ()).throw(MemoryError()))
    assert crew.abandoned == 0


def test_one_thread_does_job_after_job(crew):
    threads = {crew.call(job(), threading.get_ident) for _ in range(50)}

    assert len(threads) <= 2


def test_its_cpu_time_is_paid_by_kind_of_work(crew, heard):
    crew.call(Job(Work.STORE, "store"), lambda: sum(range(1000)))
    crew.call(Job(Work.LOOK, "look"), lambda: None)

    assert (Work.STORE, True) in heard


def test_a_job_that_makes_no_progress_is_given_up_and_its_place_taken(crew, clock, hang):
    hanging = hang()
    clock.now += 29.9
    crew.look_after()
    assert crew.abandoned == 0

    clock.now += 0.1
    crew.look_after()

    assert crew.abandoned == 1
    with pytest.raises(OverdueError):
        hanging.pending.result()
    assert crew.call(job(), lambda: 5) == 5


def test_a_job_that_makes_progress_may_take_as_long_as_it_wants(crew, clock, hang):
    hanging = hang()
    for _ in range(10):
        clock.now += 29
        hanging.beats += 1
        crew.look_after()

    assert crew.abandoned == 0


def test_a_job_may_have_a_timeout_of_its_own(crew, clock, hang):
    hang(timeout=300)
    give_up(crew, clock)
    assert crew.abandoned == 0

    clock.now += 300
    crew.look_after()
    assert crew.abandoned == 1


def test_one_that_was_given_up_and_ends_after_all_is_told_and_its_result_forgotten(crew, clock, hang, heard):
    hanging = hang()
    give_up(crew, clock)
    hanging.released.set()
    deadline = threading.Event()
    for _ in range(1000):
        if crew.abandoned == 0 and "answered" in heard:
            break
        deadline.wait(0.01)

    assert (crew.abandoned, heard.count("answered")) == (0, 1)
    with pytest.raises(OverdueError):
        hanging.pending.result()


def test_the_thread_of_a_job_that_was_given_up_is_told_to_end(crew, clock):
    late = []

    def act():
        give_up(crew, clock)
        return 5

    with pytest.raises(LeftBehindError):
        crew.do(job(), act, lambda: late.append(threading.get_ident()))
    assert len(late) == 1
    assert crew.abandoned == 0


def test_a_silent_device_holds_two_threads_and_no_more_and_others_are_touched(crew, clock, hang):
    for number in range(MOST_ON_A_DEVICE):
        assert crew.may_touch(lambda: DEAD), number
        hang()
        give_up(crew, clock)

    assert not crew.may_touch(lambda: DEAD)
    assert crew.may_touch(lambda: DISK)


def test_a_device_that_answered_again_is_touched_again(crew, clock, hang):
    hanging = [hang() for _ in range(MOST_ON_A_DEVICE)]
    give_up(crew, clock)
    assert not crew.may_touch(lambda: DEAD)
    hanging[0].released.set()

    for _ in range(1000):
        if crew.may_touch(lambda: DEAD):
            break
        threading.Event().wait(0.01)
    assert crew.may_touch(lambda: DEAD)


def test_with_eight_waiting_in_all_only_devices_are_touched_that_are_known_to_answer(crew, clock, hang):
    hang(device=(0, 0))
    give_up(crew, clock)
    crew.call(job(DISK), lambda: None)
    for number in range(1, MOST_IN_ALL):
        hang(device=(0, number))
        give_up(crew, clock)

    assert crew.abandoned == MOST_IN_ALL
    assert crew.may_touch(lambda: DISK)
    assert not crew.may_touch(lambda: (7, 7))


def test_the_device_is_only_asked_for_while_something_hangs(crew, clock, hang):
    def never():
        raise AssertionError

    assert crew.may_touch(never)
    assert crew.call(Job(Work.LOOK, "look", never), lambda: 1) == 1


def test_after_the_end_nothing_is_begun(crew):
    crew.stop()

    with pytest.raises(StoppedError):
        crew.call(job(), lambda: 5)
    with pytest.raises(StoppedError):
        crew.do(job(), lambda: 5)


def test_the_watch_gives_up_by_itself():
    crew = Crew(0.1)
    crew.begin_watching()
    released = threading.Event()

    with pytest.raises(OverdueError):
        crew.call(job(), lambda: released.wait(30))

    released.set()
    crew.stop()


def test_whoever_waits_for_an_end_is_told_of_it_whenever_it_came(crew):
    released, told = threading.Event(), []
    pending = crew.start(job(), lambda: released.wait(30))
    pending.then(lambda: told.append("later"))
    released.set()
    pending.result()
    pending.then(lambda: told.append("at once"))

    for _ in range(1000):
        if len(told) == 2:
            break
        threading.Event().wait(0.01)
    assert sorted(told) == ["at once", "later"]
