"""What a walk is given, what it is told while it runs, and what it answers."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Root:
    """One tree to measure.

    `descriptor` is open on anything: a directory (also O_PATH), a file, a fifo, a socket. It stays open and unmoved.
    `mountpoints` are the paths, relative to the root and without a leading slash, that something is mounted on:
    neither they nor what is below them counts. They are needed for mounts of the same device, which a device number
    does not betray; mounts of other devices are kept out in any case.
    """

    descriptor: int
    mountpoints: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """How much one tree holds.

    `allocated_bytes` are blocks x 512 of every distinct inode, directories and the root included: `du -sx -B1`.
    `apparent_bytes` are the lengths of the non-directories (a symbolic link's is that of its text): what the classic
    Docker Engine calls the size of a volume or a writable layer.
    `inodes` counts distinct inodes, the root included. `unreadable` counts by errno name what exists but could not
    be read; what vanished during the walk is no error. `complete` is False when the walk was cut short.
    `entries` and `cpu_seconds` are what the walk cost; they do not take part in comparisons.
    """

    allocated_bytes: int = 0
    apparent_bytes: int = 0
    inodes: int = 0
    unreadable: Mapping[str, int] = field(default_factory=dict)
    complete: bool = True
    entries: int = field(default=0, compare=False)
    cpu_seconds: float = field(default=0.0, compare=False)

    @property
    def unreadable_entries(self) -> int:
        """How many entries could not be read, for whatever reason."""
        return sum(self.unreadable.values())


@dataclass(slots=True, eq=False)
class Control:
    """How a caller steers a walk that runs in another thread.

    The walk may use `burst` CPU seconds at once, after that `share` of one core. It ends early, with incomplete
    usages, when it has seen `max_entries` names, when `deadline` (time.monotonic) has passed, or after `stop()`.
    `entries` and `allocated_bytes` grow while it runs, for whoever watches.
    """

    burst: float = float("inf")
    share: float = 1.0
    max_entries: float = float("inf")
    deadline: float = float("inf")
    entries: int = 0
    allocated_bytes: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Ask the walk to end; it does so before its next system call on a directory."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def sleep(self, seconds: float) -> None:
        """Sleep, but wake up at once when the walk is stopped."""
        self._stopped.wait(seconds)
