"""The nouns: what an engine keeps, what was measured of it, and the whole of both at one moment. No I/O.

Names and paths are text as `os.fsdecode` gives it: bytes that are no UTF-8 appear as lone surrogates, and
`printable` makes them fit for a page or a terminal.
"""

from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.labels import (
    COMPOSE_PROJECT,
    COMPOSE_SERVICE,
    COMPOSE_VOLUME,
    LOG_LIMIT,
    STORAGE_LIMIT,
    SWARM_SERVICE,
    SWARM_STACK,
    USED_LABELS,
)
from docker_storage_exporter.model.objects import (
    CONTAINER_STATES,
    RUNNING_STATES,
    Container,
    Engine,
    Inventory,
    LogSettings,
    Mount,
    StorageRoot,
    Volume,
)
from docker_storage_exporter.model.parts import modules, parts
from docker_storage_exporter.model.places import Location, Place, Sized, Skip, Unmeasured
from docker_storage_exporter.model.sizes import Growth, Identity, Lineage, Measurement, Size, Source
from docker_storage_exporter.model.snapshot import Row, Snapshot
from docker_storage_exporter.model.text import is_inside, one_line, printable

__all__ = [
    "COMPOSE_PROJECT",
    "COMPOSE_SERVICE",
    "COMPOSE_VOLUME",
    "CONTAINER_STATES",
    "LOG_LIMIT",
    "RUNNING_STATES",
    "STORAGE_LIMIT",
    "SWARM_SERVICE",
    "SWARM_STACK",
    "USED_LABELS",
    "Container",
    "Engine",
    "Growth",
    "Identity",
    "Inventory",
    "Kind",
    "Lineage",
    "Location",
    "LogSettings",
    "Measurement",
    "Mount",
    "ObjectKey",
    "Place",
    "Row",
    "Size",
    "Sized",
    "Skip",
    "Snapshot",
    "Source",
    "StorageRoot",
    "Unmeasured",
    "Volume",
    "is_inside",
    "modules",
    "one_line",
    "parts",
    "printable",
]
