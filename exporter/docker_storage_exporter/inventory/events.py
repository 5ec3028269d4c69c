"""The engine's event stream: a hint that the inventory changed, never the truth about it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from docker_storage_exporter.errors import ExporterError
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.inventory.engine import Change
from docker_storage_exporter.threads import NamedThread

_log = logging.getLogger(__name__)
_INSPECT_AGAIN = frozenset({"start", "rename", "update"})
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 60.0
_KINDS = ("volume", "container")
_STOP_SECONDS = 0.5


class EventListener:
    """Follows the events in a thread of its own and comes back by itself after the engine was away.

    `changed` is called with what each event says, and whenever it begins to listen: the lists may have changed then.
    `heard_now` says whether the engine's events would be heard now, `last` when the last one came, in seconds since the
    epoch, 0 for never.
    """

    def __init__(self, client: EngineClient, changed: Callable[[Change], None]) -> None:
        self._client = client
        self._changed = changed
        self._stopping = threading.Event()
        self._stream: Any = None
        self.heard_now = False
        self.last = 0.0
        self._thread = NamedThread(target=self._run, name="events", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Hang up."""
        self._stopping.set()
        stream = self._stream
        if stream is not None:
            with suppress(*self._client.trouble()):
                stream.close()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            heard, silent = False, False
            try:
                for event in self._listen():
                    heard = True
                    if self._stopping.is_set():
                        return
                    self.last = time.time()
                    self._tell(event)
            except ExporterError as error:
                _log.debug("no events: %s", str(error))
            except self._client.trouble() as error:
                silent = self._client.is_silence(error)
                _log.debug("event stream ended: %s", str(error))
            except Exception:  # noqa: BLE001 - a defect must not end the hearing of events unseen
                _log.exception("this is a defect in docker-storage-exporter; events are heard again soon")
            self.heard_now, self._stream = False, None
            self._client.close()
            if heard or silent:
                pause = _FIRST_PAUSE_SECONDS
            self._stopping.wait(0 if silent else pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _listen(self) -> Any:
        """The events from now on."""
        self._stream = self._client.events()
        self.heard_now = True
        self._changed(Change())  # events since the last list may have been missed
        return self._stream

    def _tell(self, event: object) -> None:
        """Pass an event on; what is not shaped like one only says that something happened."""
        if not isinstance(event, dict):
            return
        actor = event.get("Actor") if isinstance(event.get("Actor"), dict) else {}
        kind, action = event.get("Type"), event.get("Action")
        identity = (actor or {}).get("ID") or event.get("id") or ""
        if not isinstance(identity, str) or not identity or kind not in _KINDS:
            self._changed(Change())
        elif action == "destroy":
            self._changed(Change(destroyed=(kind, identity)))
        else:
            self._changed(Change(inspect=identity if kind == "container" and action in _INSPECT_AGAIN else ""))
