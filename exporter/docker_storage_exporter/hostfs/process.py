"""What only a container's own process can show: the tmpfs mounts of its mount namespace."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from docker_storage_exporter.hostfs.filesystem import Filesystem
from docker_storage_exporter.hostfs.mounts import MountTable

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class TmpfsUsage:
    """Bytes used in a tmpfs, its size, how many inodes it holds, and the device number that tells it apart."""

    used_bytes: int
    size_bytes: int
    avail_bytes: int
    inodes: int
    device: int


def read_tmpfs(procfs: str, pid: int, container: str, destination: str) -> TmpfsUsage:
    """Read the tmpfs that is mounted at `destination` inside a container whose process is `pid`.

    /proc/PID is opened once, so a process id that is used again cannot mislead; its cgroup has to name the container.
    Raises OSError: ESRCH or ENOENT when process, mount or container is another one by now, EACCES without the rights.
    """
    process = os.open(f"{procfs}/{pid}", _DIRECTORY)
    try:
        if container.encode() not in _content(process, "cgroup"):
            raise ProcessLookupError(3, "the process is not the container's", str(pid))
        mount = MountTable.parse(_content(process, "mountinfo")).at(destination)
        if mount is None or mount.filesystem != "tmpfs":
            raise FileNotFoundError(2, "no tmpfs is mounted there", destination)
        descriptor = _open_inside(process, destination)
        try:
            device = os.fstat(descriptor).st_dev
            if (os.major(device), os.minor(device)) != mount.device:
                raise FileNotFoundError(2, "another filesystem is mounted there by now", destination)
            filesystem = Filesystem.of(descriptor)
        finally:
            os.close(descriptor)
    finally:
        os.close(process)
    return TmpfsUsage(
        used_bytes=filesystem.used_bytes,
        size_bytes=filesystem.size_bytes,
        avail_bytes=filesystem.avail_bytes,
        inodes=filesystem.inodes - filesystem.inodes_free,
        device=device,
    )


def _content(process: int, name: str) -> bytes:
    with open(os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=process), "rb") as file:
        return file.read()


def _open_inside(process: int, destination: str) -> int:
    """Open a path below the container's root, component by component: a link in there would be read as the host's."""
    descriptor = os.open("root", _DIRECTORY, dir_fd=process)
    for part in destination.split("/"):
        if part in ("", "."):
            continue
        try:
            step = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = step
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NotADirectoryError(20, "not a directory", part)
    return descriptor
