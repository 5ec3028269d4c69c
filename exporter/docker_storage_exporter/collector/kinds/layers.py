"""Containers on the page, with their writable layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    tree_families,
    tree_samples,
)
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.labels import COMPOSE_PROJECT, COMPOSE_SERVICE, STORAGE_LIMIT, SWARM_SERVICE
from docker_storage_exporter.model.objects import CONTAINER_STATES, Container
from docker_storage_exporter.model.snapshot import Row

(
    LAYER_ALLOCATED,
    LAYER_APPARENT,
    LAYER_INODES,
    LAYER_UNREADABLE,
    LAYER_MEASURED,
) = LAYER_TREE = tree_families("docker_container_layer", "container", "a container's writable layer")
LAYER_LINEAGE = lineage_family("docker_container_layer", "container", "a container's writable layer")
LAYER_FILESYSTEM_INFO = filesystem_family("docker_container_layer", "container", "a container's writable layer")
LAYER_LIMIT = limit_family("docker_container_layer", "container", "a container's writable layer")
CONTAINER_INFO = Family(
    "docker_container_info",
    "Identity of a container, always 1.",
    ("container", "id", "image_id", "image", "compose_project", "compose_service", "swarm_service"),
    origin=Origin.ENGINE,
)
CONTAINER_STATE = Family(
    "docker_container_state",
    "1 for the state that a container is in, 0 for the others.",
    ("container", "state"),
    origin=Origin.ENGINE,
)
CONTAINER_CREATED = Family(
    "docker_container_created_timestamp_seconds", "When a container was created.", ("container",), origin=Origin.ENGINE
)

KIND = Kind.LAYER
FAMILIES = (
    *LAYER_TREE,
    LAYER_LINEAGE,
    LAYER_FILESYSTEM_INFO,
    LAYER_LIMIT,
    CONTAINER_INFO,
    CONTAINER_STATE,
    CONTAINER_CREATED,
)
LOST = (*LAYER_TREE, LAYER_LINEAGE, LAYER_FILESYSTEM_INFO)


def _samples(rows: Sequence[Row], context: Context) -> Iterator[Samples]:
    labels = context.labels
    yield from tree_samples(LAYER_TREE, rows)
    yield lineage_samples(LAYER_LINEAGE, rows)
    yield filesystem_samples(LAYER_FILESYSTEM_INFO, rows)
    yield LAYER_LIMIT, (limit for row in rows for limit in _limits(row, context))
    info = info_family(CONTAINER_INFO, labels)
    yield info, (((row.label, *_identity(row.facts), *carried(row.facts.labels, labels)), 1) for row in rows)
    states = (((row.label, state), state == row.facts.state) for row in rows for state in CONTAINER_STATES)
    yield CONTAINER_STATE, states
    yield CONTAINER_CREATED, ((row.labels, row.facts.created) for row in rows if row.facts.created)


def _limits(row: Row, context: Context) -> Iterator[Sample]:
    container = row.facts
    file = context.limits.of(Kind.LAYER, container.name)
    return limit_samples(row.labels, container.layer_limit_bytes, container.labels.get(STORAGE_LIMIT), file)


def _identity(container: Container) -> tuple[str, ...]:
    labels = container.labels
    named = (labels.get(name, "") for name in (COMPOSE_PROJECT, COMPOSE_SERVICE, SWARM_SERVICE))
    return container.id, container.image_id, container.image, *named


PARTS = (Part(KIND, _samples),)
