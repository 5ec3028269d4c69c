"""The host as this process sees it: paths below `--path.rootfs`, mounts, filesystems, processes. Nothing is written."""

from docker_storage_exporter.hostfs.boot import host_mark
from docker_storage_exporter.hostfs.confinement import Confinement, read_confinement
from docker_storage_exporter.hostfs.fence import Fence, host_of, put_up_fence
from docker_storage_exporter.hostfs.filesystem import Filesystem, FilesystemProbe, FilesystemProbes
from docker_storage_exporter.hostfs.host import Host, HostPath
from docker_storage_exporter.hostfs.identity import identity_of
from docker_storage_exporter.hostfs.kernel import Kernel, read_kernel
from docker_storage_exporter.hostfs.links import LinkedOutside, linked_outside
from docker_storage_exporter.hostfs.mounts import FilesystemNames, MountEntry, MountTable
from docker_storage_exporter.hostfs.openfiles import OpenFile, Seen, namespace_of, open_files
from docker_storage_exporter.hostfs.process import TmpfsUsage, enter, read_tmpfs
from docker_storage_exporter.hostfs.reasons import reason_for
from docker_storage_exporter.hostfs.rights import Rights, read_rights
from docker_storage_exporter.hostfs.sources import BindUser, examine

__all__ = [
    "BindUser",
    "Confinement",
    "Fence",
    "Filesystem",
    "FilesystemNames",
    "FilesystemProbe",
    "FilesystemProbes",
    "Host",
    "HostPath",
    "Kernel",
    "LinkedOutside",
    "MountEntry",
    "MountTable",
    "OpenFile",
    "Rights",
    "Seen",
    "TmpfsUsage",
    "enter",
    "examine",
    "host_mark",
    "host_of",
    "identity_of",
    "linked_outside",
    "namespace_of",
    "open_files",
    "put_up_fence",
    "read_confinement",
    "read_kernel",
    "read_rights",
    "read_tmpfs",
    "reason_for",
]
