"""Pages of a bbolt file: which transaction is the newest, and what stands in a page. Everything is bounds-checked."""

from __future__ import annotations

import os
import struct
from collections import OrderedDict
from dataclasses import dataclass

_MAGIC, _VERSION = 0xED0CDAED, 2
_BRANCH, _LEAF = 0x01, 0x02
_PAGE = struct.Struct("=QHHI")  # id, flags, count, overflow
# Magic, version, page size, flags, root, sequence, freelist, pages, transaction, checksum:
_META = struct.Struct("=IIIIQQQQQQ")
_BRANCH_ELEMENT = struct.Struct("=IIQ")  # position, key size, page id
_LEAF_ELEMENT = struct.Struct("=IIII")  # flags, position, key size, value size
_SMALLEST_PAGE, _LARGEST_PAGE = 512, 64 * 1024
_LARGEST_RUN = 64 * 1024 * 1024  # bytes of a page with its overflow: no engine keeps a larger value
_CACHED_BYTES = 1024 * 1024
_FNV_OFFSET, _FNV_PRIME, _FNV_MASK = 0xCBF29CE484222325, 0x100000001B3, 2**64 - 1


class CorruptError(Exception):
    """The file is no bbolt database, or not one that was written to the end."""


@dataclass(frozen=True, slots=True)
class Meta:
    """What a committed transaction is: the page of its root bucket, and how many pages there are."""

    page_size: int
    root: int
    pages: int
    transaction: int


@dataclass(frozen=True, slots=True)
class Element:
    """An entry of a page: in a branch the page below, in a leaf a value, or a bucket's header as its value."""

    key: bytes
    page: int = 0
    value: bytes = b""
    is_bucket: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A page's entries in the order of their keys."""

    is_leaf: bool
    elements: tuple[Element, ...]


def newest_meta(descriptor: int) -> Meta:
    """The newest committed transaction of an open database: of two meta pages the valid one with the higher number.

    Raises CorruptError when neither is valid, and OSError.
    """
    first = _meta(os.pread(descriptor, _PAGE.size + _META.size, 0))
    sizes = [first.page_size] if first else []
    sizes += [1 << power for power in range(9, 17)]  # a first page that is torn does not tell where the second one is
    for size in sizes:
        second = _meta(os.pread(descriptor, _PAGE.size + _META.size, size))
        if second is not None and second.page_size == size:
            return max((meta for meta in (first, second) if meta), key=lambda meta: meta.transaction)
    if first is None:
        raise CorruptError("no meta page is valid")
    return first


def _meta(data: bytes) -> Meta | None:
    """A meta page; None for what is none."""
    if len(data) < _PAGE.size + _META.size:
        return None
    magic, version, page_size, _, root, _, _, pages, transaction, checksum = _META.unpack_from(data, _PAGE.size)
    body = data[_PAGE.size : _PAGE.size + _META.size - 8]
    if (magic, version, checksum) != (_MAGIC, _VERSION, _fnv(body)):
        return None
    if not _SMALLEST_PAGE <= page_size <= _LARGEST_PAGE or page_size & (page_size - 1):
        return None
    return Meta(page_size, root, pages, transaction)


def _fnv(data: bytes) -> int:
    """FNV-1a of 64 bits."""
    value = _FNV_OFFSET
    for byte in data:
        value = ((value ^ byte) * _FNV_PRIME) & _FNV_MASK
    return value


class Pages:
    """Reads pages of one transaction, each at most once while it is in a cache of bounded size."""

    def __init__(self, descriptor: int, meta: Meta) -> None:
        self._descriptor = descriptor
        self._meta = meta
        self._cache: OrderedDict[int, tuple[Page, int]] = OrderedDict()
        self._cached = 0

    def read(self, number: int) -> Page:
        """A page with its overflow. Raises CorruptError, and OSError."""
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number][0]
        data = self._bytes(number)
        page = parsed(data)
        self._cache[number] = page, len(data)
        self._cached += len(data)
        while self._cached > _CACHED_BYTES and len(self._cache) > 1:
            _, (_, size) = self._cache.popitem(last=False)
            self._cached -= size
        return page

    def _bytes(self, number: int) -> bytes:
        size = self._meta.page_size
        if not 2 <= number < self._meta.pages:  # noqa: PLR2004 - the first two are the meta pages
            raise CorruptError(f"page {number} is none of {self._meta.pages}")
        data = os.pread(self._descriptor, size, number * size)
        if len(data) < size:
            raise CorruptError(f"page {number} is behind the end of the file")
        found, _, _, overflow = _PAGE.unpack_from(data)
        if found != number:
            raise CorruptError(f"page {number} calls itself {found}")
        if number + overflow >= self._meta.pages or (overflow + 1) * size > _LARGEST_RUN:
            raise CorruptError(f"page {number} has an overflow of {overflow} pages")
        if overflow:
            more = os.pread(self._descriptor, overflow * size, (number + 1) * size)
            if len(more) < overflow * size:
                raise CorruptError(f"page {number} ends behind the end of the file")
            data += more
        return data


def parsed(data: bytes) -> Page:
    """The entries of a page, or of a bucket that is kept inline. Raises CorruptError."""
    if len(data) < _PAGE.size:
        raise CorruptError("a page is cut short")
    _, flags, count, _ = _PAGE.unpack_from(data)
    if flags == _LEAF:
        return Page(is_leaf=True, elements=tuple(_leaf(data, number) for number in range(count)))
    if flags == _BRANCH:
        if not count:
            raise CorruptError("a branch page is empty")
        return Page(is_leaf=False, elements=tuple(_branch(data, number) for number in range(count)))
    raise CorruptError(f"a page has the flags {flags:#x}")


def _leaf(data: bytes, number: int) -> Element:
    at = _PAGE.size + number * _LEAF_ELEMENT.size
    flags, position, key_size, value_size = _unpacked(_LEAF_ELEMENT, data, at)
    key = _cut(data, at + position, key_size)
    value = _cut(data, at + position + key_size, value_size)
    return Element(key, value=value, is_bucket=bool(flags & 1))


def _branch(data: bytes, number: int) -> Element:
    at = _PAGE.size + number * _BRANCH_ELEMENT.size
    position, key_size, page = _unpacked(_BRANCH_ELEMENT, data, at)
    return Element(_cut(data, at + position, key_size), page)


def _unpacked(form: struct.Struct, data: bytes, at: int) -> tuple[int, ...]:
    if at + form.size > len(data):
        raise CorruptError("a page says that it holds more entries than it can")
    return form.unpack_from(data, at)


def _cut(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise CorruptError("an entry reaches behind its page")
    return data[at : at + size]
