"""`serve`: the exporter itself."""

from __future__ import annotations

import argparse
import gc
import logging
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

from docker_storage_exporter.cli.log import announce, set_up_log
from docker_storage_exporter.cli.malloc import limit_fragmentation
from docker_storage_exporter.cli.notify import Notifier
from docker_storage_exporter.cli.options import parser, render_settings, settings_from
from docker_storage_exporter.cli.reload import Reloader
from docker_storage_exporter.cli.signals import Signals, leave_on_sigterm
from docker_storage_exporter.collector.live import LiveCollector, live_registry
from docker_storage_exporter.collector.pages import Pages
from docker_storage_exporter.confine.rights import read_rights
from docker_storage_exporter.confine.sandbox import restrict_process
from docker_storage_exporter.httpd.guard import guarded
from docker_storage_exporter.httpd.listening import handed_over, listen
from docker_storage_exporter.httpd.security import CurrentWebSecurity, no_security
from docker_storage_exporter.httpd.server import Server
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.inventory.current import CurrentInventory
from docker_storage_exporter.limits import Limits
from docker_storage_exporter.model.snapshot import Snapshot
from docker_storage_exporter.schedule.history import History
from docker_storage_exporter.schedule.jobs import Work
from docker_storage_exporter.schedule.scheduler import Scheduler
from docker_storage_exporter.settings import Settings
from docker_storage_exporter.sizer import implementation
from docker_storage_exporter.state import StateFile
from docker_storage_exporter.store import Store
from docker_storage_exporter.threads import NamedThread
from docker_storage_exporter.web.api import ObjectsDocument
from docker_storage_exporter.web.app import application
from docker_storage_exporter.world import host_of

_log = logging.getLogger(__name__)
_SWITCH_SECONDS = 0.0001
_COLLECT_AFTER = (100_000, 50, 100)
_HINTS = {"python": ": for the faster one in C, install it again with a C compiler and Python's headers"}


def run(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or Ctrl-C, or only look at the settings."""
    command = command_parser()
    options = command.parse_args(arguments)
    settings = settings_from(options)
    if getattr(options, "config.print"):
        print(render_settings(options), end="")
        return 0
    if getattr(options, "config.check"):
        if settings.web_config_file:
            CurrentWebSecurity(settings.web_config_file)
        print("the settings are good")
        return 0
    return serve(settings, lambda: settings_from(command.parse_args(arguments)))


def command_parser() -> argparse.ArgumentParser:
    """The options of `serve`: every setting, and two that only look at them."""
    options = parser("serve", "Measure Docker's storage in the background and serve it to Prometheus.")
    options.add_argument(
        "--config.check", action="store_true", default=False, help="look at the settings and exit: 0 or 2"
    )
    options.add_argument(
        "--config.print",
        action="store_true",
        default=False,
        help="show each setting and where it comes from, as a configuration file, and exit",
    )
    return options


def serve(settings: Settings, read: Callable[[], Settings]) -> int:
    """Serve with these settings until SIGTERM or SIGINT; the exit code. SIGHUP has them read again.

    Raises ExporterError when there is nothing to measure or the address is taken: the user then gets that one line,
    and no log besides. A signal that comes before anything is served ends the start at once.
    """
    limit_fragmentation()
    _put_scrapes_first()
    with closing(Signals()) as signals, closing(Notifier()) as notifier:
        set_up_log("debug" if settings.log_level == "debug" else "error", settings.log_format)
        signals.take(signal.SIGHUP)
        leave_on_sigterm()
        exporter = Exporter(settings, read)
        sandbox = exporter.live.sandbox = restrict_process(
            settings.security_landlock, read_rights(), settings.state_file, settings.docker_host
        )
        exporter.start()
        set_up_log(settings.log_level, settings.log_format)
        signals.take(signal.SIGTERM, signal.SIGINT)
        for line in filter(None, (exporter.inventory.trouble, exporter.inventory.refusal)):
            _log.warning("%s", line)
        _log.info("walking with the %s walker%s", implementation, _HINTS.get(implementation, ""))
        _log.log(logging.INFO if sandbox.stands else logging.DEBUG, "%s", sandbox)
        for url in exporter.server.urls:
            announce(f"listening on {url}", settings.log_format)
        listening = f"listening on {', '.join(exporter.server.urls)}"
        notifier.ready(listening)
        while signals.wait() == signal.SIGHUP:
            notifier.reloading()
            exporter.config.reload()
            notifier.ready(listening)
        notifier.stopping()
        exporter.stop()
    return 0


def _put_scrapes_first() -> None:
    """Let the thread of a scrape have the interpreter's lock soon, and rarely wait for a whole garbage collection.

    A page of 10,000 volumes is made of a million objects, hardly any of them in a cycle.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.set_threshold(*_COLLECT_AFTER)


class Exporter:
    """The object graph: every part of the living program, connected. Raises ListenError, and SettingError.

    `read` reads the settings again for a reload.
    """

    def __init__(self, settings: Settings, read: Callable[[], Settings] = Settings) -> None:
        host = host_of(settings)
        web = CurrentWebSecurity(settings.web_config_file) if settings.web_config_file else None
        self.inventory = CurrentInventory(settings, host, EngineClient(settings))
        self.store = Store()
        self.config = Reloader(settings, read, self._apply)
        memory = StateFile(settings.state_file, host) if settings.state_file else None
        self.scheduler = Scheduler(settings, self.inventory, host, self._publish, memory=memory)
        scheduler = self.scheduler
        self.live = LiveCollector(
            self.store,
            scheduler.tally,
            scheduler.budget,
            self.inventory.status,
            self.config,
            host,
            scheduler,
            web=web,
        )
        self._pages = Pages(live_registry(self.live), settings.collector_labels or (), settings.limits_file)
        self._history = History()
        objects = ObjectsDocument(self.store, self._history, host, partial(scheduler.pay, Work.PAGE))
        reload = self.config.reload if settings.web_enable_reload else None
        served = application(self._pages, self.store, objects, reload, self._trouble)
        security = web or no_security
        listeners = handed_over() if settings.web_systemd_socket else listen(settings.web_listen_address)
        self.server = Server(
            listeners, guarded(served, security), security=security, limit=settings.web_max_connections
        )

    def start(self) -> None:
        """List and publish for the first time, then serve in the background. Raises ExporterError."""
        try:
            self.scheduler.start()
        except BaseException:
            self.server.close()
            raise
        self.inventory.watch(self.scheduler.hint)
        NamedThread(target=self.server.serve_forever, name="web", daemon=True).start()

    def stop(self) -> None:
        """End all of it within two seconds, whatever hangs: a new instance can listen and finds what was measured."""
        self.scheduler.stop()  # first: the next instance at this address finds the state file written
        self.server.shutdown()
        self.server.close()

    def _apply(self, settings: Settings) -> None:
        set_up_log(settings.log_level, settings.log_format)
        self._pages.labels = settings.collector_labels or ()
        self._pages.limits = settings.limits_file or Limits()
        self.inventory.keep_labels(self._pages.labels)
        self.scheduler.apply(settings)

    def _trouble(self) -> str:
        if self.scheduler.is_measuring:
            return ""
        last = self.scheduler.tally.last_measurement
        since = f"since {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime(last))}" if last else "so far"
        return f"Nothing was measured {since}: is a disk dead? The log names what does not answer."

    def _publish(self, snapshot: Snapshot) -> None:
        self._pages.render(snapshot)
        self._history.note(snapshot)
        self.store.publish(snapshot)
