"""How full a filesystem is, asked in a way that a filesystem which never answers cannot hold up anybody."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from docker_storage_exporter.hostfs.identity import is_mounted_on
from docker_storage_exporter.threads import NamedThread


@dataclass(frozen=True, slots=True)
class Filesystem:
    """What statfs says: bytes in all, free for root, free for others; inodes in all and free."""

    size_bytes: int
    free_bytes: int
    avail_bytes: int
    inodes: int
    inodes_free: int

    @classmethod
    def of(cls, target: str | int) -> Filesystem:
        """The filesystem of a path or descriptor. Raises OSError; may hang on a dead remote filesystem."""
        stats = os.fstatvfs(target) if isinstance(target, int) else os.statvfs(target)
        unit = stats.f_frsize
        return cls(
            size_bytes=stats.f_blocks * unit,
            free_bytes=stats.f_bfree * unit,
            avail_bytes=stats.f_bavail * unit,
            inodes=stats.f_files,
            inodes_free=stats.f_ffree,
        )

    @property
    def used_bytes(self) -> int:
        """Bytes in use, as df counts them."""
        return self.size_bytes - self.free_bytes


class FilesystemProbes:
    """Asks about filesystems so that one which never answers delays no caller for longer than `timeout` seconds.

    `view` turns a mount point of the host into the path that this process sees it at, as Host.view does.
    """

    def __init__(self, view: Callable[[str], str] = str, timeout: float = 0.25) -> None:
        self._view = view
        self._timeout = timeout
        self._probes: dict[str, FilesystemProbe] = {}
        self._lock = threading.Lock()

    def read(self, mountpoints: Sequence[str]) -> dict[str, Filesystem]:
        """The filesystems at these mount points which answer in time, all asked at once."""
        with self._lock:
            probes = {path: self._probes.get(path) or FilesystemProbe(self._view(path)) for path in mountpoints}
            self._probes = probes
        # Who has not answered an earlier question is not waited for again: that would cost each scrape the timeout.
        waited_for = {path for path, probe in probes.items() if probe.ask()}
        due = time.monotonic() + self._timeout
        answers = {
            path: probe.answer(max(0.0, due - time.monotonic()) if path in waited_for else 0.0)
            for path, probe in probes.items()
        }
        return {path: answer for path, answer in answers.items() if answer is not None}


class FilesystemProbe:
    """Asks about the filesystem at a path in a thread of its own; while one question hangs, no other is asked.

    One that was mounted on that very path has no answer as long as it is not.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._asking: threading.Thread | None = None
        self._answer: Filesystem | None = None
        self._was_mounted = False

    def ask(self) -> bool:
        """Begin to ask, unless the last question still waits; whether it was asked."""
        with self._lock:
            if self._asking is not None and self._asking.is_alive():
                return False
            self._answer = None
            self._asking = NamedThread(target=self._ask, name="statfs", daemon=True)
            try:
                self._asking.start()
            except RuntimeError:  # no thread can be had: no answer this time
                self._asking = None
                return False
            return True

    def answer(self, timeout: float) -> Filesystem | None:
        """The filesystem as asked last, or None when it cannot be read or does not answer within so many seconds."""
        asking = self._asking
        if asking is None:
            return None
        asking.join(timeout)
        return None if asking.is_alive() else self._answer

    def read(self, timeout: float = 0.25) -> Filesystem | None:
        """The filesystem now, or None like `answer`."""
        self.ask()
        return self.answer(timeout)

    def _ask(self) -> None:
        try:
            mounted = is_mounted_on(self.path)
            self._was_mounted = self._was_mounted or mounted
            # Once it is unmounted, the filesystem below would answer in its place.
            self._answer = Filesystem.of(self.path) if mounted or not self._was_mounted else None
        except OSError:
            self._answer = None
