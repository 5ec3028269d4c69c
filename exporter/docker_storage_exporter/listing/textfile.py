"""A snapshot as a page for node_exporter's textfile collector: the exporter's own page, less what only lives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from docker_storage_exporter import __version__
from docker_storage_exporter.collector import catalogue as c
from docker_storage_exporter.collector.family import Samples
from docker_storage_exporter.collector.objects import samples
from docker_storage_exporter.collector.text import block
from docker_storage_exporter.limits import Limits
from docker_storage_exporter.listing.document import FilesystemRow
from docker_storage_exporter.model.snapshot import Snapshot
from docker_storage_exporter.sizer import implementation

_NO_LIMITS = Limits()
NOT_IN_TEXTFILE = (
    c.FAILURES,
    c.UNEXPLAINED_GROWTH,
    c.ABANDONED,
    c.MEASURING,
    c.LAST_MEASUREMENT,
    c.EVENTS_HEARD,
    c.LAST_EVENT,
    *c.WALK_FAMILIES,
    c.INVENTORY_DURATION,
    c.CONFIG_RELOAD_SUCCESSFUL,
    c.CONFIG_RELOAD_TIMESTAMP,
    c.WEB_CONFIG_RELOAD_SUCCESSFUL,
    c.WEB_CONFIG_RELOAD_TIMESTAMP,
)
"""The families that say something about a process that goes on: its counters would start again with every run."""


def render_textfile(
    snapshot: Snapshot,
    filesystems: Sequence[FilesystemRow],
    labels: tuple[str, ...] = (),
    limits: Limits = _NO_LIMITS,
    *,
    engine_up: bool | None,
    restricted: bool,
) -> Iterator[bytes]:
    """The page in parts, in the text format 0.0.4 and without timestamps, which the collector refuses.

    `labels` are the engine labels that _info series carry over, `limits` those of the user's own, `restricted` says
    whether Landlock kept the run from writing anywhere else. Names, labels and help are those of /metrics, so that
    dashboards and rules read either.
    """
    for family, found in (*samples(snapshot, labels, limits), *_standing(snapshot, filesystems, engine_up, restricted)):
        text = block(family, found)
        if text is not None:
            yield text.plain_header
            yield text.lines


def _standing(
    snapshot: Snapshot, filesystems: Sequence[FilesystemRow], engine_up: bool | None, restricted: bool
) -> Iterable[Samples]:
    """What a scrape reads live and a run knows as well: as of the run."""
    rows = [((row.mountpoint,), row) for row in filesystems]
    product = snapshot.inventory.engine.product
    yield c.ENGINE_UP, [((product,), engine_up)] if engine_up is not None else []
    yield c.FILESYSTEM_SIZE, ((key, row.size_bytes) for key, row in rows)
    yield c.FILESYSTEM_AVAIL, ((key, row.avail_bytes) for key, row in rows)
    yield c.FILESYSTEM_INODES, ((key, row.inodes) for key, row in rows)
    yield c.FILESYSTEM_INODES_FREE, ((key, row.inodes_free) for key, row in rows)
    yield c.BUILD_INFO, [((__version__, "", implementation, product), 1)]
    yield c.LANDLOCK, [((), restricted)]
    yield c.LAST_INVENTORY, [((), snapshot.inventory.at)]
    yield c.SNAPSHOT_TIMESTAMP, [((), snapshot.at)]
