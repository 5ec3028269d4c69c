"""The latest snapshot, for any number of readers."""

from __future__ import annotations

from docker_storage_exporter.model.snapshot import Snapshot


class Store:
    """Holds one snapshot. Reading and replacing a reference is atomic, so no reader waits."""

    def __init__(self) -> None:
        self.latest: Snapshot | None = None

    def publish(self, snapshot: Snapshot) -> None:
        """From now on this is the state of things."""
        self.latest = snapshot
