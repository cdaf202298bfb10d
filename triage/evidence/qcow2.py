"""QCOW2, versions 2 and 3: two levels of tables lead to clusters, which may be compressed.

Source: QEMU, `docs/interop/qcow2.rst`. Not read: backing files, encryption, external data files,
zstd, sub-clusters; snapshots inside are noted and left alone.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from typing import Final

from triage.errors import EvidenceError, ParseError
from triage.model import Reader

_MAGIC: Final = b"QFI\xfb"
_HEADER: Final = struct.Struct(">4sIQIIQIIQQIIQ")
_DIRTY, _CORRUPT, _EXTERNAL, _COMPRESSION, _SUBCLUSTERS = 1, 2, 4, 8, 16
_PLACE: Final = (1 << 56) - 512  # bits 9 to 55
_COMPRESSED, _ZERO = 1 << 62, 1
_LARGEST_TABLE: Final = 64 << 20  # bytes
_SMALLEST, _LARGEST = 9, 21  # bits of a cluster
_SECTOR: Final = 512
_TABLES, _CLUSTERS = 64, 16  # kept


class Qcow2:
    """The clusters of one image."""

    def __init__(self, reader: Reader) -> None:
        """Read the header. Raises ParseError for what is not read here."""
        head = reader.read_at(0, 112)
        if len(head) < _HEADER.size:
            raise ParseError("no QCOW2 header")
        (
            _, version, backing, _, bits, self.size, crypt, entries, table, _, _, snapshots, _
        ) = _HEADER.unpack_from(head)  # fmt: skip
        features = int.from_bytes(head[72:80], "big") if version > 2 else 0  # noqa: PLR2004
        method = head[104] if version > 2 and features & _COMPRESSION else 0  # noqa: PLR2004
        readable = version in (2, 3) and not (backing or crypt or method)
        if not readable or features & (_EXTERNAL | _SUBCLUSTERS) or features >> 5:
            raise ParseError("a QCOW2 that is not read")
        if not _SMALLEST <= bits <= _LARGEST or entries * 8 > _LARGEST_TABLE:
            raise ParseError("odd sizes")
        self.block = 1 << bits
        self._reader, self._bits = reader, bits
        span = self.block * self.block // 8  # bytes that one table of the second level maps
        if not 0 < self.size <= entries * span:
            raise ParseError("more bytes than tables")
        raw = reader.read_at(table, entries * 8)
        if len(raw) != entries * 8:
            raise ParseError("the first table is cut")
        self._first = struct.unpack(f">{entries}Q", raw)
        self.header = {"version": str(version)}
        told = ("was not closed", features & _DIRTY), ("is marked as corrupt", features & _CORRUPT)
        self.notes = tuple(text for text, flag in told if flag)
        if snapshots:
            self.notes += (f"holds {snapshots} snapshots, which are not read",)
        self._table = lru_cache(_TABLES)(self._read_table)
        self._inflated = lru_cache(_CLUSTERS)(self._inflate)

    def read(self, number: int, start: int, length: int) -> bytes:
        """Return a part of a cluster. Raises EvidenceError."""
        outer, inner = divmod(number, self.block // 8)
        place = self._first[outer] & _PLACE
        entry = self._table(place)[inner] if place else 0
        if entry & _COMPRESSED:
            return self._inflated(entry)[start : start + length]
        place = entry & _PLACE
        if not place or entry & _ZERO:
            return bytes(length)
        return self._exact(place + start, length)

    def _exact(self, offset: int, length: int) -> bytes:
        data = self._reader.read_at(offset, length)
        if len(data) != length:
            raise EvidenceError(f"a cluster at {offset} lies behind the end of the image")
        return data

    def _read_table(self, place: int) -> tuple[int, ...]:
        return struct.unpack(f">{self.block // 8}Q", self._exact(place, self.block))

    def _inflate(self, entry: int) -> bytes:
        width = 62 - (self._bits - 8)
        place = entry & ((1 << width) - 1)
        sectors = (entry >> width & ((1 << 62 - width) - 1)) + 1
        packed = self._reader.read_at(place, sectors * _SECTOR - place % _SECTOR)
        try:
            data = zlib.decompressobj(-12).decompress(packed, self.block)
        except zlib.error:
            raise EvidenceError(f"a compressed cluster at {place} is damaged") from None
        if len(data) != self.block:
            raise EvidenceError(f"a compressed cluster at {place} is short")
        return data


def read_qcow2(reader: Reader) -> Qcow2 | None:
    """Return the disk, None for another format. Raises ParseError for what is not read."""
    return Qcow2(reader) if reader.read_at(0, 4) == _MAGIC else None
