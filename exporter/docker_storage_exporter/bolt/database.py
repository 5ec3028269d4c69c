"""Buckets of a bbolt database, and how they are read while another process writes."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import TypeVar

from docker_storage_exporter.bolt.pages import CorruptError, Element, Page, Pages, newest_meta, parsed

_HEADER = struct.Struct("=QQ")  # a bucket's value begins with the page of its root and its sequence
_DEEPEST = 64  # levels of pages, and of buckets in each other: a page of 4 KiB holds two keys at least
_TRIES = 10

T = TypeVar("T")


class BusyError(Exception):
    """The database was written to during every try."""


def read(descriptor: int, take: Callable[[Bucket], T], tries: int = _TRIES) -> T:
    """What `take` makes of the root bucket of an open database, all of it as one transaction left it.

    `take` may be called several times, and must not keep a bucket. Raises CorruptError for what is no database,
    BusyError when each try was overtaken by a writer, and OSError.
    """
    for _ in range(tries):
        meta = newest_meta(descriptor)
        error: CorruptError | None = None
        try:
            result = take(Bucket(Pages(descriptor, meta), meta.root))
        except CorruptError as corrupt:  # perhaps only because pages were used again meanwhile
            error = corrupt
        if newest_meta(descriptor).transaction == meta.transaction:
            if error is not None:
                raise error
            return result
    raise BusyError(f"the database was written to during each of {tries} tries")


def newest_transaction(descriptor: int) -> int:
    """The number of the newest committed transaction: while it is the same, the content is. Raises like `read`."""
    return newest_meta(descriptor).transaction


class Bucket:
    """Keys with values or buckets, in the order of the keys. A bucket that is small is kept inline, without a page."""

    def __init__(self, pages: Pages, root: int, inline: Page | None = None, depth: int = 0) -> None:
        if depth > _DEEPEST:
            raise CorruptError("buckets lie too deep in each other")
        self._pages = pages
        self._root = root
        self._inline = inline
        self._depth = depth

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Every key with its value; keys of buckets are left out. Raises CorruptError, and OSError."""
        yield from ((element.key, element.value) for element in self._leaves() if not element.is_bucket)

    def buckets(self) -> Iterator[tuple[bytes, Bucket]]:
        """Every key of a bucket with it. Raises CorruptError, and OSError."""
        yield from ((element.key, self._below(element)) for element in self._leaves() if element.is_bucket)

    def value(self, key: bytes) -> bytes | None:
        """The value of a key; None where there is none, or a bucket."""
        element = self._find(key)
        return element.value if element is not None and not element.is_bucket else None

    def bucket(self, *path: bytes) -> Bucket | None:
        """The bucket at a path of keys; None where there is none."""
        if not path:
            return self
        element = self._find(path[0])
        if element is None or not element.is_bucket:
            return None
        return self._below(element).bucket(*path[1:])

    def _below(self, element: Element) -> Bucket:
        if len(element.value) < _HEADER.size:
            raise CorruptError("a bucket's header is cut short")
        root, _ = _HEADER.unpack_from(element.value)
        inline = parsed(element.value[_HEADER.size :]) if root == 0 else None
        if inline is not None and not inline.is_leaf:
            raise CorruptError("an inline bucket is no leaf")
        return Bucket(self._pages, root, inline, self._depth + 1)

    def _find(self, key: bytes) -> Element | None:
        page = self._inline or self._pages.read(self._root)
        for _ in range(_DEEPEST):
            if page.is_leaf:
                return next((element for element in page.elements if element.key == key), None)
            keys = [element.key for element in page.elements]
            page = self._pages.read(page.elements[max(0, bisect_right(keys, key) - 1)].page)
        raise CorruptError("pages lie too deep below each other")

    def _leaves(self) -> Iterator[Element]:
        """The entries of all leaf pages, each of which is in one place of the tree: a circle is no tree."""
        if self._inline is not None:
            yield from self._inline.elements
            return
        pending, seen = [self._root], {self._root}
        while pending:
            page = self._pages.read(pending.pop())
            if page.is_leaf:
                yield from page.elements
                continue
            below = [element.page for element in reversed(page.elements)]
            if not seen.isdisjoint(below) or len(set(below)) != len(below):
                raise CorruptError("two branches lead to one page")
            seen.update(below)
            pending += below
