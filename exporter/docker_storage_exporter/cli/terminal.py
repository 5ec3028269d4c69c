"""What the user's terminal can show: colours, its width, and a line that is drawn over again while something runs."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from typing import TextIO, final

from docker_storage_exporter.cli.screen import CLEAR, size_of
from docker_storage_exporter.listing.table import TableStyle
from docker_storage_exporter.model.units import human_bytes
from docker_storage_exporter.sizer import Control
from docker_storage_exporter.threads import NamedThread

_BAR_WIDTH = 30
_REFRESH_SECONDS = 0.1


def style_of(stream: TextIO, environment: Mapping[str, str] | None = None) -> TableStyle:
    """How tables on this stream may look: plain and as wide as they are, unless it is a terminal.

    NO_COLOR (https://no-color.org) and TERM=dumb take the colours away.
    """
    if not stream.isatty():
        return TableStyle()
    environment = os.environ if environment is None else environment
    colour = not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    return TableStyle(colour, size_of(stream)[0])


def foreground_control() -> Control:
    """How to walk when a user waits at a prompt: on every core, at normal priority."""
    return Control(threads=min(64, os.cpu_count() or 1), idle_priority=False)


@final
class Bar:
    """A progress bar on stderr while a walk runs; nothing at all unless stderr and stdout are terminals."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty() and sys.stdout.isatty()
        self._done, self._all, self._control = 0, 0, Control()
        self._ended = threading.Event()
        self._thread = NamedThread(target=self._draw_on, name="progress", daemon=True)

    def __enter__(self) -> Bar:
        if self._shown:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._ended.set()
            self._thread.join()
            sys.stderr.write(CLEAR)
            sys.stderr.flush()

    def update(self, done: int, everything: int, control: Control) -> None:
        """So many trees are done; the control shows how far the present one is."""
        self._done, self._all, self._control = done, everything, control

    def _draw_on(self) -> None:
        while not self._ended.wait(_REFRESH_SECONDS):
            filled = _BAR_WIDTH * self._done // max(1, self._all)
            bar = "#" * filled + "-" * (_BAR_WIDTH - filled)
            walked = f"{self._control.entries} entries, {human_bytes(self._control.allocated_bytes)}"
            line = f"[{bar}] {self._done}/{self._all} objects, {walked}"
            # One column stays free: a terminal that is full wraps, and what wrapped would not be cleared.
            sys.stderr.write(CLEAR + line[: size_of(sys.stderr)[0] - 1])
            sys.stderr.flush()
