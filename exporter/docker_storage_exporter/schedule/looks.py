"""Finding out what stands at host paths, one of which may never answer."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterable, Mapping
from functools import partial

from docker_storage_exporter.hostfs.host import Host, HostPath
from docker_storage_exporter.hostfs.mounts import MountTable
from docker_storage_exporter.hostfs.sources import BindUser, examine
from docker_storage_exporter.model.text import is_inside
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
    standing: dict[str, HostPath] = {}
    waiting = [path for path in users if crew.may_touch(partial(host.device, path))]
    while waiting:
        look = _Look(host, mounts, waiting)
        try:
            crew.call(Job(Work.LOOK, "bind sources", look.device, look.progress), look.take)
        except OverdueError:
            looked = look.found
            standing |= looked
            waiting = [path for path in waiting[len(looked) + 1 :] if crew.may_touch(partial(host.device, path))]
        else:
            standing |= look.found
            break
    silent = [path for path in users if path not in standing]
    standing |= {path: known.get(path) or HostPath(path, error=_timed_out(path)) for path in silent}
    return examine(host, mounts, users, standing)


def moved_folders(
    host: Host, mounts: MountTable, root: str, volumes: Iterable[str], guarded: Collection[str], crew: Crew
) -> dict[str, str] | None:
    """Where an engine's own folders are that are links of the administrator's, by the path that the engine uses.

    These are `volumes` and `containers` in the data root, and `_data` of each local volume. Only root and the engine
    write there, so such a link is believed, unless it lies below one of the `guarded` folders, which a container may
    write to. None when that does not end.
    """
    move = _Move(host, mounts, root, list(volumes), guarded)
    if not crew.may_touch(move.device):
        return None
    try:
        crew.call(Job(Work.LOOK, "volumes", move.device, move.progress), move.take)
    except OverdueError:
        return None
    return move.found


class _Steps:
    """What knows which path it is looking at."""

    def __init__(self, host: Host, mounts: MountTable, at: str = "/") -> None:
        self._host = host
        self._mounts = mounts
        self._steps = 0
        self._touched = at

    def progress(self) -> int:
        """How many steps were made."""
        return self._steps

    def device(self) -> Device | None:
        """The device of what is looked at now."""
        return self._host.device(self._touched)

    def _touch(self, path: str) -> None:
        self._steps += 1
        self._touched = path


class _Move(_Steps):
    """Looks for links among the folders of a data root."""

    def __init__(self, host: Host, mounts: MountTable, root: str, volumes: list[str], guarded: Collection[str]) -> None:
        super().__init__(host, mounts, root)
        self.found: dict[str, str] = {}
        self._root = root
        self._volumes = volumes
        self._guarded = guarded

    def take(self) -> None:
        """Look at all of them. A path that something is mounted on is no link, and is not asked."""
        for name in ("volumes", "containers"):
            self._follow(f"{self._root}/{name}")
        folder = self.found.get(f"{self._root}/volumes", f"{self._root}/volumes")
        view = self._host.view(folder)
        mounted = set(self._mounts.below(view))
        for name in self._volumes:
            if name not in mounted and (below := f"{name}/_data") not in mounted:
                self._touch(f"{folder}/{below}")
                if os.path.islink(f"{view}/{below}"):
                    self._follow(f"{folder}/{below}")

    def _follow(self, path: str) -> None:
        here = self._host.resolve(path, self._mounts, self._touch)
        if (
            here.error is None
            and here.links
            and not any(is_inside(link, g) for link in here.links for g in self._guarded)
        ):
            self.found[path] = here.path


class _Look(_Steps):
    """Looks at one path after the other."""

    def __init__(self, host: Host, mounts: MountTable, paths: list[str]) -> None:
        super().__init__(host, mounts)
        self._paths = paths
        self._done: list[HostPath] = []

    @property
    def found(self) -> dict[str, HostPath]:
        """What was found so far."""
        return dict(zip(self._paths, tuple(self._done), strict=False))

    def take(self) -> None:
        """Look at all of them."""
        for path in self._paths:
            self._done.append(self._host.resolve(path, self._mounts, self._touch))


def _timed_out(path: str) -> OSError:
    return OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT), path)
