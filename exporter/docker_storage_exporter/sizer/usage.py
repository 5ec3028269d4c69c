"""What a walk takes, how it is controlled while it runs, and what it returns."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Root:
    """One tree to measure.

    `descriptor` is open on anything: a directory (also O_PATH), a file, a fifo, a socket. It stays open and unmoved.
    `mountpoints` are the paths, relative to the root and without a leading slash, that something is mounted on:
    neither they nor what is below them counts. They are needed for mounts of the same device, which a device number
    does not betray; mounts of other devices are kept out in any case. `depth` asks for the parts of the usage: each
    directory of so many levels below the root.
    """

    descriptor: int
    mountpoints: Collection[str] = ()
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """What a directory below the root holds, itself included: as a usage, of the tree that begins there.

    `path` is relative to the root. An inode with names in several parts belongs to the one where the walk met it first.
    """

    path: str
    allocated_bytes: int
    apparent_bytes: int
    inodes: int


@dataclass(frozen=True, slots=True)
class Usage:
    """How much one tree holds.

    `allocated_bytes` are blocks x 512 of every distinct inode, directories and the root included: `du -sx -B1`.
    `apparent_bytes` are the lengths of the non-directories (a symbolic link's is that of its text): what the classic
    Docker Engine calls the size of a volume or a writable layer.
    `inodes` counts distinct inodes, the root included. `unreadable` counts by errno name what exists but could not
    be read; what vanished during the walk is no error. `complete` is False when the walk was cut short.
    A sum of lengths that is more than 2^64 - 1, as sparse files can have it, is that number.
    `changed` is the newest change of an inode (its ctime), in seconds since the epoch; None without any. Changes later
    than the begin of the walk are ignored, and `future` counts them.
    `entries` and `cpu_seconds` are what the walk cost; they do not take part in comparisons. Nor do `changed` and
    `future`, nor `parts`, sorted by path, because of inodes with names in several of them.
    """

    allocated_bytes: int = 0
    apparent_bytes: int = 0
    inodes: int = 0
    unreadable: Mapping[str, int] = field(default_factory=dict)
    complete: bool = True
    entries: int = field(default=0, compare=False)
    cpu_seconds: float = field(default=0.0, compare=False)
    parts: tuple[Part, ...] = field(default=(), compare=False)
    changed: float | None = field(default=None, compare=False)
    future: int = field(default=0, compare=False)

    @property
    def unreadable_entries(self) -> int:
        """How many entries could not be read, for whatever reason."""
        return sum(self.unreadable.values())


_MILLION = 1_000_000


@dataclass(slots=True, eq=False)
class Control:
    """How a caller steers a walk that runs in another thread.

    The walk may use `burst` CPU seconds at once, after that `share` of one core, which `change_share` can change while
    it runs. It ends early, with incomplete
    usages, when it has seen more than `max_entries` names, when `deadline` (time.monotonic) has passed, or after
    `stop()`. `entries` and `allocated_bytes` grow while it runs, for progress reports; several calls of `measure` with
    one control add up.

    The C core walks with `threads` threads of its own. With `idle_priority` they take only the processor and disk time
    that is otherwise idle, so on a busy host even the reaction to a stop waits for a free moment; a caller that waits
    for the walk sets it to False. The plain twin heeds neither: a Python
    thread at idle priority would stall everybody who waits for the interpreter lock.
    """

    burst: float = float("inf")
    share: float = 1.0
    max_entries: float = float("inf")
    deadline: float = float("inf")
    threads: int = 1
    idle_priority: bool = True
    # What the C core reads and writes while the interpreter runs: stopped, entries, allocated bytes, share, beats. An
    # array, because its memory has an address and never moves as long as nothing is appended.
    _meter: array[int] = field(default_factory=lambda: array("q", (0, 0, 0, 0, 0)), init=False, repr=False)
    _stopped: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    def __post_init__(self) -> None:
        self.change_share(self.share)

    def change_share(self, share: float) -> None:
        """Walk with another share of one core from now on."""
        self.share = share
        self._meter[3] = round(min(share, 1.0) * _MILLION)

    @property
    def entries(self) -> int:
        """How many names were seen so far."""
        return self._meter[1]

    @property
    def allocated_bytes(self) -> int:
        """How many allocated bytes were counted so far."""
        return self._meter[2]

    def add(self, entries: int, allocated_bytes: int) -> None:
        """Tell what a walker has counted since it last did."""
        self._meter[1] += entries
        self._meter[2] += allocated_bytes
        self._meter[4] += 1

    @property
    def beats(self) -> int:
        """A number that grows while a walk gets on, or naps for its share: one that hangs in the kernel does not."""
        return self._meter[4]

    def beat(self) -> None:
        """Tell that a walk gets on."""
        self._meter[4] += 1

    def stop(self) -> None:
        """Ask the walk to end; it does so before its next system call on a directory."""
        self._meter[0] = 1
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    @property
    def meter_address(self) -> int:
        """Where five 64-bit integers that outlive every walk of this control lie, for the C core."""
        return self._meter.buffer_info()[0]

    def sleep(self, seconds: float) -> None:
        """Sleep, but wake up at once when the walk is stopped."""
        self._stopped.wait(seconds)
