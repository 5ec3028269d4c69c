"""What only a container's own process can show: the tmpfs mounts of its mount namespace."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from docker_storage_exporter.hostfs.beneath import open_beneath
from docker_storage_exporter.hostfs.filesystem import Filesystem
from docker_storage_exporter.hostfs.mounts import MountEntry, MountTable

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
    process = _open_process(procfs, pid, container)
    try:
        mount = _mount_at(process, destination)
        if mount is None or mount.filesystem != "tmpfs":
            raise FileNotFoundError(errno.ENOENT, "no tmpfs is mounted there", destination)
        descriptor = _open_inside(process, destination)
        try:
            device = os.fstat(descriptor).st_dev
            if (os.major(device), os.minor(device)) != mount.device:
                raise FileNotFoundError(errno.ENOENT, "another filesystem is mounted there by now", destination)
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


def enter(procfs: str, pid: int, container: str) -> None:
    """Open the root directory of a container's process and close it again. Raises OSError like read_tmpfs."""
    process = _open_process(procfs, pid, container)
    try:
        os.close(os.open("root", _DIRECTORY, dir_fd=process))
    finally:
        os.close(process)


def mount_inside(procfs: str, pid: int, container: str, destination: str) -> MountEntry | None:
    """What is mounted at `destination` inside a container; None when nothing is. Raises OSError like read_tmpfs."""
    process = _open_process(procfs, pid, container)
    try:
        return _mount_at(process, destination)
    finally:
        os.close(process)


def _open_process(procfs: str, pid: int, container: str) -> int:
    process = os.open(f"{procfs}/{pid}", _DIRECTORY)
    try:
        if container.encode() not in _content(process, "cgroup"):
            raise ProcessLookupError(errno.ESRCH, "the process is not the container's", str(pid))
    except OSError:
        os.close(process)
        raise
    return process


def _mount_at(process: int, destination: str) -> MountEntry | None:
    return MountTable.parse(_content(process, "mountinfo")).at(destination)


def _content(process: int, name: str) -> bytes:
    with open(os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=process), "rb") as file:
        return file.read()


def _open_inside(process: int, destination: str) -> int:
    """Open a path below the container's root without following a link: one in there would be read as the host's."""
    root = os.open("root", _DIRECTORY, dir_fd=process)
    try:
        return open_beneath(root, destination.strip("/"))
    finally:
        os.close(root)
