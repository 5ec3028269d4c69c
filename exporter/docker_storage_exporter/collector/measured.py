"""What the families of all measured objects have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from docker_storage_exporter.collector.family import Family, Origin, Sample, Samples
from docker_storage_exporter.limits import labelled_limit
from docker_storage_exporter.model.sizes import Measurement
from docker_storage_exporter.model.snapshot import Row
from docker_storage_exporter.settings import prometheus_label, size

CACHED = " Measured in the background; see the measured timestamp."


def tree_families(prefix: str, key: str, what: str) -> tuple[Family, ...]:
    """The families that every walked object has: allocated, apparent, inodes, unreadable, measured."""
    families = (
        Family(
            f"{prefix}_allocated_bytes", f"Bytes allocated on disk by {what}, as du -x counts them.{CACHED}", (key,)
        ),
        Family(f"{prefix}_apparent_bytes", f"Sum of the file lengths in {what}.{CACHED}", (key,)),
        Family(f"{prefix}_inodes", f"Files and directories in {what}, hard links counted once.{CACHED}", (key,)),
        Family(
            f"{prefix}_unreadable_entries", f"Entries in {what} that could not be read: the sizes lack them.", (key,)
        ),
        Family(f"{prefix}_measured_timestamp_seconds", f"When {what} was last measured to the end.", (key,)),
    )
    return tuple(replace(family, origin=Origin.WALK) for family in families)


def lineage_family(prefix: str, key: str, what: str) -> Family:
    """The family that says since when numbers can be compared."""
    return Family(
        f"{prefix}_lineage_start_timestamp_seconds",
        f"Since when the sizes of {what} can be compared: the same object, measured in the same way.",
        (key,),
    )


def filesystem_family(prefix: str, key: str, what: str) -> Family:
    """The family that says which filesystem an object is on."""
    return Family(
        f"{prefix}_filesystem_info",
        f"Filesystem that {what} lies on, always 1; absent for a filesystem of its own.",
        (key, "mountpoint"),
    )


def tree_samples(families: Sequence[Family], rows: Sequence[Row]) -> Iterator[Samples]:
    """The samples of `tree_families`. What a source does not tell is absent."""
    allocated, apparent, inodes, unreadable, timestamp = families
    measured = [(row.labels, m.size, m.at) for row in rows if (m := row.sized.measurement)]
    yield allocated, ((labels, size.allocated) for labels, size, _ in measured)
    yield apparent, ((labels, size.apparent) for labels, size, _ in measured if size.apparent is not None)
    yield inodes, ((labels, size.inodes) for labels, size, _ in measured if size.inodes is not None)
    yield unreadable, ((labels, size.unreadable) for labels, size, _ in measured if size.unreadable is not None)
    yield timestamp, ((labels, at) for labels, _, at in measured)


def lineage_samples(family: Family, rows: Iterable[Row]) -> Samples:
    """The samples of `lineage_family`."""
    return family, ((row.labels, m.lineage.start) for row in rows if (m := row.sized.measurement))


def filesystem_samples(family: Family, rows: Iterable[Row]) -> Samples:
    """The samples of `filesystem_family`."""
    places = ((row.labels, row.sized.place.mountpoint) for row in rows)
    return family, (((*labels, mountpoint), 1) for labels, mountpoint in places if mountpoint)


def sized(rows: Iterable[Row]) -> Iterator[tuple[tuple[str, ...], Measurement]]:
    """The rows that have a number: their labels and their measurement."""
    return ((row.labels, m) for row in rows if (m := row.sized.measurement))


def info_family(family: Family, labels: tuple[str, ...]) -> Family:
    """An _info family with the engine labels that it carries over."""
    return family.with_labels(tuple(map(prometheus_label, labels)))


def carried(labels: Mapping[str, str], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The values of the engine labels that are carried over."""
    return tuple(labels.get(name, "") for name in wanted)


def limit_family(prefix: str, key: str, what: str) -> Family:
    """The family with the limits of an object."""
    return Family(
        f"{prefix}_limit_bytes",
        f"Most that {what} may grow to, by who says so: its engine, a label of its own, or the file of limits.",
        (key, "source"),
        origin=Origin.ENGINE,
    )


def limit_samples(labels: tuple[str, ...], engine: int | None, label: str | None, file: int | None) -> Iterator[Sample]:
    """The limits of one object: the engine's, a label's as it stands there, and the file's."""
    labelled = labelled_limit(label, size) if label else None
    for source, limit in (("engine", engine), ("label", labelled), ("file", file)):
        if limit is not None:
            yield (*labels, source), limit
