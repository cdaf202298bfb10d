"""Transaction logs of registry hives, applied in memory: what Windows had not yet written back.

Both forms are read: entries `HvLE` with checksums (Windows 8.1 and later), applied in the order of
their sequence numbers from where the hive stopped, and the one dirty vector `DIRT` of older ones.
Nothing is applied that does not follow on the hive, and of a damaged log nothing after the damage.

Format: https://github.com/msuhanov/regf ("Windows registry file format specification").
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triage.model import Reader

LOG_LIMIT = 64 << 20  # bytes of one log that are looked at
HIVE_LIMIT = 1 << 31  # bytes: no hive is larger
_BASE = 4096  # bytes before the first bin, which offsets in logs count from
_BLOCK = 512
_SEQUENCES = struct.Struct("<4sII")
_ENTRY = struct.Struct("<4s5IQQ")
_PAGE = struct.Struct("<II")
_SEED = 0x82EF4D887A4E55C5
_WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    sequence: int
    bins: int  # bytes of all bins afterwards
    pages: tuple[tuple[int, bytes], ...]  # offset in the hive file, content


class Recovered:
    """A hive as it is once its logs are applied. `applied` counts the entries that were."""

    def __init__(self, hive: Reader, logs: Iterable[Reader]) -> None:
        self._hive = hive
        self._pages: dict[int, bytes] = {}  # sector of 512 bytes → content
        self.size = hive.size
        self.applied = 0
        header = hive.read_at(0, _BASE)
        if len(header) < _BASE or header[:4] != b"regf":
            return
        _, first, second = _SEQUENCES.unpack_from(header)
        if first == second:
            return
        wanted = second
        for entry in sorted(_entries(logs, second), key=lambda entry: entry.sequence):
            if entry.sequence < wanted:
                continue
            if entry.sequence > wanted and self.applied:
                break  # one is missing between them
            for offset, content in entry.pages:
                self._write(offset, content)
            self.size = max(_BASE + entry.bins, 0)
            wanted = entry.sequence + 1
            self.applied += 1
        if self.applied:
            self._write(0, _clean(header, wanted, self.size - _BASE))

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes of the hive, newer sectors in their places."""
        end = min(offset + length, self.size)
        if not 0 <= offset < end:
            return b""
        data = self._hive.read_at(offset, end - offset).ljust(end - offset, b"\0")
        touched = [
            sector
            for sector in range(offset // _BLOCK, (end - 1) // _BLOCK + 1)
            if sector in self._pages
        ]
        if not touched:
            return data
        result = bytearray(data)
        for sector in touched:
            at = sector * _BLOCK - offset
            page = self._pages[sector]
            start, stop = max(at, 0), min(at + _BLOCK, len(result))
            result[start:stop] = page[start - at : stop - at]
        return bytes(result)

    def _write(self, offset: int, content: bytes) -> None:
        for at in range(0, len(content), _BLOCK):
            self._pages[(offset + at) // _BLOCK] = content[at : at + _BLOCK].ljust(_BLOCK, b"\0")


def _entries(logs: Iterable[Reader], second: int) -> Iterator[_Entry]:
    for log in logs:
        data = log.read_at(0, min(log.size, LOG_LIMIT))
        if data[:4] != b"regf":
            continue
        kind = data[_BLOCK : _BLOCK + 4]
        if kind == b"HvLE":
            yield from _new(data)
        elif kind == b"DIRT":
            yield from _old(data, second)


def _new(data: bytes) -> Iterator[_Entry]:
    at = _BLOCK
    while at + _ENTRY.size <= len(data):
        magic, size, _, sequence, bins, count, first, second = _ENTRY.unpack_from(data, at)
        if magic != b"HvLE" or size % _BLOCK or not _ENTRY.size < size <= len(data) - at:
            return
        head = at + _ENTRY.size + count * _PAGE.size
        if head > at + size or bins > HIVE_LIMIT:
            return
        if (first, second) != (
            marvin32(data[at + 40 : at + size]),
            marvin32(data[at : at + 32]),
        ):
            return
        pages, place = [], head
        for number in range(count):
            offset, length = _PAGE.unpack_from(data, at + _ENTRY.size + number * _PAGE.size)
            if offset % _BLOCK or place + length > at + size:
                return
            pages.append((_BASE + offset, data[place : place + length]))
            place += length
        yield _Entry(sequence=sequence, bins=bins, pages=tuple(pages))
        at += size


def _old(data: bytes, second: int) -> Iterator[_Entry]:
    """Read the dirty vector: a bit for each sector of the bins, then the sectors that are set."""
    _, sequence, other = _SEQUENCES.unpack_from(data)
    (bins,) = struct.unpack_from("<I", data, 40)
    if sequence != other or sequence < second or bins > HIVE_LIMIT:
        return
    vector = data[_BLOCK + 4 : _BLOCK + 4 + bins // _BLOCK // 8]
    place = -(-(_BLOCK + 4 + len(vector)) // _BLOCK) * _BLOCK
    pages = []
    for number, byte in enumerate(vector):
        for bit in range(8 if byte else 0):
            if byte >> bit & 1:
                sector = data[place : place + _BLOCK]
                if len(sector) < _BLOCK:
                    return
                pages.append((_BASE + (number * 8 + bit) * _BLOCK, sector))
                place += _BLOCK
    if pages:
        yield _Entry(sequence=sequence, bins=bins, pages=tuple(pages))


def _clean(header: bytes, sequence: int, bins: int) -> bytes:
    """Return a base block that says that the hive is whole."""
    block = bytearray(header)
    struct.pack_into("<II", block, 4, sequence, sequence)
    struct.pack_into("<I", block, 40, bins)
    checksum = 0
    for (word,) in struct.iter_unpack("<I", block[:508]):
        checksum ^= word
    struct.pack_into("<I", block, 508, {0: 1, _WORD: _WORD - 1}.get(checksum, checksum))
    return bytes(block)


def marvin32(data: bytes) -> int:
    """Return the 64-bit Marvin32 checksum of data, with the seed that the registry uses."""
    low, high = _SEED & _WORD, _SEED >> 32
    whole = len(data) & ~3
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        low, high = _mix(low + word & _WORD, high)
    rest = int.from_bytes(data[whole:], "little") | 0x80 << 8 * (len(data) - whole)
    low, high = _mix(low + rest & _WORD, high)
    low, high = _mix(low, high)
    return high << 32 | low


def _mix(low: int, high: int) -> tuple[int, int]:
    high ^= low
    low = (low << 20 | low >> 12) & _WORD
    low = low + high & _WORD
    high = (high << 9 | high >> 23) & _WORD
    high ^= low
    low = (low << 27 | low >> 5) & _WORD
    low = low + high & _WORD
    high = (high << 19 | high >> 13) & _WORD
    return low, high
