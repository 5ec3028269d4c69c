"""A limit on open connections."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress


class ConnectionLimit:
    """At most `limit` open connections. A new one closes the oldest, and first of all those that sent no request.

    A client that sends a request is served, however many others stay silent. No connection is closed in its first
    `grace` seconds, in which a well-behaved client sends its request.

    A closed connection may still have a thread at work, such as on a large page. Up to `limit` of these are allowed.
    """

    def __init__(self, limit: int, grace: float) -> None:
        self._limit = limit
        self._grace = grace
        self._silent: dict[socket.socket, float] = {}  # with the time of arrival, in the order of it
        self._asking: dict[socket.socket, float] = {}
        self._going: set[socket.socket] = set()  # closed, but at work still
        self._changed = threading.Condition()

    def admit(self, connection: socket.socket) -> bool:
        """Take a connection in, as soon as there is a place. False when so many work that there will not be one."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._going) < self._limit, self._grace):
                return False
            while len(self._silent) + len(self._asking) >= self._limit:
                where = self._silent or self._asking
                oldest, since = next(iter(where.items()))
                remaining = since + self._grace - time.monotonic()
                if remaining > 0:
                    self._changed.wait(remaining)
                    continue
                del where[oldest]
                self._going.add(oldest)
                with suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)
            self._silent[connection] = time.monotonic()
            return True

    def asked(self, connection: socket.socket) -> None:
        """A connection has sent its request."""
        with self._changed:
            since = self._silent.pop(connection, None)
            if since is not None:
                self._asking[connection] = since

    def disperse(self, seconds: float) -> None:
        """Close idle connections, and wait so long for the others to be answered."""
        with self._changed:
            for connection in self._silent:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not (self._silent or self._asking or self._going), seconds)

    def leave(self, connection: socket.socket) -> None:
        """A connection ends."""
        with self._changed:
            self._silent.pop(connection, None)
            self._asking.pop(connection, None)
            self._going.discard(connection)
            self._changed.notify()
