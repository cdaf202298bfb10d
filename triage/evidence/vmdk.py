"""VMDK of VMware in one file, sparse: two levels of tables lead to grains, which may be compressed.

Source: VMware, "Virtual Disk Format 5.0", sparse extents; libvmdk's documentation. Read are
`monolithicSparse` and `streamOptimized`. Not read: descriptors beside other files, disks that are
differences to a parent, ESX's own sparse form.
"""

from __future__ import annotations

import re
import struct
import zlib
from functools import lru_cache
from typing import Final

from triage.errors import EvidenceError, ParseError
from triage.model import Reader

_MAGIC: Final = b"KDMV"
_HEADER: Final = struct.Struct("<4sIIQQQQIQQQ?4sH")
_SECTOR: Final = 512
_ZERO_GRAINS, _COMPRESSED, _MARKERS = 4, 1 << 16, 1 << 17
_AT_END: Final = (1 << 64) - 1  # the place of the tables stands in a footer
_FOOTER: Final = 1024  # bytes from the end
_KINDS: Final = frozenset({"monolithicSparse", "streamOptimized"})
_NO_PARENT: Final = "ffffffff"
_MOST: Final = 1 << 24  # tables of the second level, and grains of one
_LARGEST_GRAIN, _DESCRIPTOR = 1 << 20, 1 << 20  # bytes
_MARK: Final = 12  # bytes before a compressed grain: its sector, and how long it is
_TABLES, _GRAINS = 64, 16  # kept


class Vmdk:
    """The grains of one disk."""

    notes: tuple[str, ...] = ()

    def __init__(self, reader: Reader) -> None:
        """Read header, descriptor and first table. Raises ParseError for what is not read here."""
        self._reader = reader
        head = self._head(0)
        _, version, self._flags, sectors, grain, at, size, self._entries, _, tables = head[:10]
        if tables == _AT_END:
            head = self._head(max(0, reader.size - _FOOTER))
            tables = head[9]
        compressed = bool(self._flags & _COMPRESSED)
        if version not in (1, 2, 3) or (compressed and head[13] != 1):
            raise ParseError("a VMDK that is not read")
        self.block, self.size = grain * _SECTOR, sectors * _SECTOR
        span = self._entries * grain  # sectors of one table
        if not _SECTOR <= self.block <= _LARGEST_GRAIN or span <= 0 or self._entries > _MOST:
            raise ParseError("odd sizes")
        count = -(-sectors // span)
        if not 0 < self.size < 1 << 62 or count > _MOST or tables > 1 << 50:
            raise ParseError("odd sizes")
        self.header = _described(reader, at, size)
        raw = reader.read_at(tables * _SECTOR, 4 * count)
        if len(raw) != 4 * count:
            raise ParseError("the first table is cut")
        self._first = struct.unpack(f"<{count}I", raw)
        self._compressed = compressed
        self._table = lru_cache(_TABLES)(self._read_table)
        self._inflated = lru_cache(_GRAINS)(self._inflate)

    def _head(self, at: int) -> tuple[int, ...]:
        data = self._reader.read_at(at, _SECTOR)
        if len(data) < _HEADER.size or not data.startswith(_MAGIC):
            raise ParseError("no VMDK header")
        return _HEADER.unpack_from(data)

    def read(self, number: int, start: int, length: int) -> bytes:
        """Return a part of a grain. Raises EvidenceError."""
        outer, inner = divmod(number, self._entries)
        table = self._first[outer]
        place = self._table(table)[inner] if table else 0
        if not place or (place == 1 and self._flags & _ZERO_GRAINS):
            return bytes(length)
        if self._compressed:
            return self._inflated(place)[start : start + length]
        return self._exact(place * _SECTOR + start, length)

    def _exact(self, offset: int, length: int) -> bytes:
        data = self._reader.read_at(offset, length)
        if len(data) != length:
            raise EvidenceError(f"a grain at {offset} lies behind the end of the image")
        return data

    def _read_table(self, sector: int) -> tuple[int, ...]:
        data = self._exact(sector * _SECTOR, 4 * self._entries)
        return struct.unpack(f"<{self._entries}I", data)

    def _inflate(self, sector: int) -> bytes:
        at = sector * _SECTOR
        (size,) = struct.unpack("<8xI", self._exact(at, _MARK))
        if size > 2 * self.block:
            raise EvidenceError(f"a compressed grain at {at} is too long")
        try:
            data = zlib.decompressobj().decompress(self._exact(at + _MARK, size), self.block)
        except zlib.error:
            raise EvidenceError(f"a compressed grain at {at} is damaged") from None
        if len(data) != self.block:
            raise EvidenceError(f"a compressed grain at {at} is short")
        return data


def _described(reader: Reader, sector: int, sectors: int) -> dict[str, str]:
    """Return what the descriptor inside says. Raises ParseError for disks that are not whole."""
    if not sector or sectors > _DESCRIPTOR // _SECTOR or sector > 1 << 50:
        raise ParseError("no descriptor inside")
    text = reader.read_at(sector * _SECTOR, sectors * _SECTOR).split(b"\0")[0].decode("latin-1")
    told = dict(re.findall(r'(?m)^(\w+)[ \t]*=[ \t]*"?([^"\r\n]{0,80})', text))
    kind = told.get("createType", "")
    if kind not in _KINDS or told.get("parentCID", _NO_PARENT).lower() != _NO_PARENT:
        raise ParseError("a VMDK that is not read")
    return {"type": kind}


def read_vmdk(reader: Reader) -> Vmdk | None:
    """Return the disk, None for another format. Raises ParseError for what is not read."""
    return Vmdk(reader) if reader.read_at(0, 4) == _MAGIC else None
