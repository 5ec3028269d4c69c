"""The exporter's own threads: each calls one step again and again, at the idle I/O class, whatever the step raises."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

import psutil

from docker_storage_exporter.errors import ExporterError
from docker_storage_exporter.schedule.jobs import LeftBehindError, OverdueError, StoppedError
from docker_storage_exporter.threads import NamedThread

_log = logging.getLogger(__name__)
_IDLE_SECONDS = 1.0  # the longest sleep, because an interval may change meanwhile; also the delay after an error


class Loops:
    """Threads that run until `stop`. A step returns how many seconds to wait before it is called again."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, name: str, step: Callable[[], float]) -> None:
        """Call a step in a new thread until `stop`, or until it raises LeftBehindError. Does nothing after `stop`."""
        if self.stopping.is_set():
            return
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = NamedThread(target=self.run, args=(step,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def run(self, step: Callable[[], float]) -> None:
        """Call a step in this thread until `stop`."""
        _read_from_disk_at_idle_priority()
        while not self.stopping.is_set():
            try:
                delay = step()
            except (LeftBehindError, StoppedError):
                return
            except (ExporterError, OSError) as error:
                _log.warning("%s", error)
                delay = _IDLE_SECONDS
            except OverdueError as error:
                _log.warning("%s does not answer", error)
                delay = _IDLE_SECONDS
            except Exception:  # noqa: BLE001 - one defect must not end measuring; it is logged with its traceback
                _log.exception("this is a defect in docker-storage-exporter; measuring goes on")
                delay = _IDLE_SECONDS
            if delay > 0:
                self.stopping.wait(min(delay, _IDLE_SECONDS))

    def stop(self) -> None:
        """Ask every loop to end after the step that it is in."""
        self.stopping.set()

    def join(self, seconds: float) -> None:
        """Wait for all loops together, for so many seconds at most."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def is_alive(self, name: str) -> bool:
        """Whether a loop of this name runs, or hangs in its step."""
        return any(thread.name == name and thread.is_alive() for thread in self._threads)


def _read_from_disk_at_idle_priority() -> None:
    """Set the calling thread's I/O class. Its CPU priority stays: a Python thread holds the interpreter's lock."""
    try:
        psutil.Process(threading.get_native_id()).ionice(psutil.IOPRIO_CLASS_IDLE)
    except (psutil.Error, OSError) as error:
        _log.debug("no idle I/O class for thread %s of %s: %s", threading.get_native_id(), os.getpid(), error)
