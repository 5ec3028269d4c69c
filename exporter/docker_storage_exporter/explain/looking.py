"""Measures what is explained, now: a place, what its largest entries are, what has names elsewhere."""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from docker_storage_exporter.explain.explanation import Part
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.links import LinkedOutside, linked_outside
from docker_storage_exporter.hostfs.reasons import reason_for
from docker_storage_exporter.listing.row import Row
from docker_storage_exporter.measure import Walk, measure
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import Piece
from docker_storage_exporter.model.places import Place
from docker_storage_exporter.model.sizes import Source
from docker_storage_exporter.model.text import counted, path_below, printable
from docker_storage_exporter.sizer import Control, Root, Usage
from docker_storage_exporter.sizer import measure as measure_roots

MOST_LARGEST = 5
"""How many of the largest entries are told."""

OWN_PLACES = {
    Kind.VOLUME: "volume",
    Kind.LAYER: "writable layer",
    Kind.LOG: "log files",
    Kind.BIND: "bind mount",
    Kind.TMPFS: "tmpfs mount",
    Kind.IMAGE: "image",
}
"""What a kind of object is called where it is the place of some bytes."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found at a place. `largest` are directories and files directly in it, with their allocated bytes."""

    part: Part
    largest: tuple[tuple[str, int], ...] = ()
    outside: LinkedOutside = LinkedOutside()
    directory: bool = True


class Looker:
    """Looks at places of a host. `rows` are a running exporter's, by kind and name, for their growth."""

    def __init__(
        self, host: Host, rows: Mapping[tuple[str, str], Row], control: Callable[[], Control] = Control
    ) -> None:
        self._host = host
        self._rows = rows
        self._control = control

    def look(self, kind: Kind, name: str, place: Place) -> Looked:
        """Measure a place now; the exporter's row of that name adds how it grows."""
        source, what = place.source, OWN_PLACES[kind] if name else "bytes"
        if source is None:
            reason = place.skip or place.unmeasured
            return Looked(Part(what, "", note=f"not measured: {reason.value if reason else 'switched off'}"))
        try:
            looked = self._walked(source, what) if isinstance(source, Walk) else self._asked(source, what)
        except OSError as error:
            return Looked(Part(what, source.path, note=f"not measured: {reason_for(error).value}"))
        row = self._rows.get((kind.value, printable(name)))
        if row is None:
            return looked
        part = _with_growth(looked.part, row)
        return Looked(part, looked.largest, looked.outside, looked.directory)

    def _walked(self, source: Walk, what: str) -> Looked:
        """Opened as measuring opens it, and walked once; the parts of the walk are its directories."""
        with source.opened(self._host) as roots:
            usages = measure_roots([replace(root, depth=1) for root in roots], self._control())
            files = [file for root in roots for file in _largest_files(root)]
            outside = [linked_outside(root.descriptor, root.mountpoints) for root in roots]
            directory = stat.S_ISDIR(os.fstat(roots[0].descriptor).st_mode)
        entries = [(part.path, part.allocated_bytes) for usage in usages for part in usage.parts]
        part = Part(
            what,
            source.path,
            sum(usage.allocated_bytes for usage in usages),
            sum(usage.apparent_bytes for usage in usages) if source.with_apparent else None,
            sum(usage.inodes for usage in usages),
            _unreadable(usages),
        )
        largest = tuple(sorted([*entries, *files], key=lambda entry: (-entry[1], entry[0]))[:MOST_LARGEST])
        linked = LinkedOutside(sum(o.files for o in outside), sum(o.allocated_bytes for o in outside))
        return Looked(part, largest, linked, directory)

    def look_at_pieces(self, what: str, pieces: Sequence[Piece]) -> Looked:
        """The pieces of an image together, the largest of them by their paths: as the store says, else walked now."""
        named = counted(len(pieces), "layer or blob", "layers and blobs")
        sizes = [(piece.path or piece.name, self._allocated(piece)) for piece in pieces]
        if any(size is None for _, size in sizes):
            return Looked(Part(what, "", note="not measured: some of it cannot be read"))
        known = sorted(((path, size or 0) for path, size in sizes), key=lambda one: (-one[1], one[0]))
        return Looked(Part(what, "", sum(size for _, size in known), note=named), tuple(known))

    def _allocated(self, piece: Piece) -> int | None:
        if piece.allocated is not None or not piece.path:
            return piece.allocated
        return self.look(Kind.IMAGE, "", Place(Walk((piece.path,)))).part.allocated_bytes

    def _asked(self, source: Source, what: str) -> Looked:
        size = measure(source, self._host, self._control()).size
        if size is None:
            return Looked(Part(what, source.path, note="not measured"))
        return Looked(Part(what, source.path, size.allocated, size.apparent, size.inodes))

    def rest(self, directories: Iterable[str], apart: Iterable[str], without: Part | None) -> Part:
        """Some directories together, without the trees `apart` in them, and minus what another part holds."""
        paths = [path for path in directories if path not in apart]
        try:
            with Walk(tuple(paths)).opened(self._host) as roots:
                pairs = zip(roots, paths, strict=True)
                cut = [Root(root.descriptor, {*root.mountpoints, *_inside(apart, path)}) for root, path in pairs]
                usages = measure_roots(cut, self._control())
        except OSError as error:
            return Part("engine's files", paths[0], note=f"not measured: {reason_for(error).value}")
        other = without or Part("", "", 0, 0, 0)
        if other.allocated_bytes is None:  # then nothing tells how much of the whole is the other part's
            return Part("engine's files", paths[0], note="not measured: see the part before")
        return Part(
            "engine's files",
            paths[0],
            max(0, sum(usage.allocated_bytes for usage in usages) - other.allocated_bytes),
            max(0, sum(usage.apparent_bytes for usage in usages) - (other.apparent_bytes or 0)),
            max(0, sum(usage.inodes for usage in usages) - (other.inodes or 0)),
            _unreadable(usages),
        )


def _largest_files(root: Root) -> list[tuple[str, int]]:
    """The largest entries directly in a root that are no directories: name and allocated bytes, the largest first."""
    with suppress(OSError):  # a root that is a file, or cannot be read: the walk has said so
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root.descriptor)
        try:
            return heapq.nlargest(MOST_LARGEST, _files(descriptor, root), key=lambda file: file[1])
        finally:
            os.close(descriptor)
    return []


def _files(descriptor: int, root: Root) -> Iterator[tuple[str, int]]:
    with os.scandir(descriptor) as entries:
        for entry in entries:
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if not stat.S_ISDIR(status.st_mode) and entry.name not in root.mountpoints:
                    yield entry.name, status.st_blocks * 512


def _unreadable(usages: Iterable[Usage]) -> str:
    unreadable = sum(usage.unreadable_entries for usage in usages)
    return f"{unreadable} unreadable" if unreadable else ""


def _inside(paths: Iterable[str], directory: str) -> list[str]:
    """Those of some paths that are below a directory, relative to it."""
    return [below for path in paths if (below := path_below(path, directory))]


def _with_growth(part: Part, row: Row) -> Part:
    return Part(
        part.what,
        part.path,
        part.allocated_bytes,
        part.apparent_bytes,
        part.inodes,
        part.note,
        row.growth_bytes_per_second,
        row.growth_bytes_per_hour,
    )
