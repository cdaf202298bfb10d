"""Berkeley DB: the records of a btree file, of all databases in it, current or not.

A file may hold several databases, each a btree of its own (Bitcoin Core's hold one, `main`). Read
are the leaf pages of the whole file, not only those that a tree leads to: a record is `live` when
its page is reached from the root of some tree and its item is not marked as deleted. Items too
large for a page lie in chains of overflow pages. What a page held before lies in its slack until
something overwrites it. Both byte orders.

Not read: hash, queue and record number databases, off-page duplicates, encrypted databases, and
what log files beside the database still hold.

Source: `dbinc/db_page.h` of Berkeley DB 4.8 to 5.3 (DBMETA, BTMETA, PAGE, BKEYDATA, BOVERFLOW,
BINTERNAL).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from triage.errors import LimitError, ParseError

if TYPE_CHECKING:
    from triage.model import Reader

MAGIC: Final = 0x053162
"""Of a btree, at offset 12, in the byte order of the file."""

LIMIT: Final = 1 << 30
"""Bytes of the largest file that is read."""

_PAGE_SIZES: Final = tuple(1 << power for power in range(9, 17))
_HEADER = 26  # bytes of a page header; items are addressed after it
_CHECKSUM_HEADER = 32  # with a checksum of four bytes
_CHECKSUM_FLAG = 1
_FREE, _INTERNAL, _LEAF, _OVERFLOW, _META = 0, 3, 5, 7, 9
_DATA, _CHAINED, _DELETED = 1, 3, 0x80
_CHAINED_SIZE = 12
_NO_PAGE = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A key and its value; `page` and `item` (in slack: byte of the page) say where the key stands.

    `value` is cut short, and `whole` false, when pages of its chain are missing.
    """

    key: bytes
    value: bytes = field(repr=False)
    live: bool
    whole: bool
    page: int
    item: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    number: int
    entries: int
    following: int  # the next page of a chain, or of the leaves
    used: int  # leaf: where its items begin; overflow: bytes of data on this page
    type: int
    data: bytes


