"""The plain twin of the walker: portable Python that says what every walker here must mean.

What it promises, for each root on its own:

* An inode counts once, keyed by number: a walk stays on the device of its root, so the number is enough.
* What lies on another device is left out, entry by entry; its siblings count. A listed mount point is left out with
  everything below it, whatever its device. No symbolic link is followed.
* Every directory is opened relative to its parent and checked to be the inode that was listed, so neither long paths
  nor a link slipped in meanwhile leads elsewhere.
* At most `_OPEN_FRAMES` directories are open. A parent that was closed is opened again through "..", or by name from
  the nearest open ancestor, and must be the same inode; otherwise it was moved or removed, and what was still to be
  visited there is no longer part of this tree.
* Vanished entries are no error. Everything else that fails is counted by errno name and the walk goes on.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from docker_storage_exporter.sizer.pace import CutShort, Pace
from docker_storage_exporter.sizer.usage import Control, Part, Root, Usage

_OPEN_FRAMES = 32
_ENTRIES_PER_CHECK = 128
_NO_TIME = -(2**63)
_LARGEST_SUM = 2**64 - 1
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A directory that was listed and is now gone, or is now a file or a link, vanished.
_VANISHED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
# No descriptor is left, in this process or on this host.
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE})
# Mount points below a directory, as nested dictionaries; a mount point itself is an empty one.
_Boundary = dict[str, "_Boundary"]
# The parts of the usage that a directory counts to, outermost first.
_Parts: TypeAlias = "tuple[_Sums, ...]"


def measure(roots: Sequence[Root], control: Control | None = None) -> list[Usage]:
    """Measure each root; one usage each, in the same order.

    Never raises for what it finds in a tree; a descriptor that is not open raises OSError.
    """
    control = control or Control()
    pace, now = Pace(control), time.time_ns()
    return [_Walk(root, control, pace, now).run() for root in roots]


@dataclass(slots=True)
class _Sums:
    """A part of the usage that grows."""

    path: str
    blocks: int
    apparent: int = 0
    inodes: int = 1


class _Frame:
    """A directory on the way down: its subdirectories still to visit, and its descriptor unless closed to save it."""

    __slots__ = ("boundary", "descriptor", "inode", "name", "parts", "pending")

    def __init__(self, name: str, descriptor: int, inode: int, parts: _Parts, boundary: _Boundary) -> None:
        self.name = name
        self.descriptor: int | None = descriptor
        self.inode = inode
        self.parts = parts
        self.boundary = boundary
        self.pending: list[tuple[str, int, _Parts]] = []

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


class _Walk:
    """One walk over one root."""

    def __init__(self, root: Root, control: Control, pace: Pace, now: int) -> None:
        self._root = root
        self._control = control
        self._pace = pace
        self._now = now
        self._newest = _NO_TIME
        self._future = 0
        self._linked: set[int] = set()
        self._frames: list[_Frame] = []
        self._open: deque[_Frame] = deque()  # frames below the root's that hold a descriptor, outermost first
        self._unreadable: Counter[str] = Counter()
        self._parts: list[_Sums] = []
        self._blocks = self._apparent = self._inodes = self._entries = 0

    def run(self) -> Usage:
        started = time.thread_time()
        complete = True
        try:
            self._pace.check()
            self._walk()
        except CutShort:
            complete = False
        finally:
            for frame in self._frames:
                frame.close()
        return Usage(
            allocated_bytes=self._blocks * 512,
            apparent_bytes=min(self._apparent, _LARGEST_SUM),
            inodes=self._inodes,
            unreadable=dict(self._unreadable),
            complete=complete,
            entries=self._entries,
            cpu_seconds=time.thread_time() - started,
            parts=tuple(
                Part(part.path, part.blocks * 512, min(part.apparent, _LARGEST_SUM), part.inodes)
                for part in sorted(self._parts, key=lambda part: part.path)
            ),
            changed=None if self._newest == _NO_TIME else self._newest / 1e9,
            future=self._future,
        )

    def _walk(self) -> None:
        try:
            status = os.fstat(self._root.descriptor)
        except OSError as error:
            if error.errno == errno.EBADF:
                raise
            self._note(error)
            return
        self._device = status.st_dev
        self._inodes, self._blocks, self._entries = 1, status.st_blocks, 1
        if status.st_ctime_ns <= self._now:
            self._newest = status.st_ctime_ns
        else:
            self._future = 1
        self._control.add(1, status.st_blocks * 512)
        if not stat.S_ISDIR(status.st_mode):
            self._apparent = status.st_size
            return
        self._enter(".", status.st_ino, (), self._root.descriptor, _nested(self._root.mountpoints))
        while self._frames:
            frame = self._frames[-1]
            if frame.pending:
                name, inode, parts = frame.pending.pop()
                self._enter(name, inode, parts, frame.descriptor, frame.boundary.get(name, {}))
            else:
                self._leave(frame)

    def _enter(self, name: str, inode: int, parts: _Parts, parent: int | None, boundary: _Boundary) -> None:
        """Open a subdirectory, push its frame and read it. `parent` is open: `_leave` saw to that."""
        descriptor = self._open_listed(name, parent, inode)
        if descriptor is None:
            return
        frame = _Frame(name, descriptor, inode, parts, boundary)
        self._frames.append(frame)
        if len(self._frames) > 1:
            self._open.append(frame)
            if len(self._open) > _OPEN_FRAMES:
                self._open.popleft().close()
        self._read(frame, descriptor)

    def _open_listed(self, name: str, parent: int | None, inode: int) -> int | None:
        """Open `name` below `parent` if it still is the directory that was listed; note what is an error."""
        try:
            return self._checked_open(name, parent, inode)
        except OSError as error:
            if self._made_room(error):
                return self._open_listed(name, parent, inode)
            self._note(error)
            return None

    def _made_room(self, error: OSError) -> bool:
        """Whether to try again, because no descriptor was left and one was closed: at most _OPEN_FRAMES times."""
        if error.errno not in _EXHAUSTED or len(self._open) < 2:  # noqa: PLR2004 - the last one is in use
            return False
        self._open.popleft().close()
        return True

    def _checked_open(self, name: str, parent: int | None, inode: int) -> int | None:
        """Open a directory; None if it was replaced or mounted over and so is not that inode of this tree."""
        descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
        try:
            status = os.fstat(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        if (status.st_dev, status.st_ino) == (self._device, inode):
            return descriptor
        os.close(descriptor)
        return None

    def _read(self, frame: _Frame, descriptor: int) -> None:
        """Count every entry of an open directory; note its subdirectories as pending."""
        try:
            with os.scandir(descriptor) as entries:
                self._count(frame, entries)
        except OSError as error:
            if self._made_room(error):  # scandir takes a descriptor of its own, before it reads
                self._read(frame, descriptor)
            else:
                self._note(error)

    def _count(self, frame: _Frame, entries: Iterator[os.DirEntry[str]]) -> None:  # noqa: C901, PLR0912 - the hot loop
        device, linked, boundary, pending = self._device, self._linked, frame.boundary, frame.pending
        now, newest, future = self._now, self._newest, self._future
        seen = inodes = blocks = apparent = 0
        try:
            for entry in entries:
                seen += 1
                if seen == _ENTRIES_PER_CHECK:
                    self._add(frame.parts, seen, inodes, blocks, apparent)
                    seen = inodes = blocks = apparent = 0
                    self._pace.check()
                name = entry.name
                if boundary and boundary.get(name, boundary) == {}:
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError as error:
                    self._note(error)
                    continue
                if status.st_dev != device:
                    continue
                if stat.S_ISDIR(status.st_mode):
                    pending.append((name, status.st_ino, self._parts_of(frame.parts, name, status.st_blocks)))
                else:
                    if status.st_nlink > 1:
                        if status.st_ino in linked:
                            continue
                        linked.add(status.st_ino)
                    apparent += status.st_size
                inodes += 1
                blocks += status.st_blocks
                if (changed := status.st_ctime_ns) > newest:
                    if changed <= now:
                        newest = changed
                    else:
                        future += 1
        finally:
            self._newest, self._future = newest, future
            self._add(frame.parts, seen, inodes, blocks, apparent)
        self._pace.check()

    def _parts_of(self, above: _Parts, name: str, blocks: int) -> _Parts:
        """The parts that a directory counts to: a new one of its own if it is in one of the levels told apart."""
        if len(above) == self._root.depth:
            return above
        part = _Sums(f"{above[-1].path}/{name}" if above else name, blocks)
        self._parts.append(part)
        return (*above, part)

    def _add(self, parts: _Parts, entries: int, inodes: int, blocks: int, apparent: int) -> None:
        self._entries += entries
        self._inodes += inodes
        self._blocks += blocks
        self._apparent += apparent
        self._control.add(entries, blocks * 512)
        for part in parts:
            part.inodes += inodes
            part.blocks += blocks
            part.apparent += apparent

    def _leave(self, frame: _Frame) -> None:
        """Pop a finished directory; make sure that its parent is open again if it has anything left to visit."""
        self._frames.pop()
        if self._open and self._open[-1] is frame:
            self._open.pop()
        if self._frames and self._frames[-1].descriptor is None:
            self._reopen(frame.descriptor)
        frame.close()

    def _reopen(self, child: int | None) -> None:
        """Open the last frame again: through ".." of its child, else by name from the nearest open ancestor."""
        frame = self._frames[-1]
        descriptor = self._climb(child, frame.inode)
        if descriptor is None and frame.pending:
            descriptor = self._descend()
        if descriptor is None:
            frame.pending.clear()
            return
        frame.descriptor = descriptor
        self._open.append(frame)

    def _climb(self, child: int | None, inode: int) -> int | None:
        """Open the parent of `child`. Failure is no error: a child that may be read need not be searchable for ".."."""
        if child is None:
            return None
        try:
            return self._checked_open("..", child, inode)
        except OSError:
            return None

    def _descend(self) -> int | None:
        """Open the last frame by the names that lead to it from the nearest ancestor that is open."""
        start = max(i for i, frame in enumerate(self._frames) if frame.descriptor is not None)
        descriptor, opened = self._frames[start].descriptor, None
        for frame in self._frames[start + 1 :]:
            descriptor = self._open_listed(frame.name, descriptor, frame.inode)
            if opened is not None:
                os.close(opened)
            if descriptor is None:
                return None
            opened = descriptor
        return opened

    def _note(self, error: OSError) -> None:
        if error.errno not in _VANISHED:
            number = error.errno or 0
            self._unreadable[errno.errorcode.get(number, str(number))] += 1


def _nested(mountpoints: Collection[str]) -> _Boundary:
    """Mount points as nested dictionaries: {"a/b", "c"} becomes {"a": {"b": {}}, "c": {}}.

    A mount point below another one disappears in it, since nothing below the outer one is visited.
    """
    nested: _Boundary = {}
    for path in sorted(mountpoints, key=len, reverse=True):
        level = nested
        *parents, last = path.split("/")
        for name in parents:
            level = level.setdefault(name, {})
        level[last] = {}
    return nested
