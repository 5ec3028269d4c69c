"""Rows and snapshots made by hand, for tests of what is shown."""

from docker_storage_exporter.layout import (
    BindFacts,
    ImageFacts,
    TmpfsFacts,
    VolumeFacts,
    bind_key,
    container_key,
    image_key,
    volume_key,
)
from docker_storage_exporter.measure import LogFiles, Statfs, Tmpfs, Walk
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Engine, Inventory, Volume
from docker_storage_exporter.model.places import Place, Sized
from docker_storage_exporter.model.sizes import Identity, Lineage, Measurement, Size
from docker_storage_exporter.model.snapshot import Row, Snapshot
from docker_storage_exporter.model.text import printable

NOWHERE = Sized(Place())
_NOBODY = Identity()


def measured(source, size, at=1.0, identity=_NOBODY, start=None, **place):
    """A place with a number."""
    lineage = Lineage(*identity, source.meaning, at if start is None else start)
    return Sized(Place(source, **place), Measurement(size, at, source, lineage))


def walked(path, allocated, **facts):
    """A walked tree; `apparent`, `inodes` and so on are as given, or follow from the allocated bytes."""
    place = {name: facts.pop(name) for name in ("at", "identity", "start", "mountpoint") if name in facts}
    numbers = {"apparent": allocated // 2, "inodes": 3, "unreadable": 0} | facts
    return measured(Walk((path,)), Size(allocated, **numbers), **place)


def mounted(path, used, total, at=1.0):
    """A filesystem of its own."""
    return measured(Statfs(path), Size(used, inodes=2, limit=total, available=total - used), at)


def volume_row(name, sized=NOWHERE, volume=None, users=(), label=None, **more):
    """A volume's row."""
    facts = VolumeFacts(volume or Volume(name), users)
    return Row(volume_key(name), (printable(name) if label is None else label,), facts, sized, **more)


def layer_row(container, sized=NOWHERE, label=None):
    """A container's row, with its writable layer."""
    return Row(container_key(container.id), (label or printable(container.name),), container, sized)


def log_row(container, sized=NOWHERE, label=None):
    """The row of a container's log."""
    return Row(container_key(container.id, Kind.LOG), (label or printable(container.name),), container, sized)


def tmpfs_row(container, mount, sized=NOWHERE):
    """The row of a container's tmpfs mount."""
    key = ObjectKey(Kind.TMPFS, "", container.id + mount.destination)
    return Row(key, (printable(container.name), mount.destination), TmpfsFacts(container, mount), sized)


def tmpfs(container, destination, used, total, at=1.0):
    """A tmpfs mount that was asked."""
    size = Size(used, inodes=3, limit=total, available=total - used)
    return measured(Tmpfs(destination, container, 7), size, at)


def logged(folder, container, allocated, **facts):
    """Log files."""
    numbers = {"apparent": allocated // 2, "inodes": 3, "unreadable": 0} | facts
    return measured(LogFiles(folder, container), Size(allocated, **numbers))


def bind_row(source, sized=NOWHERE, users=(), entry="directory", **more):
    """The row of a source of bind mounts."""
    return Row(bind_key(source), (printable(source),), BindFacts(source, users, entry), sized, **more)


def image_row(image, sized=NOWHERE, tags=(), containers=0, **more):
    """The row of an image."""
    return Row(image_key(image.id), (image.id,), ImageFacts(image, tags, containers), sized, **more)


def page_of(*rows, inventory=None, at=1.0, **facts):
    """A snapshot with these rows, in their order."""
    table = {}
    for row in rows:
        table.setdefault(row.key.kind, []).append(row)
    rows = {kind: tuple(found) for kind, found in table.items()}
    return Snapshot(inventory or Inventory(Engine()), at, rows=rows, **facts)
