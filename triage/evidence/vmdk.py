"""VMDK of VMware: a descriptor, and extents in which two levels of tables lead to grains.

Source: VMware, "Virtual Disk Format 5.0"; libvmdk's documentation. Read are disks in one file
(`monolithicSparse`, `streamOptimized`), split ones and flat ones, given by their descriptor, and
those that hold the differences to a parent. Not read: partitions and devices of a host, ESX's own
sparse form (COWD).
"""

from __future__ import annotations

import re
import struct
import zlib
from array import array
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from triage.errors import EvidenceError, ParseError
from triage.evidence.blocks import Beside, BlockDisk, Disk, Joined, beneath, kept, numbers
from triage.model import Reader

_MAGIC, _TEXT = b"KDMV", b"# Disk DescriptorFile"
_HEADER: Final = struct.Struct("<4sIIQQQQIQQQ?4sH")
_SECTOR: Final = 512
_ZERO_GRAINS, _COMPRESSED = 4, 1 << 16
_AT_END: Final = (1 << 64) - 1  # the place of the tables stands in a footer
_FOOTER: Final = 1024  # bytes from the end
_ALONE: Final = frozenset({"monolithicSparse", "streamOptimized"})
_NO_PARENT: Final = "ffffffff"
_MOST: Final = 1 << 24  # tables of the second level
_MOST_ENTRIES: Final = 1 << 20  # of one of them
_LARGEST_GRAIN, _DESCRIPTOR = 1 << 20, 1 << 20  # bytes
_MARK: Final = 12  # bytes before a compressed grain: its sector, and how long it is
_MOST_EXTENTS: Final = 4096
_FLAT_BLOCK: Final = 1 << 20
_EXTENT: Final = re.compile(
    r'^(?:RW|RDONLY|NOACCESS)[ \t]+(\d{1,18})[ \t]+(\w+)(?:[ \t]+"([^"\r\n]{1,1024})")?'
    r"(?:[ \t]+(\d{1,18}))?[ \t]*\r?$",
    re.MULTILINE,
)


