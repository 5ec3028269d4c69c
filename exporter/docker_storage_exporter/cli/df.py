"""`df`: everything measured once, largest first."""

from __future__ import annotations

import dataclasses
import json
import sys
import threading
from collections.abc import Sequence
from typing import final

from docker_storage_exporter.cli.log import set_up_log
from docker_storage_exporter.cli.options import parser, settings_from
from docker_storage_exporter.hostfs import Host
from docker_storage_exporter.inventory import CurrentInventory
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.report import human_bytes, render_table, rows
from docker_storage_exporter.schedule import measure_everything
from docker_storage_exporter.sizer import Control

_BAR_WIDTH = 30
_REFRESH_SECONDS = 0.1
_CLEAR = "\r\x1b[K"


def run(arguments: Sequence[str]) -> int:
    """Measure and print; the exit code is 0 also where something could not be measured, which the table says."""
    made = parser("df", "Measure every volume, writable layer, log, tmpfs and bind mount once, largest first.")
    made.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    options = made.parse_args(arguments)
    settings = settings_from(options)
    host = Host(settings.path_rootfs, settings.path_procfs)
    inventory = CurrentInventory(settings, host, EngineClient(settings))
    set_up_log("debug" if settings.log_level == "debug" else "error")
    with _Bar() as bar:
        snapshot = measure_everything(settings, inventory, host, bar.update, Control())
    if inventory.trouble:
        print(f"{inventory.trouble}; this is what the disk says", file=sys.stderr)
    if left_out := sum(snapshot.cut.values()):
        print(f"{left_out} objects, the smallest, are left out: see --collector.max-objects", file=sys.stderr)
    found = rows(snapshot)
    if options.format == "json":
        print(json.dumps([dataclasses.asdict(row) for row in found], indent=2))
    else:
        sys.stdout.write(render_table(found))
    return 0


@final
class _Bar:
    """A progress bar on stderr while a walk runs; nothing at all unless stderr and stdout are terminals."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty() and sys.stdout.isatty()
        self._done, self._all, self._control = 0, 0, Control()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._draw_on, name="progress", daemon=True)

    def __enter__(self) -> _Bar:
        if self._shown:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._ended.set()
            self._thread.join()
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()

    def update(self, done: int, everything: int, control: Control) -> None:
        """So many trees are done; the control shows how far the present one is."""
        self._done, self._all, self._control = done, everything, control

    def _draw_on(self) -> None:
        while not self._ended.wait(_REFRESH_SECONDS):
            filled = _BAR_WIDTH * self._done // max(1, self._all)
            bar = "#" * filled + "-" * (_BAR_WIDTH - filled)
            walked = f"{self._control.entries} entries, {human_bytes(self._control.allocated_bytes)}"
            sys.stderr.write(f"{_CLEAR}[{bar}] {self._done}/{self._all} objects, {walked}")
            sys.stderr.flush()
