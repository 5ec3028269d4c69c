"""Rows and listings as text in each of df's formats, with the footer below them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence

from docker_storage_exporter.listing.document import (
    ROW_FIELDS,
    FilesystemRow,
    Listing,
    Total,
    document,
    row_documents,
)
from docker_storage_exporter.listing.row import Row
from docker_storage_exporter.listing.table import PLAIN, TableStyle, human_bytes, render_columns
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.model.text import one_line

# What helps against a reason that concerns the whole command.
_ADVICE = {
    Unmeasured.PERMISSION.value: "this user may not read them; run it with sudo, or ask an exporter that runs as root",
    Unmeasured.UNKNOWN_ROOT.value: "no such data root is seen from here; check --path.data-root and --path.rootfs",
}


def render_json(shown: Listing) -> str:
    """The whole listing, as the exporter's API answers it."""
    return json.dumps(document(shown), indent=2) + "\n"


def render_csv(rows: Sequence[Row]) -> str:
    """One line for each row, after a heading; users are separated by spaces, numbers that are missing are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ROW_FIELDS)
    for row in row_documents(rows):
        row["users"] = " ".join(row["users"])
        row |= {name: "true" if row[name] else "false" for name in ("counted", "complete")}
        writer.writerow(["" if value is None else value for value in row.values()])
    return text.getvalue()


def render_footer(shown: Listing, style: TableStyle = PLAIN) -> str:
    """Totals of the rows by kind, the filesystems, and what has no number or only a part of it."""
    heading: tuple[str, ...] = ("TOTAL", "ALLOCATED", "APPARENT", "INODES", "OBJECTS")
    text = "\n" + render_columns(heading, [_total_cells(total) for total in shown.totals], range(1, 5), style)
    if shown.filesystems:
        heading = ("FILESYSTEM", "SIZE", "USED", "AVAIL", "USE%", "INODES USED")
        cells = [_filesystem_cells(filesystem) for filesystem in shown.filesystems]
        text += "\n" + render_columns(heading, cells, range(1, 6), style)
    remarks = list(_remarks(shown))
    return text + "".join(f"{line}\n" for line in (["", *remarks] if remarks else []))


def _total_cells(total: Total) -> tuple[str, ...]:
    inodes = "-" if total.inodes is None else str(total.inodes)
    numbers = human_bytes(total.allocated_bytes), human_bytes(total.apparent_bytes), inodes
    return total.kind, *(_bound(number, total) for number in numbers), str(total.objects)


def _bound(number: str, total: Total) -> str:
    return number if total.complete or number == "-" else f"≥ {number}"


def _filesystem_cells(filesystem: FilesystemRow) -> tuple[str, ...]:
    usable = filesystem.used_bytes + filesystem.avail_bytes  # as df counts: without what is reserved for root
    share = f"{100 * filesystem.used_bytes / usable:.0f}%" if usable else "-"
    sizes = (filesystem.size_bytes, filesystem.used_bytes, filesystem.avail_bytes)
    inodes = str(filesystem.inodes - filesystem.inodes_free)
    return one_line(filesystem.mountpoint), *map(human_bytes, sizes), share, inodes


def _remarks(shown: Listing) -> Iterator[str]:
    for outcome in ("skipped", "unmeasured"):
        found = [left for left in shown.left_out if left.outcome == outcome and left.objects]
        if found:
            yield f"{outcome}: " + ", ".join(f"{left.objects} {left.kind} ({left.reason})" for left in found)
    reasons = {left.reason for left in shown.left_out if left.outcome == "unmeasured" and left.objects}
    yield from (f"{reason}: {advice}" for reason, advice in _ADVICE.items() if reason in reasons)
    unreadable = [row.unreadable for row in shown.rows if row.unreadable]
    if unreadable:
        yield f"unreadable: {sum(unreadable)} entries in {len(unreadable)} objects, whose sizes lack them"
    if cut := shown.objects("cut"):
        yield f"{cut} objects, the smallest, are left out: see --collector.max-objects"
