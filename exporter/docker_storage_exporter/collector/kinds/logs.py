"""The log files of containers on the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from docker_storage_exporter.collector.family import Context, Family, Origin, Part, Sample, Samples
from docker_storage_exporter.collector.measured import (
    CACHED,
    filesystem_family,
    filesystem_samples,
    limit_family,
    limit_samples,
    lineage_family,
    lineage_samples,
    sized,
)
from docker_storage_exporter.model import labels as engine_labels
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.snapshot import Row

LOG_BYTES = Family(
    "docker_container_log_bytes",
    f"Bytes allocated on disk by a container's log files, rotations included.{CACHED}",
    ("container",),
    origin=Origin.LISTING,
)
LOG_LIMIT = limit_family("docker_container_log", "container", "a container's log, rotations included,")
LOG_INFO = Family(
    "docker_container_log_info", "Log driver of a container, always 1.", ("container", "driver"), origin=Origin.ENGINE
)
LOG_LINEAGE = lineage_family("docker_container_log", "container", "a container's log files")
LOG_FILESYSTEM_INFO = filesystem_family("docker_container_log", "container", "a container's log")

KIND = Kind.LOG
FAMILIES = (LOG_BYTES, LOG_LINEAGE, LOG_FILESYSTEM_INFO, LOG_LIMIT, LOG_INFO)
LOST = (LOG_BYTES, LOG_LINEAGE, LOG_FILESYSTEM_INFO)


def _samples(rows: Sequence[Row], context: Context) -> Iterator[Samples]:
    del context
    yield LOG_BYTES, ((key, m.size.allocated) for key, m in sized(rows))
    yield lineage_samples(LOG_LINEAGE, rows)
    yield filesystem_samples(LOG_FILESYSTEM_INFO, rows)


def _of_containers(containers: Sequence[Row], context: Context) -> Iterator[Samples]:
    """Limit and driver are known of every container, whether it keeps a log or not."""
    yield LOG_LIMIT, (limit for row in containers for limit in _limits(row, context))
    yield LOG_INFO, (((row.label, row.facts.log.driver), 1) for row in containers if row.facts.log.driver)


def _limits(row: Row, context: Context) -> Iterator[Sample]:
    container = row.facts
    file = context.limits.of(Kind.LOG, container.name)
    return limit_samples(row.labels, container.log.limit_bytes, container.labels.get(engine_labels.LOG_LIMIT), file)


PARTS = (Part(KIND, _samples), Part(Kind.LAYER, _of_containers))
