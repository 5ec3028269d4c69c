"""The options by which `df` and `watch` choose among objects."""

from __future__ import annotations

import argparse

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.layout import KINDS
from docker_storage_exporter.listing.selection import Selection
from docker_storage_exporter.settings import count, expression


def add_selection(made: argparse.ArgumentParser) -> None:
    """Add the options."""
    made.add_argument("--kind", choices=KINDS, action="append", default=[], help="only this kind; may be repeated")
    made.add_argument("--volume", metavar="REGEX", help="only volumes whose whole name matches")
    made.add_argument("--dangling", action="store_true", default=False, help="only volumes that no container mounts")
    made.add_argument("--top", metavar="N", help="only the first N")


def selection_from(options: argparse.Namespace, sort: str | None = None) -> Selection:
    """What the parsed options select. Raises SettingError."""
    try:
        flag = "--volume"
        volume = expression(options.volume) if "volume" in options else None
        flag = "--top"
        top = count(options.top) if "top" in options else None
    except ValueError as error:
        raise SettingError(f"{flag}: {error}") from error
    return Selection(frozenset(options.kind), volume, options.dangling, sort or options.sort, top)
