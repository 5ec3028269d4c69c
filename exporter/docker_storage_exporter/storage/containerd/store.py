"""Reads containerd's root: its databases without a lock, and how much each blob occupies."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from docker_storage_exporter.bolt import Bucket, BusyError, CorruptError, Reading, read_file
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.mounts import MountTable
from docker_storage_exporter.hostfs.reasons import reason_for
from docker_storage_exporter.model.objects import StorageRoot
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.storage.containerd.facts import CONTENT, ContainerdFacts
from docker_storage_exporter.storage.containerd.layouts import LAYOUTS, snapshot_of
from docker_storage_exporter.storage.containerd.metadata import Namespace, namespaces_in
from docker_storage_exporter.storage.containerd.snapshots import Snapshots, snapshots_in
from docker_storage_exporter.storage.facts import StoreFacts

METADATA = "io.containerd.metadata.v1.bolt"
"""The folder that every root of containerd has, and nothing else."""

_BLOCK = 512

T = TypeVar("T")


class ContainerdStore:
    """The store of one containerd, with all of its snapshotters."""

    name = "containerd"
    names = tuple(LAYOUTS)
    role = "images"
    folder = ""
    image_store = "containerd"

    def read(
        self,
        roots: Sequence[StorageRoot],
        host: Host,
        previous: StoreFacts | None,
        step: Callable[[], None] = lambda: None,
    ) -> ContainerdFacts:
        """The facts of the root with the role `images`. What cannot be read now is what it was, with the reason."""
        root = next((root.path for root in roots if root.role == self.role), "")
        mounts = host.mounts()
        if not root:
            return ContainerdFacts(reason=Unmeasured.UNKNOWN_IMAGES_ROOT)
        before = previous if isinstance(previous, ContainerdFacts) and previous.root == root else ContainerdFacts()
        reading = _Reading(host.view(root), before, step)
        metadata = reading.metadata()  # first: a layer is in the other database before content refers to it
        snapshotters = reading.snapshotters()
        facts = ContainerdFacts(
            root=root,
            location=host.location(root, mounts),
            snapshotters=snapshotters,
            metadata=metadata,
            stored=reading.stored(metadata),
            running=_running(mounts) if reading.reason is not None else {},
            reason=reading.reason,
            at=time.time(),
        )
        return before if facts == before else facts  # which knows already what follows from it


class _Reading:
    """One reading of a root, with the reason why some of it is as it was `before`."""

    def __init__(self, root: str, before: ContainerdFacts, step: Callable[[], None]) -> None:
        self.reason: Unmeasured | None = None
        self._root = root
        self._before = before
        self._step = step

    def snapshotters(self) -> dict[str, Reading[Snapshots]]:
        """The snapshots of each snapshotter that has any."""
        found = {}
        for name, layout in LAYOUTS.items():
            path = f"{self._root}/{layout.folder}/metadata.db"
            reading = self._database(path, snapshots_in, self._before.snapshotters.get(name), must_exist=False)
            if reading is not None:
                found[name] = reading
        return found

    def metadata(self) -> Reading[Mapping[str, Namespace]]:
        """Images, content and leases."""
        path, known = f"{self._root}/{METADATA}/meta.db", self._before.metadata
        return self._database(path, namespaces_in, known, must_exist=True) or known

    def stored(self, metadata: Reading[Mapping[str, Namespace]]) -> Mapping[str, int | None]:
        """The bytes that each blob occupies, None where that cannot be seen. A blob never changes: it is asked once."""
        known = self._before.stored
        if metadata is self._before.metadata and None not in known.values():
            return known
        stored: dict[str, int | None] = {}
        for digest in {digest for namespace in metadata.content.values() for digest in namespace.blobs}:
            if (size := known.get(digest)) is None:
                self._step()
                size = self._allocated(f"{self._root}/{CONTENT}/blobs/{digest.replace(':', '/', 1)}")
            stored[digest] = size
        return stored

    def _allocated(self, path: str) -> int | None:
        try:
            return os.lstat(path).st_blocks * _BLOCK
        except FileNotFoundError:  # deleted since the database was read
            return 0
        except OSError as error:
            self.reason = reason_for(error)
            return None

    def _database(
        self, path: str, take: Callable[[Bucket], T], known: Reading[T] | None, *, must_exist: bool
    ) -> Reading[T] | None:
        self._step()
        try:
            return read_file(path, take, known)
        except FileNotFoundError as error:
            if not must_exist:
                return None
            self.reason = reason_for(error)
        except OSError as error:
            self.reason = reason_for(error)
        except CorruptError:
            self.reason = Unmeasured.IO
        except BusyError:
            self.reason = Unmeasured.STUCK
        return known


def lists_any(root: str, containers: Collection[str]) -> bool:
    """Whether a root of containerd, by its path in this process, lists the snapshot of one of these containers."""
    for layout in LAYOUTS.values():
        with suppress(OSError, CorruptError, BusyError):
            snapshots = read_file(f"{root}/{layout.folder}/metadata.db", snapshots_in).content
            if not snapshots.writable.keys().isdisjoint(containers):
                return True
    return False


def _running(mounts: MountTable) -> dict[str, int]:
    """The numbers of the snapshots that are mounted as the roots of containers, by what the mount point is called."""
    running = {}
    for entry in mounts:
        snapshot = snapshot_of(entry.upper or entry.root)
        if snapshot is not None:
            running[os.path.basename(entry.mountpoint)] = snapshot[2]
    return running
