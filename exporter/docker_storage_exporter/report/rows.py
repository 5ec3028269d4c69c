"""A snapshot as a flat list: one row for each object that has, should have, or by rule does not have a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from docker_storage_exporter.model import Kind, Sized, Snapshot, printable


@dataclass(frozen=True, slots=True)
class Row:
    """One object. Numbers are None where there are none; `note` then says why, or how many entries are missing."""

    kind: str
    name: str
    allocated_bytes: int | None = None
    apparent_bytes: int | None = None
    inodes: int | None = None
    unreadable: int | None = None
    note: str = ""


def rows(snapshot: Snapshot) -> list[Row]:
    """All objects, the largest first; those without a number last."""
    return sorted(_rows(snapshot), key=_order)


def _order(row: Row) -> tuple[bool, int, str, str]:
    return row.allocated_bytes is None, -(row.allocated_bytes or 0), row.kind, row.name


def _rows(snapshot: Snapshot) -> Iterator[Row]:
    for volume in snapshot.volumes:
        yield _row(Kind.VOLUME, volume.key, volume.sized)
    for container in snapshot.containers:
        yield _row(Kind.LAYER, container.key, container.layer)
        if container.log is not None:
            yield _row(Kind.LOG, container.key, container.log)
        for tmpfs in container.tmpfs:
            yield _row(Kind.TMPFS, f"{container.key}:{printable(tmpfs.destination)}", tmpfs.sized)
    for bind in snapshot.binds:
        yield _row(Kind.BIND, bind.key, bind.sized)


def _row(kind: Kind, name: str, sized: Sized) -> Row:
    measurement = sized.measurement
    if measurement is None:
        return Row(kind.value, name, note=_reason(sized))
    usage = measurement.usage
    walked = measurement.size_bytes is None
    return Row(
        kind=kind.value,
        name=name,
        allocated_bytes=usage.allocated_bytes,
        apparent_bytes=usage.apparent_bytes if walked else None,
        inodes=usage.inodes,
        unreadable=usage.unreadable_entries,
        note=f"{usage.unreadable_entries} unreadable" if usage.unreadable else "",
    )


def _reason(sized: Sized) -> str:
    if sized.place.skip is not None:
        return f"skipped: {sized.place.skip.value}"
    if sized.failed is not None:
        return f"unmeasured: {sized.failed.value}"
    return "not measured yet" if sized.place.tree else "not measured: switched off"
