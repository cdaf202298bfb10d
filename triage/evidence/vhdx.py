"""VHDX of Hyper-V, fixed and dynamic: regions, a table of blocks, and a log that may be pending.

Source: Microsoft, [MS-VHDX] "Virtual Hard Disk v2 (VHDX) File Format". What a pending log holds is
laid over the file, as whoever opens the disk to write would do. Not read: differencing disks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Final

from triage.errors import EvidenceError, ParseError
from triage.evidence.blocks import Beside, numbers
from triage.hashing import crc32c
from triage.model import Reader

_MAGIC: Final = b"vhdxfile"
_HEADERS: Final = (64 << 10, 128 << 10)
_REGIONS: Final = (192 << 10, 256 << 10)
_PAGE, _TABLE = 4 << 10, 64 << 10
_MIB: Final = 1 << 20
_MOST_ENTRIES: Final = 2047  # of a table of regions or of metadata
_MOST_BLOCKS: Final = 1 << 24
_LARGEST_BLOCK, _LARGEST = 256 * _MIB, 64 << 40
_LARGEST_LOG: Final = 8 * _MIB  # Windows and QEMU make 1 MiB
_MOST_PAGES: Final = 1 << 14  # of a log that are laid over the file
_NOTHING: Final = bytes(_PAGE)

_BAT: Final = bytes.fromhex("6677c22d23f600429d64115e9bfd4a08")
_METADATA: Final = bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e")
_PARAMETERS: Final = bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b")
_SIZE: Final = bytes.fromhex("2442a52f1bcd7648b2115dbed83bf4b8")
_SECTOR_SIZE: Final = bytes.fromhex("1dbf41816fa90947ba47f233a8faab5f")
_HAS_PARENT: Final = 2

_NOT_THERE, _UNDEFINED, _ZERO, _UNMAPPED, _PRESENT = 0, 1, 2, 3, 6


class Vhdx:
    """The blocks of one disk."""

    identity = ""

    def __init__(self, reader: Reader, beside: Beside) -> None:
        """Read the tables. Raises ParseError for what is not read here."""
        del beside
        self.notes: tuple[str, ...] = ()
        self._reader = self._replayed(reader, _header(reader))
        regions = dict(_regions(self._reader))
        if _BAT not in regions or _METADATA not in regions:
            raise ParseError("its regions are damaged")
        items = dict(_items(self._reader, regions[_METADATA][0]))
        try:
            self.block, flags = struct.unpack("<II", items[_PARAMETERS][:8])
            (self.size,) = struct.unpack("<Q", items[_SIZE][:8])
            (sector,) = struct.unpack("<I", items[_SECTOR_SIZE][:4])
        except (KeyError, struct.error):
            raise ParseError("its metadata are damaged") from None
        if flags & _HAS_PARENT:
            raise ParseError("it holds only the differences to another one")
        sized = _MIB <= self.block <= _LARGEST_BLOCK and not self.block & (self.block - 1)
        if not sized or sector not in (512, _PAGE) or not 0 < self.size <= _LARGEST:
            raise ParseError("it has odd sizes")
        count = -(-self.size // self.block)
        self._ratio = (1 << 23) * sector // self.block  # blocks before an entry for their bitmap
        entries = count + (count - 1) // self._ratio
        place, length = regions[_BAT]
        if count > _MOST_BLOCKS or entries * 8 > length:
            raise ParseError("it has more bytes than blocks")
        raw = self._reader.read_at(place, entries * 8)
        if len(raw) != entries * 8:
            raise ParseError("its table of blocks is cut")
        self._table = numbers(raw, 8, "little")
        self.header = {"sector": str(sector)}

    def _replayed(self, reader: Reader, header: bytes) -> Reader:
        log = header[48:64]
        if log == bytes(16):
            return reader
        length, place = struct.unpack_from("<IQ", header, 68)
        if length > _LARGEST_LOG or length % _PAGE or place % _MIB:
            raise ParseError("its log has odd sizes")
        pages = islice(_pages(reader.read_at(place, length), log), _MOST_PAGES + 1)
        overlay = _Overlay(reader, dict(pages))
        if overlay.pages > _MOST_PAGES:
            raise ParseError("its log changes more than is taken")
        self.notes += (f"was not closed: {overlay.pages} pages of its log count",)
        return overlay

    def read(self, number: int, start: int, length: int) -> bytes:
        """Return a part of a block. Raises EvidenceError."""
        entry = self._table[number + number // self._ratio]
        state, place = entry & 7, entry >> 20 << 20
        if state in (_NOT_THERE, _UNDEFINED, _ZERO, _UNMAPPED):
            return bytes(length)
        if state != _PRESENT or not place:
            raise EvidenceError(f"block {number} is in an odd state")
        data = self._reader.read_at(place + start, length)
        if len(data) != length:
            raise EvidenceError(f"a block at {place} lies behind the end of the image")
        return data


def _header(reader: Reader) -> bytes:
    """Return the newer one of the two headers whose checksum fits."""
    sound = []
    for place in _HEADERS:
        data = reader.read_at(place, _PAGE)
        if data.startswith(b"head") and len(data) == _PAGE and _sums(data):
            sound.append((int.from_bytes(data[8:16], "little"), data))
    if not sound:
        raise ParseError("it has no sound header")
    return max(sound)[1]


def _sums(data: bytes) -> bool:
    stored = int.from_bytes(data[4:8], "little")
    return crc32c(data[:4] + bytes(4) + data[8:]) == stored


def _regions(reader: Reader) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Yield what each region is, its place and length, from a table whose checksum fits."""
    for place in _REGIONS:
        data = reader.read_at(place, _TABLE)
        count = int.from_bytes(data[8:12], "little")
        whole = len(data) == _TABLE and data.startswith(b"regi")
        if whole and count <= _MOST_ENTRIES and _sums(data):
            for at in range(16, 16 + 32 * count, 32):
                at_byte, length = struct.unpack_from("<QI", data, at + 16)
                yield data[at : at + 16], (at_byte, length)
            return
    raise ParseError("it has no sound table of regions")


