"""The tmpfs mounts of running containers on the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from docker_storage_exporter.collector.family import Context, Family, Origin, Part, Samples
from docker_storage_exporter.collector.measured import CACHED, sized
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.snapshot import Row

TMPFS_USED = Family(
    "docker_container_tmpfs_used_bytes",
    f"Memory used by a tmpfs mount of a running container.{CACHED}",
    ("container", "destination"),
    origin=Origin.STATFS,
)
TMPFS_SIZE = Family(
    "docker_container_tmpfs_size_bytes",
    "Size of a tmpfs mount of a running container.",
    ("container", "destination"),
    origin=Origin.STATFS,
)

KIND = Kind.TMPFS
FAMILIES = LOST = (TMPFS_USED, TMPFS_SIZE)


def _samples(rows: Sequence[Row], context: Context) -> Iterator[Samples]:
    del context
    yield TMPFS_USED, ((key, m.size.allocated) for key, m in sized(rows))
    yield TMPFS_SIZE, ((key, m.size.limit) for key, m in sized(rows) if m.size.limit is not None)


PARTS = (Part(KIND, _samples),)
