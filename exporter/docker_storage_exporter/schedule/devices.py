"""Which devices answer: so that one that is dead holds a few threads and no more."""

from __future__ import annotations

from collections import Counter

from docker_storage_exporter.schedule.jobs import Device

MOST_ON_A_DEVICE = 2
"""Threads that may wait for one device: the one that found it silent, and the one that tries whether it still is."""

MOST_IN_ALL = 8
"""With so many threads waiting, only devices are touched that are known to answer."""


class Devices:
    """Counts the jobs that wait for each device. Not for several threads: the crew's lock guards it."""

    def __init__(self) -> None:
        self._waiting: Counter[Device | None] = Counter()
        self._answering: set[Device | None] = set()

    @property
    def waiting(self) -> int:
        """How many jobs were given up and did not end."""
        return self._waiting.total()

    def may_touch(self, device: Device | None) -> bool:
        """Whether one more job may wait for a device; None stands for many, so only their sum counts."""
        if device is not None and self._waiting[device] >= MOST_ON_A_DEVICE:
            return False
        return self.waiting < MOST_IN_ALL or device in self._answering

    def give_up(self, device: Device | None) -> None:
        """A job on it made no progress for too long."""
        self._waiting[device] += 1
        self._answering.discard(device)

    def answer(self, device: Device | None) -> None:
        """A job on it ended in time."""
        self._answering.add(device)

    def come_back(self, device: Device | None) -> None:
        """A job that was given up ended after all."""
        self._waiting[device] -= 1
        if not self._waiting[device]:
            del self._waiting[device]
        self._answering.add(device)
