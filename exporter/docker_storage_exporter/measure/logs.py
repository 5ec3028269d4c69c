"""The log files of one container, rotations included, by their own inodes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from docker_storage_exporter import sizer
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.identity import identity_of
from docker_storage_exporter.measure.source import Found, Measurable, refuse_remote, text, try_listing
from docker_storage_exporter.measure.walk import newest
from docker_storage_exporter.model.sizes import Size
from docker_storage_exporter.sizer import Control, Root

_ATTEMPTS = 3
_PATH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class LogFiles(Measurable):
    """The log files in the folder that an engine keeps for a container."""

    name: ClassVar[str] = "logs"

    folder: str
    container: str

    @property
    def path(self) -> str:
        """The folder."""
        return self.folder

    @property
    def container_id(self) -> str:
        """The container."""
        return self.container

    def found(self, host: Host, control: Control) -> Found:
        """Add them up; a file that a rotation renames meanwhile counts once."""
        refuse_remote(host.view(self.folder), host.mounts())
        folder = host.open(self.folder)
        try:
            for _ in range(_ATTEMPTS - 1):
                with suppress(FileNotFoundError):  # renamed by a rotation since it was listed
                    return _files(folder, self.container, control)
            return _files(folder, self.container, control)
        finally:
            os.close(folder)

    def try_opening(self, host: Host) -> None:
        """Open the folder."""
        try_listing(self.folder, host)

    def kept(self) -> dict[str, Any]:
        """Folder and container."""
        return {"folder": self.folder, "container": self.container}

    @classmethod
    def from_kept(cls, values: Mapping[str, Any]) -> LogFiles:
        """The source with these fields."""
        return cls(text(values["folder"]), text(values["container"]))


def log_files(container: str) -> tuple[tuple[str, str], ...]:
    """The log files of every driver: pairs of subfolder and beginning of the name, in the container's folder.

    json-file: ID-json.log, .1, .2.gz; local: local-logs/container.log; the cache of the others: container-cached.log.
    A rotation of the administrator's may end in anything, such as -20261124.gz.
    """
    return (("", f"{container}-json.log"), ("local-logs", "container.log"), ("", "container-cached.log"))


def is_log(container: str, inside: str) -> bool:
    """Whether a path inside a container's folder is one of its log files."""
    folder, _, name = inside.rpartition("/")
    return any(folder == subfolder and name.startswith(begin) for subfolder, begin in log_files(container))


def _files(folder: int, container: str, control: Control) -> Found:
    """The sum over all log files; a file without names in the way of a rotation counts once, by inode."""
    with ExitStack() as opened:
        files: dict[int, int] = {}
        for subfolder, beginning in log_files(container):
            for name in _names(folder, subfolder, beginning):
                descriptor = os.open(f"{subfolder}/{name}" if subfolder else name, _PATH, dir_fd=folder)
                opened.callback(os.close, descriptor)
                files[os.fstat(descriptor).st_ino] = descriptor
        usages = sizer.measure([Root(descriptor) for descriptor in files.values()], control)
    size = Size(
        allocated=sum(usage.allocated_bytes for usage in usages),
        apparent=sum(usage.apparent_bytes for usage in usages),
        inodes=len(usages),
        unreadable=0,
        changed=newest(usages),
    )
    return Found(size, identity_of(folder), all(usage.complete for usage in usages), len(usages))


def _names(folder: int, subfolder: str, beginning: str) -> list[str]:
    try:
        descriptor = os.open(subfolder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        return []
    try:
        return [name for name in os.listdir(descriptor) if name.startswith(beginning)]
    finally:
        os.close(descriptor)


SOURCE = LogFiles
