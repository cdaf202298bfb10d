"""Journals of systemd: which values a field has, how often, and when first and last.

Every distinct `FIELD=value` is one object that points to its entries, so a question about programs
costs one pass over the objects and no look at messages. Values that are compressed (those of more
than some hundred bytes) are passed over. Entry arrays are followed in their chain, which only goes
forward. Both the ordinary and the compact form are read.

Format: https://systemd.io/JOURNAL_FILE_FORMAT/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from triage.errors import ParseError
from triage.model import Reader

MAGIC = b"LPKSHHRH"
_HEADER = struct.Struct("<8sII B7x 16s16s16s16s QQQQQQQQQ")
_OBJECT = struct.Struct("<BB6xQ")
_DATA, _ENTRY, _ENTRY_ARRAY = 1, 3, 6
_COMPACT = 1 << 4
_COMPRESSED = 0x07
_DATA_FIXED = struct.Struct("<6Q")
_OBJECT_LIMIT = 5_000_000
_CHAIN_LIMIT = 100_000
_BLOCK = 1 << 20
_VALUE_LIMIT = 1024  # bytes of a value that is of interest


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldValue:
    """One value of a field: the number of its entries, and microseconds since 1970 UTC."""

    field: str
    value: str
    entries: int
    first: int
    last: int
    offset: int  # of the object in the file


class Journal:
    """One journal file. Raises ParseError; `truncated` says that objects ended before the file."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._at, self._cache = -1, b""
        head = self._read(0, _HEADER.size)
        if len(head) < _HEADER.size or head[:8] != MAGIC:
            raise ParseError("not a journal of systemd")
        values = _HEADER.unpack(head)
        self._compact = bool(values[2] & _COMPACT)
        self._start = values[8]
        arena = values[9]
        self._end = min(self._start + arena, reader.size)
        self._tail = values[14]  # the last object; behind it lies room for more
        if self._start < _HEADER.size or self._start & 7:
            raise ParseError("a journal whose header is damaged")
        self.truncated = self._start + arena > reader.size

    def values(self, fields: frozenset[str], *, containing: bytes = b"") -> Iterator[FieldValue]:
        """Yield the values of these fields that contain such bytes, in the order of the file."""
        wanted = tuple(f"{name}=".encode() for name in sorted(fields))
        fixed = _OBJECT.size + _DATA_FIXED.size + (8 if self._compact else 0)
        at = self._start
        for _ in range(_OBJECT_LIMIT):
            if at > self._tail:
                return
            if at + _OBJECT.size > self._end:
                self.truncated = True
                return
            kind, flags, size = _OBJECT.unpack(self._read(at, _OBJECT.size))
            if size < _OBJECT.size:
                self.truncated = True
                return
            if kind == _DATA and not flags & _COMPRESSED and fixed < size < fixed + _VALUE_LIMIT:
                raw = self._read(at, size)
                payload = raw[fixed:]
                if payload.startswith(wanted) and containing in payload:
                    yield self._value(at, raw, payload)
            at += (size + 7) & ~7

    def _value(self, at: int, raw: bytes, payload: bytes) -> FieldValue:
        _, _, _, entry, array, count = _DATA_FIXED.unpack_from(raw, _OBJECT.size)
        first = self._time(entry)
        last = max(first, self._time(self._last(array, count - 1)) if array else first)
        field, _, value = payload.decode("utf-8", "replace").partition("=")
        return FieldValue(
            field=field, value=value, entries=count, first=first, last=last, offset=at
        )

    def _last(self, array: int, left: int) -> int:
        """Return the offset of the last entry: `left` of them stand in the chain of arrays."""
        width = 4 if self._compact else 8
        found = 0
        for _ in range(_CHAIN_LIMIT):
            head = self._read(array, _OBJECT.size + 8)
            if len(head) < _OBJECT.size + 8:
                break
            kind, _, size = _OBJECT.unpack_from(head)
            capacity = (size - _OBJECT.size - 8) // width
            if kind != _ENTRY_ARRAY or capacity <= 0 or left <= 0:
                break
            place = array + _OBJECT.size + 8 + (min(left, capacity) - 1) * width
            found = int.from_bytes(self._read(place, width), "little") or found
            left -= capacity
            following = int.from_bytes(head[_OBJECT.size :], "little")
            if following <= array:
                break
            array = following
        return found

    def _time(self, entry: int) -> int:
        """Return the wall clock of an entry, 0 when it is none."""
        raw = self._read(entry, _OBJECT.size + 16) if entry else b""
        if len(raw) < _OBJECT.size + 16 or raw[0] != _ENTRY:
            return 0
        return int.from_bytes(raw[_OBJECT.size + 8 :], "little")

    def _read(self, offset: int, length: int) -> bytes:
        """Read through one block, since objects lie one behind the other."""
        inside = offset - self._at
        if self._at >= 0 and inside >= 0 and inside + length <= len(self._cache):
            return self._cache[inside : inside + length]
        if offset < 0 or offset >= self._reader.size:
            return b""
        self._at = offset
        self._cache = self._reader.read_at(
            offset, min(max(_BLOCK, length), self._reader.size - offset)
        )
        return self._cache[:length]
