"""Host paths as this process reaches them: the one place that knows of `--path.rootfs`, and how roots are opened."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from docker_storage_exporter.hostfs.beneath import open_beneath
from docker_storage_exporter.hostfs.mounts import MountTable, MountWatch
from docker_storage_exporter.model.places import Location

_MOST_LINKS = 40  # the kernel's own limit


@dataclass(frozen=True, slots=True)
class HostPath:
    """What stands at a host path: its canonical spelling, and `directory`, `file` or `special`.

    `remote` is True when finding out would touch a remote filesystem; `error` holds what went wrong otherwise.
    `links` are the symbolic links that were followed, `distrusted` says that a container may have made one of them.
    """

    path: str
    entry: str = "directory"
    remote: bool = False
    error: OSError | None = None
    links: tuple[str, ...] = ()
    distrusted: bool = False


class Host:
    """The host below `rootfs`, with its processes at `procfs`. Paths given and returned are the host's own.

    `enters_processes` says whether this process may look into those of containers, see `world`.
    """

    def __init__(self, rootfs: str = "/", procfs: str = "/proc", *, enters_processes: bool = True) -> None:
        self.rootfs = rootfs.rstrip("/")
        self.procfs = procfs
        self.enters_processes = enters_processes
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

    def device(self, path: str) -> tuple[int, int] | None:
        """The device number of the filesystem that a host path is on, by mountinfo: the path itself is not touched."""
        entry = self.mounts().covering(self.view(path))
        return entry.device if entry is not None else None

    def location(self, path: str, mounts: MountTable) -> Location | None:
        """What a canonical host path is, whatever mount it is seen through; None where nothing is known to cover it."""
        return mounts.location(self.view(path))

    def resolve(self, path: str, mounts: MountTable, touch: Callable[[str], None] | None = None) -> HostPath:
        """Follow the links in a host path, inside `rootfs` and without touching anything remote.

        `touch` is told each path just before it is looked at: the last one is to blame if this does not end.
        """
        pending = [part for part in path.split("/") if part]
        current = ""
        links: list[str] = []
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
                    return HostPath("/".join([step, *pending]), remote=True)
                if touch is not None:
                    touch(step)
                target = _link(self.view(step))
                if target is None:
                    current = step
                    continue
                links.append(step)
                if len(links) > _MOST_LINKS:
                    return HostPath(path, error=OSError(errno.ELOOP, os.strerror(errno.ELOOP), path))
                current = "" if target.startswith("/") else current
                pending[:0] = [part for part in target.split("/") if part]
            entry = _entry(os.lstat(self.view(current or "/")).st_mode)
            return HostPath(current or "/", entry, links=tuple(links))
        except OSError as error:
            return HostPath(path, error=error)
        except ValueError:  # NUL, or a surrogate that no byte stands behind: no file can be called that
            return HostPath(path, error=OSError(errno.ENOENT, os.strerror(errno.ENOENT), path))

    def open(self, path: str) -> int:
        """A descriptor (O_PATH) of a canonical host path, for the caller to close.

        Only the way to `rootfs` may contain links: a canonical path has none, so a link in it was put there since it
        was resolved. Raises OSError; ELOOP for a link.
        """
        folder = os.open(self.rootfs or "/", os.O_PATH | os.O_CLOEXEC)
        try:
            return open_beneath(folder, path.strip("/"))
        finally:
            os.close(folder)


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError as error:
        if error.errno == errno.EINVAL:  # it exists and is no link
            return None
        raise


def _entry(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "directory"
    return "file" if stat.S_ISREG(mode) else "special"
