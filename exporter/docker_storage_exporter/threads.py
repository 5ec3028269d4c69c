"""Threads that the kernel knows by name."""

from __future__ import annotations

import threading
from contextlib import suppress

from docker_storage_exporter.libc import prctl

_PR_SET_NAME = 15
_LONGEST_NAME = 15


class NamedThread(threading.Thread):
    """A thread whose name `top -H` and `ps -L` show, up to 15 bytes. Python does that itself from 3.14 on."""

    def run(self) -> None:
        """Take the name, then do the work."""
        with suppress(OSError):
            prctl(_PR_SET_NAME, self.name.encode()[:_LONGEST_NAME])
        super().run()
