"""`df`: what Docker keeps, largest first; from an exporter that runs here, else measured once, now."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import fields, replace

from docker_storage_exporter.cli.log import set_up_log
from docker_storage_exporter.cli.options import parser, settings_from
from docker_storage_exporter.cli.screen import size_of
from docker_storage_exporter.cli.selecting import add_selection, selection_from
from docker_storage_exporter.cli.terminal import Bar, foreground_control, style_of
from docker_storage_exporter.client.address import exporter_address
from docker_storage_exporter.client.ask import ask_same
from docker_storage_exporter.errors import NoAnswerError, SettingError
from docker_storage_exporter.hostfs.boot import host_mark
from docker_storage_exporter.listing.document import Listing
from docker_storage_exporter.listing.row import Row
from docker_storage_exporter.listing.selection import SORT_KEYS, Selection
from docker_storage_exporter.listing.table import fold, render_table
from docker_storage_exporter.listing.text import render_csv, render_footer, render_hidden, render_json
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.text import counted
from docker_storage_exporter.model.units import human_seconds
from docker_storage_exporter.settings import Settings, duration
from docker_storage_exporter.world import host_of

_FEWEST_ROWS = 5
_OTHER_LINES = 4  # the heading, where the numbers come from, what is hidden, and the prompt
_DEFAULT_MAX_AGE = "10m"  # twice the exporter's own interval
_READS = ("docker.", "engine", "path.", "collector.", "scan.timeout", "web.listen", "web.config", "ask.", "log.level")


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
    if selection.sort == "growth" and not selection.knows(listing):
        _say("growth is not known yet: sorted by size")
        selection = replace(selection, sort="allocated")
    selected = selection.of(listing)
    if options.format == "table":
        _show_table(selected, selection, everything=options.all or not sys.stdout.isatty())
    else:
        sys.stdout.write(render_json(selected) if options.format == "json" else render_csv(selected.rows))
    return 0 if all(total.complete for total in selected.totals) else 1


def command_parser() -> argparse.ArgumentParser:
    """The options of `df`."""
    options = parser(
        "df", "What fills the disk: volumes, writable layers, logs, tmpfs and bind mounts, largest first.", _READS
    )
    options.add_argument("--format", choices=("table", "json", "csv"), default="table", help="default: table")
    add_selection(options)
    options.add_argument("--sort", choices=SORT_KEYS, default="allocated", help="default: allocated")
    options.add_argument(
        "--all", action="store_true", default=False, help="show all on a terminal, also what it has no room for"
    )
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
        _say(f"the exporter at {address} has {counted(pending, 'object')} still to measure; measuring now")
        return None
    if age > max_age:
        _say(f"the oldest number of the exporter at {address} is {human_seconds(age)} old; measuring now")
        return None
    _say(f"from the exporter at {address}, up to {human_seconds(age)} old; --no-exporter measures now")
    return listing


def _has_usual_rules(settings: Settings) -> bool:
    """Whether nothing is left out by the user's own collector settings: an exporter may have others."""
    usual = Settings()
    names = [entry.name for entry in fields(Settings) if entry.name.startswith("collector_")]
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
        snapshot = measure_everything(settings, inventory.renew(), host, bar.update, foreground_control())
    if inventory.status.trouble:
        _say(f"{inventory.status.trouble}; this is what the disk says")
    return listing(snapshot, host_mark(host.procfs), Filesystems(host).under(snapshot))


def _show_table(listing: Listing, selection: Selection, *, everything: bool) -> None:
    """The rows on stdout, as many as a terminal has room for, and on stderr what there is to say of them all."""
    style = style_of(sys.stdout)
    footer = render_footer(listing, style_of(sys.stderr), selected=not selection.is_whole or selection.top is not None)
    rows: Sequence[Row] = listing.rows
    hidden: Sequence[Row] = ()
    whole = None
    if sys.stdout.isatty():
        whole = sum(total.allocated_bytes or 0 for total in listing.totals)
    if not everything:
        rows, hidden = _screenful(listing.rows, selection, footer.count("\n"))
    sys.stdout.write(render_table(rows, style, whole=whole))
    sys.stdout.flush()
    sys.stderr.write(render_hidden(hidden, selection.sort) + footer)


def _screenful(rows: Sequence[Row], selection: Selection, footer: int) -> tuple[Sequence[Row], Sequence[Row]]:
    """The rows that fit on the terminal above so many lines, and the others. Logs without a byte say nothing."""
    telling = [row for row in rows if not (row.kind == Kind.LOG and row.allocated_bytes == 0)]
    room = max(_FEWEST_ROWS, size_of(sys.stdout)[1] - footer - _OTHER_LINES)
    shown = telling if selection.top is not None else telling[:room]
    kept = set(map(id, shown))
    return shown, [row for row in rows if id(row) not in kept]


def _say(line: str) -> None:
    print("\n".join(fold(line, style_of(sys.stderr).width, indent=2)), file=sys.stderr)
