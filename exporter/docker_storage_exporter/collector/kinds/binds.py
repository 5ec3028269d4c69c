"""The sources of bind mounts on the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from docker_storage_exporter.collector.family import Context, Family, Origin, Part, Sample, Samples
from docker_storage_exporter.collector.measured import lineage_family, lineage_samples, tree_families, tree_samples
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.snapshot import Row, Snapshot

(
    BIND_ALLOCATED,
    BIND_APPARENT,
    BIND_INODES,
    BIND_UNREADABLE,
    BIND_MEASURED,
) = BIND_TREE = tree_families("docker_bind_mount", "source", "a source of bind mounts")
BIND_LINEAGE = lineage_family("docker_bind_mount", "source", "a source of bind mounts")
BIND_INFO = Family(
    "docker_bind_mount_info",
    "Which container bind-mounts a source where, always 1; within is the measured tree that encloses the source.",
    ("source", "container", "destination", "access", "entry", "within"),
    origin=Origin.ENGINE,
)
BIND_DISTINCT = Family(
    "docker_bind_mounts_distinct_bytes",
    "Bytes allocated by all sources of bind mounts together, nothing counted twice and no volume counted again.",
    origin=Origin.WALK,
)

KIND = Kind.BIND
FAMILIES = (*BIND_TREE, BIND_LINEAGE, BIND_INFO, BIND_DISTINCT)
LOST = (*BIND_TREE, BIND_LINEAGE, BIND_DISTINCT)


def _samples(rows: Sequence[Row], context: Context) -> Iterator[Samples]:
    yield from tree_samples(BIND_TREE, rows)
    yield lineage_samples(BIND_LINEAGE, rows)
    yield BIND_INFO, _mounts(rows, context.names)


def _mounts(rows: Sequence[Row], names: Mapping[str, str]) -> Iterator[Sample]:
    for row in rows:
        for user, mount in row.facts.users:
            if user in names:
                yield (row.label, names[user], mount.destination, mount.access, row.facts.entry, row.within), 1


PARTS = (Part(KIND, _samples),)


def totals(snapshot: Snapshot) -> Iterator[Samples]:
    """What is no single source's."""
    yield BIND_DISTINCT, [((), snapshot.distinct_bytes.get(KIND, 0))]
