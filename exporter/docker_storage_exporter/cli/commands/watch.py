"""`watch`: top for storage. What grows, now and per hour, from the exporter that runs here."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from docker_storage_exporter.cli.options import parser, settings_from
from docker_storage_exporter.cli.selecting import add_selection, selection_from
from docker_storage_exporter.cli.terminal import size_of, style_of
from docker_storage_exporter.client.address import exporter_address
from docker_storage_exporter.client.ask import ask_same
from docker_storage_exporter.errors import ExporterError, NoAnswerError, SettingError
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.listing.document import Listing
from docker_storage_exporter.listing.selection import Selection
from docker_storage_exporter.listing.table import TableStyle, human_bytes, human_seconds, render_table
from docker_storage_exporter.settings import Settings, duration
from docker_storage_exporter.world import host_of

_SORT_KEYS = {"now": "growth-now", "hour": "growth", "allocated": "allocated"}
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"  # the alternate screen, without a cursor
_AWAITED = (signal.SIGWINCH, signal.SIGTSTP)
_HOME, _END_OF_LINE, _END_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


def run(arguments: Sequence[str]) -> int:
    """Show and refresh until Ctrl-C; with --once, or without a terminal, show once. Raises NoAnswerError."""
    options = command_parser().parse_args(arguments)
    settings = settings_from(options)
    selection = selection_from(options, _SORT_KEYS[options.sort])
    host = host_of(settings)
    try:
        listing = ask_same(settings, host)
    except NoAnswerError as error:
        raise ExporterError(f"{error}; start one with docker-storage-exporter serve") from error
    if options.once or not sys.stdout.isatty():
        shown = selection.of(listing)
        sys.stdout.write(render_table(shown.rows, style_of(sys.stdout), growth=True))
        return 0
    with _screen():
        _Watch(settings, host, selection, listing).keep_drawing(_seconds(options.every))
    return 0


def command_parser() -> argparse.ArgumentParser:
    """The options of `watch`."""
    options = parser("watch", "What grows, per second and per hour, as a running exporter on this host measures it.")
    add_selection(options)
    options.add_argument("--sort", choices=tuple(_SORT_KEYS), default="now", help="default: now, growth per second")
    options.add_argument("--every", metavar="DURATION", default="2s", help="how often to ask, default: 2s")
    options.add_argument("--once", action="store_true", default=False, help="show once and end, for scripts")
    return options


class _Watch:
    """The screen as it stands, and the last listing, which stays while the exporter does not answer."""

    def __init__(self, settings: Settings, host: Host, selection: Selection, listing: Listing) -> None:
        self._settings = settings
        self._host = host
        self._selection = selection
        self._found = listing
        self._trouble = ""

    def keep_drawing(self, every: float) -> None:
        """Ask and draw until an exception, such as that of Ctrl-C, ends it. A new size is drawn at once.

        Ctrl-Z gives the screen back for as long as the process is stopped.
        """
        while True:
            due = time.monotonic() + every
            self._draw()
            while (delay := due - time.monotonic()) > 0:
                came = signal.sigtimedwait(_AWAITED, delay)
                if came is not None and came.si_signo == signal.SIGTSTP:
                    _pause()
                if came is not None:
                    self._draw()
            self._ask()

    def _ask(self) -> None:
        try:
            self._found, self._trouble = ask_same(self._settings, self._host), ""
        except NoAnswerError as error:
            self._trouble = str(error)

    def _draw(self) -> None:
        columns, lines = size_of(sys.stdout)
        style = style_of(sys.stdout)
        text = render_table(self._selection.of(self._found).rows, style, growth=True)
        shown = [*self._head(style, columns), *text.splitlines()][:lines]
        sys.stdout.write(_HOME + f"{_END_OF_LINE}\n".join(shown) + _END_OF_LINE + _END_OF_SCREEN)
        sys.stdout.flush()

    def _head(self, style: TableStyle, columns: int) -> Iterator[str]:
        """Lines above the table: who says so and how old it is, then the filesystems."""
        age = human_seconds(time.time() - self._found.at)
        line = f"{exporter_address(self._settings)}  {self._found.origin.root}  {age} old  (Ctrl-C ends)"
        yield style.bold((self._trouble or line)[:columns])
        for filesystem in self._found.filesystems:
            room = f"{human_bytes(filesystem.used_bytes)} used, {human_bytes(filesystem.avail_bytes)} free"
            yield f"{filesystem.mountpoint}: {room} of {human_bytes(filesystem.size_bytes)}"[:columns]
        yield ""


@contextmanager
def _screen() -> Iterator[None]:
    """The alternate screen, left in every case: what the terminal showed before is there again.

    SIGTERM ends the block like Ctrl-C does. SIGWINCH and SIGTSTP stay pending until they are waited for: whoever
    answers them writes to the screen, which must not happen in the middle of another write.
    """

    def end(number: int, _: Any) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    try:
        _write(_ENTER)
        yield
    finally:
        _write(_LEAVE)


def _pause() -> None:
    """Stop this process, with the screen given back, until it is continued."""
    _write(_LEAVE)
    os.kill(os.getpid(), signal.SIGSTOP)
    _write(_ENTER)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _seconds(text: str) -> float:
    try:
        return duration(text)
    except ValueError as error:
        raise SettingError(f"--every: {error}") from error
