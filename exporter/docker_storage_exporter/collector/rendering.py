"""Snapshots as text, made one after the other: runs of rows that did not change keep the text that they have."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import is_

from docker_storage_exporter.collector import catalogue as c
from docker_storage_exporter.collector.family import Context, Family, Part, Samples
from docker_storage_exporter.collector.objects import after, before, context_of, totals
from docker_storage_exporter.collector.text import heads, lines
from docker_storage_exporter.limits import Limits
from docker_storage_exporter.model.snapshot import Row, Snapshot

_NO_LIMITS = Limits()
_ROWS = 256  # of a run, on average
_LEVEL = 1  # pages repeat themselves so much that higher levels cost time and save little


@dataclass(slots=True)
class Text:
    """Some lines, and after the first compressed request also a self-contained piece of a deflate stream."""

    plain: bytes
    _deflated: bytes = b""

    def deflated(self) -> bytes:
        """Deflated up to a full flush: what follows can be compressed without a look at this (RFC 1951)."""
        if not self._deflated:
            compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
            self._deflated = compressor.compress(self.plain) + compressor.flush(zlib.Z_FULL_FLUSH)
        return self._deflated


@dataclass(frozen=True, slots=True)
class Block:
    """A family on the page: what stands above its lines in either format, and the lines."""

    plain_head: Text
    openmetrics_head: Text
    body: Sequence[Text]

    def texts(self, *, openmetrics: bool) -> Iterator[Text]:
        """All of it in one of the formats."""
        yield self.openmetrics_head if openmetrics else self.plain_head
        yield from self.body


@dataclass(frozen=True, slots=True)
class _Run:
    """Rows that stand together on the page, with the lines of each family that their part makes of them."""

    rows: Sequence[Row]
    context: Context
    families: tuple[Family, ...]
    texts: tuple[Text, ...]

    def is_of(self, rows: Sequence[Row], context: Context) -> bool:
        """Whether it is the text of these rows."""
        return len(rows) == len(self.rows) and context is self.context and all(map(is_, rows, self.rows))


@dataclass(slots=True)
class Renderer:
    """Makes the blocks of one snapshot after the other. Not for several threads."""

    _runs: dict[tuple[Part, str], _Run] = field(default_factory=dict)
    _heads: dict[Family, tuple[Text, Text]] = field(default_factory=dict)
    _context: Context = field(default_factory=Context)

    def render(self, snapshot: Snapshot, labels: tuple[str, ...] = (), limits: Limits = _NO_LIMITS) -> list[Block]:
        """Every family that has samples, in the catalogue's order; `labels` are engine labels to carry over."""
        context = context_of(snapshot, labels, limits)
        if context != self._context:
            self._context = context
        old, self._runs = self._runs, {}
        blocks = [*self._blocks(before(snapshot))]
        for file in c.OF_KIND.values():
            for part in file.PARTS:
                blocks += self._part(part, snapshot.of(part.kind), old)
            blocks += self._blocks(totals(file, snapshot))
        blocks += self._blocks(after(snapshot))
        return blocks

    def _blocks(self, families: Iterable[Samples]) -> Iterator[Block]:
        for family, samples in families:
            if made := lines(family, samples, {}):
                yield Block(*self._heads_of(family), [Text(made)])

    def _part(self, part: Part, rows: Sequence[Row], old: dict[tuple[Part, str], _Run]) -> Iterator[Block]:
        runs = []
        for run_of_rows in _runs(rows):
            key = part, run_of_rows[0].key.id
            run = old.get(key)
            if run is None or not run.is_of(run_of_rows, self._context):
                run = self._run(part, run_of_rows)
            self._runs[key] = run
            runs.append(run)
        for number, family in enumerate(runs[0].families if runs else ()):
            body = [run.texts[number] for run in runs if run.texts[number].plain]
            if body:
                yield Block(*self._heads_of(family), body)

    def _run(self, part: Part, rows: Sequence[Row]) -> _Run:
        known: dict[tuple[str, tuple[str, ...]], str] = {}
        made = [(family, Text(lines(family, found, known))) for family, found in part.samples(rows, self._context)]
        return _Run(rows, self._context, tuple(family for family, _ in made), tuple(text for _, text in made))

    def _heads_of(self, family: Family) -> tuple[Text, Text]:
        known = self._heads.get(family)
        if known is None:
            plain, openmetrics = heads(family)
            known = self._heads[family] = Text(plain), Text(openmetrics)
        return known


def _runs(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """The rows in runs. A run ends where a row's own id says so: one more row changes one run, and moves no other."""
    first = 0
    for number, row in enumerate(rows, 1):
        if hash(row.key.id) % _ROWS == 0:
            yield rows[first:number]
            first = number
    if first < len(rows):
        yield rows[first:]
