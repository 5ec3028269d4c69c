"""Runs jobs, and gives up the ones that do not end: the kernel keeps their threads, and others take their places."""

from __future__ import annotations

import errno
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from docker_storage_exporter.schedule.devices import Devices
from docker_storage_exporter.schedule.jobs import Device, Job, LeftBehindError, OverdueError, StoppedError, Work
from docker_storage_exporter.threads import NamedThread

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_LONGEST_PAUSE_SECONDS = 1.0
_CHECKS_PER_TIMEOUT = 4


def _ignore() -> None:
    pass


def _pay_nobody(work: Work, seconds: float) -> None:
    del work, seconds


@dataclass(eq=False, slots=True)
class _Running:
    """A job under way. `since` is when it last made progress; once it was given up, `device` is what it waits for."""

    job: Job
    late: Callable[[], None]
    since: float
    beats: int
    given_up: bool = False
    device: Device | None = None


@dataclass(eq=False, slots=True)
class Pending(Generic[_T]):
    """A job that runs in a thread of the crew's."""

    job: Job
    act: Callable[[], _T]
    _ended: threading.Event = field(default_factory=threading.Event)
    _result: _T | None = None
    _error: BaseException | None = None
    _then: Callable[[], None] = _ignore
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for its end, at most so many seconds; whether it has ended or was given up."""
        if seconds is not None:
            return self._ended.wait(seconds)
        # In slices: where the kernel gave a signal to another thread, the main thread hears of it when it wakes up.
        while not self._ended.wait(_LONGEST_PAUSE_SECONDS):
            pass
        return True

    def result(self) -> _T:
        """What it returned, once it ended; raises what it raised, OverdueError if it was given up."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]

    def then(self, call: Callable[[], None]) -> None:
        """Have this called when it ends; at once if it has."""
        with self._lock:
            ended = self._ended.is_set()
            self._then = call
        if ended:
            call()

    def end(self, result: _T | None, error: BaseException | None) -> None:
        """Say how it ended. Only the first end counts."""
        with self._lock:
            if self._ended.is_set():
                return
            self._result, self._error = result, error
            self._ended.set()
        self._then()


