"""When a new snapshot is published: soon after something changed, and not so often that pages starve measuring."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from docker_storage_exporter.model.snapshot import Snapshot
from docker_storage_exporter.schedule.budget import Budget
from docker_storage_exporter.schedule.jobs import Work
from docker_storage_exporter.schedule.ledger import Ledger
from docker_storage_exporter.schedule.listing import Listed
from docker_storage_exporter.survey import Survey

_IDLE_SECONDS = 1.0
_FIRST_DELAY_SECONDS = 1.0  # doubled each time: after a start the first sizes are wanted soon


class Publisher:
    """Assembles snapshots from the last listing and the ledger, and publishes them one at a time.

    `changed` is set by anything that makes the next snapshot differ from the last one. `interval` in seconds and
    `limit`, the most objects of a kind, may change at any time.
    """

    def __init__(
        self,
        ledger: Ledger,
        budget: Budget,
        publish: Callable[[Snapshot], None],
        pay: Callable[[Work, float], None],
        clock: Callable[[], float],
        interval: float,
        limit: int,
    ) -> None:
        self.changed = threading.Event()
        self.interval = interval
        self.limit = limit
        self._ledger = ledger
        self._budget = budget
        self._publish = publish
        self._pay = pay
        self._clock = clock
        self._survey = Survey()
        self._published_at = float("-inf")
        self._delay = 0.0
        self._page_cost = 0.0
        self._is_first_pass = True

    def publish_due(self, listed: Listed | None) -> float:
        """Publish a new snapshot if something changed and the last one is old enough; seconds to the next call.

        The first ones follow each other sooner than `interval`, and the one that has all numbers for the first time
        comes at once.
        """
        delay = max(min(self._delay, self.interval), self._budget.rest(self._page_cost))
        remaining = self._published_at + delay - self._clock()
        is_first_pass_over = self._is_first_pass and not self._ledger.has_pending
        if remaining > 0 and not is_first_pass_over:
            return remaining
        if listed is not None and self.changed.is_set():
            self._delay = min(2 * self._delay or _FIRST_DELAY_SECONDS, self.interval)
            self.changed.clear()
            self._publish_now(listed)
        return _IDLE_SECONDS

    def _publish_now(self, listed: Listed) -> None:
        cpu = time.thread_time()
        known = self._ledger.known()
        snapshot = self._survey.assemble(listed.inventory, listed.plan, known, time.time(), self.limit)
        self._publish(snapshot)
        self._is_first_pass = self._is_first_pass and bool(snapshot.pending)
        self._published_at = self._clock()
        self._page_cost = time.thread_time() - cpu
        self._pay(Work.PAGE, self._page_cost)