def _items(reader: Reader, place: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the first bytes of each metadata item."""
    data = reader.read_at(place, _TABLE)
    count = int.from_bytes(data[10:12], "little")
    if not data.startswith(b"metadata") or count > _MOST_ENTRIES:
        raise ParseError("its metadata are damaged")
    for at in range(32, min(32 + 32 * count, len(data) - 31), 32):
        (offset,) = struct.unpack_from("<I", data, at + 16)
        yield data[at : at + 16], reader.read_at(place + offset, 16)


class _Overlay:
    """A file with pages of its log above it."""

    def __init__(self, below: Reader, changed: dict[int, bytes]) -> None:
        self._below, self._changed = below, changed
        self.pages = len(changed)
        self.size = max([below.size, *(place + _PAGE for place in changed)])

    def read_at(self, offset: int, length: int) -> bytes:
        length = max(0, min(length, self.size - offset))
        data = bytearray(self._below.read_at(offset, length).ljust(length, b"\0"))
        for page in range(offset // _PAGE * _PAGE, offset + length, _PAGE):
            new = self._changed.get(page)
            if new is not None:
                low, high = max(page, offset), min(page + _PAGE, offset + length)
                data[low - offset : high - offset] = new[low - page : high - page]
        return bytes(data)


def _pages(log: bytes, identity: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the pages of the active sequence of a log: the sound run of entries that is newest."""
    entries: dict[int, bytes] = {}
    left = 2 * len(log)  # bytes that are summed, whatever the entries claim
    for at in range(0, len(log), _PAGE):
        entry = _entry(log, at, identity)
        if entry is not None:
            left -= len(entry)
            if left < 0:
                raise ParseError("its log is damaged")
            if _sums(entry):
                entries[at] = entry
    best: list[bytes] = []
    for tail in {int.from_bytes(entry[12:16], "little") for entry in entries.values()}:
        run = _run(entries, tail, len(log))
        if run and (not best or _sequence(run[-1]) > _sequence(best[-1])):
            best = run
    for entry in best:
        yield from _described(entry)


def _run(entries: dict[int, bytes], tail: int, length: int) -> list[bytes]:
    """Return the entries from a tail on, to the last one that says that it is the tail."""
    run: list[bytes] = []
    at, last = tail, 0
    while at in entries and len(run) < len(entries):
        entry = entries[at]
        if run and _sequence(entry) != _sequence(run[-1]) + 1:
            break
        run.append(entry)
        if int.from_bytes(entry[12:16], "little") == tail:
            last = len(run)
        at = (at + len(entry)) % length
    return run[:last]


def _sequence(entry: bytes) -> int:
    return int.from_bytes(entry[16:24], "little")


def _entry(log: bytes, at: int, identity: bytes) -> bytes | None:
    """Return what begins at a page and says that it is an entry."""
    head = log[at : at + 64]
    if not head.startswith(b"loge") or head[32:48] != identity:
        return None
    length = int.from_bytes(head[8:12], "little")
    if not _PAGE <= length <= len(log) or length % _PAGE:
        return None
    data = log[at : at + length]
    return data + log[: length - len(data)]  # the log is a ring


def _described(entry: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield place and content of the pages that an entry changes."""
    count = int.from_bytes(entry[24:28], "little")
    first = -(-(64 + 32 * count) // _PAGE) * _PAGE  # the data lie behind all descriptors
    for number in range(min(count, len(entry) // 32)):
        at = 64 + 32 * number
        kind = entry[at : at + 4]
        if kind == b"desc":
            page = entry[first : first + _PAGE]
            first += _PAGE
            if not page.startswith(b"data") or len(page) < _PAGE:
                raise ParseError("its log is damaged")
            place = int.from_bytes(entry[at + 16 : at + 24], "little")
            yield place, entry[at + 8 : at + 16] + page[8:-4] + entry[at + 4 : at + 8]
        elif kind == b"zero":
            length, place = struct.unpack_from("<QQ", entry, at + 8)
            for page_at in range(place, place + length, _PAGE):
                yield page_at, _NOTHING


def is_vhdx(reader: Reader) -> bool:
    """Whether a file begins as one."""
    return reader.read_at(0, 8) == _MAGIC
