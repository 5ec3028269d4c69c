"""Rows and totals as aligned tables, plain or for a terminal of some width."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from docker_storage_exporter.listing.row import Row
from docker_storage_exporter.model.text import one_line
from docker_storage_exporter.model.units import human_bytes, human_growth

_SHORTEST_NAME, _READABLE_NAME, _SHORTEST_NOTE, _SHORTEST_LINE = 8, 24, 12, 20
_BAR_WIDTH, _LEAST_SHARE = 8, 0.005
_GAP = "  "
_BOLD, _YELLOW, _RED, _PLAIN = "\x1b[1m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
_SHORT_KINDS = {"container_layer": "layer", "container_log": "log", "tmpfs_mount": "tmpfs", "bind_mount": "bind"}


@dataclass(frozen=True, slots=True)
class TableStyle:
    """How a table may look: with colour, and at most so many columns wide; None for whatever it takes."""

    colour: bool = False
    width: int | None = None

    def paint(self, text: str, code: str) -> str:
        """The text in a colour, where there are colours."""
        return f"{code}{text}{_PLAIN}" if self.colour and text else text

    def narrowed(self, columns: int) -> TableStyle:
        """The same with so many columns less, where the width matters."""
        return self if self.width is None else replace(self, width=max(1, self.width - columns))

    def bold(self, text: str) -> str:
        """The text as a heading."""
        return self.paint(text, _BOLD)


PLAIN = TableStyle()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `numbers` are aligned to the right; `remarks` are coloured and may run off the screen."""

    heading: str
    cells: Sequence[str]
    numbers: bool = False
    remarks: bool = False

    @property
    def width(self) -> int:
        """The width of its widest cell."""
        return max(cell_width(cell) for cell in (self.heading, *self.cells))


def render_table(
    rows: Iterable[Row], style: TableStyle = PLAIN, *, growth: bool | None = None, whole: int | None = None
) -> str:
    """The table with a heading. Control characters in names are shown escaped: one row is one line.

    Growth has columns where any row has one, unless `growth` says otherwise. With `whole` each row shows its share of
    so many bytes. On a terminal that is too narrow kinds are shortened, then the least important columns are left out,
    and at last names lose their middle.
    """
    listed = list(rows)
    if growth is None:
        growth = any(row.growth_bytes_per_hour is not None for row in listed)
    names = Column("NAME", [one_line(row.name) for row in listed])
    notes = Column("NOTE", [row.note for row in listed], remarks=True)
    facts = _facts(listed, growth=growth, whole=whole)
    if style.width is None:
        return render_columns([*facts, names, notes], style)
    wanted = _telling_width(names)
    columns = _fitting(facts, wanted, style.width)
    if any(notes.cells) and style.width - _taken(columns) - 2 * len(_GAP) - wanted >= _SHORTEST_NOTE:
        return render_columns([*columns, names, notes], style, shrink=len(columns), least=wanted)
    return render_columns([*columns, names], style, shrink=len(columns))


def _facts(rows: Sequence[Row], *, growth: bool, whole: int | None) -> list[Column]:
    """The columns before the name."""
    columns = [Column("KIND", [row.kind for row in rows])]
    columns += [Column("ALLOCATED", [human_bytes(row.allocated_bytes) for row in rows], numbers=True)]
    if whole:
        columns += [Column("SHARE", [_share(row, whole) for row in rows])]
    columns += [Column("APPARENT", [human_bytes(row.apparent_bytes) for row in rows], numbers=True)]
    inodes = ["-" if row.inodes is None else str(row.inodes) for row in rows]
    columns += [Column("INODES", inodes, numbers=True)]
    if growth:
        columns += [
            Column("GROWTH/S", [human_growth(row.growth_bytes_per_second) for row in rows], numbers=True),
            Column("GROWTH/H", [human_growth(row.growth_bytes_per_hour) for row in rows], numbers=True),
        ]
    return columns


_LEAST_IMPORTANT = ("INODES", "APPARENT", "SHARE", "GROWTH/H")


