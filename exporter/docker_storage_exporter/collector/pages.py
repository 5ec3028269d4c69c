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

from docker_storage_exporter.collector.rendering import Block, Renderer, Text
from docker_storage_exporter.limits import Limits
from docker_storage_exporter.model.snapshot import Snapshot

_OPENMETRICS = "application/openmetrics-text"
_PLAIN_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS_TYPE = f"{_OPENMETRICS}; version=1.0.0; charset=utf-8"
_OLD_VERSION = re.compile(r"0\..*")
_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LEVEL = 1
_PART = 1024**2
_SMALL = 16 * 1024
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
    """One snapshot's blocks, and the large parts they are sent in, joined at the first request."""

    blocks: list[Block]
    plain: dict[bool, list[bytes]] = field(default_factory=dict)
    compressed: dict[bool, _Compressed] = field(default_factory=dict)

    def parts(self, *, openmetrics: bool) -> list[bytes]:
        """The text of a format."""
        known = self.plain.get(openmetrics)
        if known is None:
            known = self.plain[openmetrics] = list(_joined(text.plain for text in self._texts(openmetrics)))
        return known

    def compress(self, *, openmetrics: bool) -> _Compressed:
        """The same, compressed."""
        known = self.compressed.get(openmetrics)
        if known is None:
            known = self.compressed[openmetrics] = _compressed(self._texts(openmetrics))
        return known

    def _texts(self, openmetrics: bool) -> Iterator[Text]:
        for block in self.blocks:
            yield from block.texts(openmetrics=openmetrics)


class Pages:
    """Renders snapshots and answers scrapes.

    `labels` are the engine labels that _info series carry over, `limits` those of the user's own.
    """

    def __init__(self, registry: CollectorRegistry, labels: tuple[str, ...] = (), limits: Limits | None = None) -> None:
        self._registry = registry
        self.labels = labels
        self.limits = limits or Limits()
        self._rendered = _Rendered([])
        self._renderer = Renderer()
        self._asked_for: set[tuple[bool, bool]] = set()  # OpenMetrics or not, compressed or not
        self._lock = threading.Lock()

    def render(self, snapshot: Snapshot) -> None:
        """Make the object series of a snapshot, in the forms that were asked for before."""
        rendered = _Rendered(self._renderer.render(snapshot, self.labels, self.limits))
        for openmetrics, compressed in tuple(self._asked_for):
            if compressed:
                rendered.compress(openmetrics=openmetrics)
            else:
                rendered.parts(openmetrics=openmetrics)
        self._rendered = rendered

    def page(self, accept: str, *, gzip: bool) -> Page:
        """The page in the format that an Accept header prefers: OpenMetrics 1.0 or the text format."""
        openmetrics = accepts(accept, _OPENMETRICS, "text/plain")
        content_type = _OPENMETRICS_TYPE if openmetrics else _PLAIN_TYPE
        live = (generate_openmetrics if openmetrics else generate_latest)(self._registry)
        rendered = self._rendered
        with self._lock:
            self._asked_for.add((openmetrics, gzip))
            if not gzip:
                return Page(content_type, [*rendered.parts(openmetrics=openmetrics), live])
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
    """The names in a header with their weights: 1 by default, and 0 for an OpenMetrics version before 1."""
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        facts = dict(parameter.partition("=")[::2] for parameter in parameters)
        old = _OLD_VERSION.fullmatch(facts.get("version", "")) and name == _OPENMETRICS
        yield name, 0.0 if old else _quality(facts.get("q", "1"))


def _quality(text: str) -> float:
    """A quality value (RFC 9110, 12.4.2); what is none counts as not wanted."""
    return float(text) if _QUALITY.fullmatch(text) else 0.0


def _joined(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same in fewer parts, since each is sent by itself."""
    kept: list[bytes] = []
    size = 0
    for part in parts:
        kept.append(part)
        size += len(part)
        if size >= _PART:
            yield b"".join(kept)
            kept, size = [], 0
    yield b"".join(kept)


def _compressed(texts: Iterable[Text]) -> _Compressed:
    stream, checksum, length = [], 0, 0
    for text in _pieces(texts):
        checksum, length = zlib.crc32(text.plain, checksum), length + len(text.plain)
        stream.append(text.deflated())
    return _Compressed([b"".join(stream)], checksum, length)


def _pieces(texts: Iterable[Text]) -> Iterator[Text]:
    """Texts that are worth compressing by themselves; small ones are joined, since they repeat each other."""
    small: list[bytes] = []
    for text in texts:
        if len(text.plain) < _SMALL:
            small.append(text.plain)
            continue
        yield Text(b"".join(small))
        yield text
        small = []
    yield Text(b"".join(small))


def _finish(beginning: _Compressed, live: bytes) -> list[bytes]:
    """One gzip member (RFC 1952) of the compressed beginning and the live part, which alone is compressed now."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    end = compressor.compress(live) + compressor.flush()
    checksum, length = zlib.crc32(live, beginning.checksum), beginning.length + len(live)
    return [_GZIP_HEADER, *beginning.stream, end, _GZIP_TRAILER.pack(checksum, length & 0xFFFFFFFF)]
