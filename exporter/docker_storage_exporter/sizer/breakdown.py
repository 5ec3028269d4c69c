"""A tree by its first directory levels, so that the parts of every directory add up to it.

Each directory down to the depth is measured as a tree of its own. What lies in it directly is measured with its
subdirectories left out, as if something were mounted on them. A file with names in two subdirectories is in both of
them, as each would need it alone; `Branch.shared` takes it off again, so that nothing counts twice in the sum.
"""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from docker_storage_exporter.sizer.usage import Control, Root, Usage

try:
    from docker_storage_exporter.sizer.core import measure
except ImportError:
    from docker_storage_exporter.sizer.walk import measure

_BLOCK = 512  # what st_blocks counts in, whatever the filesystem
_MOST_OPEN = 200  # directories measured together; each keeps a descriptor open meanwhile
_PATH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True)
class Branch:
    """A directory. `path` is relative to the root, empty for the root itself; `own` is what lies in it directly.

    `own` is None, and there are no `children`, where the breakdown went no deeper or the directory has no other in it.
    """

    path: str
    usage: Usage = field(default_factory=Usage)
    own: Usage | None = None
    children: list[Branch] = field(default_factory=list)

    @property
    def shared(self) -> Usage:
        """What has names in more than one part and so counts in several of them: their sum less the whole.

        On a tree that changes while it is measured also the change, which may make it negative.
        """
        parts = [child.usage for child in self.children] + ([self.own] if self.own else [])
        if not parts:
            return Usage()
        return Usage(
            allocated_bytes=sum(part.allocated_bytes for part in parts) - self.usage.allocated_bytes,
            apparent_bytes=sum(part.apparent_bytes for part in parts) - self.usage.apparent_bytes,
            inodes=sum(part.inodes for part in parts) - self.usage.inodes,
        )

    def largest_first(self) -> list[Branch]:
        """The children by allocated bytes."""
        return sorted(self.children, key=lambda child: (-child.usage.allocated_bytes, child.path))


def break_down(root: Root, depth: int, control: Control | None = None) -> Branch:
    """Measure a tree and its directories down to `depth` levels below it; the root's branch.

    With depth 0, and for anything but a directory, it is `measure`. Every level costs one more walk over what is
    below it. A directory that vanishes meanwhile has no branch.
    """
    control = control or Control()
    top = Branch("", measure([root], control)[0])
    level = [top]
    for _ in range(depth):
        for branch in level:
            _divide(branch, root, control)
        level = [child for branch in level for child in branch.children]
    return top


def largest_files(root: Root, limit: int) -> list[tuple[str, int]]:
    """The largest entries of a directory that are no directories: name and allocated bytes, the largest first.

    Empty for anything but a directory, and for one that cannot be read.
    """
    with suppress(OSError):
        descriptor = _open(root.descriptor, "", _READ)
        try:
            return heapq.nlargest(limit, _files(descriptor, root.mountpoints), key=lambda file: file[1])
        finally:
            os.close(descriptor)
    return []


def _files(descriptor: int, mountpoints: Collection[str]) -> Iterator[tuple[str, int]]:
    """The entries of an open directory that are no directories, with what they take."""
    with os.scandir(descriptor) as entries:
        for entry in entries:
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if not stat.S_ISDIR(status.st_mode) and entry.name not in mountpoints:
                    yield entry.name, status.st_blocks * _BLOCK


def _divide(branch: Branch, root: Root, control: Control) -> None:
    """Measure the subdirectories of a branch and what lies in it directly, if it has any."""
    mountpoints = _below(branch.path, root.mountpoints)
    with suppress(OSError):  # not a directory, unreadable, or gone: there is nothing to divide
        descriptor = _open(root.descriptor, branch.path, _READ)
        try:
            names = list(_subdirectories(descriptor, mountpoints))
            if names:
                left_out = {*names, *(point for point in mountpoints if "/" not in point)}
                branch.own = measure([Root(descriptor, left_out)], control)[0]
            for first in range(0, len(names), _MOST_OPEN):
                branch.children += _measured(branch.path, descriptor, names[first : first + _MOST_OPEN], root, control)
        finally:
            os.close(descriptor)


def _measured(path: str, parent: int, names: list[str], root: Root, control: Control) -> list[Branch]:
    """A branch for each of these subdirectories of `parent`, which is at `path`."""
    roots: dict[str, Root] = {}
    with ExitStack() as opened:
        for name in names:
            below = f"{path}/{name}" if path else name
            with suppress(OSError):
                descriptor = _open(parent, name, _PATH)
                opened.callback(os.close, descriptor)
                roots[below] = Root(descriptor, _below(below, root.mountpoints))
        usages = measure(list(roots.values()), control)
    return [Branch(below, usage) for below, usage in zip(roots, usages, strict=True)]


def _open(folder: int, path: str, flags: int) -> int:
    """Open a path below a directory component by component, following no link. Raises OSError."""
    *parents, last = path.split("/") if path else ["."]
    opened = [folder]
    try:
        for name in parents:
            opened.append(os.open(name, _PATH | os.O_DIRECTORY, dir_fd=opened[-1]))
        return os.open(last, flags, dir_fd=opened[-1])
    finally:
        for descriptor in opened[1:]:
            os.close(descriptor)


def _below(path: str, mountpoints: Collection[str]) -> tuple[str, ...]:
    """The mount points below a path, relative to it."""
    prefix = f"{path}/" if path else ""
    return tuple(point[len(prefix) :] for point in mountpoints if point.startswith(prefix))


def _subdirectories(descriptor: int, mountpoints: Collection[str]) -> Iterator[str]:
    """The directories in an open one that are part of its tree, by name."""
    device = os.fstat(descriptor).st_dev
    with os.scandir(descriptor) as entries:
        for entry in entries:
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode) and status.st_dev == device and entry.name not in mountpoints:
                    yield entry.name
