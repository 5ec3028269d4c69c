"""The options by which `df` and `watch` choose among objects."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.listing.selection import Selection
from docker_storage_exporter.settings import count, expression


class _Kinds(Collection[str]):
    """Every kind of object, loaded at first use: loading them takes longer than an exporter's answer."""

    def __contains__(self, kind: object) -> bool:
        return kind in _kinds()

    def __iter__(self) -> Iterator[str]:
        return iter(_kinds())

    def __len__(self) -> int:
        return len(_kinds())


def _kinds() -> tuple[str, ...]:
    from docker_storage_exporter.layout import KINDS  # noqa: PLC0415 - see _Kinds

    return KINDS


def add_selection(options: argparse.ArgumentParser) -> None:
    """Add the options."""
    options.add_argument(
        "--kind",
        metavar="KIND",
        choices=_Kinds(),
        action="append",
        default=[],
        help="only this kind, one of %(choices)s; may be repeated",
    )
    options.add_argument("--volume", metavar="REGEX", help="only volumes whose whole name matches")
    options.add_argument("--dangling", action="store_true", default=False, help="only volumes that no container mounts")
    options.add_argument("--top", metavar="N", help="only the first N")


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
