"""What statfs says of a filesystem that is an object's own: a walk would keep the engine from unmounting it."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from docker_storage_exporter.hostfs.filesystem import Filesystem
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.identity import identity_of
from docker_storage_exporter.measure.source import Found, Measurable, refuse_remote, text
from docker_storage_exporter.model.sizes import Identity, Size
from docker_storage_exporter.sizer import Control


@dataclass(frozen=True, slots=True)
class Statfs(Measurable):
    """The filesystem that is mounted on a canonical host path."""

    name: ClassVar[str] = "statfs"
    shares_filesystem: ClassVar[bool] = False

    mountpoint: str

    @property
    def path(self) -> str:
        """Where it is mounted."""
        return self.mountpoint

    def found(self, host: Host, control: Control) -> Found:
        """Ask it. Raises FileNotFoundError when nothing is mounted there any more."""
        del control  # one system call cannot be steered
        filesystem, identity = self._ask(host)
        size = Size(
            allocated=filesystem.used_bytes,
            inodes=filesystem.inodes - filesystem.inodes_free,
            limit=filesystem.size_bytes,
            available=filesystem.avail_bytes,
        )
        return Found(size, identity)

    def try_opening(self, host: Host) -> None:
        """Ask it, and forget the answer."""
        self._ask(host)

    def kept(self) -> dict[str, Any]:
        """The mount point."""
        return {"mountpoint": self.mountpoint}

    @classmethod
    def from_kept(cls, values: Mapping[str, Any]) -> Statfs:
        """The source with these fields."""
        return cls(text(values["mountpoint"]))

    def _ask(self, host: Host) -> tuple[Filesystem, Identity]:
        view, mounts = host.view(self.mountpoint), host.mounts()
        refuse_remote(view, mounts)
        if mounts.at(view) is None:
            raise FileNotFoundError(errno.ENOENT, "nothing is mounted there any more", view)
        descriptor = host.open(self.mountpoint)
        try:
            return Filesystem.of(descriptor), identity_of(descriptor)
        finally:
            os.close(descriptor)


SOURCE = Statfs
