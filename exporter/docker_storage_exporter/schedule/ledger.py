"""What was last measured of every tree."""

from __future__ import annotations

import threading
from collections.abc import Collection

from docker_storage_exporter.model import Measurement, Tree, Unmeasured
from docker_storage_exporter.survey import Known


class Ledger:
    """The last complete measurement and the last failure of each tree. Safe for several threads.

    A failure leaves the last complete measurement standing, unless it says that the tree is gone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._measurements: dict[Tree, Measurement] = {}
        self._failures: dict[Tree, Unmeasured] = {}

    def record(self, tree: Tree, measurement: Measurement) -> None:
        """A tree was measured to the end."""
        with self._lock:
            self._measurements[tree] = measurement
            self._failures.pop(tree, None)

    def fail(self, tree: Tree, reason: Unmeasured) -> bool:
        """A tree could not be measured; whether that is news."""
        with self._lock:
            is_news = self._failures.get(tree) is not reason
            self._failures[tree] = reason
            if reason is Unmeasured.VANISHED:
                self._measurements.pop(tree, None)
            return is_news

    def keep(self, trees: Collection[Tree]) -> None:
        """Forget every other tree."""
        with self._lock:
            self._measurements = {tree: self._measurements[tree] for tree in trees if tree in self._measurements}
            self._failures = {tree: self._failures[tree] for tree in trees if tree in self._failures}

    def known(self) -> Known:
        """A copy of the present state."""
        with self._lock:
            return Known(dict(self._measurements), dict(self._failures))
