"""Databases of the Extensible Storage Engine (ESE, "JET Blue"), read with libesedb.

Windows keeps SRUM, its search index and much else in them. What stands only in transaction logs
beside a database is not read: `clean` says whether there can be any. libesedb passes over a page
without content in silence, so rows may be missing from a damaged database without a note.

Source: https://github.com/libyal/libesedb/blob/main/documentation and Microsoft's published source,
https://github.com/microsoft/Extensible-Storage-Engine.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import pyesedb

from triage.errors import LimitError, ParseError
from triage.formats.file_object import FileObject

if TYPE_CHECKING:
    from triage.model import Reader

ROW_LIMIT: Final = 5_000_000
"""Rows of one table."""

Cell = int | float | bytes | None

_WHAT = "the ESE database"
_MAGIC = b"\xef\xcd\xab\x89"
_STATE_AT, _CLEAN = 52, 3
_COMPRESSED = 0x02  # flag of a value
_7_BIT_ASCII, _7_BIT_UNICODE = 1, 2  # ways of compression, in the upper five bits of its first byte
_TABLE_LIMIT = 10_000
_COLUMN_LIMIT = 5_000
_PROBLEM_LIMIT = 20
_NUMBERS: Final[Mapping[int, struct.Struct]] = MappingProxyType(
    {  # type of a column → how its bytes are read
        1: struct.Struct("<B"),
        2: struct.Struct("<B"),
        3: struct.Struct("<h"),
        4: struct.Struct("<i"),
        5: struct.Struct("<q"),
        6: struct.Struct("<f"),
        7: struct.Struct("<d"),
        8: struct.Struct("<d"),  # a date: days since 1899-12-30
        14: struct.Struct("<I"),
        15: struct.Struct("<q"),
        17: struct.Struct("<H"),
    }
)


class Database:
    """An open database. `problems` fills with what could not be read, a few words each."""

    def __init__(self, reader: Reader) -> None:
        """Open it. Raises ParseError when it is none or its catalog is damaged, EvidenceError."""
        self.problems: list[str] = []
        head = reader.read_at(0, _STATE_AT + 4)
        if len(head) < _STATE_AT + 4 or head[4:8] != _MAGIC:
            raise ParseError("not an ESE database")
        self.clean: bool = int.from_bytes(head[_STATE_AT:], "little") == _CLEAN
        """Whether it was closed in order: else its newest rows may stand in its logs only."""
        self._source = FileObject(reader)
        self._file = pyesedb.file()
        with self._source.own_words(_WHAT):
            self._file.open_file_object(self._source)
            count = self._file.get_number_of_tables()
        if count > _TABLE_LIMIT:
            raise LimitError(f"an ESE database with more than {_TABLE_LIMIT} tables")
        self._tables: dict[str, Any] = {}
        for number in range(count):
            try:
                with self._source.own_words("a table"):
                    table = self._file.get_table(number)
                    self._tables.setdefault(table.get_name(), table)
            except ParseError:
                self._note(f"table {number} cannot be read")

    @property
    def tables(self) -> frozenset[str]:
        """Names of the tables."""
        return frozenset(self._tables)

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
        """Yield the values of the columns in each row, None for one that the table lacks.

        Numbers and dates (days since 1899-12-30) are numbers, all else bytes. Damaged rows are
        passed over and noted. Raises ParseError, LimitError past `ROW_LIMIT` rows, EvidenceError.
        """
        found = self._tables.get(table)
        if found is None:
            return
        with self._source.own_words(f"table {table}"):
            places = self._places(found, columns)
            count = found.get_number_of_records()
        if count > ROW_LIMIT:
            raise LimitError(f"a table of more than {ROW_LIMIT} rows")
        damaged = 0
        for number in range(count):
            try:
                with self._source.own_words("a row"):
                    record = found.get_record(number)
                    row = tuple(
                        None if place is None else _cell(record, *place) for place in places
                    )
            except ParseError:
                damaged += 1
                continue
            yield row
        if damaged:
            self._note(f"{damaged} rows of table {table} cannot be read")

    def _places(self, table: Any, columns: Sequence[str]) -> list[tuple[int, int] | None]:
        """Return number and type of each column."""
        count = table.get_number_of_columns()
        if count > _COLUMN_LIMIT:
            raise LimitError(f"a table of more than {_COLUMN_LIMIT} columns")
        known: dict[str, tuple[int, int]] = {}
        for number in range(count):
            column = table.get_column(number)
            known[column.get_name()] = (number, column.get_type())
        return [known.get(name) for name in columns]

    def _note(self, problem: str) -> None:
        if len(self.problems) < _PROBLEM_LIMIT:
            self.problems.append(problem)


def _cell(record: Any, number: int, kind: int) -> Cell:
    """Return one value. Long binary ones lie in a tree of their own and are not followed."""
    form = _NUMBERS.get(kind)
    if form is None and record.is_long_value(number):
        return None
    raw: bytes | None = record.get_value_data(number)
    if raw is not None and form is None and record.get_value_data_flags(number) & _COMPRESSED:
        return _unpacked(raw)
    if form is None or raw is None:
        return raw
    value: int | float | None = form.unpack(raw)[0] if len(raw) == form.size else None
    return value


def _unpacked(raw: bytes) -> bytes | None:
    """Return what a value of less than a kilobyte was before compression; None of other ways.

    Seven bits a character, lowest first; the first byte says how many bits of the last count.
    """
    way, last = raw[0] >> 3 if raw else 0, (raw[0] & 7) + 1 if raw else 0
    if way not in {_7_BIT_ASCII, _7_BIT_UNICODE} or len(raw) < 2:  # noqa: PLR2004 - a byte of text
        return None
    bits = int.from_bytes(raw[1:], "little")
    count = ((len(raw) - 2) * 8 + last) // 7
    text = bytes(bits >> 7 * number & 0x7F for number in range(count))
    return text if way == _7_BIT_ASCII else text.decode("ascii").encode("utf-16-le")
