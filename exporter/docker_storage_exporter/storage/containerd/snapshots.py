"""What a snapshotter keeps in its `metadata.db`: which numbered directory is which snapshot.

The bucket `v1/snapshots` has a bucket for each key NAMESPACE/SEQUENCE/NAME, whose `id` is the number of the directory
(containerd 1.6 to 2.1: core/snapshots/storage/bolt.go, core/metadata/snapshot.go).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum

from docker_storage_exporter.bolt import Bucket

_PATH = (b"v1", b"snapshots")
_ZIGZAG_BITS = 64
_MORE, _BITS = 0x80, 7


class SnapshotKind(IntEnum):
    """What a snapshot is for, in the database's own numbers."""

    VIEW = 1  # read only, of a committed one
    ACTIVE = 2  # written to: a container's, or a layer in the making
    COMMITTED = 3  # never changes any more


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot.

    `name` is unique in its `namespace`; `number` is its directory's; `parent` is the name of the snapshot below it in
    the same namespace, empty for the lowest. `allocated` and `inodes` are those of its directory's tree when it was
    committed, as `du` counts them; None before.
    """

    namespace: str
    name: str
    number: int
    kind: SnapshotKind
    parent: str = ""
    allocated: int | None = None
    inodes: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshots:
    """All of a snapshotter's snapshots: by namespace and name, by number, and the numbers of those being written to.

    These are by their names alone: a container's is its id, which no other namespace has.
    """

    by_name: Mapping[tuple[str, str], Snapshot] = field(default_factory=dict)
    by_number: Mapping[int, Snapshot] = field(default_factory=dict)
    writable: Mapping[str, Snapshot] = field(default_factory=dict)


def snapshots_in(root: Bucket) -> Snapshots:
    """The snapshots in an open database. An entry that no containerd writes is left out. Raises CorruptError."""
    bucket = root.bucket(*_PATH)
    found = []
    for key, entry in bucket.buckets() if bucket is not None else ():
        with suppress(ValueError):
            found.append(_snapshot(key, dict(entry.items())))
    return Snapshots(
        {(snapshot.namespace, snapshot.name): snapshot for snapshot in found},
        {snapshot.number: snapshot for snapshot in found},
        {snapshot.name: snapshot for snapshot in found if snapshot.kind is SnapshotKind.ACTIVE},
    )


def _snapshot(key: bytes, values: Mapping[bytes, bytes]) -> Snapshot:
    namespace, name = _named(key)
    committed = b"size" in values
    return Snapshot(
        namespace=namespace,
        name=name,
        number=unsigned(values.get(b"id", b"")),
        kind=SnapshotKind(int.from_bytes(values.get(b"kind", b""), "little")),
        parent=_named(parent)[1] if (parent := values.get(b"parent", b"")) else "",
        allocated=signed(values[b"size"]) if committed else None,
        inodes=signed(values[b"inodes"]) if committed and b"inodes" in values else None,
    )


def _named(key: bytes) -> tuple[str, str]:
    """The namespace and the name in a key: a name may have slashes of its own."""
    namespace, first, rest = os.fsdecode(key).partition("/")
    _, second, name = rest.partition("/")
    if not first or not second or not name:
        raise ValueError(key)
    return namespace, name


def unsigned(data: bytes) -> int:
    """A number of Go's binary.PutUvarint. Raises ValueError for what is none."""
    value = 0
    for place, byte in enumerate(data):
        value |= (byte & ~_MORE) << (_BITS * place)
        if not byte & _MORE:
            if value >> _ZIGZAG_BITS:
                raise ValueError(data)
            return value
    raise ValueError(data)


def signed(data: bytes) -> int:
    """A number of Go's binary.PutVarint. Raises ValueError for what is none."""
    value = unsigned(data)
    return (value >> 1) ^ -(value & 1)
