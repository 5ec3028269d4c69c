"""`doctor`: what this process can and cannot see, why, what that costs, and what to do."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterable, Sequence

from docker_storage_exporter.cli.log import set_up_log
from docker_storage_exporter.cli.options import parser, settings_from
from docker_storage_exporter.cli.terminal import style_of
from docker_storage_exporter.confine.sandbox import restrict_process
from docker_storage_exporter.doctor import Finding, Line, Need, examine, gather, needs_table
from docker_storage_exporter.listing.table import fold
from docker_storage_exporter.model.text import one_line, printable

_HERE = {True: "yes", False: "NO", None: "?"}
_READS = ("docker.", "engine", "path.", "collector.", "scan.timeout", "security.", "state.file")


def run(arguments: Sequence[str]) -> int:
    """Print one line for each finding, and what each group of metrics needs.

    The exit code is 1 when something costs metrics or breaks a promise. From here on this process is restricted like
    `serve`, so what it may not see, `serve` may not.
    """
    options = command_parser().parse_args(arguments)
    settings = settings_from(options)
    set_up_log("debug" if settings.log_level == "debug" else "error")
    facts = gather(settings)
    facts = dataclasses.replace(
        facts,
        sandbox=restrict_process(settings.security_landlock, facts.rights, settings.state_file, settings.docker_host),
    )
    examined, lines = examine(facts), needs_table(facts)
    if options.format == "json":
        print(json.dumps({"findings": [*map(_object, examined)], "needs": [*map(_needs_object, lines)]}, indent=2))
    else:
        width = style_of(sys.stdout).width
        sys.stdout.write(f"{_table(examined, width)}\n{_needs_table(lines, width)}")
    return 1 if any(finding.bad for finding in examined) else 0


def command_parser() -> argparse.ArgumentParser:
    """The options of `doctor`."""
    options = parser(
        "doctor", "Say what the exporter can and cannot see here, what that costs, and what to do about it.", _READS
    )
    options.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    return options


def _object(finding: Finding) -> dict[str, object]:
    return {
        "check": finding.check,
        "state": finding.state.value,
        "what": printable(finding.what),
        "costs": list(finding.families),
        "partly": finding.partly,
        "do": finding.do,
    }


def _table(examined: Sequence[Finding], columns: int | None) -> str:
    """State and check in columns, then what was found, which families it costs, and what to do."""
    width = max(len(finding.check) for finding in examined)
    lines = [f"{'STATE':7}  {'CHECK':{width}}  WHAT; WHAT IT COSTS; WHAT TO DO"]
    lines += [f"{finding.state.value:7}  {finding.check:{width}}  {_text(finding)}" for finding in examined]
    return _folded(lines, columns, len(f"{'STATE':7}  {'':{width}}  "))


def _text(finding: Finding) -> str:
    parts = [printable(finding.what)]
    if finding.costs:
        lost = ", ".join(_short([family.name for family in group]) for group in finding.costs)
        parts.append(f"costs these objects {lost}" if finding.partly else f"costs {lost}")
    if finding.do:
        parts.append(f"do: {finding.do}")
    return "; ".join(parts)


def _short(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _needs_object(line: Line) -> dict[str, object]:
    return {
        "metrics": line.row.metrics,
        "families": [family.name for family in line.row.families],
        "needs": {need.title: here for need, here in line.present.items()},
        "complete": line.complete,
        "lost": list(line.lost),
    }


def _needs_table(lines: Sequence[Line], columns: int | None) -> str:
    """A line for each group of metrics, a column for each need, and at the end what is lost.

    Where a terminal is too narrow for it, each group has a sentence instead.
    """
    rows = [["METRICS", *(need.title for need in Need), "LOST HERE"]]
    for line in lines:
        cells = [_HERE[line.present[need]] if need in line.present else "-" for need in Need]
        rows.append([line.row.metrics, *cells, "; ".join(line.lost)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(Need) + 1)]
    table = ["  ".join(f"{c:{w}}" for c, w in zip(row, [*widths, 0], strict=True)).rstrip() for row in rows]
    if columns is not None and max(map(len, table)) > columns:
        told = [f"{'METRICS':{widths[0]}}  NEEDS AND WHETHER THEY ARE HERE; LOST HERE"]
        told += [f"{line.row.metrics:{widths[0]}}  {_needs(line)}" for line in lines]
        return _folded(told, columns, widths[0] + 2)
    return "".join(f"{line}\n" for line in table)


def _needs(line: Line) -> str:
    needs = ", ".join(f"{need.title} {_HERE[line.present[need]]}" for need in Need if need in line.present)
    return "; ".join([needs or "nothing", *line.lost])


def _folded(lines: Iterable[str], columns: int | None, indent: int) -> str:
    """Lines of columns up to `indent` and a sentence, which is folded beside them."""
    text = ""
    for line in lines:
        parts = fold(one_line(line[indent:]), None if columns is None else columns - indent)
        text += line[:indent] + f"\n{' ' * indent}".join(parts) + "\n"
    return text
