"""A snapshot as a listing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from docker_storage_exporter.listing.document import FilesystemRow, LeftOut, Listing, Origin, with_rows
from docker_storage_exporter.listing.rows import rows
from docker_storage_exporter.model.keys import ObjectKey
from docker_storage_exporter.model.objects import Engine
from docker_storage_exporter.model.sizes import Growth
from docker_storage_exporter.model.snapshot import Snapshot


def listing(
    snapshot: Snapshot,
    host: str,
    filesystems: Iterable[FilesystemRow],
    growth: Mapping[ObjectKey, Growth] | None = None,
) -> Listing:
    """The listing of a snapshot."""
    return with_rows(bare_listing(snapshot, host, filesystems), rows(snapshot, growth or {}))


def bare_listing(snapshot: Snapshot, host: str, filesystems: Iterable[FilesystemRow]) -> Listing:
    """The listing without its rows."""
    inventory = snapshot.inventory
    engine: Engine = inventory.engine
    refused = inventory.refused.value if inventory.refused else ""
    left_out = [LeftOut(k.value, "skipped", reason.value, n) for (k, reason), n in snapshot.skipped.items()]
    left_out += [LeftOut(k.value, "unmeasured", reason.value, n) for (k, reason), n in snapshot.unmeasured.items()]
    left_out += [LeftOut(kind.value, "pending", "", number) for kind, number in snapshot.pending.items()]
    left_out += [LeftOut(kind.value, "cut", "", number) for kind, number in snapshot.cut.items() if number]
    return Listing(
        at=snapshot.at,
        origin=Origin(host, inventory.root, engine.id, inventory.source, refused),
        filesystems=tuple(filesystems),
        left_out=tuple(left_out),
    )
