"""EWF-E01 images (EnCase, FTK Imager, SMART, ewfacquire): chunks found, inflated and checked by us.

libewf fills a chunk whose checksum is wrong with zeros and does not say so; here every chunk is
verified whenever it is read, and `bad_ranges` says which ones failed. A small cache of inflated
chunks makes small reads cheap. pyewf is the second reader that tests compare with.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from isal import isal_zlib
from isal.igzip_lib import IsalError

from triage.errors import EvidenceError
from triage.evidence.ewf_sections import Table
from triage.evidence.ewf_set import SegmentSet, read_set
from triage.evidence.segments import clamp

_CACHE = 16 << 20  # bytes of inflated chunks
_TABLES = 32  # tables whose offsets are kept, usually 64 KiB each
_OFFSET = 0x7FFFFFFF  # the highest bit of an entry says that the chunk is compressed
_COMPRESSED = 0x80000000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Cache(Generic[K, V]):
    """The most recently used values; safe to share between threads."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: K, value: V) -> None:
        with self._lock:
            self._values[key] = value
            if len(self._values) > self._entries:
                self._values.popitem(last=False)


class EwfImage:
    """Random access to the media of an EWF image.

    `missing` are the (offset, length) ranges that no segment holds, only ever filled with
    `allow_incomplete`; `unreadable` those that the imager could not read (section error2).
    Reads may come from several threads at once.
    """

    def __init__(self, segments: SegmentSet) -> None:
        """Take the open segments with their tables in order."""
        self._files = segments.files
        self._chunk_size = segments.chunk_size
        self._placed = segments.placed
        self._firsts = [first for first, _ in segments.placed]
        self._chunks: _Cache[int, bytes] = _Cache(max(2, _CACHE // segments.chunk_size))
        self._offsets: _Cache[int, tuple[array[int], int]] = _Cache(_TABLES)
        self._bad: set[int] = set()
        self.size = segments.size
        self.sector_size: int | None = segments.info.sector_size
        self.info = segments.info
        self.unreadable = segments.unreadable
        self.missing = tuple(self._gaps())

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes of the media from `offset`, fewer only at its end.

        A chunk that fails its checksum is returned as it is stored, or as zeros when it cannot
        be inflated; `bad_in` then says so. Raises EvidenceError in a missing range.
        """
        end = offset + clamp(offset, length, self.size)
        if end <= offset:
            return b""
        size = self._chunk_size
        first, skipped = divmod(offset, size)
        last = (end - 1) // size
        if first == last:
            return self._chunk(first, keep=True)[skipped : skipped + end - offset]
        parts = [self._chunk(first, keep=skipped > 0)[skipped:]]
        # Whole chunks are rarely asked for twice: a long read must not empty the cache.
        parts += [self._chunk(number, keep=False) for number in range(first + 1, last)]
        parts.append(self._chunk(last, keep=True)[: end - last * size])
        return b"".join(parts)

    @property
    def bad_ranges(self) -> list[tuple[int, int]]:
        """(offset, length) of what has been read so far and failed its checksum; sorted, merged."""
        merged: list[tuple[int, int]] = []
        for number in sorted(self._bad):
            start, end = self._span(number)
            if merged and sum(merged[-1]) == start:
                merged[-1] = (merged[-1][0], end - merged[-1][0])
            else:
                merged.append((start, end - start))
        return merged

    def bad_in(self, offset: int, length: int) -> bool:
        """Whether a chunk within the range has been read and failed its checksum."""
        if not self._bad or length <= 0:
            return False
        numbers = range(offset // self._chunk_size, (offset + length - 1) // self._chunk_size + 1)
        if len(numbers) < len(self._bad):
            return any(number in self._bad for number in numbers)
        return any(number in numbers for number in tuple(self._bad))

    def bad_chunks(self) -> Iterator[tuple[int, int]]:
        """Read and verify every chunk that is there; yield (offset, length) of each bad one."""
        for first, table in self._placed:
            for number in range(first, first + table.count):
                start, end = self._span(number)
                if start >= self.size:
                    return
                self._decode(number)
                if number in self._bad:
                    yield start, end - start

    def changed(self) -> tuple[str, ...]:
        """Return the names of segments that were written to since they were opened."""
        return tuple(file.name for file in self._files if file.changed())

    def close(self) -> None:
        """Close every segment."""
        for file in self._files:
            file.close()

    def _span(self, number: int) -> tuple[int, int]:
        start = number * self._chunk_size
        return start, min(start + self._chunk_size, self.size)

    def _gaps(self) -> Iterator[tuple[int, int]]:
        at = 0
        for first, table in self._placed:
            start = min(first * self._chunk_size, self.size)
            if start > at:
                yield at, start - at
            at = max(at, min((first + table.count) * self._chunk_size, self.size))
        if at < self.size:
            yield at, self.size - at

    def _chunk(self, number: int, *, keep: bool) -> bytes:
        data = self._chunks.get(number)
        if data is None:
            data = self._decode(number)
            if keep:
                self._chunks.put(number, data)
        return data

    def _decode(self, number: int) -> bytes:
        """Return the verified bytes of one chunk, or zeros and a mark in `_bad`."""
        table, at, stored, compressed = self._locate(number)
        start, end = self._span(number)
        wanted = end - start
        data: bytes | None = None
        # A stored chunk that is much larger than its content is damage, or a bomb.
        if table.data_start <= at and 0 < stored <= 2 * self._chunk_size + 64:
            raw = table.file.read_at(at, min(stored, table.data_end - at))
            data = self._inflated(raw, wanted) if compressed else None
            if not compressed:
                checked = _plain(raw, wanted)
                if checked is None and len(raw) >= wanted:
                    self._bad.add(number)
                    return raw[:wanted]
                data = checked
        if data is None:
            self._bad.add(number)
            return bytes(wanted)
        return data

    def _inflated(self, raw: bytes, wanted: int) -> bytes | None:
        """Inflate, checking zlib's Adler-32; never more than a chunk."""
        inflater = isal_zlib.decompressobj()
        try:
            data = inflater.decompress(raw, self._chunk_size + 1)
        except IsalError:  # type: ignore[misc]  # the stub calls the class an instance
            return None
        if not inflater.eof or not wanted <= len(data) <= self._chunk_size:
            return None
        return data[:wanted]

    def _locate(self, number: int) -> tuple[Table, int, int, bool]:
        """Return table, file offset, stored length and compression of a chunk."""
        index = bisect_right(self._firsts, number) - 1
        first, table = self._placed[index] if index >= 0 else (0, None)
        if table is None or number - first >= table.count:
            raise EvidenceError(f"no segment holds the chunk at {number * self._chunk_size}")
        entries, plain_from = self._entries(index, table)
        position = number - first
        raw = entries[position]
        if position >= plain_from:
            at, compressed = raw, False
        else:
            at, compressed = raw & _OFFSET, bool(raw & _COMPRESSED)
        if position + 1 < table.count:
            end = entries[position + 1] & (_OFFSET if position + 1 < plain_from else 0xFFFFFFFF)
            end += table.base
        else:
            end = table.data_end
        at += table.base
        return table, at, min(end, table.data_end) - at, compressed

    def _entries(self, index: int, table: Table) -> tuple[array[int], int]:
        """Return the entries of a table, and from which one on they use all 32 bits.

        EnCase 6.7.1 wrote sections of more than 2 GiB: past that the highest bit belongs to the
        offset, and the chunks are not compressed (libewf, "table entries offset overflow").
        """
        known = self._offsets.get(index)
        if known is None:
            entries = array("I")
            entries.frombytes(table.file.read_at(table.entries_at, 4 * table.count))
            if sys.byteorder == "big":
                entries.byteswap()
            known = entries, table.count
            if table.data_end - table.base > _OFFSET:
                known = entries, _overflow(entries)
            self._offsets.put(index, known)
        return known


def _plain(raw: bytes, wanted: int) -> bytes | None:
    """Return the bytes of an uncompressed chunk when the Adler-32 behind them fits."""
    for length in (wanted, len(raw) - 4):  # the last chunk of the media may be stored whole
        checksum = raw[length : length + 4]
        if wanted <= length and len(checksum) == 4:  # noqa: PLR2004
            data = raw[:length]
            if isal_zlib.adler32(data) == int.from_bytes(checksum, "little"):
                return data[:wanted]
    return None


def _overflow(entries: array[int]) -> int:
    """Return the position of the first entry whose offset is lower than the one before it."""
    for position in range(1, len(entries)):
        if entries[position] & _OFFSET < entries[position - 1] & _OFFSET:
            return position
    return len(entries)


def open_ewf(path: Path, *, allow_incomplete: bool = False) -> EwfImage:
    """Open an EWF-E01 image given its first segment; the others lie beside it.

    Raises UnsupportedImageError for a later segment, DamagedImageError naming the segment that is
    missing, cut short, misnumbered, of another set or inconsistent. With `allow_incomplete` the
    image opens with what is there: see `missing` and `info.notes`.
    """
    return EwfImage(read_set(path, allow_incomplete=allow_incomplete))
