"""What every way of measuring has in common."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.mounts import MountTable
from docker_storage_exporter.model.parts import parts
from docker_storage_exporter.model.sizes import Identity, Size, Source
from docker_storage_exporter.sizer import Control


@dataclass(frozen=True, slots=True)
class Found:
    """What a source found. `complete` is False when it was cut short; `size` is then no number to be shown.

    `entries` were met, `cpu_seconds` are those that a walk counted itself; `own_seconds` of these were spent in the
    thread that called.
    """

    size: Size
    identity: Identity = Identity()
    complete: bool = True
    entries: int = 1
    cpu_seconds: float = 0.0
    own_seconds: float = 0.0


class Measurable(Source):
    """A source as the files of this room define it."""

    __slots__ = ()

    def found(self, host: Host, control: Control) -> Found:
        """Measure it. Raises OSError when it cannot be opened at all, or is by now where it is not touched."""
        raise NotImplementedError

    def try_opening(self, host: Host) -> None:
        """Open it as measuring would, and close it again. Raises OSError like `found`."""
        raise NotImplementedError

    def kept(self) -> dict[str, Any]:
        """Its fields as JSON values, for the state file."""
        raise NotImplementedError

    @classmethod
    def from_kept(cls, values: Mapping[str, Any]) -> Measurable:
        """The source with these fields. Raises KeyError, TypeError or ValueError for what `kept` never wrote."""
        raise NotImplementedError

    def device(self, host: Host) -> tuple[int, int] | None:
        """The device that it lies on, without touching it; None where that is not a filesystem of the host's."""
        return host.device(self.path)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A source measured. `size` is None when it was cut short.

    `at` is when it was finished, in seconds since the epoch, and `duration` how many seconds it took. `entries` were
    met, and `cpu_seconds` used.
    """

    size: Size | None
    at: float
    identity: Identity = Identity()
    duration: float = 0.0
    entries: int = 0
    cpu_seconds: float = 0.0


def measure(source: Source, host: Host, control: Control) -> Outcome:
    """Measure now. Raises OSError like Measurable.found."""
    wall, cpu = time.monotonic(), time.thread_time()
    outcome = cast("Measurable", source).found(host, control)
    # A walk counts its own CPU time, wherever its threads run; the rest is this thread's.
    cost = max(0.0, time.thread_time() - cpu - outcome.own_seconds) + outcome.cpu_seconds
    return Outcome(
        size=outcome.size if outcome.complete else None,
        at=time.time(),
        identity=outcome.identity,
        duration=time.monotonic() - wall,
        entries=outcome.entries,
        cpu_seconds=cost,
    )


def try_opening(source: Source, host: Host) -> None:
    """Open what a source measures, as measuring would, and close it again. Raises OSError."""
    cast("Measurable", source).try_opening(host)


def device_of(source: Source, host: Host) -> tuple[int, int] | None:
    """The device that a source lies on now, see Measurable.device."""
    return cast("Measurable", source).device(host)


def refuse_remote(view: str, mounts: MountTable) -> None:
    """Raises FileNotFoundError where a path of this process has come to be on a remote filesystem."""
    if mounts.remote(view):
        raise FileNotFoundError(errno.ENOENT, "a remote filesystem is mounted there by now", view)


def try_listing(path: str, host: Host) -> None:
    """Open a host path and see whether it can be listed, if it is a directory. Raises OSError."""
    refuse_remote(host.view(path), host.mounts())
    descriptor = host.open(path)
    try:
        os.close(os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor))
    except OSError as error:
        if error.errno != errno.ENOTDIR:  # a single file has all that counts in its inode
            raise
    finally:
        os.close(descriptor)


def text(value: Any) -> str:
    """A text of the state file. Raises ValueError for anything else."""
    if type(value) is not str:
        raise ValueError(value)
    return value


class _Sources(Mapping[str, type[Measurable]]):
    """Every source by its name, found among this room's files when first asked for."""

    def __init__(self) -> None:
        self._found: dict[str, type[Measurable]] = {}

    def _all(self) -> dict[str, type[Measurable]]:
        if not self._found:
            classes = cast("list[type[Measurable]]", parts("docker_storage_exporter.measure", "SOURCE"))
            self._found = {source.name: source for source in classes}
        return self._found

    def __getitem__(self, name: str) -> type[Measurable]:
        return self._all()[name]

    def __iter__(self) -> Any:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


SOURCES: Mapping[str, type[Measurable]] = _Sources()
"""Every way of measuring by its name, as the state file knows it."""
