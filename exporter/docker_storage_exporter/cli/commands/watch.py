"""`watch`: top for storage. What grows, now and per hour, from the exporter that runs here."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from docker_storage_exporter.cli.keys import Keys
from docker_storage_exporter.cli.options import parser, settings_from
from docker_storage_exporter.cli.screen import size_of
from docker_storage_exporter.cli.selecting import add_selection, selection_from
from docker_storage_exporter.cli.terminal import style_of
from docker_storage_exporter.client.address import exporter_address
from docker_storage_exporter.client.ask import ask
from docker_storage_exporter.errors import ExporterError, NoAnswerError, SettingError
from docker_storage_exporter.listing.document import Listing
from docker_storage_exporter.listing.selection import Selection
from docker_storage_exporter.listing.table import TableStyle, render_table, shortened
from docker_storage_exporter.model.units import human_bytes, human_seconds
from docker_storage_exporter.settings import Settings, duration

_SORT_KEYS = {"now": "growth-now", "hour": "growth", "allocated": "allocated"}
_SORTED_BY = {"growth-now": "growth per second", "growth": "growth per hour", "allocated": "size"}
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"  # the alternate screen, without a cursor
_HOME, _END_OF_LINE, _END_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
_READS = ("web.listen", "web.config", "ask.")


def run(arguments: Sequence[str]) -> int:
    """Show and refresh until `q` or Ctrl-C; with --once, or without a terminal, show once. Raises NoAnswerError."""
    options = command_parser().parse_args(arguments)
    settings = settings_from(options)
    selection = selection_from(options, _SORT_KEYS[options.sort])
    try:
        listing = ask(settings)  # whatever it measures: this command only shows it
    except NoAnswerError as error:
        raise ExporterError(f"{error}; start one with docker-storage-exporter serve") from error
    if options.once or not sys.stdout.isatty():
        shown = _known(selection, listing).of(listing)
        sys.stdout.write(render_table(shown.rows, style_of(sys.stdout), growth=True))
        return 0
    with Keys() as keys, _screen():
        _Watch(settings, selection, listing, keys).keep_drawing(_seconds(options.every))
    return 0


def command_parser() -> argparse.ArgumentParser:
    """The options of `watch`."""
    options = parser(
        "watch", "What grows, per second and per hour, as a running exporter on this host measures it.", _READS
    )
    add_selection(options)
    options.add_argument("--sort", choices=tuple(_SORT_KEYS), default="now", help="default: now, growth per second")
    options.add_argument("--every", metavar="DURATION", default="2s", help="how often to ask, default: 2s")
    options.add_argument("--once", action="store_true", default=False, help="show once and end, for scripts")
    return options


def _known(selection: Selection, listing: Listing) -> Selection:
    """The selection, sorted by size as long as no growth is known."""
    return selection if selection.knows(listing) else replace(selection, sort="allocated")


class _Watch:
    """The screen as it stands, and the last listing, which stays while the exporter does not answer."""

    def __init__(self, settings: Settings, selection: Selection, listing: Listing, keys: Keys) -> None:
        self._settings = settings
        self._selection = selection
        self._listing = listing
        self._keys = keys
        self._trouble = ""
        self._first = 0  # the row at the top

    def keep_drawing(self, every: float) -> None:
        """Ask and draw until `q`, or until an exception such as that of Ctrl-C. A new size is drawn at once.

        Ctrl-Z gives the screen back for as long as the process is stopped.
        """
        while True:
            due = time.monotonic() + every
            self._draw()
            while (delay := due - time.monotonic()) > 0:
                event = self._keys.wait(delay)
                if event == "q":
                    return
                if event == "stop":
                    self._pause()
                if event:
                    self._follow(event)
                    self._draw()
            self._ask()

    def _follow(self, event: str) -> None:
        """Scroll, or sort by another number."""
        page = max(1, size_of(sys.stdout)[1] - len(self._listing.filesystems) - 4)
        moves = {"up": -1, "down": 1, "page up": -page, "page down": page, "home": -(10**9), "end": 10**9}
        self._first = max(0, min(self._first + moves.get(event, 0), len(self._listing.rows) - 1))
        steps = {"left": -1, "right": 1}
        if event in steps:
            keys = list(_SORT_KEYS.values())
            following = keys[(keys.index(self._selection.sort) + steps[event]) % len(keys)]
            self._selection = replace(self._selection, sort=following)

    def _ask(self) -> None:
        try:
            self._listing, self._trouble = ask(self._settings), ""
        except NoAnswerError as error:
            self._trouble = str(error)

    def _draw(self) -> None:
        columns, lines = size_of(sys.stdout)
        style = style_of(sys.stdout)
        selection = _known(self._selection, self._listing)
        rows = selection.of(self._listing).rows
        self._first = max(0, min(self._first, len(rows) - 1))
        head = list(self._head(style, columns, selection.sort))
        visible = rows[self._first : self._first + max(1, lines - len(head) - 1)]
        text = render_table(visible, style, growth=True)
        drawn = [*head, *text.splitlines()][:lines]
        sys.stdout.write(_HOME + f"{_END_OF_LINE}\n".join(drawn) + _END_OF_LINE + _END_OF_SCREEN)
        sys.stdout.flush()

    def _head(self, style: TableStyle, columns: int, sort: str) -> Iterator[str]:
        """Lines above the table: who says so and how old it is, then the filesystems."""
        age = human_seconds(time.time() - self._listing.at)
        by = _SORTED_BY[sort] if sort == self._selection.sort else "size until growth is known"
        address, root = exporter_address(self._settings), self._listing.origin.root
        parts = (f"{age} old, by {by}", "; q ends", ", arrows scroll and sort", f"  {address}", f"  {root}")
        yield style.bold(self._trouble[:columns] or _whole_parts(parts, columns))
        for filesystem in self._listing.filesystems:
            room = f"{human_bytes(filesystem.used_bytes)} used, {human_bytes(filesystem.avail_bytes)} free"
            numbers = f": {room} of {human_bytes(filesystem.size_bytes)}"
            yield (shortened(filesystem.mountpoint, columns - len(numbers)) + numbers)[:columns]
        yield ""

    def _pause(self) -> None:
        """Stop this process, with the screen and the keyboard given back, until it is continued."""
        _write(_LEAVE)
        with self._keys.given_back():
            os.kill(os.getpid(), signal.SIGSTOP)
        _write(_ENTER)


@contextmanager
def _screen() -> Iterator[None]:
    """The alternate screen, left in every case: what the terminal showed before is there again.

    SIGTERM and SIGHUP end the block like Ctrl-C does.
    """

    def end(number: int, _: Any) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    try:
        _write(_ENTER)
        yield
    finally:
        _write(_LEAVE)


def _whole_parts(parts: Sequence[str], columns: int) -> str:
    """As many of the parts as a line has room for; the first of them in any case."""
    first, *others = parts
    line = first[:columns]
    for part in others:
        if len(line) + len(part) > columns:
            break
        line += part
    return line


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _seconds(text: str) -> float:
    try:
        return duration(text)
    except ValueError as error:
        raise SettingError(f"--every: {error}") from error
