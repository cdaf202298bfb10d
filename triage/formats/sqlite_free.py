"""Rows that a SQLite database does not hold any more, where their bytes are still in its pages.

They stand in pages on the freelist, whose content stays when a table is emptied or shrinks. Only
whole cells count, whose sizes agree to the byte. Not read: rows that were deleted within a page
that is in use, since SQLite overwrites where they begin, with the row id; trunk pages of the
freelist; tables WITHOUT ROWID. Nothing is left where a program sets `secure_delete` or ran VACUUM.

A page belongs to one table. A row counts if all that is read in its page fits one table of today's
schema and no other: number of columns, affinities, NOT NULL, the empty place of the row id.

Format: https://www.sqlite.org/fileformat2.html, sections 1.5, 1.6, 2.1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from triage.errors import ParseError

if TYPE_CHECKING:
    from triage.model import Reader

Value: TypeAlias = "str | int | float | bytes | None"

ROWS: Final = 20_000
"""Rows of one database that are taken."""

BYTES: Final = 32 << 20
"""Bytes of all of them."""

PAGES: Final = 1 << 16
"""Pages of one database that are looked at."""

_LEAF: Final = 0x0D
_HEAD, _POINTER = 8, 2  # bytes
_LONGEST: Final = 1 << 20  # bytes of a row
_MOST_COLUMNS: Final = 2000
_INTEGERS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # serial type → bytes
_REAL, _ZERO, _ONE, _FIRST_BLOB = 7, 8, 9, 12
_ENCODINGS: Final = {1: "utf-8", 2: "utf-16-le", 3: "utf-16-be"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column as the schema declares it."""

    name: str
    affinity: str  # integer, real, numeric, text, blob
    required: bool  # NOT NULL
    row_id: bool  # another name for the row id: its place in a row is empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with row ids."""

    name: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeRow:
    """A row that was deleted; `values` are those of the first columns, in their order."""

    table: Table
    row_id: int
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class _Cell:
    row_id: int
    values: tuple[Value, ...]
    size: int  # bytes


class _Unfit(Exception):  # noqa: N818 - no error: these bytes are no cell
    """Bytes are not what was looked for."""


