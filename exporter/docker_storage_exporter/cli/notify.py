"""Notifies systemd, or another supervisor with a notification socket, of start, reload and stop: sd_notify(3).

The protocol is a datagram of lines to the unix socket that NOTIFY_SOCKET names. Without that variable nothing is sent,
and one that is wrong is no error: a service must not fail because of its manager.

The connection is made before anything else: under Landlock a name of the abstract namespace cannot be reached later.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

_PATIENCE_SECONDS = 2.0


class Notifier:
    """Sends notifications to the supervisor, if there is one."""

    def __init__(self) -> None:
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._connection.settimeout(_PATIENCE_SECONDS)
        address = os.environ.get("NOTIFY_SOCKET", "")
        if address.startswith("@"):  # the abstract namespace
            address = "\0" + address[1:]
        if address.startswith(("/", "\0")):
            with suppress(OSError):
                self._connection.connect(address)

    def ready(self, status: str) -> None:
        """The first list was made and is served; also: a reload has ended. `status` is for `systemctl status`."""
        self._tell("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Settings are being read again; `ready` ends it. The time tells several reloads apart."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The end has begun."""
        self._tell("STOPPING=1")

    def close(self) -> None:
        """Close the socket."""
        self._connection.close()

    def _tell(self, *lines: str) -> None:
        with suppress(OSError):  # also when it is not connected
            self._connection.send("\n".join(lines).encode())
