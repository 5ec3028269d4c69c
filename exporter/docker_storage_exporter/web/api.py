"""The latest snapshot's objects as JSON, for `df`, `watch` and other programs on this host."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

from docker_storage_exporter.hostfs.boot import host_mark
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.listing.document import document
from docker_storage_exporter.listing.filesystems import Filesystems
from docker_storage_exporter.listing.making import bare_listing, listing
from docker_storage_exporter.model.snapshot import Snapshot
from docker_storage_exporter.schedule.history import History
from docker_storage_exporter.store import Store


class ObjectsDocument:
    """The document at /api/v1/objects. It is built at the first request after each snapshot; free space is live.

    `pay` is called with the CPU seconds that making it took.
    """

    def __init__(
        self, store: Store, history: History, host: Host, pay: Callable[[float], None] = lambda _: None
    ) -> None:
        self._store = store
        self._history = history
        self._filesystems = Filesystems(host)
        self._pay = pay
        self._mark = host_mark(host.procfs)
        self._lock = threading.Lock()
        self._made: tuple[Snapshot, bytes] | None = None

    def __call__(self) -> bytes | None:
        """The document now, None as long as nothing is listed."""
        snapshot = self._store.latest
        if snapshot is None:
            return None
        head = document(bare_listing(snapshot, self._mark, self._filesystems.under(snapshot)))
        del head["objects"], head["totals"]
        return _encoded(head)[:-1] + b"," + self._objects(snapshot)[1:]

    def _objects(self, snapshot: Snapshot) -> bytes:
        with self._lock:
            if self._made is None or self._made[0] is not snapshot:
                cpu = time.thread_time()
                whole = document(listing(snapshot, self._mark, (), self._history.growth()))
                made = {name: whole[name] for name in ("totals", "objects")}
                self._made = snapshot, _encoded(made)
                self._pay(time.thread_time() - cpu)
            return self._made[1]


def _encoded(values: object) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode()