class Sparse:
    """The grains of one extent."""

    notes: tuple[str, ...] = ()
    identity = ""

    def __init__(self, reader: Reader, parent: Disk | None = None, first: int = 0) -> None:
        """Read header and first table. `first` is the byte of the parent's with which it begins.

        Raises ParseError for what is not read here.
        """
        self.header: dict[str, str] = {}
        self._reader, self._parent, self._begin = reader, parent, first
        head = self._head(0)
        _, version, self._flags, sectors, grain, _, _, self._entries, _, tables = head[:10]
        if tables == _AT_END:
            head = self._head(max(0, reader.size - _FOOTER))
            tables = head[9]
        compressed = bool(self._flags & _COMPRESSED)
        if version not in (1, 2, 3) or (compressed and head[13] != 1):
            raise ParseError("its version or compression is not read")
        self.block, self.size = grain * _SECTOR, sectors * _SECTOR
        span = self._entries * grain  # sectors of one table
        if not _SECTOR <= self.block <= _LARGEST_GRAIN or not 0 < self._entries <= _MOST_ENTRIES:
            raise ParseError("it has odd sizes")
        count = -(-sectors // span)
        if not 0 < self.size < 1 << 62 or count > _MOST or tables > 1 << 50:
            raise ParseError("it has odd sizes")
        raw = reader.read_at(tables * _SECTOR, 4 * count)
        if len(raw) != 4 * count:
            raise ParseError("its first table is cut")
        self._first = numbers(raw, 4, "little")
        self._compressed = compressed
        self._table = lru_cache(kept(4 * self._entries))(self._read_table)
        self._inflated = lru_cache(kept(self.block))(self._inflate)

    def _head(self, at: int) -> tuple[int, ...]:
        data = self._reader.read_at(at, _SECTOR)
        if len(data) < _HEADER.size or not data.startswith(_MAGIC):
            raise ParseError("a header of it is missing")
        return _HEADER.unpack_from(data)

    def read(self, number: int, start: int, length: int) -> bytes:
        """Return a part of a grain. Raises EvidenceError."""
        outer, inner = divmod(number, self._entries)
        table = self._first[outer]
        place = self._table(table)[inner] if table else 0
        if not place:
            return beneath(self._parent, self._begin + number * self.block + start, length)
        if place == 1 and self._flags & _ZERO_GRAINS:
            return bytes(length)
        if self._compressed:
            return self._inflated(place)[start : start + length]
        return self._exact(place * _SECTOR + start, length)

    def _exact(self, offset: int, length: int) -> bytes:
        data = self._reader.read_at(offset, length)
        if len(data) != length:
            raise EvidenceError(f"a grain at {offset} lies behind the end of the image")
        return data

    def _read_table(self, sector: int) -> array[int]:
        return numbers(self._exact(sector * _SECTOR, 4 * self._entries), 4, "little")

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


class Vmdk:
    """One disk: the extents that its descriptor names, behind each other."""

    notes: tuple[str, ...] = ()
    block = _FLAT_BLOCK

    def __init__(self, reader: Reader, beside: Beside) -> None:
        """Read the descriptor and open all extents. Raises ParseError for what is not read here."""
        text = _descriptor(reader)
        told = dict(re.findall(r'(?m)^(\w+)[ \t]*=[ \t]*"?([^"\r\n]{0,1024})', text))
        kind = told.get("createType", "")[:80]
        self.header = {"type": kind}
        self.identity = told.get("CID", "").lower()
        parent = self._older(told, beside)
        if kind in _ALONE:
            self._bytes: Reader = BlockDisk(Sparse(reader, parent))
        else:
            self._bytes = Joined(list(_extents(text, beside, parent)))
        self.size = self._bytes.size
        if not 0 < self.size < 1 << 62:
            raise ParseError("it has no extent")

    def _older(self, told: dict[str, str], beside: Beside) -> Disk | None:
        wanted = told.get("parentCID", _NO_PARENT).lower()
        if wanted == _NO_PARENT:
            return None
        name = told.get("parentFileNameHint", "")
        if not name:
            raise ParseError("it does not name the disk that it differs from")
        parent = beside.disk(name)
        if parent.identity != wanted:
            raise ParseError(f"the file {name!r} beside it is not the disk that it differs from")
        self.header["parent"] = name
        return parent

    def read(self, number: int, start: int, length: int) -> bytes:
        """Return a part of a block. Raises EvidenceError."""
        return self._bytes.read_at(number * self.block + start, length)


def _descriptor(reader: Reader) -> str:
    """Return the text of a descriptor, alone or inside of a sparse extent."""
    head = reader.read_at(0, _SECTOR)
    at, size = 0, min(reader.size, _DESCRIPTOR)
    if head.startswith(_MAGIC):
        if len(head) < _HEADER.size:
            raise ParseError("its header is cut")
        at, size = (number * _SECTOR for number in _HEADER.unpack_from(head)[5:7])
        if not at or size > _DESCRIPTOR or at > 1 << 59:
            raise ParseError("it has no descriptor: it is a part of a split disk")
    return reader.read_at(at, size).split(b"\0")[0].decode("utf-8", "replace")


def _extents(text: str, beside: Beside, parent: Disk | None) -> Iterator[tuple[int, Reader | None]]:
    """Yield the extents in order: how long each is, and its bytes; None: zeros."""
    at = 0
    for number, found in enumerate(_EXTENT.finditer(text)):
        if number >= _MOST_EXTENTS:
            raise ParseError("it has too many extents")
        length = int(found[1]) * _SECTOR
        kind, name, first = found[2], found[3] or "", int(found[4] or 0) * _SECTOR
        match kind:
            case "ZERO":
                yield length, None
            case "FLAT" | "VMFS":
                yield length, _Part(beside.file(name), first, length)
            case "SPARSE":
                yield length, BlockDisk(Sparse(beside.file(name), parent, at))
            case _:
                raise ParseError(f"extents of type {kind[:20]} are not read")
        at += length


class _Part:
    """A stretch of a file that holds a flat extent."""

    def __init__(self, reader: Reader, first: int, size: int) -> None:
        if first + size > reader.size:
            raise ParseError("a file of it is shorter than its extent")
        self._reader, self._first, self.size = reader, first, size

    def read_at(self, offset: int, length: int) -> bytes:
        return self._reader.read_at(self._first + offset, min(length, self.size - offset))


def is_vmdk(reader: Reader) -> bool:
    """Whether a file is a descriptor, or begins as a sparse extent."""
    head = reader.read_at(0, len(_TEXT))
    return head.startswith(_MAGIC) or head == _TEXT
