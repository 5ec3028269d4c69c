"""What each group of metrics needs: the one list that `doctor`, the documents and the tests read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from docker_storage_exporter.collector import catalogue as c
from docker_storage_exporter.doctor.finding import LOST, ROOT_FILESYSTEM, VOLUME_FILESYSTEMS, Group
from docker_storage_exporter.model.keys import Kind


class Need(Enum):
    """Something that this process has or has not: a short name, and what it means in full."""

    API = "API", "the engine's API: its socket and the right to write to it, or a `tcp://` address"
    DATA_ROOT = "DATA ROOT", "the engine's storage roots: mounted, and open to this user or to `CAP_DAC_READ_SEARCH`"
    SOURCES = "SOURCES", "the sources of bind mounts: in a container, mounted where the host has them"
    LATE_MOUNTS = "LATE MOUNTS", "what is mounted later: in a container, a mount that is `rslave` or `rshared`"
    READ = "DAC_READ_SEARCH", "`CAP_DAC_READ_SEARCH`, to list what is closed to this user"
    PTRACE = "SYS_PTRACE", "`CAP_SYS_PTRACE`, and neither Landlock nor AppArmor against it, to enter containers"
    PIDS = "HOST PIDS", "the host's PID namespace, or its `/proc` by `--path.procfs`, to find containers"
    IDLE = "IDLE", "`sched_setscheduler` and `ioprio_set`, which a seccomp filter may forbid, to give way to others"

    def __init__(self, title: str, meaning: str) -> None:
        self.title = title
        self.meaning = meaning


@dataclass(frozen=True, slots=True)
class Row:
    """A group of families, and all that they need to be there and complete, with what is lost without each."""

    metrics: str
    families: Group
    needs: Mapping[Need, str]


_NO_SIZE = "no size"
_NO_NUMBER = "no number"
_CLOSED = "a size lacks what is closed to this user, which is counted as unreadable"
_UNPROVEN = "no number: nothing shows that this is the engine's host"
_LATE = "no size for those with a filesystem of their own that is mounted after the exporter was started"
_LATE_NUMBER = "no number for those that are mounted after the exporter was started"

NEEDS: tuple[Row, ...] = (
    Row("engine up", (c.ENGINE_UP,), {Need.API: "always 0; where the data root is closed too, nothing is served"}),
    Row("events", (c.EVENTS_HEARD, c.LAST_EVENT), {Need.API: "none is heard: what is new is seen at the next listing"}),
    Row(
        "identity, state, limits",
        (
            c.ENGINE_INFO,
            c.VOLUME_INFO,
            c.VOLUME_CONTAINERS,
            c.VOLUME_MOUNT_INFO,
            c.VOLUME_LIMIT,
            c.CONTAINER_INFO,
            c.CONTAINER_STATE,
            c.CONTAINER_CREATED,
            c.LAYER_LIMIT,
            c.LOG_INFO,
            c.LOG_LIMIT,
            c.BIND_INFO,
        ),
        {Need.API: "as the data root has them, which events do not tell of"},
    ),
    Row("volumes", LOST[Kind.VOLUME], {Need.DATA_ROOT: _NO_SIZE, Need.LATE_MOUNTS: _LATE, Need.READ: _CLOSED}),
    Row("filesystems of volumes", VOLUME_FILESYSTEMS, {Need.DATA_ROOT: _NO_NUMBER, Need.LATE_MOUNTS: _LATE_NUMBER}),
    Row("writable layers", LOST[Kind.LAYER], {Need.DATA_ROOT: _NO_SIZE, Need.READ: _CLOSED}),
    Row("logs", LOST[Kind.LOG], {Need.DATA_ROOT: _NO_SIZE}),
    Row("images", c.OF_KIND[Kind.IMAGE].FAMILIES, {Need.DATA_ROOT: _NO_NUMBER, Need.READ: _NO_NUMBER}),
    Row("bind mounts", LOST[Kind.BIND], {Need.DATA_ROOT: _UNPROVEN, Need.SOURCES: _NO_SIZE, Need.READ: _CLOSED}),
    Row(
        "tmpfs mounts",
        LOST[Kind.TMPFS],
        {Need.DATA_ROOT: _UNPROVEN, Need.PTRACE: _NO_NUMBER, Need.PIDS: _NO_NUMBER},
    ),
    Row("storage filesystems", (c.ROOT_INFO, *ROOT_FILESYSTEM), {Need.DATA_ROOT: _NO_NUMBER}),
    Row(
        "walks",
        c.WALK_FAMILIES,
        {Need.IDLE: "the same numbers, but walks compete with others for processor and disk"},
    ),
    Row(
        "the exporter itself",
        (
            c.SKIPPED,
            c.UNMEASURED,
            c.PENDING,
            c.CUT,
            c.FAILURES,
            c.BUILD_INFO,
            c.UNEXPLAINED_GROWTH,
            c.ABANDONED,
            c.MEASURING,
            c.LAST_MEASUREMENT,
            c.INVENTORY_DURATION,
            c.LAST_INVENTORY,
            c.SNAPSHOT_TIMESTAMP,
            c.LANDLOCK,
            c.CONFIG_RELOAD_SUCCESSFUL,
            c.CONFIG_RELOAD_TIMESTAMP,
            c.WEB_CONFIG_RELOAD_SUCCESSFUL,
            c.WEB_CONFIG_RELOAD_TIMESTAMP,
        ),
        {},
    ),
)
"""Every family once."""


def needing(need: Need) -> tuple[Group, ...]:
    """The groups of families that are incomplete without it."""
    return tuple(row.families for row in NEEDS if need in row.needs)
