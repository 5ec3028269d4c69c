"""Roots of containerd made by hand, as containerd 2.1 writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bolt_file import uvarint, varint, write_bolt

KINDS = {"view": 1, "active": 2, "committed": 3}


class ContainerdRoot:
    """A root in a folder. Everything is added first; `write` makes the databases and the blobs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._snapshots: dict[str, dict[bytes, Any]] = {}
        self._namespaces: dict[str, dict[bytes, dict[bytes, Any]]] = {}
        self._transaction = 2

    def snapshot(self, name, number, kind="committed", parent="", size=4096, *, namespace="moby", store="overlayfs"):
        """A snapshot with its directory."""
        values = {b"id": uvarint(number), b"kind": bytes([KINDS[kind]])}
        if parent:
            values[b"parent"] = f"{namespace}/1/{parent}".encode()
        if kind == "committed":
            values |= {b"size": varint(size), b"inodes": varint(1)}
        self._snapshots.setdefault(store, {})[f"{namespace}/{100 + number}/{name}".encode()] = values
        self.folder(number, store).mkdir(parents=True, exist_ok=True)

    def folder(self, number, store="overlayfs"):
        """Where a snapshot's files are."""
        below = "/fs" if store == "overlayfs" else ""
        return self.path / f"io.containerd.snapshotter.v1.{store}/snapshots/{number}{below}"

    def blob(self, digest, length=1, content=(), snapshot="", *, namespace="moby"):
        """Content of some length that needs other content, and a snapshot of overlayfs."""
        labels = {f"containerd.io/gc.ref.content.{n}".encode(): other.encode() for n, other in enumerate(content)}
        labels |= {b"containerd.io/gc.ref.snapshot.overlayfs": snapshot.encode()} if snapshot else {}
        self._of(namespace, b"content").setdefault(b"blob", {})[digest.encode()] = {
            b"size": varint(length),
            b"labels": labels,
        }
        path = self.path / "io.containerd.content.v1.content/blobs" / digest.replace(":", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * length)

    def image(self, name, digest, *, namespace="moby"):
        """A name of an image."""
        self._of(namespace, b"images")[name.encode()] = {
            b"createdat": b"\x01" + (62_135_596_800 + 1_700_000_000).to_bytes(8, "big") + bytes(4) + b"\xff\xff",
            b"target": {b"digest": digest.encode()},
        }

    def lease(self, name, content=(), snapshots=(), labels=(), *, namespace="moby"):
        """A lease on content and on snapshots of overlayfs."""
        self._of(namespace, b"leases")[name.encode()] = {
            b"content": {digest.encode(): b"" for digest in content},
            b"snapshots": {b"overlayfs": {snapshot.encode(): b"" for snapshot in snapshots}},
            b"labels": {f"containerd.io/{label}".encode(): b"1" for label in labels},
        }

    def write(self):
        """Write the databases, one transaction later than the last time."""
        self._transaction += 2
        for store, snapshots in self._snapshots.items():
            path = self.path / f"io.containerd.snapshotter.v1.{store}/metadata.db"
            write_bolt(path, {b"v1": {b"snapshots": snapshots}}, self._transaction)
        namespaces = {name.encode(): buckets for name, buckets in self._namespaces.items()}
        write_bolt(self.metadata, {b"v1": {b"version": b"\x08", **namespaces}}, self._transaction)
        return self

    @property
    def metadata(self):
        """The database of images, content and leases."""
        return self.path / "io.containerd.metadata.v1.bolt/meta.db"

    def _of(self, namespace, bucket):
        return self._namespaces.setdefault(namespace, {}).setdefault(bucket, {})
