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
from docker_storage_exporter.listing.table import PLAIN, Column, TableStyle, fold, render_columns
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.model.text import counted, one_line
from docker_storage_exporter.model.units import human_bytes

# What helps against a reason that concerns the whole command.
_ADVICE = {
    Unmeasured.PERMISSION.value: "this user may not read them; run it with sudo, or ask an exporter that runs as root",
    Unmeasured.UNKNOWN_ROOT.value: "no such data root is seen from here; check --path.data-root and --path.rootfs",
    Unmeasured.UNKNOWN_IMAGES_ROOT.value: (
        "containerd's root, where this engine keeps layers and images, is not seen from here; "
        "mount it, or name it with --path.containerd-root"
    ),
}
_NOT_MEASURED = "build cache, and whatever else is on"


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


def render_footer(shown: Listing, style: TableStyle = PLAIN, *, selected: bool = False) -> str:
    """Totals of the rows by kind, the filesystems, and what has no number or only a part of it.

    What the filesystems hold besides is said of whole listings only: of `selected` rows it would mean nothing.
    """
    text = "\n" + render_columns(_total_columns(shown.totals), style)
    if shown.filesystems:
        text += "\n" + render_columns(_filesystem_columns(shown.filesystems), style, shrink=0)
    remarks = [*([] if selected else _accounts(shown)), *_remarks(shown)]
    folded = [line for remark in remarks for line in fold(remark, style.width, indent=2)]
    return text + "".join(f"{line}\n" for line in (["", *folded] if folded else []))


def render_hidden(hidden: Sequence[Row], sort: str) -> str:
    """The line for rows that a terminal has no room for; empty where there are none."""
    if not hidden:
        return ""
    known = [row.allocated_bytes for row in hidden if row.allocated_bytes is not None and row.counted]
    what = "smaller" if sort == "allocated" else "more"
    return f"... {len(hidden)} {what} ({human_bytes(sum(known))}), --all shows them\n"


def _total_columns(totals: Sequence[Total]) -> list[Column]:
    inodes = ["-" if total.inodes is None else str(total.inodes) for total in totals]
    allocated = [human_bytes(total.allocated_bytes) for total in totals]
    apparent = [human_bytes(total.apparent_bytes) for total in totals]
    numbers = {"ALLOCATED": allocated, "APPARENT": apparent, "INODES": inodes}
    return [
        Column("TOTAL", [total.kind for total in totals]),
        *(Column(heading, list(map(_bound, cells, totals)), numbers=True) for heading, cells in numbers.items()),
        Column("OBJECTS", [str(total.objects) for total in totals], numbers=True),
    ]


def _bound(number: str, total: Total) -> str:
    return number if total.complete or number == "-" else f"≥ {number}"


def _filesystem_columns(filesystems: Sequence[FilesystemRow]) -> list[Column]:
    return [
        Column("FILESYSTEM", [one_line(filesystem.mountpoint) for filesystem in filesystems]),
        Column("SIZE", [human_bytes(filesystem.size_bytes) for filesystem in filesystems], numbers=True),
        Column("USED", [human_bytes(filesystem.used_bytes) for filesystem in filesystems], numbers=True),
        Column("AVAIL", [human_bytes(filesystem.avail_bytes) for filesystem in filesystems], numbers=True),
        Column("USE%", [_share(filesystem) for filesystem in filesystems], numbers=True),
        Column("INODES USED", [str(found.inodes - found.inodes_free) for found in filesystems], numbers=True),
    ]


def _share(filesystem: FilesystemRow) -> str:
    usable = filesystem.used_bytes + filesystem.avail_bytes  # as df counts: without what is reserved for root
    return f"{100 * filesystem.used_bytes / usable:.0f}%" if usable else "-"


def _accounts(shown: Listing) -> Iterator[str]:
    """How much of what the filesystems hold the objects on them explain, in one sentence; none without a number."""
    places = dict(_explained(shown))
    if not places:
        return
    disk = "that disk" if len(places) == 1 else "those disks"
    known = " and ".join(
        f"{known} used" + (f" of {place}" if len(shown.filesystems) > 1 else "") for place, known in places.items()
    )
    yield f"accounted for {known}; not measured: {_NOT_MEASURED} {disk}"


def _explained(shown: Listing) -> Iterator[tuple[str, str]]:
    """Each filesystem with an object that has a number, and how much of what is used there the objects are."""
    for filesystem in shown.filesystems:
        rows = [row for row in shown.rows if row.mountpoint == filesystem.mountpoint and row.counted]
        sizes = [row.allocated_bytes for row in rows if row.allocated_bytes is not None]
        if not sizes:  # nothing there has a number: that is no account of 0 bytes
            continue
        known = human_bytes(sum(sizes)) if all(row.complete for row in rows) else f"≥ {human_bytes(sum(sizes))}"
        yield one_line(filesystem.mountpoint), f"{known} of {human_bytes(filesystem.used_bytes)}"


def _remarks(shown: Listing) -> Iterator[str]:
    for outcome in ("skipped", "unmeasured"):
        left = [one for one in shown.left_out if one.outcome == outcome and one.objects]
        if left:
            yield f"{outcome}: " + ", ".join(f"{counted(one.objects, one.kind)} ({one.reason})" for one in left)
    reasons = {left.reason for left in shown.left_out if left.outcome == "unmeasured" and left.objects}
    yield from (f"{reason}: {advice}" for reason, advice in _ADVICE.items() if reason in reasons)
    unreadable = [row.unreadable for row in shown.rows if row.unreadable]
    if unreadable:
        entries, objects = counted(sum(unreadable), "entry", "entries"), counted(len(unreadable), "object")
        yield f"unreadable: {entries} in {objects}, whose sizes lack them"
    if cut := shown.objects("cut"):
        yield f"{counted(cut, 'object')}, the smallest, left out: see --collector.max-objects"
