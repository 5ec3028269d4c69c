"""How the plain twin of the walker keeps within its share of a core, and notices that it has to end."""

from __future__ import annotations

import time

from docker_storage_exporter.sizer.usage import Control

_LONGEST_NAP_SECONDS = 0.05


class CutShort(Exception):  # noqa: N818 - not an error: the caller asked for it
    """The control ended the walk."""


class Pace:
    """Keeps one call of `measure` within its burst and share, and notices when it has to end."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._cpu = time.thread_time()
        self._wall = time.monotonic()

    def check(self) -> None:
        """Raise CutShort when the walk has to end; otherwise sleep off what it used too fast."""
        debt = self._debt()
        if debt > 0:
            self._sleep_off(debt)
        self._raise_if_over()

    def _sleep_off(self, seconds: float) -> None:
        """Sleep in slices. What these cost is not charged: with a small share the debt would never be paid off."""
        cpu, due = time.thread_time(), time.monotonic() + seconds
        while seconds > 0:
            self._raise_if_over()
            self._control.sleep(min(seconds, _LONGEST_NAP_SECONDS))
            self._control.beat()
            seconds = due - time.monotonic()
        self._cpu += time.thread_time() - cpu

    def _raise_if_over(self) -> None:
        control = self._control
        if control.stopped or control.entries > control.max_entries or time.monotonic() > control.deadline:
            raise CutShort

    def _debt(self) -> float:
        control = self._control
        over = time.thread_time() - self._cpu - control.burst
        if over <= 0 or control.share >= 1:
            return 0.0
        if control.share <= 0:
            return float("inf")
        return over / control.share - (time.monotonic() - self._wall)
