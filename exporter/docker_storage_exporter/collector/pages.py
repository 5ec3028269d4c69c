"""The page in each format: object series made once per snapshot and served as bytes, live series added per scrape."""

from __future__ import annotations

import re
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from docker_storage_exporter.collector.objects import samples
from docker_storage_exporter.collector.text import Block, block
from docker_storage_exporter.model import Snapshot

_OPENMETRICS = "application/openmetrics-text"
_PLAIN_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS_TYPE = f"{_OPENMETRICS}; version=1.0.0; charset=utf-8"
_OLD_VERSION = re.compile(r"0\..*")
_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LEVEL = 1  # pages repeat themselves so much that higher levels cost time and save little
_GZIP_TRAILER = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class Page:
    """An answer to a scrape: its body in parts, and what the headers have to say of it."""

    content_type: str
    body: Sequence[bytes]
    encoding: str = ""

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return sum(map(len, self.body))


@dataclass(slots=True)
class _Compressed:
    """The beginning of a deflate stream that ends on a byte, with the checksum and length of what is in it."""

    stream: list[bytes]
    checksum: int
    length: int


@dataclass(slots=True)
class _Rendered:
    """One snapshot's blocks, and their compressed beginnings once somebody asked for them."""

    blocks: list[Block]
    compressed: dict[bool, _Compressed] = field(default_factory=dict)

    def parts(self, *, openmetrics: bool) -> Iterable[bytes]:
        for made in self.blocks:
            yield made.openmetrics_header if openmetrics else made.plain_header
            yield made.lines

    def compress(self, *, openmetrics: bool) -> _Compressed:
        known = self.compressed.get(openmetrics)
        if known is None:
            known = self.compressed[openmetrics] = _compress(self.parts(openmetrics=openmetrics))
        return known


class Pages:
    """Renders snapshots and answers scrapes. `labels` are the engine labels that _info series carry over."""

    def __init__(self, registry: CollectorRegistry, labels: tuple[str, ...] = ()) -> None:
        self._registry = registry
        self.labels = labels
        self._rendered = _Rendered([])
        self._compressed_before: set[bool] = set()
        self._lock = threading.Lock()

    def render(self, snapshot: Snapshot) -> None:
        """Make the object series of a snapshot; formats that were asked for compressed before are compressed again."""
        rendered = _Rendered(
            [made for family, found in samples(snapshot, self.labels) if (made := block(family, found))]
        )
        for openmetrics in tuple(self._compressed_before):
            rendered.compress(openmetrics=openmetrics)
        self._rendered = rendered

    def page(self, accept: str, *, gzip: bool) -> Page:
        """The page in the format that an Accept header prefers: OpenMetrics 1.0 or the text format."""
        openmetrics = accepts(accept, _OPENMETRICS, "text/plain")
        content_type = _OPENMETRICS_TYPE if openmetrics else _PLAIN_TYPE
        live = (generate_openmetrics if openmetrics else generate_latest)(self._registry)
        rendered = self._rendered
        if not gzip:
            return Page(content_type, [*rendered.parts(openmetrics=openmetrics), live])
        with self._lock:
            self._compressed_before.add(openmetrics)
            beginning = rendered.compress(openmetrics=openmetrics)
        return Page(content_type, _finish(beginning, live), "gzip")


def accepts(header: str, wanted: str, instead: str = "") -> bool:
    """Whether an Accept or Accept-Encoding header names something in a version from 1 on, and likes nothing better.

    `instead` is what would be sent otherwise; of two that are liked equally it is the wanted one.
    """
    qualities = [quality for name, quality in _liked(header) if name == wanted]
    other = [quality for name, quality in _liked(header) if name == instead]
    return bool(qualities) and max(qualities) > 0 and max(qualities) >= max(other, default=0.0)


def _liked(header: str) -> Iterator[tuple[str, float]]:
    """What a header names, with how much it is liked: 1 unless told; 0 for a version before 1, which nobody speaks."""
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        facts = dict(parameter.partition("=")[::2] for parameter in parameters)
        old = _OLD_VERSION.fullmatch(facts.get("version", "")) and name == _OPENMETRICS
        yield name, 0.0 if old else _quality(facts.get("q", "1"))


def _quality(text: str) -> float:
    """A quality value (RFC 9110, 12.4.2); what is none counts as not wanted."""
    return float(text) if _QUALITY.fullmatch(text) else 0.0


def _compress(parts: Iterable[bytes]) -> _Compressed:
    """Deflate up to a full flush: what follows can be compressed without a look at what came before (RFC 1951)."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    stream, checksum, length = [], 0, 0
    for part in parts:
        checksum, length = zlib.crc32(part, checksum), length + len(part)
        stream.append(compressor.compress(part))
    stream.append(compressor.flush(zlib.Z_FULL_FLUSH))
    return _Compressed([b"".join(stream)], checksum, length)


def _finish(beginning: _Compressed, live: bytes) -> list[bytes]:
    """One gzip member (RFC 1952) of the compressed beginning and the live part, which alone is compressed now."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    end = compressor.compress(live) + compressor.flush()
    checksum, length = zlib.crc32(live, beginning.checksum), beginning.length + len(live)
    return [_GZIP_HEADER, *beginning.stream, end, _GZIP_TRAILER.pack(checksum, length & 0xFFFFFFFF)]
