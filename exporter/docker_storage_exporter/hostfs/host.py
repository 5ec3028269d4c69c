"""Host paths as this process reaches them: the one place that knows of `--path.rootfs`, and how roots are opened."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from docker_storage_exporter.hostfs.mounts import MountTable, MountWatch

_PATH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS = 40  # the kernel's own limit


@dataclass(frozen=True, slots=True)
class Source:
    """What stands at a host path: its canonical spelling, and `directory`, `file` or `special`.

    `remote` is True when finding out would touch a remote filesystem; `error` holds what went wrong otherwise.
    """

    path: str
    entry: str = "directory"
    remote: bool = False
    error: OSError | None = None


class Host:
    """The host below `rootfs`, with its processes at `procfs`. Paths given and returned are the host's own."""

    def __init__(self, rootfs: str = "/", procfs: str = "/proc") -> None:
        self.rootfs = rootfs.rstrip("/")
        self.procfs = procfs
        self._watch: MountWatch | None = None

    def view(self, path: str) -> str:
        """The path by which this process reaches a host path."""
        return self.rootfs + path if self.rootfs else path

    def mounts(self) -> MountTable:
        """What is mounted in this process's namespace now: walks happen here, whatever the host itself sees.

        Mount points are paths of this process, see `view`. Raises OSError without /proc.
        """
        if self._watch is None:
            self._watch = MountWatch()
        return self._watch.current()

    def resolve(self, path: str, mounts: MountTable) -> Source:
        """Follow the links in a host path, inside `rootfs` and without touching anything remote."""
        pending = [part for part in path.split("/") if part]
        current, links = "", 0
        try:
            while pending:
                part = pending.pop(0)
                if part == ".":
                    continue
                if part == "..":
                    current = current.rpartition("/")[0]
                    continue
                step = f"{current}/{part}"
                if mounts.remote(self.view(step)):
                    return Source("/".join([step, *pending]), remote=True)
                target = _link(self.view(step))
                if target is None:
                    current = step
                    continue
                links += 1
                if links > _MOST_LINKS:
                    return Source(path, error=OSError(40, "too many links"))
                current = "" if target.startswith("/") else current
                pending[:0] = [part for part in target.split("/") if part]
            return Source(current or "/", entry=_entry(os.lstat(self.view(current or "/")).st_mode))
        except OSError as error:
            return Source(path, error=error)

    def open(self, path: str, anchor: str) -> int:
        """A descriptor (O_PATH) of a host path, for the caller to close.

        `anchor` is where the path begins that others than the operator write to: it is opened as it stands, and
        every component below it without following a link. Raises OSError; ELOOP or ENOTDIR for a link.
        """
        if path != anchor and not path.startswith(anchor.rstrip("/") + "/"):
            raise ValueError(f"{path} is not below {anchor}")
        descriptor = os.open(self.view(anchor), os.O_PATH | os.O_CLOEXEC)
        for part in path[len(anchor) :].split("/"):
            if part:
                descriptor = _step(descriptor, part)
        return descriptor


def _step(parent: int, name: str) -> int:
    try:
        descriptor = os.open(name, _PATH, dir_fd=parent)
    finally:
        os.close(parent)
    if stat.S_ISLNK(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(40, "a symbolic link where none is followed", name)
    return descriptor


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError as error:
        if error.errno == 22:  # noqa: PLR2004 - EINVAL: it exists and is no link
            return None
        raise


def _entry(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "directory"
    return "file" if stat.S_ISREG(mode) else "special"
