"""VHD of Virtual PC and Hyper-V, fixed, dynamic and differencing: a footer, and a table of blocks.

Source: Microsoft, "Virtual Hard Disk Image Format Specification" 1.0. A block holds a bitmap of
sectors before its data: in a differencing disk it says which sectors are the parent's; else, as in
QEMU, all of a block that is there counts.
"""

from __future__ import annotations

import struct
from array import array
from functools import lru_cache
from typing import Final

from triage.errors import EvidenceError, ParseError
from triage.evidence.blocks import Beside, Disk, beneath, kept, numbers
from triage.model import Reader

_COOKIE, _SPARSE = b"conectix", b"cxsparse"
_SECTOR: Final = 512
_FIXED, _DYNAMIC, _DIFFERENCES = 2, 3, 4
_TYPES: Final = {_FIXED: "fixed", _DYNAMIC: "dynamic", _DIFFERENCES: "differencing"}
_NOWHERE: Final = 0xFFFFFFFF
_MOST: Final = 1 << 24  # blocks
_LARGEST: Final = 1 << 30
_FIXED_BLOCK: Final = 1 << 20
_PARENT, _PARENT_NAME = slice(40, 56), slice(64, 576)  # in the header of a dynamic disk


class Vhd:
    """The blocks of one disk."""

    notes: tuple[str, ...] = ()

    def __init__(self, reader: Reader, beside: Beside) -> None:
        """Read footer and table. Raises ParseError for what is not read here."""
        footer = _footer(reader)
        kind = int.from_bytes(footer[60:64], "big")
        if kind not in _TYPES:
            raise ParseError("its type is not read")
        self.size = int.from_bytes(footer[48:56], "big")
        self.identity = footer[68:84].hex()
        self.header = {"creator": footer[28:32].decode("latin-1"), "type": _TYPES[kind]}
        self._reader = reader
        self._table: array[int] | None = None
        self._parent: Disk | None = None
        self.block, self._bitmap = _FIXED_BLOCK, 0
        if kind == _FIXED:
            if not 0 < self.size <= reader.size - _SECTOR + 1:
                raise ParseError("it is shorter than it says")
            return
        head = reader.read_at(int.from_bytes(footer[16:24], "big") & (1 << 62) - 1, 1024)
        if head[:8] != _SPARSE or not _sums(head, 36):
            raise ParseError("it has no header of a dynamic disk")
        place, _, entries, self.block = struct.unpack_from(">QIII", head, 16)
        if not _SECTOR <= self.block <= _LARGEST or self.block % _SECTOR or entries > _MOST:
            raise ParseError("it has odd sizes")
        if not 0 < self.size <= entries * self.block:
            raise ParseError("it has more bytes than blocks")
        raw = reader.read_at(place, 4 * entries)
        if len(raw) != 4 * entries:
            raise ParseError("its table of blocks is cut")
        self._table = numbers(raw, 4, "big")
        self._bitmap = -(-self.block // _SECTOR // 8 // _SECTOR) * _SECTOR
        if kind == _DIFFERENCES:
            self._parent = self._older(head, beside)
        self._map = lru_cache(kept(self._bitmap))(self._read_map)

    def _older(self, head: bytes, beside: Beside) -> Disk:
        name = head[_PARENT_NAME].decode("utf-16-be", "replace").partition("\0")[0]
        parent = beside.disk(name)
        if parent.identity != head[_PARENT].hex():
            raise ParseError(f"the file {name!r} beside it is not the disk that it differs from")
        self.header["parent"] = name
        return parent

    def read(self, number: int, start: int, length: int) -> bytes:
        """Return a part of a block. Raises EvidenceError."""
        place = number * self.block
        if self._table is not None:
            entry = self._table[number]
            if entry == _NOWHERE:
                return beneath(self._parent, place + start, length)
            if self._parent is not None:
                return self._overlaid(number, entry * _SECTOR, start, length)
            place = entry * _SECTOR + self._bitmap
        return self._exact(place + start, length)

    def _overlaid(self, number: int, place: int, start: int, length: int) -> bytes:
        """Return a part of a block of which some sectors are the parent's."""
        ours, parts, end = self._map(place), [], start + length
        while start < end:
            sector = start // _SECTOR
            mine = ours[sector]
            until = (sector + 1) * _SECTOR
            while until < end and ours[until // _SECTOR] == mine:
                until += _SECTOR
            size = min(until, end) - start
            parts.append(
                self._exact(place + self._bitmap + start, size)
                if mine == "1"
                else beneath(self._parent, number * self.block + start, size)
            )
            start += size
        return b"".join(parts)

    def _read_map(self, place: int) -> str:
        bitmap = self._exact(place, self._bitmap)
        return f"{int.from_bytes(bitmap, 'big'):0{8 * self._bitmap}b}"  # highest bit first

    def _exact(self, offset: int, length: int) -> bytes:
        data = self._reader.read_at(offset, length)
        if len(data) != length:
            raise EvidenceError(f"a block at {offset} lies behind the end of the image")
        return data


def _footer(reader: Reader) -> bytes:
    """Return the footer: at the end, of 511 bytes in old versions; else its copy at the start."""
    for at in (reader.size - _SECTOR, reader.size - _SECTOR + 1, 0):
        data = reader.read_at(max(0, at), _SECTOR)
        if data.startswith(_COOKIE) and _sums(data, 64):
            return data.ljust(_SECTOR, b"\0")
    raise ParseError("it has no sound footer")


def _sums(data: bytes, at: int) -> bool:
    """Whether the checksum at a place fits: the complement of the sum of all other bytes."""
    total = sum(data) - sum(data[at : at + 4])
    return ~total & 0xFFFFFFFF == int.from_bytes(data[at : at + 4], "big")


def is_vhd(reader: Reader) -> bool:
    """Whether a file has the mark of one, at the end or at the start."""
    tail = reader.read_at(max(0, reader.size - _SECTOR), _SECTOR)
    return _COOKIE in (tail[:8], tail[1:9]) or reader.read_at(0, 8) == _COOKIE
