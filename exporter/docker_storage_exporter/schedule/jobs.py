"""Work that may take long or never end, since it touches what is not the exporter's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

Device = tuple[int, int]
"""Major and minor number of a filesystem's device, as mountinfo has them."""


class Work(str, Enum):
    """What CPU time is spent on; the `work` label."""

    MEASUREMENT = "measurement"
    LISTING = "listing"  # asking an engine what exists, or reading that from its disk
    STORE = "store"  # reading whose layer is whose
    LOOK = "look"  # finding out what stands at a path
    PAGE = "page"  # putting a snapshot together and rendering it
    STATE = "state"  # writing the state file


def _nowhere() -> Device | None:
    return None


def _no_progress() -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work, with what is needed to tell that it hangs.

    `device` says which device it waits for, and is only called when that matters; None for what is no filesystem.
    `progress` is a number that grows as long as it gets on: what counts is the time without that. `timeout` is how
    many seconds of that are too many, where it is not the crew's own number.
    """

    work: Work
    name: str
    device: Callable[[], Device | None] = _nowhere
    progress: Callable[[], int] = _no_progress
    timeout: float | None = None


class Steps:
    """Counts what a job has done so far, so that a slow one is not taken for one that hangs."""

    def __init__(self) -> None:
        self._made = 0

    def make(self) -> None:
        """One thing more was done."""
        self._made += 1

    def progress(self) -> int:
        """How many things were done."""
        return self._made


class OverdueError(Exception):
    """A job made no progress for too long and was left to the kernel."""


class LeftBehindError(Exception):
    """The calling thread's job was given up while it ran, and another thread took its place."""


class StoppedError(Exception):
    """Nothing is begun any more."""
