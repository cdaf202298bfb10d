"""QCOW2, versions 2 and 3: two levels of tables lead to clusters, which may be compressed.

Source: QEMU, `docs/interop/qcow2.rst`. A file that holds the differences to a backing file is read
with that file. Not read: encryption, external data files, zstd, sub-clusters; snapshots inside are
noted and left alone.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from functools import lru_cache
from typing import Final

from triage.errors import EvidenceError, ParseError
from triage.evidence.blocks import Beside, Disk, beneath, kept, numbers
from triage.model import Reader

MAGIC: Final = b"QFI\xfb"
_HEADER: Final = struct.Struct(">4sIQIIQIIQQIIQ")
_DIRTY, _CORRUPT, _EXTERNAL, _COMPRESSION, _SUBCLUSTERS = 1, 2, 4, 8, 16
_PLACE: Final = (1 << 56) - 512  # bits 9 to 55
_COMPRESSED, _ZERO = 1 << 62, 1
_LARGEST_TABLE: Final = 64 << 20  # bytes
_SMALLEST, _LARGEST = 9, 21  # bits of a cluster
_SECTOR: Final = 512
_LONGEST_NAME: Final = 1023
_OLD_HEADER: Final = 72  # bytes, of version 2
_BACKING_FORMAT, _MOST_EXTENSIONS = 0xE2792ACA, 32


class Qcow2:
    """The clusters of one image."""

    identity = ""

    def __init__(self, reader: Reader, beside: Beside) -> None:
        """Read the header. Raises ParseError for what is not read here."""
        head = reader.read_at(0, 112).ljust(112, b"\0")
        (
            _, version, backing, named, bits, self.size, crypt, entries, table, _, _, snapshots, _
        ) = _HEADER.unpack_from(head)  # fmt: skip
        features = int.from_bytes(head[72:80], "big") if version > 2 else 0  # noqa: PLR2004
        method = head[104] if version > 2 and features & _COMPRESSION else 0  # noqa: PLR2004
        if version not in (2, 3):
            raise ParseError(f"its version {version} is not read")
        if crypt:
            raise ParseError("it is encrypted")
        if method or features & (_EXTERNAL | _SUBCLUSTERS) or features >> 5:
            raise ParseError("it needs features that are not read")
        if not _SMALLEST <= bits <= _LARGEST or entries * 8 > _LARGEST_TABLE:
            raise ParseError("it has odd sizes")
        self.block = 1 << bits
        self._reader, self._bits = reader, bits
        span = self.block * self.block // 8  # bytes that one table of the second level maps
        if not 0 < self.size <= entries * span:
            raise ParseError("it has more bytes than tables")
        raw = reader.read_at(table, entries * 8)
        if len(raw) != entries * 8:
            raise ParseError("its first table is cut")
        self._first = numbers(raw, 8, "big")
        self.header = {"version": str(version)}
        told = ("was not closed", features & _DIRTY), ("is marked as corrupt", features & _CORRUPT)
        self.notes = tuple(text for text, flag in told if flag)
        if snapshots:
            self.notes += (f"holds {snapshots} snapshots, which are not read",)
        self._parent: Disk | None = None
        if backing:
            size = int.from_bytes(head[100:104], "big") if version > 2 else _OLD_HEADER  # noqa: PLR2004
            self._parent = self._backing(backing, named, size, beside)
        self._table = lru_cache(kept(self.block))(self._read_table)
        self._inflated = lru_cache(kept(self.block))(self._inflate)

    def _backing(self, at: int, length: int, extensions: int, beside: Beside) -> Disk:
        if not 0 < length <= _LONGEST_NAME:
            raise ParseError("it names its backing file oddly")
        name = self._reader.read_at(at, length).decode("utf-8", "replace")
        name = name.removeprefix("file:")
        if name.startswith("json:"):
            raise ParseError("it names its backing file in a way that is not read")
        found = beside.disk(name, raw=self._format(extensions) == b"raw")
        self.header["backing file"] = name
        return found

    def _format(self, at: int) -> bytes:
        """Return the format that the backing file is said to have."""
        for _ in range(_MOST_EXTENSIONS):
            kind, length = struct.unpack(">II", self._reader.read_at(at, 8).ljust(8, b"\0"))
            if not kind or length > _LONGEST_NAME:
                break
            if kind == _BACKING_FORMAT:
                return self._reader.read_at(at + 8, length)
            at += 8 + length + -length % 8
        return b""

    def read(self, number: int, start: int, length: int) -> bytes:
        """Return a part of a cluster. Raises EvidenceError."""
        outer, inner = divmod(number, self.block // 8)
        place = self._first[outer] & _PLACE
        entry = self._table(place)[inner] if place else 0
        if entry & _COMPRESSED:
            return self._inflated(entry)[start : start + length]
        if entry & _ZERO:
            return bytes(length)
        place = entry & _PLACE
        if not place:
            return beneath(self._parent, number * self.block + start, length)
        return self._exact(place + start, length)

    def _exact(self, offset: int, length: int) -> bytes:
        data = self._reader.read_at(offset, length)
        if len(data) != length:
            raise EvidenceError(f"a cluster at {offset} lies behind the end of the image")
        return data

    def _read_table(self, place: int) -> array[int]:
        return numbers(self._exact(place, self.block), 8, "big")

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


def is_qcow2(reader: Reader) -> bool:
    """Whether a file begins as one of version 2 or 3."""
    return reader.read_at(0, 8)[:7] == MAGIC + bytes(3) and reader.read_at(7, 1) in (b"\2", b"\3")
