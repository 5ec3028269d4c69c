"""Every metric family this exporter has: name, unit, labels, help, and where its numbers come from.

Dashboards, rules and references are built from it. The families of a kind of object stand in the kind's own file.

Sizes of objects come from background measurements, never from the scrape: their help says so, and
`…_measured_timestamp_seconds` says when.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

from docker_storage_exporter.collector.family import Family, Origin, Part
from docker_storage_exporter.collector.kinds.binds import (
    BIND_ALLOCATED,
    BIND_APPARENT,
    BIND_DISTINCT,
    BIND_INFO,
    BIND_INODES,
    BIND_LINEAGE,
    BIND_MEASURED,
    BIND_TREE,
    BIND_UNREADABLE,
)
from docker_storage_exporter.collector.kinds.images import (
    IMAGE_CONTAINERS,
    IMAGE_CREATED,
    IMAGE_INFO,
    IMAGE_SHARED,
    IMAGE_TAG_INFO,
    IMAGE_UNIQUE,
    IMAGES_DISTINCT,
)
from docker_storage_exporter.collector.kinds.layers import (
    CONTAINER_CREATED,
    CONTAINER_INFO,
    CONTAINER_STATE,
    LAYER_ALLOCATED,
    LAYER_APPARENT,
    LAYER_FILESYSTEM_INFO,
    LAYER_INODES,
    LAYER_LIMIT,
    LAYER_LINEAGE,
    LAYER_MEASURED,
    LAYER_TREE,
    LAYER_UNREADABLE,
)
from docker_storage_exporter.collector.kinds.logs import (
    LOG_BYTES,
    LOG_FILESYSTEM_INFO,
    LOG_INFO,
    LOG_LIMIT,
    LOG_LINEAGE,
)
from docker_storage_exporter.collector.kinds.tmpfs import (
    TMPFS_SIZE,
    TMPFS_USED,
)
from docker_storage_exporter.collector.kinds.volumes import (
    VOLUME_ALLOCATED,
    VOLUME_APPARENT,
    VOLUME_CONTAINERS,
    VOLUME_FILESYSTEM_AVAIL,
    VOLUME_FILESYSTEM_INFO,
    VOLUME_FILESYSTEM_SIZE,
    VOLUME_INFO,
    VOLUME_INODES,
    VOLUME_LIMIT,
    VOLUME_LINEAGE,
    VOLUME_MEASURED,
    VOLUME_MOUNT_INFO,
    VOLUME_TREE,
    VOLUME_UNREADABLE,
)
from docker_storage_exporter.layout import KINDS
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.parts import modules

__all__ = [
    "ABANDONED",
    "BIND_ALLOCATED",
    "BIND_APPARENT",
    "BIND_DISTINCT",
    "BIND_INFO",
    "BIND_INODES",
    "BIND_LINEAGE",
    "BIND_MEASURED",
    "BIND_TREE",
    "BIND_UNREADABLE",
    "BUDGET_USED",
    "BUILD_INFO",
    "CONFIG_RELOAD_SUCCESSFUL",
    "CONFIG_RELOAD_TIMESTAMP",
    "CONTAINER_CREATED",
    "CONTAINER_INFO",
    "CONTAINER_STATE",
    "CPU",
    "CUT",
    "ENGINE_INFO",
    "ENGINE_UP",
    "EVENTS_HEARD",
    "FAILURES",
    "FILESYSTEM_AVAIL",
    "FILESYSTEM_INODES",
    "FILESYSTEM_INODES_FREE",
    "FILESYSTEM_SIZE",
    "IMAGES_DISTINCT",
    "IMAGE_CONTAINERS",
    "IMAGE_CREATED",
    "IMAGE_INFO",
    "IMAGE_SHARED",
    "IMAGE_TAG_INFO",
    "IMAGE_UNIQUE",
    "INVENTORY_DURATION",
    "LANDLOCK",
    "LAST_EVENT",
    "LAST_INVENTORY",
    "LAST_MEASUREMENT",
    "LAYER_ALLOCATED",
    "LAYER_APPARENT",
    "LAYER_FILESYSTEM_INFO",
    "LAYER_INODES",
    "LAYER_LIMIT",
    "LAYER_LINEAGE",
    "LAYER_MEASURED",
    "LAYER_TREE",
    "LAYER_UNREADABLE",
    "LIVE_FAMILIES",
    "LOG_BYTES",
    "LOG_FILESYSTEM_INFO",
    "LOG_INFO",
    "LOG_LIMIT",
    "LOG_LINEAGE",
    "MEASUREMENTS",
    "MEASUREMENT_SECONDS",
    "MEASURING",
    "OBJECT_FAMILIES",
    "OF_KIND",
    "PENDING",
    "ROOT_INFO",
    "SKIPPED",
    "SNAPSHOT_TIMESTAMP",
    "TMPFS_SIZE",
    "TMPFS_USED",
    "UNEXPLAINED_GROWTH",
    "UNMEASURED",
    "VOLUME_ALLOCATED",
    "VOLUME_APPARENT",
    "VOLUME_CONTAINERS",
    "VOLUME_FILESYSTEM_AVAIL",
    "VOLUME_FILESYSTEM_INFO",
    "VOLUME_FILESYSTEM_SIZE",
    "VOLUME_INFO",
    "VOLUME_INODES",
    "VOLUME_LIMIT",
    "VOLUME_LINEAGE",
    "VOLUME_MEASURED",
    "VOLUME_MOUNT_INFO",
    "VOLUME_TREE",
    "VOLUME_UNREADABLE",
    "WALKED_BYTES",
    "WALKED_ENTRIES",
    "WALK_FAMILIES",
    "WEB_CONFIG_RELOAD_SUCCESSFUL",
    "WEB_CONFIG_RELOAD_TIMESTAMP",
]


class KindFile(Protocol):
    """What a file in `kinds` has to offer."""

    KIND: Kind
    FAMILIES: tuple[Family, ...]
    LOST: tuple[Family, ...]
    PARTS: tuple[Part, ...]


def _kind_files() -> dict[Kind, KindFile]:
    files = cast("list[KindFile]", modules("docker_storage_exporter.collector.kinds"))
    return {file.KIND: file for file in sorted(files, key=lambda file: KINDS.index(file.KIND))}


OF_KIND: Mapping[Kind, KindFile] = _kind_files()
"""The file of each kind of object, in the order of the kinds."""

SKIPPED = Family("docker_storage_skipped_objects", "Objects that are left out by rule.", ("kind", "reason"))
UNMEASURED = Family(
    "docker_storage_unmeasured_objects", "Objects that should have a number and have none now.", ("kind", "reason")
)
PENDING = Family(
    "docker_storage_pending_objects", "Objects that are still to be measured for the first time.", ("kind",)
)
CUT = Family(
    "docker_storage_cut_objects", "Objects not on this page because there are too many, the smallest.", ("kind",)
)
ENGINE_INFO = Family(
    "docker_engine_info",
    "The engine whose objects these are, always 1; facts come from the API or, without it, from the disk.",
    ("engine", "version", "storage_driver", "image_store", "data_root"),
    origin=Origin.ENGINE,
)
ROOT_INFO = Family(
    "docker_storage_root_info",
    "Filesystem that a storage root lies on, always 1; role is what the root holds.",
    ("root", "role", "mountpoint"),
)

OBJECT_FAMILIES: tuple[Family, ...] = (
    ENGINE_INFO,
    ROOT_INFO,
    *(family for file in OF_KIND.values() for family in file.FAMILIES),
    SKIPPED,
    UNMEASURED,
    PENDING,
    CUT,
)
"""Rendered once for each snapshot."""

ENGINE_UP = Family(
    "docker_engine_up",
    "1 when the engine answered the last time it was asked, else 0. Absent where no engine is asked.",
    ("engine",),
    origin=Origin.ENGINE,
)
EVENTS_HEARD = Family(
    "docker_engine_events_heard",
    "1 while the events of the engine are heard, else 0: objects are then seen at the next listing only.",
    ("engine",),
    origin=Origin.ENGINE,
)
LAST_EVENT = Family(
    "docker_engine_last_event_timestamp_seconds",
    "When the engine's last event was heard; absent until there is one.",
    ("engine",),
    origin=Origin.ENGINE,
)
FILESYSTEM_SIZE = Family(
    "docker_storage_filesystem_size_bytes",
    "Size of a filesystem under storage roots, volumes or layers.",
    ("mountpoint",),
    origin=Origin.LIVE_STATFS,
)
FILESYSTEM_AVAIL = Family(
    "docker_storage_filesystem_avail_bytes",
    "Bytes available to non-root users in a filesystem under storage roots, volumes or layers.",
    ("mountpoint",),
    origin=Origin.LIVE_STATFS,
)
FILESYSTEM_INODES = Family(
    "docker_storage_filesystem_inodes",
    "Inodes in a filesystem under storage roots, volumes or layers; 0 where there is no fixed number.",
    ("mountpoint",),
    origin=Origin.LIVE_STATFS,
)
FILESYSTEM_INODES_FREE = Family(
    "docker_storage_filesystem_inodes_free",
    "Free inodes in a filesystem under storage roots, volumes or layers.",
    ("mountpoint",),
    origin=Origin.LIVE_STATFS,
)
UNEXPLAINED_GROWTH = Family(
    "docker_storage_filesystem_unexplained_growth_bytes",
    "Bytes that a filesystem lost in the last hour and nothing that was measured on it explains.",
    ("mountpoint",),
    origin=Origin.STATFS,
)
FAILURES = Family(
    "docker_storage_measurement_failures_total",
    "Measurements that failed; the last complete value stays on the page.",
    ("kind", "reason"),
    "counter",
)
BUILD_INFO = Family(
    "docker_storage_exporter_build_info",
    "Version of the exporter, which walker it uses and which engine it measures, always 1.",
    ("version", "revision", "sizer", "engine"),
)
WALKED_ENTRIES = Family(
    "docker_storage_exporter_walked_entries_total", "Directory entries met by all walks.", (), "counter"
)
WALKED_BYTES = Family(
    "docker_storage_exporter_walked_bytes_total", "Allocated bytes seen by complete walks.", (), "counter"
)
CPU = Family("docker_storage_exporter_cpu_seconds_total", "CPU seconds used, by kind of work.", ("work",), "counter")
MEASUREMENTS = Family(
    "docker_storage_exporter_measurements_total", "Objects measured to the end.", ("kind",), "counter"
)
MEASUREMENT_SECONDS = Family(
    "docker_storage_exporter_measurement_seconds_total",
    "How long measuring objects to the end took, pauses for the budget included.",
    ("kind",),
    "counter",
)
BUDGET_USED = Family(
    "docker_storage_exporter_budget_used_ratio", "Share of the CPU budget that was used over the last minute."
)
WALK_FAMILIES: tuple[Family, ...] = (
    WALKED_ENTRIES,
    WALKED_BYTES,
    CPU,
    MEASUREMENTS,
    MEASUREMENT_SECONDS,
    BUDGET_USED,
)
"""What the walks of this process cost so far."""
ABANDONED = Family(
    "docker_storage_abandoned_jobs", "Jobs that made no progress for too long and are left to the kernel."
)
MEASURING = Family(
    "docker_storage_exporter_measuring",
    "1 while measuring gets on, 0 once nothing was measured to the end for two scan intervals and no walk gets on.",
)
LAST_MEASUREMENT = Family(
    "docker_storage_exporter_last_measurement_timestamp_seconds",
    "When an object was last measured to the end; absent until one was.",
)
INVENTORY_DURATION = Family(
    "docker_storage_exporter_inventory_duration_seconds", "How long the last listing of all objects took."
)
LAST_INVENTORY = Family(
    "docker_storage_exporter_last_inventory_timestamp_seconds", "When all objects were last listed."
)
SNAPSHOT_TIMESTAMP = Family(
    "docker_storage_exporter_snapshot_timestamp_seconds", "When the object series of this page were put together."
)
LANDLOCK = Family(
    "docker_storage_exporter_landlock_restricted",
    "1 when the kernel's Landlock keeps this process from writing, 0 when it does not.",
)
CONFIG_RELOAD_SUCCESSFUL = Family(
    "docker_storage_exporter_config_last_reload_successful",
    "1 when the settings were good the last time they were read, 0 when older ones still hold because they were not.",
)
CONFIG_RELOAD_TIMESTAMP = Family(
    "docker_storage_exporter_config_last_reload_success_timestamp_seconds",
    "When settings were last read and taken, at the start or by a reload.",
)

WEB_CONFIG_RELOAD_SUCCESSFUL = Family(
    "docker_storage_exporter_web_config_last_reload_successful",
    "1 when the web configuration file was good when last read, 0 when an older one still holds. Absent without one.",
)
WEB_CONFIG_RELOAD_TIMESTAMP = Family(
    "docker_storage_exporter_web_config_last_reload_success_timestamp_seconds",
    "When the web configuration was last read and taken: at the start, or because it or a file that it names changed.",
)

LIVE_FAMILIES: tuple[Family, ...] = (
    ENGINE_UP,
    EVENTS_HEARD,
    LAST_EVENT,
    FILESYSTEM_SIZE,
    FILESYSTEM_AVAIL,
    FILESYSTEM_INODES,
    FILESYSTEM_INODES_FREE,
    UNEXPLAINED_GROWTH,
    FAILURES,
    BUILD_INFO,
    *WALK_FAMILIES,
    ABANDONED,
    MEASURING,
    LAST_MEASUREMENT,
    INVENTORY_DURATION,
    LAST_INVENTORY,
    SNAPSHOT_TIMESTAMP,
    LANDLOCK,
    CONFIG_RELOAD_SUCCESSFUL,
    CONFIG_RELOAD_TIMESTAMP,
    WEB_CONFIG_RELOAD_SUCCESSFUL,
    WEB_CONFIG_RELOAD_TIMESTAMP,
)
"""Rendered for each scrape."""
