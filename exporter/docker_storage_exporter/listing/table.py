"""Rows and totals as aligned tables, plain or for a terminal of some width."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from docker_storage_exporter.listing.row import Row
from docker_storage_exporter.model.text import one_line

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024
_ROUNDED_UP = 1023.95  # from here on one decimal would show a whole step
_SHORTEST_NAME = 8
_GAP = "  "
_BOLD, _YELLOW, _RED, _PLAIN = "\x1b[1m", "\x1b[33m", "\x1b[31m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class TableStyle:
    """How a table may look: with colour, and at most so many columns wide; None for whatever it takes."""

    colour: bool = False
    width: int | None = None

    def paint(self, text: str, code: str) -> str:
        """The text in a colour, where there are colours."""
        return f"{code}{text}{_PLAIN}" if self.colour and text else text

    def bold(self, text: str) -> str:
        """The text as a heading."""
        return self.paint(text, _BOLD)


PLAIN = TableStyle()


def render_table(rows: Iterable[Row], style: TableStyle = PLAIN, *, growth: bool | None = None) -> str:
    """The table with a heading. Control characters in names are shown escaped: one row is one line.

    Growth has columns where any row has one, unless told otherwise.
    """
    listed = list(rows)
    if growth is None:
        growth = any(row.growth_bytes_per_hour is not None for row in listed)
    heading = ["KIND", "ALLOCATED", "APPARENT", "INODES"]
    heading += ["GROWTH/S", "GROWTH/H"] if growth else []
    cells = [_cells(row, growth=growth) for row in listed]
    name = len(heading)
    return render_columns([*heading, "NAME", "NOTE"], cells, range(1, name), style, shrink=name)


def render_columns(
    heading: Sequence[str],
    lines: Sequence[Sequence[str]],
    right: Collection[int],
    style: TableStyle = PLAIN,
    shrink: int | None = None,
) -> str:
    """A table with a heading; `right` are the columns of numbers, `shrink` is the one that gives way on a terminal.

    The last column holds remarks and is coloured as such.
    """
    everything = [heading, *lines]
    widths = [max(cell_width(line[column]) for line in everything) for column in range(len(heading))]
    if style.width is not None and shrink is not None:
        over = sum(widths) + len(_GAP) * (len(widths) - 1) - style.width
        widths[shrink] = max(_SHORTEST_NAME, widths[shrink] - max(0, over))
    drawn = []
    for number, line in enumerate(everything):
        cells = [
            _fit(cell, width, right=at in right) for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text = _cut(_GAP.join(cells).rstrip(), style.width)
        remark = line[-1]
        if number == 0:
            text = style.bold(text)
        elif remark and text.endswith(remark):
            text = text.removesuffix(remark) + style.paint(remark, _YELLOW)
        drawn.append(text + "\n")
    return "".join(drawn)


def human_bytes(number: float | None) -> str:
    """Bytes in the largest unit that keeps a whole part, or a dash."""
    if number is None:
        return "-"
    value, unit = abs(float(number)), 0
    sign = "-" if number < 0 else ""
    while value >= (_STEP if unit == 0 else _ROUNDED_UP) and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{sign}{value:.0f} B" if unit == 0 else f"{sign}{value:.1f} {_UNITS[unit]}"


def human_growth(number: float | None) -> str:
    """Bytes with a sign, or a dash."""
    if number is None:
        return "-"
    text = human_bytes(number)
    return f"+{text}" if number > 0 and text != "0 B" else text.replace("-0 B", "0 B")


def human_seconds(seconds: float) -> str:
    """A length of time in its two largest units: 5 s, 4 min 10 s, 2 h 5 min, 3 d 1 h."""
    whole = max(0, round(seconds))
    parts = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        number, whole = divmod(whole, length)
        parts.append((number, unit))
    first = next((at for at, (number, _) in enumerate(parts) if number), len(parts) - 1)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number) or "0 s"


def cell_width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) != 0 for char in text)


def _cells(row: Row, *, growth: bool) -> list[str]:
    cells = [row.kind, human_bytes(row.allocated_bytes), human_bytes(row.apparent_bytes)]
    cells.append("-" if row.inodes is None else str(row.inodes))
    if growth:
        cells += [human_growth(row.growth_bytes_per_second), human_growth(row.growth_bytes_per_hour)]
    return [*cells, one_line(row.name), row.note]


def _fit(cell: str, width: int, *, right: bool) -> str:
    """The cell in exactly this width; a name that is too long loses its middle."""
    if cell_width(cell) > width:
        keep = width - len("...")
        while cell_width(cell[: keep - keep // 2]) + cell_width(cell[len(cell) - keep // 2 :]) > width - len("..."):
            keep -= 1
        cell = cell[: keep - keep // 2] + "..." + cell[len(cell) - keep // 2 :]
    filling = " " * (width - cell_width(cell))
    return filling + cell if right else cell + filling


def _cut(line: str, width: int | None) -> str:
    """The line without what does not fit."""
    if width is None:
        return line
    while cell_width(line) > width:
        line = line[:-1]
    return line
