"""Streams of Apple's Biome (SEGB): dated records, mostly messages of protocol buffers.

Version 1 (macOS 12, iOS 15 and 16): 56 bytes of head that end in `SEGB` and begin with where the
records end; each has length, state, two times, a CRC-32 and stands at a multiple of eight bytes.
Version 2 (macOS 14, iOS 17 and later): 32 bytes of head that begin with `SEGB` and the number
of records; a table at the end has of each where it ends, its state and its time. Times are seconds
since 2001-01-01. A deleted record keeps its place and loses its content.

Source: CCL Solutions' ccl-segb, https://github.com/cclgroupltd/ccl-segb.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from triage.errors import ParseError

SIZE_LIMIT: Final = 64 << 20
"""Bytes of one stream's file."""
RECORD_LIMIT: Final = 1_000_000

_MAGIC = b"SEGB"
_HEAD_1, _HEAD_2 = 56, 32
_RECORD_1 = struct.Struct("<iiddI4x")
_RECORD_2 = struct.Struct("<I4x")
_TABLE_2 = struct.Struct("<iid")
_WRITTEN = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record. `written` is seconds since 2001-01-01; `sound` whether its checksum fits."""

    place: int  # bytes from the beginning of the file
    deleted: bool
    written: float
    data: bytes
    sound: bool


def parse(data: bytes) -> Iterator[Record]:
    """Yield the records in their order in the file. Raises ParseError when it is no such file."""
    if len(data) >= _HEAD_1 and data[_HEAD_1 - 4 : _HEAD_1] == _MAGIC:
        yield from _first(data)
    elif len(data) >= _HEAD_2 and data[:4] == _MAGIC:
        yield from _second(data)
    else:
        raise ParseError("not a stream of Biome")


def _first(data: bytes) -> Iterator[Record]:
    end = min(int.from_bytes(data[:4], "little"), len(data))
    at = _HEAD_1
    for _ in range(RECORD_LIMIT):
        if at + _RECORD_1.size > end:
            return
        length, state, when, _, checksum = _RECORD_1.unpack_from(data, at)
        start = at + _RECORD_1.size
        if length < 0 or start + length > end:
            return  # cut off, or never finished
        content = data[start : start + length]
        yield _record(content, start, state, when, checksum)
        at = (start + length + 7) & ~7


def _second(data: bytes) -> Iterator[Record]:
    count = int.from_bytes(data[4:8], "little", signed=True)
    table = len(data) - count * _TABLE_2.size
    if not 0 <= count <= RECORD_LIMIT or table < _HEAD_2:
        raise ParseError("the table of a stream of Biome lies outside of it")
    rows = sorted(_TABLE_2.iter_unpack(data[table:]), key=lambda row: row[0])
    at = _HEAD_2
    for end, state, when in rows:
        last = _HEAD_2 + end
        if at + _RECORD_2.size <= last <= table:
            (checksum,) = _RECORD_2.unpack_from(data, at)
            start = at + _RECORD_2.size
            yield _record(data[start:last], start, state, when, checksum)
        at = max(at, (last + 3) & ~3)


def _record(content: bytes, place: int, state: int, when: float, checksum: int) -> Record:
    return Record(
        place=place,
        deleted=state != _WRITTEN,
        written=when,
        data=content,
        sound=zlib.crc32(content) == checksum,
    )
