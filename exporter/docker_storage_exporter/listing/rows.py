"""A snapshot as a flat list: one row for each object that has, should have, or by rule does not have a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from docker_storage_exporter.layout import SUBJECTS, Subject
from docker_storage_exporter.listing.row import SHARED_IMAGES, Row
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.labels import COMPOSE_PROJECT, SWARM_SERVICE, SWARM_STACK
from docker_storage_exporter.model.places import Sized
from docker_storage_exporter.model.sizes import Growth, Size
from docker_storage_exporter.model.snapshot import Row as SnapshotRow
from docker_storage_exporter.model.snapshot import Snapshot
from docker_storage_exporter.model.text import printable
from docker_storage_exporter.model.units import human_bytes

_NO_GROWTH: Mapping[ObjectKey, Growth] = {}
_PROJECT_LABELS = (COMPOSE_PROJECT, SWARM_STACK, SWARM_SERVICE)


def rows(snapshot: Snapshot, growth: Mapping[ObjectKey, Growth] = _NO_GROWTH) -> list[Row]:
    """All objects, the largest first; those without a number last."""
    return sorted(_rows(snapshot, growth), key=_order)


def project_of(labels: Mapping[str, str]) -> str:
    """The compose project, or the Swarm stack or service, that an object's labels name; empty for none."""
    return next((printable(labels[name]) for name in _PROJECT_LABELS if labels.get(name)), "")


def _order(row: Row) -> tuple[bool, int, str, str]:
    return row.allocated_bytes is None, -(row.allocated_bytes or 0), row.kind, row.name


def _rows(snapshot: Snapshot, growth: Mapping[ObjectKey, Growth]) -> Iterator[Row]:
    names = {container.id: printable(container.name) for container in snapshot.inventory.containers}
    for subject in SUBJECTS:
        for row in snapshot.of(subject.kind):
            users = {names.get(user, user) for user, _ in subject.users(row.facts)}
            yield _row(subject, row, growth.get(row.key), tuple(sorted(users)))
    yield from _shared_images(snapshot)


def _shared_images(snapshot: Snapshot) -> Iterator[Row]:
    """What several images need, as a row of its own: so it is counted once, and the rows add up."""
    images = snapshot.of(Kind.IMAGE)
    sizes = [row.sized.measurement.size for row in images if row.sized.measurement is not None]
    shared = snapshot.distinct_bytes.get(Kind.IMAGE, 0) - sum(size.allocated for size in sizes)
    all_known = len(sizes) == len(images) and not snapshot.cut.get(Kind.IMAGE)
    if all_known and any(size.shared for size in sizes):
        mountpoint = printable(images[0].sized.place.mountpoint)
        yield Row(Kind.IMAGE.value, SHARED_IMAGES, allocated_bytes=shared, mountpoint=mountpoint)


def _row(subject: Subject, row: SnapshotRow, rate: Growth | None, users: tuple[str, ...]) -> Row:
    name = printable(subject.called(row.facts)) if subject.called else ":".join(map(printable, row.labels))
    project = project_of(subject.engine_labels(row.facts))
    measurement = row.sized.measurement
    if measurement is None:
        return Row(
            kind=subject.kind.value,
            name=name,
            note=_reason(row.sized),
            users=users,
            project=project,
            counted=row.counted,
            complete=row.sized.failed is None and not row.sized.place.sources,
            mountpoint=printable(row.sized.place.mountpoint),
        )
    size = measurement.size
    return Row(
        kind=subject.kind.value,
        name=name,
        allocated_bytes=size.allocated,
        apparent_bytes=size.apparent,
        inodes=size.inodes,
        unreadable=size.unreadable,
        note=_note(size),
        users=users,
        project=project,
        counted=row.counted,
        complete=not size.unreadable,
        measured_timestamp=measurement.at if subject.measured is None else None,  # what never changes is never old
        growth_bytes_per_second=rate.per_second if rate else None,
        growth_bytes_per_hour=rate.per_hour if rate else None,
        shared_bytes=size.shared,
        mountpoint=printable(row.sized.place.mountpoint),
    )


def _note(size: Size) -> str:
    if size.unreadable:
        return f"{size.unreadable} unreadable"
    return f"and {human_bytes(size.shared)} shared" if size.shared else ""


def _reason(sized: Sized) -> str:
    if sized.place.skip is not None:
        return f"skipped: {sized.place.skip.value}"
    if sized.failed is not None:
        return f"unmeasured: {sized.failed.value}"
    return "not measured yet" if sized.place.sources else "not measured: switched off"
