"""`serve`: the exporter itself."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Sequence

from docker_storage_exporter.cli.log import set_up_log
from docker_storage_exporter.cli.options import parse
from docker_storage_exporter.collector import LiveCollector, Pages, live_registry
from docker_storage_exporter.hostfs import Host
from docker_storage_exporter.inventory import CurrentInventory, EventListener
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.model import Snapshot
from docker_storage_exporter.schedule import History, Scheduler
from docker_storage_exporter.settings import Settings
from docker_storage_exporter.sizer import implementation
from docker_storage_exporter.store import Store
from docker_storage_exporter.web import ObjectsDocument, Server, application

_log = logging.getLogger(__name__)


def run(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    settings = parse("serve", "Measure Docker's storage in the background and serve it to Prometheus.", arguments)
    return serve(settings)


def serve(settings: Settings) -> int:
    """Serve with these settings until SIGTERM or SIGINT; the exit code.

    Raises ExporterError when there is nothing to measure or the address is taken: the user then gets that one line,
    and no log besides. A signal that comes before anything is served ends the start at once.
    """
    set_up_log("debug" if settings.log_level == "debug" else "error")
    leave_on_sigterm()
    exporter = Exporter(settings)
    exporter.start()
    set_up_log(settings.log_level)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    if exporter.inventory.trouble:
        _log.warning("%s", exporter.inventory.trouble)
    _log.info("walking with the %s walker", implementation)
    print(f"listening on {exporter.server.url}", file=sys.stderr, flush=True)
    stopping.wait()
    exporter.stop()
    return 0


def leave_on_sigterm() -> None:
    """Until there is more to do: let SIGTERM end this process in order, with exit code 0."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))


class Exporter:
    """The object graph: every part of the living program, connected. Raises ListenError."""

    def __init__(self, settings: Settings) -> None:
        host = Host(settings.path_rootfs, settings.path_procfs)
        self.inventory = CurrentInventory(settings, host, EngineClient(settings))
        self.store = Store()
        self.scheduler = Scheduler(settings, self.inventory, host, self._publish)
        self._events = EventListener(EngineClient(settings), self.scheduler.hint)
        live = LiveCollector(self.store, self.scheduler.tally, self.scheduler.budget, self.inventory, host)
        self._pages = Pages(live_registry(live), settings.collector_labels or ())
        self._history = History()
        objects = ObjectsDocument(self.store, self._history, host)
        self.server = Server(
            settings.web_listen_address, application(self._pages, self.store, objects), settings.web_max_connections
        )

    def start(self) -> None:
        """List and publish for the first time, then serve in the background. Raises ExporterError."""
        try:
            self.scheduler.start()
        except BaseException:
            self.server.server_close()
            raise
        self._events.start()
        threading.Thread(target=self.server.serve_forever, name="web", daemon=True).start()

    def stop(self) -> None:
        """End all of it."""
        self._events.stop()
        self.server.shutdown()
        self.server.server_close()
        self.scheduler.stop()

    def _publish(self, snapshot: Snapshot) -> None:
        self._pages.render(snapshot)
        self._history.note(snapshot)
        self.store.publish(snapshot)
