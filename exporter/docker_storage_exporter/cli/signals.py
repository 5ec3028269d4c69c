"""Signals as something to wait for."""

from __future__ import annotations

import signal
import socket
import sys

_ENDS = {signal.SIGTERM.value, signal.SIGINT.value}
_MOST_SIGNALS = 4096


class Signals:
    """The signals that come. None is lost, not even one that comes just before it is waited for; those that came
    meanwhile fold: equal ones are one, and one that ends the process goes first.

    The interpreter writes the number of each to a socket, at once and whatever every thread is doing; a lock or a
    queue that is waited for would miss one that comes between the last look and the wait. Once in a process.
    """

    def __init__(self) -> None:
        self._reading, self._writing = socket.socketpair()
        self._writing.setblocking(False)
        self._came: set[int] = set()
        signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)

    def take(self, *numbers: signal.Signals) -> None:
        """From now on these do nothing but to be waited for."""
        for number in numbers:
            signal.signal(number, lambda _number, _frame: None)

    def wait(self) -> int:
        """The next one."""
        if not self._came:
            self._came = set(self._reading.recv(_MOST_SIGNALS))
        ends = self._came & _ENDS
        number = min(ends or self._came)
        self._came.discard(number)
        return number

    def close(self) -> None:
        """Those taken are ignored from now on."""
        signal.set_wakeup_fd(-1)
        self._reading.close()
        self._writing.close()


def leave_on_sigterm() -> None:
    """Until there is more to do: let SIGTERM end this process in order, with exit code 0."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
