"""A tmpfs mount of a running container, asked in the container's own mount namespace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.process import read_tmpfs
from docker_storage_exporter.measure.source import Found, Measurable, text
from docker_storage_exporter.model.sizes import Identity, Size
from docker_storage_exporter.sizer import Control

_LARGEST_PID = 2**31


@dataclass(frozen=True, slots=True)
class Tmpfs(Measurable):
    """The tmpfs at `destination` inside a container whose process is `pid`."""

    name: ClassVar[str] = "tmpfs"
    on_host: ClassVar[bool] = False
    shares_filesystem: ClassVar[bool] = False

    destination: str
    container: str
    pid: int

    @property
    def path(self) -> str:
        """The destination inside the container."""
        return self.destination

    @property
    def container_id(self) -> str:
        """The container."""
        return self.container

    def found(self, host: Host, control: Control) -> Found:
        """Ask it. Raises OSError as hostfs.read_tmpfs does."""
        del control  # a few system calls cannot be steered
        tmpfs = read_tmpfs(host.procfs, self.pid, self.container, self.destination)
        size = Size(tmpfs.used_bytes, inodes=tmpfs.inodes, limit=tmpfs.size_bytes, available=tmpfs.avail_bytes)
        return Found(size, Identity(tmpfs.device))

    def try_opening(self, host: Host) -> None:
        """Ask it, and forget the answer."""
        read_tmpfs(host.procfs, self.pid, self.container, self.destination)

    def kept(self) -> dict[str, Any]:
        """Destination, container and process."""
        return {"destination": self.destination, "container": self.container, "pid": self.pid}

    @classmethod
    def from_kept(cls, values: Mapping[str, Any]) -> Tmpfs:
        """The source with these fields."""
        pid = values["pid"]
        if type(pid) is not int or not 0 <= pid < _LARGEST_PID:
            raise ValueError(pid)
        return cls(text(values["destination"]), text(values["container"]), pid)

    def device(self, host: Host) -> tuple[int, int] | None:
        """None: a tmpfs never waits for anybody, and its number says nothing outside of its container."""
        del host
        return None


SOURCE = Tmpfs