class Database:
    """An open file; `problems` grows while its records are read."""

    def __init__(self, reader: Reader) -> None:
        head = reader.read_at(0, 512)
        order = byte_order(head)
        if order is None:
            raise ParseError("not a Berkeley DB btree")
        self._order = order
        self.version, self.page_size = struct.unpack_from(f"{order}2I", head, 16)
        encryption, flags = head[24], head[26]
        if self.page_size not in _PAGE_SIZES:
            raise ParseError("impossible page size")
        if encryption:
            raise ParseError("the database is encrypted")
        if reader.size > LIMIT:
            raise LimitError(f"database larger than {LIMIT} bytes")
        self._header = _CHECKSUM_HEADER if flags & _CHECKSUM_FLAG else _HEADER
        self._reader = reader
        self.pages = reader.size // self.page_size
        self.problems: list[str] = []
        # A chain may be named by many items: together they may not cost more than reading twice.
        self._chained_left = 2 * self.pages + 16
        if reader.size % self.page_size:
            self.problems.append("the file ends inside a page")

    def records(self) -> Iterator[Record]:
        """Yield the records in the order of the file. Raises EvidenceError where unreadable."""
        reached = self._reached()
        for number in range(self.pages):
            page = self._page(number)
            if page is not None and page.type == _LEAF:
                yield from self._of_leaf(page, live=number in reached)

    def slack(self) -> Iterator[Record]:
        """Yield what may be former records: pairs of items in the unused parts of pages.

        In a page the value lies right before its key. Each item that another follows makes a pair
        with it, so half of the pairs are none: the caller has to know its keys.
        """
        for number in range(self.pages):
            page = self._page(number)
            if page is None or page.type not in {_FREE, _LEAF}:
                continue
            start = self._header + (2 * page.entries if page.type == _LEAF else 0)
            yield from self._pairs(page, start, page.used if page.type == _LEAF else self.page_size)

    def _pairs(self, page: _Page, start: int, end: int) -> Iterator[Record]:
        at = (start + 3) & ~3
        value = None
        while at < min(end, self.page_size):
            item = self._plain(page, at)
            if item is not None and value is not None and item:
                yield Record(
                    key=item, value=value, live=False, whole=True, page=page.number, item=at
                )
            value = item
            at += 4 if item is None else (3 + len(item) + 3) & ~3

    def _plain(self, page: _Page, at: int) -> bytes | None:
        if at > self.page_size - 3:
            return None
        length, kind = struct.unpack_from(f"{self._order}HB", page.data, at)
        if kind & ~_DELETED != _DATA or at + 3 + length > self.page_size:
            return None
        return page.data[at + 3 : at + 3 + length]

    def _page(self, number: int) -> _Page | None:
        if not 0 <= number < self.pages:
            return None
        data = self._reader.read_at(number * self.page_size, self.page_size)
        if len(data) < self.page_size:
            return None
        own, _, following, entries, used = struct.unpack_from(f"{self._order}3I2H", data, 8)
        if own != number:
            return None
        return _Page(
            number=number,
            entries=entries,
            following=following,
            used=used,
            type=data[25],
            data=data,
        )

    def _reached(self) -> set[int]:
        """Return the leaves that the trees lead to."""
        pending: list[int] = []
        for number in range(self.pages):
            head = self._reader.read_at(number * self.page_size, 96)
            if len(head) == 96 and head[25] == _META and byte_order(head) == self._order:  # noqa: PLR2004
                pending += struct.unpack_from(f"{self._order}I", head, 88)
        seen: set[int] = set()
        leaves: set[int] = set()
        while pending:
            number = pending.pop()
            if number in seen:
                continue
            seen.add(number)
            page = self._page(number)
            if page is None:
                continue
            if page.type == _LEAF:
                leaves.add(number)
            elif page.type == _INTERNAL:
                pending += self._children(page)
        return leaves

    def _children(self, page: _Page) -> Iterator[int]:
        for offset in self._offsets(page):
            if offset + 8 <= self.page_size:
                yield from struct.unpack_from(f"{self._order}I", page.data, offset + 4)

    def _offsets(self, page: _Page) -> tuple[int, ...]:
        room = (self.page_size - self._header) // 2
        count = min(page.entries, room)
        return struct.unpack_from(f"{self._order}{count}H", page.data, self._header)

    def _of_leaf(self, page: _Page, *, live: bool) -> Iterator[Record]:
        offsets = self._offsets(page)
        if len(offsets) % 2 or len(offsets) < page.entries:
            self.problems.append(f"page {page.number} is damaged")
        for at in range(0, len(offsets) - 1, 2):
            key, value = self._item(page, offsets[at]), self._item(page, offsets[at + 1])
            if key is None or value is None:
                self.problems.append(f"page {page.number}, item {at} is damaged")
                continue
            yield Record(
                key=key[0],
                value=value[0],
                live=live and not (key[1] or value[1]),
                whole=key[2] and value[2],
                page=page.number,
                item=at,
            )

    def _item(self, page: _Page, offset: int) -> tuple[bytes, bool, bool] | None:
        """Return content, whether it is deleted, whether it is whole; None when out of place."""
        if not self._header <= offset <= self.page_size - 3:
            return None
        length, kind = struct.unpack_from(f"{self._order}HB", page.data, offset)
        deleted, kind = bool(kind & _DELETED), kind & ~_DELETED
        if kind == _DATA and offset + 3 + length <= self.page_size:
            return page.data[offset + 3 : offset + 3 + length], deleted, True
        if kind == _CHAINED and offset + _CHAINED_SIZE <= self.page_size:
            first, total = struct.unpack_from(f"{self._order}2I", page.data, offset + 4)
            content = self._chain(first, total)
            return content, deleted, len(content) == total
        return None

    def _chain(self, number: int, total: int) -> bytes:
        parts: list[bytes] = []
        missing = total
        while missing > 0 and number != _NO_PAGE:
            if self._chained_left == 0:
                raise LimitError("chains of large items cross each other")
            self._chained_left -= 1
            page = self._page(number)
            if page is None or page.type != _OVERFLOW:
                break
            part = page.data[self._header :][: min(page.used, missing)]
            parts.append(part)
            missing -= len(part)
            number = page.following if part else _NO_PAGE
        if missing:
            self.problems.append(f"{missing} of {total} bytes of a large item are missing")
        return b"".join(parts)


def byte_order(head: bytes) -> str | None:
    """Return `<` or `>` as a `struct` prefix, None when the first 16 bytes are no btree's."""
    for order in "<>":
        if len(head) >= 16 and struct.unpack_from(f"{order}I", head, 12)[0] == MAGIC:  # noqa: PLR2004
            return order
    return None