class FreeSpace:
    """The pages of a database file, in clear, as it lies there without its log."""

    def __init__(self, file: Reader) -> None:
        """Read the header. Raises ParseError when it is none, EvidenceError when unreadable."""
        head = file.read_at(0, 100)
        size = int.from_bytes(head[16:18], "big")
        self._size = 1 << 16 if size == 1 else size
        self._usable = self._size - head[20] if len(head) == 100 else 0  # noqa: PLR2004
        if self._size & (self._size - 1) or self._size < 512 or self._usable < 480:  # noqa: PLR2004
            raise ParseError("the database has an odd page size")
        self._trunk, self._free_count = struct.unpack_from(">II", head, 32)
        self._encoding = _ENCODINGS.get(int.from_bytes(head[56:60], "big"), "utf-8")
        self._file = file
        self._count = file.size // self._size
        self.cut = False
        """Whether there are more pages or rows than are looked at."""

    def rows(self, tables: Sequence[Table]) -> Iterator[FreeRow]:
        """Yield the rows that fit one of these tables. Raises EvidenceError."""
        free = self._free_pages()
        found = size = 0
        for number in sorted(free):
            cells = self._cells(number, free)
            table = _table(cells, tables) if cells else None
            if table is None:
                continue
            for cell in cells:
                found, size = found + 1, size + cell.size
                if found > ROWS or size > BYTES:
                    self.cut = True
                    return
                yield FreeRow(table=table, row_id=cell.row_id, values=cell.values)

    def _page(self, number: int) -> bytes:
        return self._file.read_at((number - 1) * self._size, self._size)

    def _free_pages(self) -> frozenset[int]:
        """Return the leaves of the freelist: those whose content was left as it was."""
        free: set[int] = set()
        trunk, seen = self._trunk, 0
        self.cut = self._free_count > PAGES
        most = min(self._free_count, self._count, PAGES)
        while 1 < trunk <= self._count and seen <= most and len(free) < most:
            page = self._page(trunk)
            if len(page) < self._size:
                break
            following, leaves = struct.unpack_from(">II", page)
            leaves = min(leaves, self._usable // 4 - 2)
            listed = struct.unpack_from(f">{leaves}I", page, 8)
            free.update(leaf for leaf in listed if 1 < leaf <= self._count)
            trunk, seen = following, seen + 1
        return frozenset(free)

    def _cells(self, number: int, free: frozenset[int]) -> list[_Cell]:
        """Return the whole cells of a page that was a leaf of a table."""
        page = self._page(number)
        count = int.from_bytes(page[3:5], "big")
        end = _HEAD + _POINTER * count
        if len(page) < self._size or page[0] != _LEAF or end > self._usable:
            return []
        found = []
        for place in dict.fromkeys(struct.unpack_from(f">{count}H", page, _HEAD)):
            try:
                found.append(self._cell(page, place, end, free))
            except _Unfit:
                continue  # also where it goes on in a page that another row has
        return found

    def _cell(self, page: bytes, place: int, end: int, free: frozenset[int]) -> _Cell:
        if place < end:
            raise _Unfit
        length, at = _varint(page, place)
        row_id, at = _varint(page, at)
        if not 2 <= length <= _LONGEST:  # noqa: PLR2004 - a header of one column
            raise _Unfit
        payload = self._payload(page, at, length, free)
        return _Cell(
            row_id=row_id - (1 << 64) if row_id >> 63 else row_id,
            values=tuple(self._values(payload)),
            size=length,
        )

    def _payload(self, page: bytes, at: int, length: int, free: frozenset[int]) -> bytes:
        """Return the whole of a row, also where it goes on in pages that are free as well."""
        local = self._usable - 35
        if length > local:
            least = (self._usable - 12) * 32 // 255 - 23
            kept = least + (length - least) % (self._usable - 4)
            local = kept if kept <= local else least
        else:
            local = length
        if at + local + (4 if local < length else 0) > self._usable:
            raise _Unfit
        data = bytearray(page[at : at + local])
        following = int.from_bytes(page[at + local : at + local + 4], "big")
        seen: set[int] = set()
        while len(data) < length:
            if following not in free or following in seen:
                raise _Unfit  # another row has it now
            seen.add(following)
            more = self._page(following)
            data += more[4 : min(self._usable, 4 + length - len(data))]
            following = int.from_bytes(more[:4], "big")
        return bytes(data)

    def _values(self, payload: bytes) -> Iterator[Value]:
        size, at = _varint(payload, 0)
        if not at < size <= len(payload):
            raise _Unfit
        types = []
        while at < size:
            kind, at = _varint(payload, at)
            types.append(kind)
        if at != size or len(types) > _MOST_COLUMNS:
            raise _Unfit
        for kind in types:
            length = _length(kind)
            raw = payload[at : at + length]
            if len(raw) < length:
                raise _Unfit
            at += length
            yield self._value(kind, raw)
        if at != len(payload):
            raise _Unfit

    def _value(self, kind: int, raw: bytes) -> Value:
        if kind == 0:
            return None
        if kind in _INTEGERS:
            return int.from_bytes(raw, "big", signed=True)
        if kind == _REAL:
            (real,) = struct.unpack(">d", raw)
            return float(real)
        if kind in (_ZERO, _ONE):
            return kind - _ZERO
        if not kind % 2:
            return raw
        try:
            return raw.decode(self._encoding)
        except UnicodeDecodeError:
            raise _Unfit from None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(at, min(at + 8, len(data))):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:  # noqa: PLR2004
            return value, place + 1
    if at + 8 >= len(data):
        raise _Unfit
    return value << 8 | data[at + 8], at + 9


def _length(kind: int) -> int:
    if kind in _INTEGERS:
        return _INTEGERS[kind]
    if kind == _REAL:
        return 8
    if kind in (0, _ZERO, _ONE):
        return 0
    if kind < _FIRST_BLOB:
        raise _Unfit
    return (kind - _FIRST_BLOB) // 2


def _table(cells: Sequence[_Cell], tables: Sequence[Table]) -> Table | None:
    """Return the one table that all cells fit; of those with more columns only if none is equal."""
    fitting = [table for table in tables if all(_fits(cell, table) for cell in cells)]
    longest = max(len(cell.values) for cell in cells)
    exact = [table for table in fitting if len(table.columns) == longest]
    chosen = exact or fitting
    return chosen[0] if len(chosen) == 1 else None


def _fits(cell: _Cell, table: Table) -> bool:
    if not 1 < len(cell.values) <= len(table.columns):
        return False
    return all(
        _takes(column, value) for column, value in zip(table.columns, cell.values, strict=False)
    )


def _takes(column: Column, value: Value) -> bool:
    """Whether SQLite could have stored a value in a column of this affinity."""
    if column.row_id:
        return value is None
    if value is None:
        return not column.required
    match column.affinity:
        case "text":
            return isinstance(value, str)
        case "integer" | "real":
            return isinstance(value, int | float)
        case "numeric":
            return not isinstance(value, bytes)
        case _:
            return True


def affinity(declared: str) -> str:
    """Return the affinity of a declared type: section 3.1 of https://www.sqlite.org/datatype3.html.

    Programs do store text in columns that are called integer: SQLite allows it, and such rows do
    not fit here.
    """
    upper = declared.upper()
    if "INT" in upper:
        return "integer"
    if any(word in upper for word in ("CHAR", "CLOB", "TEXT")):
        return "text"
    if "BLOB" in upper or not upper:
        return "blob"
    if any(word in upper for word in ("REAL", "FLOA", "DOUB")):
        return "real"
    return "numeric"
