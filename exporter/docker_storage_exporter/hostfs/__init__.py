"""The host as this process sees it: paths below `--path.rootfs`, mounts, filesystems, processes. Nothing is written."""

from docker_storage_exporter.hostfs.boot import host_mark
from docker_storage_exporter.hostfs.filesystem import Filesystem, FilesystemProbe
from docker_storage_exporter.hostfs.host import Host, Source
from docker_storage_exporter.hostfs.links import LinkedOutside, linked_outside
from docker_storage_exporter.hostfs.mounts import MountEntry, MountTable
from docker_storage_exporter.hostfs.openfiles import OpenFile, Seen, namespace_of, open_files
from docker_storage_exporter.hostfs.process import TmpfsUsage, read_tmpfs
from docker_storage_exporter.hostfs.reasons import reason_for
from docker_storage_exporter.hostfs.sources import BindUser, examine

__all__ = [
    "BindUser",
    "Filesystem",
    "FilesystemProbe",
    "Host",
    "LinkedOutside",
    "MountEntry",
    "MountTable",
    "OpenFile",
    "Seen",
    "Source",
    "TmpfsUsage",
    "examine",
    "host_mark",
    "linked_outside",
    "namespace_of",
    "open_files",
    "read_tmpfs",
    "reason_for",
]
