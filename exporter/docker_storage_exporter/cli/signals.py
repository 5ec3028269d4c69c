"""Signals as something to wait for."""

from __future__ import annotations

import signal
import socket
import sys


class Signals:
    """The signals that come, in their order. None is lost, not even one that comes just before it is waited for.

    The interpreter writes the number of each to a socket, at once and whatever every thread is doing; a lock or a
    queue that is waited for would miss one that comes between the last look and the wait. Once in a process.
    """

    def __init__(self) -> None:
        self._reading, self._writing = socket.socketpair()
        self._writing.setblocking(False)
        signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)

    def take(self, *numbers: signal.Signals) -> None:
        """From now on these do nothing but to be waited for."""
        for number in numbers:
            signal.signal(number, lambda _number, _frame: None)

    def wait(self) -> int:
        """The next one."""
        return self._reading.recv(1)[0]

    def close(self) -> None:
        """Those taken are ignored from now on."""
        signal.set_wakeup_fd(-1)
        self._reading.close()
        self._writing.close()


def leave_on_sigterm() -> None:
    """Until there is more to do: let SIGTERM end this process in order, with exit code 0."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
