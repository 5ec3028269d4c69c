"""How full a filesystem is, asked in a way that a filesystem which never answers cannot hold up anybody."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass


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


class FilesystemProbe:
    """Asks about one filesystem in a thread of its own; while one question hangs, no other is asked."""

    def __init__(self, path: str, patience: float = 0.25) -> None:
        self.path = path
        self._patience = patience
        self._lock = threading.Lock()
        self._asking: threading.Thread | None = None
        self._answer: Filesystem | None = None

    def read(self) -> Filesystem | None:
        """The filesystem now, or None when it cannot be read or does not answer within `patience` seconds."""
        with self._lock:
            if self._asking is None or not self._asking.is_alive():
                self._answer = None
                self._asking = threading.Thread(target=self._ask, name="statfs", daemon=True)
                self._asking.start()
            self._asking.join(self._patience)
            return None if self._asking.is_alive() else self._answer

    def _ask(self) -> None:
        try:
            self._answer = Filesystem.of(self.path)
        except OSError:
            self._answer = None
