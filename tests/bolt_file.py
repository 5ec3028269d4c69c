"""bbolt files for tests that need some particular content: each bucket is one leaf page, however large."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

_PAGE = 4096
_HEADER, _ELEMENT, _BUCKET = struct.Struct("=QHHI"), struct.Struct("=IIII"), struct.Struct("=QQ")
_META = struct.Struct("=IIIIQQQQQ")
_LEAF, _META_FLAG, _IS_BUCKET = 2, 4, 1


def write_bolt(path: Path, tree: dict[bytes, Any], transaction: int = 2) -> Path:
    """Write a tree of keys with values, or dictionaries for buckets, as a database; its path."""
    pages: list[bytes] = []
    root = _add(tree, pages)
    count = 2 + len(b"".join(pages)) // _PAGE
    metas = [_meta(number, root, count, transaction - 1 + number) for number in (0, 1)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join((*metas, *pages)))
    return path


def varint(number: int) -> bytes:
    """A number as Go's binary.PutVarint writes it."""
    return uvarint((number << 1) ^ (number >> 63))


def uvarint(number: int) -> bytes:
    """A number as Go's binary.PutUvarint writes it."""
    data = bytearray()
    while number > 127:
        data.append(number & 127 | 128)
        number >>= 7
    return bytes((*data, number))


def _add(tree: dict[bytes, Any], pages: list[bytes]) -> int:
    """Add a bucket with those below it; the number of its page."""
    entries = []
    for key, value in sorted(tree.items()):
        is_bucket = isinstance(value, dict)
        entries.append((key, _BUCKET.pack(_add(value, pages), 0) if is_bucket else value, is_bucket))
    elements, data, at = b"", b"", len(entries) * _ELEMENT.size
    for number, (key, value, is_bucket) in enumerate(entries):
        position = at - number * _ELEMENT.size + len(data)
        elements += _ELEMENT.pack(_IS_BUCKET * is_bucket, position, len(key), len(value))
        data += key + value
    size = _HEADER.size + len(elements) + len(data)
    overflow = (size - 1) // _PAGE
    number = 2 + len(b"".join(pages)) // _PAGE
    page = _HEADER.pack(number, _LEAF, len(entries), overflow) + elements + data
    pages.append(page.ljust((overflow + 1) * _PAGE, b"\0"))
    return number


def _meta(number: int, root: int, pages: int, transaction: int) -> bytes:
    body = _META.pack(0xED0CDAED, 2, _PAGE, 0, root, 0, 2**64 - 1, pages, transaction)
    checksum = 0xCBF29CE484222325
    for byte in body:
        checksum = ((checksum ^ byte) * 0x100000001B3) % 2**64
    return (_HEADER.pack(number, _META_FLAG, 0, 0) + body + struct.pack("=Q", checksum)).ljust(_PAGE, b"\0")
