"""Rows as an aligned table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from docker_storage_exporter.report.rows import Row

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024
_ROUNDED_UP = 1023.95  # from here on one decimal would show a whole step


def render_table(rows: Iterable[Row]) -> str:
    """The table with a heading. Control characters in names are shown escaped: one row is one line."""
    lines: list[tuple[str, ...]] = [("KIND", "ALLOCATED", "APPARENT", "INODES", "NAME", "NOTE")]
    lines += [_cells(row) for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "".join(_line(cells, widths) for cells in lines)


def human_bytes(number: int | None) -> str:
    """Bytes in the largest unit that keeps a whole part, or a dash."""
    if number is None:
        return "-"
    value, unit = float(number), 0
    while value >= (_STEP if unit == 0 else _ROUNDED_UP) and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{number} B" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def _cells(row: Row) -> tuple[str, ...]:
    inodes = "-" if row.inodes is None else str(row.inodes)
    name = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in row.name)
    return row.kind, human_bytes(row.allocated_bytes), human_bytes(row.apparent_bytes), inodes, name, row.note


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    kind, allocated, apparent, inodes, name, note = (
        cell.rjust(width) if column in (1, 2, 3) else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"{kind}  {allocated}  {apparent}  {inodes}  {name}  {note}".rstrip() + "\n"
