"""How far a walk is, on stderr, for a user who has waited for some seconds already."""

from __future__ import annotations

import sys
import threading
from typing import final

from docker_storage_exporter.cli.screen import CLEAR, size_of
from docker_storage_exporter.model.units import human_bytes
from docker_storage_exporter.sizer import Control

_DELAY_SECONDS, _REFRESH_SECONDS = 2.0, 0.2


@final
class Progress:
    """As a context: a line that is drawn over again while a walk with this control runs, and cleared in the end.

    Nothing is drawn in the first two seconds, nor where stderr is no terminal.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from docker_storage_exporter.threads import NamedThread  # noqa: PLC0415 - `du` in a pipe starts at once

            self._thread = NamedThread(target=self._draw, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._ended.set()
            self._thread.join()

    def _draw(self) -> None:
        if self._ended.wait(_DELAY_SECONDS):
            return
        while not self._ended.wait(_REFRESH_SECONDS):
            line = f"{self._control.entries} entries, {human_bytes(self._control.allocated_bytes)} so far"
            sys.stderr.write(CLEAR + line[: size_of(sys.stderr)[0] - 1])
            sys.stderr.flush()
        sys.stderr.write(CLEAR)
        sys.stderr.flush()
