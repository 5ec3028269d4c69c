"""The filesystems under storage roots and objects, asked so that one which never answers holds up nobody."""

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
                size_bytes=found.size_bytes,
                used_bytes=found.used_bytes,
                avail_bytes=found.avail_bytes,
                inodes=found.inodes,
                inodes_free=found.inodes_free,
            )
            for path, found in self._probes.read(snapshot.mountpoints).items()
        ]
