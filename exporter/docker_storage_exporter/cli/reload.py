"""Reading the settings again while the exporter runs: what can change does, and a bad file changes nothing."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.settings import Settings, renewed

_log = logging.getLogger(__name__)


class Reloader:
    """Knows the settings that hold. `read` reads new ones, `apply` puts those that can change into effect.

    `successful` says whether the last reading was good, `succeeded_at` when the last good one was. Safe for several
    threads.
    """

    def __init__(self, settings: Settings, read: Callable[[], Settings], apply: Callable[[Settings], None]) -> None:
        self.settings = settings
        self.successful = True
        self.succeeded_at = time.time()
        self._read = read
        self._apply = apply
        self._lock = threading.Lock()

    def reload(self) -> str:
        """Read and apply. Returns an empty text, or the line that says why the old settings still hold."""
        with self._lock:
            try:
                new = self._read()
            except SettingError as error:
                self.successful = False
                _log.error("settings stay as they were: %s", error)
                return str(error)
            self.settings, changed, waiting = renewed(self.settings, new)
            if changed:
                self._apply(self.settings)
            self.successful, self.succeeded_at = True, time.time()
            _log.info("settings were read again: %s changed", ", ".join(changed) or "nothing")
            for flag in waiting:
                _log.warning("%s changed, which takes effect only with a restart", flag)
        return ""
