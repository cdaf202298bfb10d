"""VHD of Virtual PC and Hyper-V, fixed and dynamic: a footer, and a table of blocks.

Source: Microsoft, "Virtual Hard Disk Image Format Specification" 1.0. Not read: differencing disks.
A block holds a bitmap of sectors before its data; as in QEMU, all of a block that is there counts.
"""

from __future__ import annotations

import struct
import sys
from array import array
from typing import Final

from triage.errors import EvidenceError, ParseError
from triage.model import Reader

_COOKIE, _SPARSE = b"conectix", b"cxsparse"
_SECTOR: Final = 512
_FIXED, _DYNAMIC = 2, 3
_NOWHERE: Final = 0xFFFFFFFF
_MOST: Final = 1 << 24  # blocks
_LARGEST: Final = 1 << 30
_FIXED_BLOCK: Final = 1 << 20


class Vhd:
    """The blocks of one disk."""

    notes: tuple[str, ...] = ()

    def __init__(self, reader: Reader) -> None:
        """Read footer and table. Raises ParseError for what is not read here."""
        footer = _footer(reader)
        kind = int.from_bytes(footer[60:64], "big")
        if kind not in (_FIXED, _DYNAMIC):
            raise ParseError("a VHD that is not read")
        self.size = int.from_bytes(footer[48:56], "big")
        self.header = {
            "creator": footer[28:32].decode("latin-1"),
            "type": "fixed" if kind == _FIXED else "dynamic",
        }
        self._reader = reader
        self._table: array[int] | None = None
        self.block, self._bitmap = _FIXED_BLOCK, 0
        if kind == _FIXED:
            if not 0 < self.size <= reader.size - _SECTOR + 1:
                raise ParseError("shorter than it says")
            return
        head = reader.read_at(int.from_bytes(footer[16:24], "big") & (1 << 62) - 1, 1024)
        if head[:8] != _SPARSE or not _sums(head, 36):
            raise ParseError("no header of a dynamic disk")
        place, _, entries, self.block = struct.unpack_from(">QIII", head, 16)
        if not _SECTOR <= self.block <= _LARGEST or self.block % _SECTOR or entries > _MOST:
            raise ParseError("odd sizes")
        if not 0 < self.size <= entries * self.block:
            raise ParseError("more bytes than blocks")
        raw = reader.read_at(place, 4 * entries)
        if len(raw) != 4 * entries:
            raise ParseError("the table of blocks is cut")
        self._table = array("L" if array("L").itemsize == 4 else "I", raw)  # noqa: PLR2004
        if sys.byteorder == "little":
            self._table.byteswap()
        self._bitmap = -(-self.block // _SECTOR // 8 // _SECTOR) * _SECTOR

    def read(self, number: int, start: int, length: int) -> bytes:
        """Return a part of a block. Raises EvidenceError."""
        place = number * self.block
        if self._table is not None:
            if self._table[number] == _NOWHERE:
                return bytes(length)
            place = self._table[number] * _SECTOR + self._bitmap
        data = self._reader.read_at(place + start, length)
        if len(data) != length:
            raise EvidenceError(f"a block at {place} lies behind the end of the image")
        return data


def _footer(reader: Reader) -> bytes:
    """Return the footer: at the end, of 511 bytes in old versions; else its copy at the start."""
    for at in (reader.size - _SECTOR, reader.size - _SECTOR + 1, 0):
        data = reader.read_at(max(0, at), _SECTOR)
        if data.startswith(_COOKIE) and _sums(data, 64):
            return data.ljust(_SECTOR, b"\0")
    raise ParseError("no footer of a VHD")


def _sums(data: bytes, at: int) -> bool:
    """Whether the checksum at a place fits: the complement of the sum of all other bytes."""
    total = sum(data) - sum(data[at : at + 4])
    return ~total & 0xFFFFFFFF == int.from_bytes(data[at : at + 4], "big")


def read_vhd(reader: Reader) -> Vhd | None:
    """Return the disk, None for another format. Raises ParseError for what is not read."""
    tail = reader.read_at(max(0, reader.size - _SECTOR), _SECTOR)
    marked = _COOKIE in (tail[:8], tail[1:9]) or reader.read_at(0, 8) == _COOKIE
    return Vhd(reader) if marked else None
