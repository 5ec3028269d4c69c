"""`df`: what Docker keeps, largest first; from an exporter that runs here, else measured once, now."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Sequence

from docker_storage_exporter.cli.log import set_up_log
from docker_storage_exporter.cli.options import parser, settings_from
from docker_storage_exporter.cli.selecting import add_selection, selection_from
from docker_storage_exporter.cli.terminal import Bar, patient_control, style_of
from docker_storage_exporter.client.address import exporter_address
from docker_storage_exporter.client.ask import ask_same
from docker_storage_exporter.errors import NoAnswerError, SettingError
from docker_storage_exporter.hostfs.boot import host_mark
from docker_storage_exporter.listing.document import Listing
from docker_storage_exporter.listing.selection import SORT_KEYS
from docker_storage_exporter.listing.table import human_seconds, render_table
from docker_storage_exporter.listing.text import render_csv, render_footer, render_json
from docker_storage_exporter.settings import Settings, duration
from docker_storage_exporter.world import host_of

_DEFAULT_MAX_AGE = "10m"  # twice the exporter's own interval


def run(arguments: Sequence[str]) -> int:
    """Show everything, or explain one thing; 1 where a number that should be there is missing or lacks entries."""
    options = command_parser().parse_args(arguments)
    settings = settings_from(options)
    set_up_log("debug" if settings.log_level == "debug" else "error")
    if "explain" in options:
        from docker_storage_exporter.cli.commands.explain import explain  # noqa: PLC0415 - only when asked for

        return explain(settings, options.explain, options.format, with_growth=options.ask)
    selection = selection_from(options)
    listing = _from_exporter(settings, _max_age(options.max_age)) if options.ask else None
    if listing is None:
        if selection.sort == "growth":
            raise SettingError(
                "--sort growth: only a running exporter knows how fast things grow; start one with serve"
            )
        listing = _measured(settings)
    selected = selection.of(listing)
    _show(selected, options.format)
    return 0 if all(total.complete for total in selected.totals) else 1


def command_parser() -> argparse.ArgumentParser:
    """The options of `df`."""
    options = parser("df", "What fills the disk: volumes, writable layers, logs, tmpfs and bind mounts, largest first.")
    options.add_argument("--format", choices=("table", "json", "csv"), default="table", help="default: table")
    add_selection(options)
    options.add_argument("--sort", choices=SORT_KEYS, default="allocated", help="default: allocated")
    options.add_argument(
        "--max-age",
        metavar="AGE",
        default=_DEFAULT_MAX_AGE,
        help="oldest number to take from an exporter, default: 10m",
    )
    options.add_argument(
        "--no-exporter", dest="ask", action="store_false", default=True, help="measure now, ask no exporter"
    )
    options.add_argument(
        "--explain",
        metavar="TARGET",
        help="whose bytes a path, volume or container holds, what deleting frees, and how",
    )
    return options


def _max_age(text: str) -> float:
    try:
        return duration(text)
    except ValueError as error:
        raise SettingError(f"--max-age: {error}") from error


def _from_exporter(settings: Settings, max_age: float) -> Listing | None:
    """The listing of an exporter on this host, if it shows what this command would and is fresh; says why not."""
    if not _has_usual_rules(settings):
        return None
    address = exporter_address(settings)
    try:
        listing = ask_same(settings, host_of(settings))
    except NoAnswerError as error:
        if not isinstance(error.__cause__, ConnectionRefusedError):  # none running is the usual case, not worth a line
            _say(f"{error}; measuring now")
        return None
    age = time.time() - (listing.oldest or listing.at)
    if pending := listing.objects("pending"):
        _say(f"the exporter at {address} has {pending} objects still to measure; measuring now")
        return None
    if age > max_age:
        _say(f"the oldest number of the exporter at {address} is {human_seconds(age)} old; measuring now")
        return None
    _say(f"from the exporter at {address}, numbers up to {human_seconds(age)} old; --no-exporter measures now")
    return listing


def _has_usual_rules(settings: Settings) -> bool:
    """Whether nothing is left out by the user's own collector settings: an exporter may have others."""
    usual = Settings()
    names = [entry.name for entry in dataclasses.fields(Settings) if entry.name.startswith("collector_")]
    return all(getattr(settings, name) == getattr(usual, name) for name in names)


def _measured(settings: Settings) -> Listing:
    # Imported here: together they take longer than the answer of an exporter.
    from docker_storage_exporter.inventory.client import EngineClient  # noqa: PLC0415
    from docker_storage_exporter.inventory.current import CurrentInventory  # noqa: PLC0415
    from docker_storage_exporter.listing.filesystems import Filesystems  # noqa: PLC0415
    from docker_storage_exporter.listing.making import listing  # noqa: PLC0415
    from docker_storage_exporter.schedule.once import measure_everything  # noqa: PLC0415

    host = host_of(settings)
    inventory = CurrentInventory(settings, host, EngineClient(settings))
    with Bar() as bar:
        snapshot = measure_everything(settings, inventory.renew(), host, bar.update, patient_control())
    if inventory.status.trouble:
        _say(f"{inventory.status.trouble}; this is what the disk says")
    return listing(snapshot, host_mark(host.procfs), Filesystems(host).under(snapshot))


def _show(listing: Listing, form: str) -> None:
    """The rows on stdout; with a table also, on stderr, what is to be said of them all."""
    if form == "json":
        sys.stdout.write(render_json(listing))
    elif form == "csv":
        sys.stdout.write(render_csv(listing.rows))
    else:
        sys.stdout.write(render_table(listing.rows, style_of(sys.stdout)))
        sys.stdout.flush()
        sys.stderr.write(render_footer(listing, style_of(sys.stderr)))


def _say(line: str) -> None:
    print(line, file=sys.stderr)