def _fitting(columns: list[Column], wanted: int, width: int) -> list[Column]:
    """The columns that leave names as much room as they want."""
    if _taken(columns) + len(_GAP) + wanted > width:
        columns[0] = Column("KIND", [_SHORT_KINDS.get(kind, kind) for kind in columns[0].cells])
    for heading in _LEAST_IMPORTANT:
        if _taken(columns) + len(_GAP) + wanted <= width:
            break
        columns = [column for column in columns if column.heading != heading]
    return columns


def _telling_width(names: Column) -> int:
    """The least width at which no two names look alike once they lose their middle."""
    distinct = set(names.cells)
    for width in range(min(_READABLE_NAME, names.width), names.width, 4):
        if len({_fit(name, width, right=False) for name in distinct}) == len(distinct):
            return width
    return names.width


def _taken(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + len(_GAP) * (len(columns) - 1)


def _share(row: Row, whole: int) -> str:
    if row.allocated_bytes is None or not row.counted:
        return ""
    share = min(1.0, row.allocated_bytes / whole)
    percent = f"{share:4.0%}" if share >= _LEAST_SHARE else " <1%"
    return f"{percent} {'#' * round(share * _BAR_WIDTH)}".rstrip()


def render_columns(
    columns: Sequence[Column], style: TableStyle = PLAIN, shrink: int | None = None, least: int = _SHORTEST_NAME
) -> str:
    """A table with a heading.

    Where the terminal is too narrow, the cells of the column `shrink` lose their middle, down to the width `least`.
    """
    widths = [column.width for column in columns]
    if style.width is not None and shrink is not None:
        over = sum(widths) + len(_GAP) * (len(widths) - 1) - style.width
        widths[shrink] = max(min(least, widths[shrink]), widths[shrink] - max(0, over))
    lines = [style.bold(_line([column.heading for column in columns], columns, widths, style.width))]
    for cells in zip(*(column.cells for column in columns), strict=True):
        text = _line(cells, columns, widths, style.width)
        if columns[-1].remarks and cells[-1]:
            start = len(_line([*cells[:-1], "x"], columns, widths, None)) - 1
            text = text[:start] + style.paint(text[start:], _YELLOW)
        lines.append(text)
    return "".join(f"{line}\n" for line in lines)


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int], width: int | None) -> str:
    fitted = [_fit(cell, wide, right=column.numbers) for cell, wide, column in zip(cells, widths, columns, strict=True)]
    return _cut(_GAP.join(fitted).rstrip(), width)


def fold(text: str, width: int | None, indent: int = 0) -> list[str]:
    """A sentence as lines of so many columns, those after the first indented; None is one line, however long.

    A word that is wider stays whole: it may be a path, which somebody wants to copy.
    """
    if width is None or cell_width(text) <= width:
        return [text]
    following = " " * indent
    room = max(width, indent + _SHORTEST_LINE)
    return textwrap.wrap(text, room, subsequent_indent=following, break_long_words=False, break_on_hyphens=False)


def cell_width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) != 0 for char in text)


def shortened(text: str, width: int) -> str:
    """The text without its middle, where it is wider than so many columns, of which it needs four at least."""
    if cell_width(text) <= width:
        return text
    keep = max(1, width - len("..."))
    while keep > 1 and cell_width(text[: keep - keep // 2] + text[len(text) - keep // 2 :]) > width - len("..."):
        keep -= 1
    return text[: keep - keep // 2] + "..." + text[len(text) - keep // 2 :]


def _fit(cell: str, width: int, *, right: bool) -> str:
    """The cell in exactly this width; a name that is too long loses its middle."""
    cell = shortened(cell, width)
    filling = " " * (width - cell_width(cell))
    return filling + cell if right else cell + filling


def _cut(line: str, width: int | None) -> str:
    """The line without what does not fit."""
    if width is None:
        return line
    while cell_width(line) > width:
        line = line[:-1]
    return line
