"""What containerd keeps in `meta.db` of images, of content, and of leases, which keep things that no image needs.

Buckets: `v1/NAMESPACE/images/NAME`, `…/content/blob/DIGEST`, `…/leases/ID` (containerd 1.6 to 2.1:
core/metadata/buckets.go). What an image needs is told by the labels of its blobs, so no manifest has to be read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from docker_storage_exporter.bolt import Bucket
from docker_storage_exporter.storage.containerd.snapshots import signed

_CONTENT_LABEL = b"containerd.io/gc.ref.content"
_SNAPSHOT_LABEL = b"containerd.io/gc.ref.snapshot."
_FLAT_LABEL = b"containerd.io/gc.flat"
_EXPIRE_LABEL = b"containerd.io/gc.expire"
_TEMPORARY_LABEL = b"buildkit/lease.temporary"
_YEAR_ONE = 62_135_596_800  # seconds from the year 1, which Go counts from, to 1970


@dataclass(frozen=True, slots=True)
class Name:
    """An image's name, such as a tag: the digest of what it stands for, and when it was made, in seconds since 1970."""

    digest: str
    created: float


@dataclass(frozen=True, slots=True)
class Blob:
    """Content: how many bytes, and what its labels say that it needs: other content, and snapshots by snapshotter."""

    size: int
    content: tuple[str, ...] = ()
    snapshots: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Lease:
    """What is kept though no image needs it. A `flat` one keeps no more than it names, with the snapshots below.

    A `temporary` one ends by itself.
    """

    content: tuple[str, ...] = ()
    snapshots: tuple[tuple[str, str], ...] = ()
    flat: bool = False
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class Namespace:
    """What one namespace has."""

    images: Mapping[str, Name] = field(default_factory=dict)
    blobs: Mapping[str, Blob] = field(default_factory=dict)
    leases: Mapping[str, Lease] = field(default_factory=dict)


def namespaces_in(root: Bucket) -> dict[str, Namespace]:
    """The namespaces in an open database. An entry that no containerd writes is left out. Raises CorruptError."""
    version = root.bucket(b"v1")
    return {os.fsdecode(key): _namespace(bucket) for key, bucket in (version.buckets() if version else ())}


def _namespace(bucket: Bucket) -> Namespace:
    images, blobs = {}, {}
    for name, entry in _below(bucket, b"images"):
        target = entry.bucket(b"target")
        digest = target.value(b"digest") if target is not None else None
        if digest:
            images[name] = Name(os.fsdecode(digest), _seconds(entry.value(b"createdat") or b""))
    for digest_, entry in _below(bucket, b"content", b"blob"):
        with suppress(ValueError):
            blobs[digest_] = _blob(entry)
    leases = {name: _lease(entry) for name, entry in _below(bucket, b"leases")}
    return Namespace(images, blobs, leases)


def _blob(entry: Bucket) -> Blob:
    content, snapshots = [], []
    for label, value in _labels(entry):
        if label.startswith(_CONTENT_LABEL):
            content.append(os.fsdecode(value))
        elif label.startswith(_SNAPSHOT_LABEL):
            snapshots.append((os.fsdecode(label[len(_SNAPSHOT_LABEL) :]), os.fsdecode(value)))
    return Blob(signed(entry.value(b"size") or b""), tuple(content), tuple(snapshots))


def _lease(entry: Bucket) -> Lease:
    labels = dict(_labels(entry))
    content = entry.bucket(b"content")
    snapshots = tuple(
        (snapshotter, os.fsdecode(name))
        for snapshotter, names in _below(entry, b"snapshots")
        for name, _ in names.items()
    )
    return Lease(
        content=tuple(os.fsdecode(digest) for digest, _ in content.items()) if content is not None else (),
        snapshots=snapshots,
        flat=_FLAT_LABEL in labels,
        temporary=_EXPIRE_LABEL in labels or _TEMPORARY_LABEL in labels,
    )


def _below(bucket: Bucket, *path: bytes) -> Iterator[tuple[str, Bucket]]:
    """The buckets at a path, by their names."""
    found = bucket.bucket(*path)
    for key, entry in found.buckets() if found is not None else ():
        yield os.fsdecode(key), entry


def _labels(entry: Bucket) -> Iterator[tuple[bytes, bytes]]:
    labels = entry.bucket(b"labels")
    return labels.items() if labels is not None else iter(())


def _seconds(data: bytes) -> float:
    """A time in Go's binary form: a version, seconds since the year 1, nanoseconds, a zone; 0 for what is none."""
    if len(data) < 13 or data[0] not in (1, 2):  # noqa: PLR2004 - versions and size of time.MarshalBinary
        return 0.0
    return int.from_bytes(data[1:9], "big") - _YEAR_ONE + int.from_bytes(data[9:13], "big") / 1e9
