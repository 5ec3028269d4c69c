"""Measures one tree by the method that it names."""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from docker_storage_exporter import sizer
from docker_storage_exporter.hostfs import Filesystem, Host, MountTable, read_tmpfs
from docker_storage_exporter.layout import log_files
from docker_storage_exporter.model import Measurement, Method, Tree
from docker_storage_exporter.sizer import Control, Root, Usage

_LOG_ATTEMPTS = 3
_PATH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Outcome:
    """A measurement, None when the walk was cut short, with the entries met and the CPU seconds used by it."""

    measurement: Measurement | None
    entries: int
    cpu_seconds: float


def measure_tree(tree: Tree, host: Host, control: Control) -> Outcome:
    """Measure a tree now. Raises OSError when it cannot be opened at all, or moved to where it is not touched."""
    wall, cpu = time.monotonic(), time.thread_time()
    found = _METHODS[tree.method](tree, host, host.mounts(), control)
    usage = found.usage
    measurement = Measurement(
        usage=usage,
        at=time.time(),
        duration=time.monotonic() - wall,
        identity=found.identity,
        size_bytes=found.filesystem.size_bytes if found.filesystem else None,
        avail_bytes=found.filesystem.avail_bytes if found.filesystem else None,
        entry=found.entry,
    )
    # The walk counts its own CPU time, wherever its threads run; the rest is this thread's.
    cost = max(0.0, time.thread_time() - cpu - found.walk_thread_seconds) + usage.cpu_seconds
    return Outcome(measurement if usage.complete else None, usage.entries, cost)


@dataclass(frozen=True, slots=True)
class _Found:
    usage: Usage
    identity: tuple[int, int] = (0, 0)
    entry: str = "directory"
    filesystem: Filesystem | None = None
    walk_thread_seconds: float = 0.0


def _walk(tree: Tree, host: Host, mounts: MountTable, control: Control) -> _Found:
    view = host.view(tree.path)
    _refuse_remote(view, mounts)
    descriptor = host.open(tree.path)
    try:
        status = os.fstat(descriptor)
        before = time.thread_time()
        usage = sizer.measure([Root(descriptor, mounts.below(view))], control)[0]
        walked = time.thread_time() - before
    finally:
        os.close(descriptor)
    if usage.entries <= 1 and usage.unreadable:  # the root itself: a number would be a lie
        name = next(iter(usage.unreadable))
        raise OSError(getattr(errno, name, errno.EIO), "cannot be listed", view)
    entry = "directory" if stat.S_ISDIR(status.st_mode) else "file"
    return _Found(usage, (status.st_dev, status.st_ino), entry, walk_thread_seconds=walked)


def _logs(tree: Tree, host: Host, mounts: MountTable, control: Control) -> _Found:
    _refuse_remote(host.view(tree.path), mounts)
    folder = host.open(tree.path)
    try:
        for _ in range(_LOG_ATTEMPTS - 1):
            with suppress(FileNotFoundError):  # renamed by a rotation since it was listed
                return _log_files(folder, tree.container, control)
        return _log_files(folder, tree.container, control)
    finally:
        os.close(folder)


def _log_files(folder: int, container: str, control: Control) -> _Found:
    """The sum over all log files; a file without names in the way of a rotation counts once, by inode."""
    with ExitStack() as opened:
        files: dict[int, int] = {}
        for subfolder, beginning in log_files(container):
            for name in _names(folder, subfolder, beginning):
                descriptor = os.open(f"{subfolder}/{name}" if subfolder else name, _PATH, dir_fd=folder)
                opened.callback(os.close, descriptor)
                files[os.fstat(descriptor).st_ino] = descriptor
        usages = sizer.measure([Root(descriptor) for descriptor in files.values()], control)
    return _Found(
        Usage(
            allocated_bytes=sum(usage.allocated_bytes for usage in usages),
            apparent_bytes=sum(usage.apparent_bytes for usage in usages),
            inodes=len(usages),
            complete=all(usage.complete for usage in usages),
            entries=len(usages),
        )
    )


def _names(folder: int, subfolder: str, beginning: str) -> list[str]:
    try:
        descriptor = os.open(subfolder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        return []
    try:
        return [name for name in os.listdir(descriptor) if name == beginning or name.startswith(beginning + ".")]
    finally:
        os.close(descriptor)


def _tmpfs(tree: Tree, host: Host, _mounts: MountTable, _control: Control) -> _Found:
    tmpfs = read_tmpfs(host.procfs, tree.pid, tree.container, tree.path)
    usage = Usage(allocated_bytes=tmpfs.used_bytes, inodes=tmpfs.inodes, entries=1)
    filesystem = Filesystem(tmpfs.size_bytes, tmpfs.avail_bytes, tmpfs.avail_bytes, 0, 0)
    return _Found(usage, (tmpfs.device, 0), filesystem=filesystem)


def _filesystem(tree: Tree, host: Host, mounts: MountTable, _control: Control) -> _Found:
    view = host.view(tree.path)
    _refuse_remote(view, mounts)
    if mounts.at(view) is None:
        raise FileNotFoundError(errno.ENOENT, "nothing is mounted there any more", view)
    descriptor = host.open(tree.path)
    try:
        filesystem, status = Filesystem.of(descriptor), os.fstat(descriptor)
    finally:
        os.close(descriptor)
    inodes = filesystem.inodes - filesystem.inodes_free
    usage = Usage(allocated_bytes=filesystem.used_bytes, inodes=inodes, entries=1)
    return _Found(usage, (status.st_dev, status.st_ino), filesystem=filesystem)


def _refuse_remote(view: str, mounts: MountTable) -> None:
    if mounts.remote(view):
        raise FileNotFoundError(errno.ENOENT, "a remote filesystem is mounted there by now", view)


_METHODS = {Method.WALK: _walk, Method.LOGS: _logs, Method.TMPFS: _tmpfs, Method.FILESYSTEM: _filesystem}