class Crew:
    """Watches jobs that run in its own threads (`start`) or in the caller's (`do`). Safe for several threads.

    A job that makes no progress for `timeout` seconds, or its own number of them, is given up. `answered` is called
    when a job that was given up ended after all, `pay` with the CPU seconds that a thread of the crew's has used.
    """

    def __init__(
        self,
        timeout: float,
        clock: Callable[[], float] = time.monotonic,
        pay: Callable[[Work, float], None] = _pay_nobody,
        answered: Callable[[], None] = _ignore,
    ) -> None:
        self.timeout = timeout
        self.answered = answered
        self.progress: dict[Work, float] = {}  # when a job of each kind of work was last seen to get on
        self._clock = clock
        self._pay = pay
        self._lock = threading.Lock()
        self._running: set[_Running] = set()
        self._devices = Devices()
        self._tasks: queue.SimpleQueue[Pending[object] | None] = queue.SimpleQueue()
        self._idle = 0
        self._threads = 0
        self._stopping = threading.Event()
        self._watch: threading.Thread | None = None

    @property
    def abandoned(self) -> int:
        """How many jobs were given up and have not ended."""
        return self._devices.waiting

    def may_touch(self, device: Callable[[], Device | None]) -> bool:
        """Whether a job on a device may begin now. The device is only asked for while some job hangs."""
        if not self._devices.waiting:
            return True
        number = device()
        with self._lock:
            return self._devices.may_touch(number)

    def do(self, job: Job, act: Callable[[], _T], late: Callable[[], None] = _ignore) -> _T:
        """Do it in this thread. Raises what it raises.

        If it is given up meanwhile, `late` is called at once from another thread, and this one gets LeftBehindError as
        soon as the job ends.
        """
        if self._stopping.is_set():
            raise StoppedError
        running = self._begin(job, late)
        try:
            return act()
        finally:
            if self._end(running):
                raise LeftBehindError

    def start(self, job: Job, act: Callable[[], _T]) -> Pending[_T]:
        """Do it in a thread of the crew's. Raises StoppedError after `stop`, OSError where no thread can be had."""
        if self._stopping.is_set():
            raise StoppedError
        pending: Pending[_T] = Pending(job, act)
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                self._begin_thread()
        self._tasks.put(pending)  # type: ignore[arg-type]
        return pending

    def _begin_thread(self) -> None:
        try:
            NamedThread(target=self._work, name=f"job-{self._threads}", daemon=True).start()
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, "no thread can be started: is there a limit of processes?") from error
        self._threads += 1

    def call(self, job: Job, act: Callable[[], _T]) -> _T:
        """Do it in a thread of the crew's and wait. Raises what it raises, OverdueError if it was given up."""
        return self.start(job, act).result()

    def begin_watching(self) -> None:
        """From now on give up what hangs, by a thread of its own."""
        self._watch = NamedThread(target=self._keep_watching, name="watch", daemon=True)
        self._watch.start()

    def stop(self) -> None:
        """Begin nothing any more. What hangs is left to the end of the process."""
        self._stopping.set()
        with self._lock:
            idle, self._idle = self._idle, 0
        for _ in range(idle):
            self._tasks.put(None)

    def look_after(self) -> None:
        """Give up the jobs that made no progress for too long."""
        now = self._clock()
        for running in tuple(self._running):
            beats = running.job.progress()
            if beats != running.beats:
                running.beats, running.since = beats, now
                self.progress[running.job.work] = now
            elif now - running.since >= (running.job.timeout or self.timeout):
                self._give_up(running)

    def _keep_watching(self) -> None:
        while not self._stopping.wait(min(_LONGEST_PAUSE_SECONDS, self.timeout / _CHECKS_PER_TIMEOUT)):
            try:
                self.look_after()
            except Exception:  # noqa: BLE001 - whatever it is, the other jobs still have to be watched
                _log.exception("this is a defect in docker-storage-exporter; jobs are still watched")

    def _give_up(self, running: _Running) -> None:
        device = running.job.device()
        with self._lock:
            if running not in self._running or running.given_up:
                return
            running.given_up, running.device = True, device
            self._devices.give_up(device)
            self._running.discard(running)
        _log.debug("%s of %s is given up", running.job.work.value, running.job.name)
        running.late()

    def _begin(self, job: Job, late: Callable[[], None]) -> _Running:
        running = _Running(job, late, self._clock(), job.progress())
        with self._lock:
            self._running.add(running)
        return running

    def _end(self, running: _Running) -> bool:
        """Note that a job has ended; whether it was given up before."""
        device = running.job.device() if self._devices.waiting and not running.given_up else None
        with self._lock:
            self._running.discard(running)
            if running.given_up:
                self._devices.come_back(running.device)
            elif self._devices.waiting:
                self._devices.answer(device)
        if running.given_up:
            self.answered()
        return running.given_up

    def _work(self) -> None:
        while (pending := self._tasks.get()) is not None:
            if not self._perform(pending):
                return
            with self._lock:
                if self._stopping.is_set():
                    return
                self._idle += 1

    def _perform(self, pending: Pending[object]) -> bool:
        """Do a job; whether this thread is still the crew's afterwards."""
        cpu = time.thread_time()
        try:
            result = self.do(pending.job, pending.act, lambda: pending.end(None, OverdueError(pending.job.name)))
        except LeftBehindError:
            return False
        except BaseException as error:  # noqa: BLE001 - the waiting caller gets it, whatever it is
            pending.end(None, error)
        else:
            pending.end(result, None)
        finally:
            self._pay(pending.job.work, time.thread_time() - cpu)
        return True
