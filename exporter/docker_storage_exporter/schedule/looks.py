"""Finding out what stands at host paths, one of which may never answer."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from functools import partial

from docker_storage_exporter.hostfs import BindUser, Host, HostPath, MountTable, examine
from docker_storage_exporter.schedule.crew import Crew
from docker_storage_exporter.schedule.jobs import Device, Job, OverdueError, Work


def look_at(
    host: Host,
    mounts: MountTable,
    users: Mapping[str, Iterable[BindUser]],
    crew: Crew,
    known: Mapping[str, HostPath],
) -> dict[str, HostPath]:
    """What stands at each path, see hostfs.examine.

    For a path that does not answer in time it is what is `known` of it from before; without that, the error is
    ETIMEDOUT.
    """
    found: dict[str, HostPath] = {}
    waiting = [path for path in users if crew.may_touch(partial(host.device, path))]
    while waiting:
        look = _Look(host, mounts, waiting)
        try:
            crew.call(Job(Work.LOOK, "bind sources", look.device, look.progress), look.take)
        except OverdueError:
            looked = look.found
            found |= looked
            waiting = [path for path in waiting[len(looked) + 1 :] if crew.may_touch(partial(host.device, path))]
        else:
            found |= look.found
            break
    silent = [path for path in users if path not in found]
    found |= {path: known.get(path) or HostPath(path, error=_timed_out(path)) for path in silent}
    return examine(host, mounts, users, found)


class _Look:
    """Looks at one path after the other, and knows which one it is at."""

    def __init__(self, host: Host, mounts: MountTable, paths: list[str]) -> None:
        self._host = host
        self._mounts = mounts
        self._paths = paths
        self._done: list[HostPath] = []
        self._steps = 0
        self._touched = "/"

    @property
    def found(self) -> dict[str, HostPath]:
        """What was found so far."""
        return dict(zip(self._paths, tuple(self._done), strict=False))

    def take(self) -> None:
        """Look at all of them."""
        for path in self._paths:
            self._done.append(self._host.resolve(path, self._mounts, self._touch))

    def progress(self) -> int:
        """How many steps were made."""
        return self._steps

    def device(self) -> Device | None:
        """The device of what is looked at now."""
        return self._host.device(self._touched)

    def _touch(self, path: str) -> None:
        self._steps += 1
        self._touched = path


def _timed_out(path: str) -> OSError:
    return OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT), path)
