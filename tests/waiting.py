"""Waiting in tests for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def wait_until(condition: Callable[[], _T], what: str = "a condition", *, seconds: float = 60) -> _T:
    """Poll a condition until it gives something true, and return that. Fails after so many seconds."""
    deadline, pause = time.monotonic() + seconds, 0.001
    while not (result := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(pause)
        pause = min(1.5 * pause, 0.2)
    return result
