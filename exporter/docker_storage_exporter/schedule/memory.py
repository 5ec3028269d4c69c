"""What carries measurements across restarts: when it is read, and how often it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from docker_storage_exporter.model.objects import Inventory
from docker_storage_exporter.model.sizes import Measurement, Source
from docker_storage_exporter.schedule.ledger import Ledger
from docker_storage_exporter.schedule.listing import Listed


class Memory(Protocol):
    """Whatever carries measurements across restarts."""

    def recall(self, inventory: Inventory) -> Mapping[Source, Measurement]:
        """What was kept for the host of this inventory. Raises SettingError."""

    def keep(self, inventory: Inventory, measurements: Mapping[Source, Measurement]) -> bool:
        """Keep these instead; whether that went well."""


class Recollection:
    """When the ledger is recalled, once and only for the engine's own disk, and when it is saved.

    `interval` in seconds may change at any time.
    """

    def __init__(self, memory: Memory, ledger: Ledger, clock: Callable[[], float], interval: float) -> None:
        self.interval = interval
        self._memory = memory
        self._ledger = ledger
        self._clock = clock
        self._recalled = False
        self._saved: Mapping[Source, Measurement] = {}
        self._saved_at = clock()

    def recall(self, listed: Listed) -> dict[Source, Measurement]:
        """Hand the ledger what the memory holds of a listing's sources; that, or nothing where it was done before."""
        if self._recalled or listed.inventory.refused is not None:
            return {}
        kept = self._memory.recall(listed.inventory).items()
        recalled = {source: measurement for source, measurement in kept if source in listed.sources}
        self._recalled = True
        self._ledger.recall(recalled)
        return recalled

    def seconds_to_save(self) -> float:
        """How long until the ledger is saved again; none or less when it is due."""
        return self._saved_at + self.interval - self._clock()

    def save(self, listed: Listed | None) -> None:
        """Save the ledger if it changed. A disk that is refused now says nothing about what was measured before."""
        if listed is None or listed.inventory.refused is not None:
            return
        measurements = self._ledger.known().measurements
        if measurements != self._saved and self._memory.keep(listed.inventory, measurements):
            self._saved = measurements
        self._saved_at = self._clock()
