"""Volumes on the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from docker_storage_exporter.collector.family import Context, Family, Origin, Part, Sample, Samples
from docker_storage_exporter.collector.measured import (
    carried,
    filesystem_family,
    filesystem_samples,
    info_family,
    limit_family,
    limit_samples,
    lineage_family,
    lineage_samples,
    sized,
    tree_families,
    tree_samples,
)
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.labels import COMPOSE_PROJECT, COMPOSE_VOLUME, STORAGE_LIMIT
from docker_storage_exporter.model.objects import Volume
from docker_storage_exporter.model.snapshot import Row

(
    VOLUME_ALLOCATED,
    VOLUME_APPARENT,
    VOLUME_INODES,
    VOLUME_UNREADABLE,
    VOLUME_MEASURED,
) = VOLUME_TREE = tree_families("docker_volume", "volume", "a volume")
VOLUME_LINEAGE = lineage_family("docker_volume", "volume", "a volume")
VOLUME_FILESYSTEM_INFO = filesystem_family("docker_volume", "volume", "a volume")
VOLUME_INFO = Family(
    "docker_volume_info",
    "Identity of a volume, always 1.",
    ("volume", "driver", "scope", "anonymous", "compose_project", "compose_volume"),
    origin=Origin.ENGINE,
)
VOLUME_CONTAINERS = Family(
    "docker_volume_containers",
    "Containers in any state that mount a volume; 0 means dangling.",
    ("volume",),
    origin=Origin.ENGINE,
)
VOLUME_MOUNT_INFO = Family(
    "docker_volume_mount_info",
    "Which container mounts a volume where, always 1.",
    ("volume", "container", "destination", "access"),
    origin=Origin.ENGINE,
)
VOLUME_LIMIT = limit_family("docker_volume", "volume", "a volume")
VOLUME_FILESYSTEM_SIZE = Family(
    "docker_volume_filesystem_size_bytes",
    "Size of the filesystem that a volume has of its own.",
    ("volume",),
    origin=Origin.STATFS,
)
VOLUME_FILESYSTEM_AVAIL = Family(
    "docker_volume_filesystem_avail_bytes",
    "Bytes available in the filesystem that a volume has of its own.",
    ("volume",),
    origin=Origin.STATFS,
)

KIND = Kind.VOLUME
FAMILIES = (
    *VOLUME_TREE,
    VOLUME_LINEAGE,
    VOLUME_FILESYSTEM_INFO,
    VOLUME_INFO,
    VOLUME_CONTAINERS,
    VOLUME_MOUNT_INFO,
    VOLUME_LIMIT,
    VOLUME_FILESYSTEM_SIZE,
    VOLUME_FILESYSTEM_AVAIL,
)
LOST = (*VOLUME_TREE, VOLUME_LINEAGE, VOLUME_FILESYSTEM_INFO)


def _samples(rows: Sequence[Row], context: Context) -> Iterator[Samples]:
    labels = context.labels
    yield from tree_samples(VOLUME_TREE, rows)
    yield lineage_samples(VOLUME_LINEAGE, rows)
    yield filesystem_samples(VOLUME_FILESYSTEM_INFO, rows)
    info = info_family(VOLUME_INFO, labels)
    yield (
        info,
        (((row.label, *_identity(row.facts.volume), *carried(row.facts.volume.labels, labels)), 1) for row in rows),
    )
    yield VOLUME_CONTAINERS, ((row.labels, len({user for user, _ in row.facts.users})) for row in rows)
    yield VOLUME_MOUNT_INFO, _mounts(rows, context.names)
    yield VOLUME_LIMIT, (limit for row in rows for limit in _limits(row, context))
    yield VOLUME_FILESYSTEM_SIZE, ((key, m.size.limit) for key, m in sized(rows) if m.size.limit is not None)
    yield VOLUME_FILESYSTEM_AVAIL, ((key, m.size.available) for key, m in sized(rows) if m.size.available is not None)


def _limits(row: Row, context: Context) -> Iterator[Sample]:
    volume = row.facts.volume
    file = context.limits.of(Kind.VOLUME, volume.name)
    return limit_samples(row.labels, volume.limit_bytes, volume.labels.get(STORAGE_LIMIT), file)


def _identity(volume: Volume) -> tuple[str, ...]:
    anonymous = "true" if volume.anonymous else "false"
    project, name = (volume.labels.get(label, "") for label in (COMPOSE_PROJECT, COMPOSE_VOLUME))
    return volume.driver, volume.scope, anonymous, project, name


def _mounts(rows: Sequence[Row], names: Mapping[str, str]) -> Iterator[Sample]:
    for row in rows:
        for user, mount in row.facts.users:
            if user in names:
                yield (row.label, names[user], mount.destination, mount.access), 1


PARTS = (Part(KIND, _samples),)
