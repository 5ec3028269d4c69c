"""A snapshot as a flat list: one row for each object that has, should have, or by rule does not have a number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from docker_storage_exporter.model import Container, Kind, Sized, Snapshot, Tree, printable
from docker_storage_exporter.schedule import Growth

_NO_GROWTH: Mapping[Tree, Growth] = {}
_PROJECT_LABELS = ("com.docker.compose.project", "com.docker.stack.namespace", "com.docker.swarm.service.name")


@dataclass(frozen=True, slots=True)
class Row:
    """One object. Numbers are None where there are none; `note` then says why, or how many entries are missing.

    `users` are the containers that mount a volume or a bind source, in any state; `project` is the compose project or
    Swarm stack. `counted` is False where the bytes are part of another row's. Growth needs two measurements.
    """

    kind: str
    name: str
    allocated_bytes: int | None = None
    apparent_bytes: int | None = None
    inodes: int | None = None
    unreadable: int | None = None
    note: str = ""
    users: tuple[str, ...] = ()
    project: str = ""
    counted: bool = True
    measured_timestamp: float | None = None
    growth_bytes_per_second: float | None = None
    growth_bytes_per_hour: float | None = None

    @property
    def dangling(self) -> bool:
        """Whether this is a volume that no container mounts."""
        return self.kind == Kind.VOLUME.value and not self.users


def rows(snapshot: Snapshot, growth: Mapping[Tree, Growth] = _NO_GROWTH) -> list[Row]:
    """All objects, the largest first; those without a number last."""
    return sorted(_rows(snapshot, growth), key=_order)


def project_of(labels: Mapping[str, str]) -> str:
    """The compose project, or the Swarm stack or service, that an object's labels name; empty for none."""
    return next((printable(labels[name]) for name in _PROJECT_LABELS if labels.get(name)), "")


def _order(row: Row) -> tuple[bool, int, str, str]:
    return row.allocated_bytes is None, -(row.allocated_bytes or 0), row.kind, row.name


def _rows(snapshot: Snapshot, growth: Mapping[Tree, Growth]) -> Iterator[Row]:
    users = _volume_users(snapshot.inventory.containers)
    names = {container.id: printable(container.name) for container in snapshot.inventory.containers}
    seen: set[Tree] = set()
    for volume in snapshot.volumes:
        named = tuple(users.get(volume.volume.name, ()))
        first = _is_first(volume.sized, seen)
        project = project_of(volume.volume.labels)
        yield _row(Kind.VOLUME, volume.key, volume.sized, growth, named, project, counted=first)
    for container in snapshot.containers:
        project = project_of(container.container.labels)
        yield _row(Kind.LAYER, container.key, container.layer, growth, project=project)
        if container.log is not None:
            yield _row(Kind.LOG, container.key, container.log, growth, project=project)
        for tmpfs in container.tmpfs:
            name = f"{container.key}:{printable(tmpfs.destination)}"
            yield _row(Kind.TMPFS, name, tmpfs.sized, growth, project=project)
    for bind in snapshot.binds:
        named = tuple(sorted({names.get(identity, identity) for identity, _ in bind.users}))
        yield _row(Kind.BIND, bind.key, bind.sized, growth, named, counted=bind.counted)


def _is_first(sized: Sized, seen: set[Tree]) -> bool:
    """Whether nobody before had this tree: volumes that are binds of one folder share it."""
    tree = sized.place.tree
    if tree is None:
        return True
    first = tree not in seen
    seen.add(tree)
    return first


def _volume_users(containers: Iterable[Container]) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {}
    for container in containers:
        for name in {mount.source for mount in container.mounts if mount.type == "volume"}:
            users.setdefault(name, []).append(printable(container.name))
    return {name: sorted(found) for name, found in users.items()}


def _row(
    kind: Kind,
    name: str,
    sized: Sized,
    growth: Mapping[Tree, Growth],
    users: tuple[str, ...] = (),
    project: str = "",
    *,
    counted: bool = True,
) -> Row:
    measurement = sized.measurement
    if measurement is None:
        return Row(kind.value, name, note=_reason(sized), users=users, project=project, counted=counted)
    usage = measurement.usage
    walked = measurement.size_bytes is None
    rate = growth.get(sized.place.tree) if sized.place.tree else None
    return Row(
        kind=kind.value,
        name=name,
        allocated_bytes=usage.allocated_bytes,
        apparent_bytes=usage.apparent_bytes if walked else None,
        inodes=usage.inodes,
        unreadable=usage.unreadable_entries,
        note=f"{usage.unreadable_entries} unreadable" if usage.unreadable else "",
        users=users,
        project=project,
        counted=counted,
        measured_timestamp=measurement.at,
        growth_bytes_per_second=rate.per_second if rate else None,
        growth_bytes_per_hour=rate.per_hour if rate else None,
    )


def _reason(sized: Sized) -> str:
    if sized.place.skip is not None:
        return f"skipped: {sized.place.skip.value}"
    if sized.failed is not None:
        return f"unmeasured: {sized.failed.value}"
    return "not measured yet" if sized.place.tree else "not measured: switched off"
