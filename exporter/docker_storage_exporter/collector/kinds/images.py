"""Images on the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from docker_storage_exporter.collector.family import Context, Family, Origin, Part, Samples
from docker_storage_exporter.collector.measured import CACHED, sized
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.snapshot import Row, Snapshot
from docker_storage_exporter.model.text import printable

_MOST_TAGS = 10

IMAGE_UNIQUE = Family(
    "docker_image_unique_bytes",
    f"Bytes allocated on disk for an image alone: removing it and what was made of it frees them.{CACHED}",
    ("image_id",),
    origin=Origin.WALK,
)
IMAGE_SHARED = Family(
    "docker_image_shared_bytes",
    f"Bytes allocated on disk for an image that another image or the build cache needs as well.{CACHED}",
    ("image_id",),
    origin=Origin.WALK,
)
IMAGE_CONTAINERS = Family(
    "docker_image_containers",
    "Containers in any state that were made from an image; 0 means that none uses it.",
    ("image_id",),
    origin=Origin.ENGINE,
)
IMAGE_CREATED = Family("docker_image_created_timestamp_seconds", "When an image was made.", ("image_id",))
IMAGE_INFO = Family(
    "docker_image_info",
    "Identity of an image, always 1; image is the first of its tags in order, empty for a dangling one.",
    ("image_id", "image"),
    origin=Origin.ENGINE,
)
IMAGE_TAG_INFO = Family(
    "docker_image_tag_info",
    f"Each tag of an image, always 1; at most {_MOST_TAGS} of one image.",
    ("image_id", "image"),
    origin=Origin.ENGINE,
)
IMAGES_DISTINCT = Family(
    "docker_images_distinct_bytes",
    "Bytes allocated on disk by all images together, what several share counted once.",
    origin=Origin.WALK,
)

KIND = Kind.IMAGE
FAMILIES = (IMAGE_UNIQUE, IMAGE_SHARED, IMAGE_CONTAINERS, IMAGE_CREATED, IMAGE_INFO, IMAGE_TAG_INFO, IMAGES_DISTINCT)
LOST = (IMAGE_UNIQUE, IMAGE_SHARED, IMAGES_DISTINCT)


def _samples(rows: Sequence[Row], context: Context) -> Iterator[Samples]:
    del context
    yield IMAGE_UNIQUE, ((labels, m.size.allocated) for labels, m in sized(rows))
    yield IMAGE_SHARED, ((labels, m.size.shared) for labels, m in sized(rows) if m.size.shared is not None)
    yield IMAGE_CONTAINERS, ((row.labels, row.facts.containers) for row in rows)
    yield IMAGE_CREATED, ((row.labels, row.facts.image.created) for row in rows if row.facts.image.created)
    yield IMAGE_INFO, (((row.label, printable((row.facts.tags or ("",))[0])), 1) for row in rows)
    yield IMAGE_TAG_INFO, (((row.label, printable(tag)), 1) for row in rows for tag in row.facts.tags[:_MOST_TAGS])


PARTS = (Part(KIND, _samples),)


def totals(snapshot: Snapshot) -> Iterator[Samples]:
    """What is no single image's, once every image has been looked at: until then it would be a lower bound."""
    is_known = any(row.sized.measurement for row in snapshot.of(KIND)) and not snapshot.pending.get(KIND)
    yield IMAGES_DISTINCT, [((), snapshot.distinct_bytes.get(KIND, 0))] if is_known else []
