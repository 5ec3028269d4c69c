"""The filesystems under the storage roots, asked so that one which never answers holds up nobody."""

from __future__ import annotations

from docker_storage_exporter.hostfs import FilesystemProbe, Host
from docker_storage_exporter.model import Snapshot
from docker_storage_exporter.report.listing import FilesystemRow


class Filesystems:
    """Asks about one host's filesystems; a question that hangs is not asked again."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._probes: dict[str, FilesystemProbe] = {}

    def under(self, snapshot: Snapshot) -> list[FilesystemRow]:
        """Those under the snapshot's storage roots which answer now."""
        root = snapshot.inventory.root
        if not root or snapshot.inventory.refused is not None:
            return []
        path = self._host.view(root)
        found = self._probes.setdefault(path, FilesystemProbe(path)).read()
        if found is None:
            return []
        mount = self._host.mounts().covering(path)
        mountpoint = mount.mountpoint.removeprefix(self._host.rootfs) or "/" if mount else ""
        return [
            FilesystemRow(
                root=root,
                mountpoint=mountpoint,
                size_bytes=found.size_bytes,
                used_bytes=found.used_bytes,
                avail_bytes=found.avail_bytes,
                inodes=found.inodes,
                inodes_free=found.inodes_free,
            )
        ]
