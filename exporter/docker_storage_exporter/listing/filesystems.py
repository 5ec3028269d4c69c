"""The filesystems under storage roots and objects, read so that one which never answers blocks nothing else."""

from __future__ import annotations

from docker_storage_exporter.hostfs.filesystem import FilesystemProbes
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.listing.document import FilesystemRow
from docker_storage_exporter.model.snapshot import Snapshot


class Filesystems:
    """Asks about one host's filesystems; a question that hangs is not asked again."""

    def __init__(self, host: Host) -> None:
        self._probes = FilesystemProbes(host.view)

    def under(self, snapshot: Snapshot) -> list[FilesystemRow]:
        """Those that a snapshot's storage roots and objects lie on and which answer now."""
        return [
            FilesystemRow(
                mountpoint=path,
                size_bytes=filesystem.size_bytes,
                used_bytes=filesystem.used_bytes,
                avail_bytes=filesystem.avail_bytes,
                inodes=filesystem.inodes,
                inodes_free=filesystem.inodes_free,
            )
            for path, filesystem in self._probes.read(snapshot.mountpoints).items()
        ]
