"""Every inode below some directories, or single files: the one way that needs no other program."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from docker_storage_exporter import sizer
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.identity import identity_of
from docker_storage_exporter.measure.source import Found, Measurable, refuse_remote, text, try_listing
from docker_storage_exporter.model.sizes import Size
from docker_storage_exporter.sizer import Control, Root, Usage


@dataclass(frozen=True, slots=True)
class Walk(Measurable):
    """The trees at canonical host paths, added up; the first one stands for them all.

    `with_apparent` is False where the sum of the file lengths would mean something else than the engine means by it.
    """

    name: ClassVar[str] = "walk"

    paths: tuple[str, ...]
    with_apparent: bool = True

    @property
    def path(self) -> str:
        """The first of the paths."""
        return self.paths[0]

    def found(self, host: Host, control: Control) -> Found:
        """Walk all of them. A root that cannot be listed at all is an error: a number would be a lie."""
        with self.opened(host) as roots:
            identity = identity_of(roots[0].descriptor)
            before = time.thread_time()
            usages = sizer.measure(roots, control)
            own_seconds = time.thread_time() - before
        for path, usage in zip(self.paths, usages, strict=True):
            if usage.entries <= 1 and usage.unreadable:
                name = next(iter(usage.unreadable))
                raise OSError(getattr(errno, name, errno.EIO), "cannot be listed", host.view(path))
        return Found(
            size=_size(usages, with_apparent=self.with_apparent),
            identity=identity,
            complete=all(usage.complete for usage in usages),
            entries=sum(usage.entries for usage in usages),
            cpu_seconds=sum(usage.cpu_seconds for usage in usages),
            own_seconds=own_seconds,
        )

    @contextmanager
    def opened(self, host: Host) -> Iterator[list[Root]]:
        """Each of the trees, open to be walked, without what is mounted inside. Raises OSError like `found`."""
        with ExitStack() as opened:
            yield [self._root(path, host, opened) for path in self.paths]

    def try_opening(self, host: Host) -> None:
        """Open each of them."""
        for path in self.paths:
            try_listing(path, host)

    def kept(self) -> dict[str, Any]:
        """Paths, and whether lengths count."""
        return {"paths": list(self.paths), "with_apparent": self.with_apparent}

    @classmethod
    def from_kept(cls, values: Mapping[str, Any]) -> Walk:
        """The walk with these fields."""
        paths, with_apparent = values["paths"], values["with_apparent"]
        if type(paths) is not list or not paths or type(with_apparent) is not bool:
            raise ValueError(values)
        return cls(tuple(map(text, paths)), with_apparent)

    @staticmethod
    def _root(path: str, host: Host, opened: ExitStack) -> Root:
        view, mounts = host.view(path), host.mounts()
        refuse_remote(view, mounts)
        descriptor = host.open(path)
        opened.callback(os.close, descriptor)
        return Root(descriptor, mounts.below(view))


def _size(usages: list[Usage], *, with_apparent: bool) -> Size:
    return Size(
        allocated=sum(usage.allocated_bytes for usage in usages),
        apparent=sum(usage.apparent_bytes for usage in usages) if with_apparent else None,
        inodes=sum(usage.inodes for usage in usages),
        unreadable=sum(usage.unreadable_entries for usage in usages),
        changed=newest(usages),
    )


def newest(usages: list[Usage]) -> float | None:
    """The newest change that any of the walks met."""
    return max((usage.changed for usage in usages if usage.changed is not None), default=None)


SOURCE = Walk
