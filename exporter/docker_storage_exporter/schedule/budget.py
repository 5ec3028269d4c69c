"""The CPU time that all measuring together may use."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

_SECONDS_KEPT = 10.0  # how much refill an idle budget saves up for a burst
_WINDOW_SECONDS = 60.0
_STEP_SECONDS = 1.0
_SMALLEST_START = 0.002  # CPU seconds; a walk is not worth starting with less
_SHARE = 0.25  # of the budget that listing may take, and as much that publishing may
_LONGEST_REST_SECONDS = 60.0
_WORTH_WAKING = 0.01  # CPU seconds to save up once there is less: to sleep and wake up is work as well


class Budget:
    """A bucket of CPU seconds that refills at `duty` per second and may go into debt, which is waited off.

    Whoever starts a walk takes what has been saved up with `reserve`, paces the rest itself and pays the true cost
    with `settle`; what cannot be paced is paid with `charge`. Safe for several threads.
    """

    def __init__(self, duty: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.duty = duty
        self._clock = clock
        self._lock = threading.Lock()
        self._filled_at = clock()
        self._capacity = self._level = _capacity(duty)
        self._spent: deque[tuple[float, float]] = deque()

    def change_duty(self, duty: float) -> None:
        """Refill at another rate from now on."""
        with self._lock:
            self._refill()
            self.duty, self._capacity = duty, _capacity(duty)
            self._level = min(self._level, self._capacity)

    def wait_seconds(self) -> float:
        """How long to wait until a walk may start; 0 for now."""
        with self._lock:
            level = self._refill()
            wanted = _SMALLEST_START if level >= _SMALLEST_START else min(_WORTH_WAKING, self._capacity)
            return max(0.0, (wanted - level) / self.duty)

    def reserve(self) -> float:
        """Take everything that was saved up: CPU seconds that may be used at once."""
        with self._lock:
            saved = max(0.0, self._refill())
            self._level -= saved
            return saved

    def settle(self, reserved: float, used: float) -> None:
        """Give back what was reserved and pay what was used instead."""
        with self._lock:
            self._refill()
            self._level = min(self._capacity, self._level + reserved)
        self.charge(used)

    def charge(self, used: float) -> None:
        """Pay CPU seconds."""
        with self._lock:
            self._refill()
            self._level -= used
            self._note(used)

    def rest(self, cost: float) -> float:
        """How many seconds not to do work again that cost so much CPU time, so that measuring has its part."""
        return min(_LONGEST_REST_SECONDS, cost / (_SHARE * self.duty))

    def used_ratio(self) -> float:
        """The share of the budget that was used over the last minute; above 1 while a debt is being waited off."""
        with self._lock:
            self._forget()
            return sum(used for _, used in self._spent) / (self.duty * _WINDOW_SECONDS)

    def _note(self, used: float) -> None:
        """Add it to what was spent in this second: a scrape sums up, and there may be thousands of walks a second."""
        now = self._clock()
        if self._spent and now - self._spent[-1][0] < _STEP_SECONDS:
            since, before = self._spent.pop()
            self._spent.append((since, before + used))
        else:
            self._spent.append((now, used))

    def _refill(self) -> float:
        now = self._clock()
        self._level = min(self._capacity, self._level + (now - self._filled_at) * self.duty)
        self._filled_at = now
        self._forget()
        return self._level

    def _forget(self) -> None:
        oldest = self._clock() - _WINDOW_SECONDS
        while self._spent and self._spent[0][0] < oldest:
            self._spent.popleft()


def _capacity(duty: float) -> float:
    """What can be saved up: with the smallest duty too it has to be enough for a start."""
    return max(duty * _SECONDS_KEPT, _SMALLEST_START)
