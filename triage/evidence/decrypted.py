"""A layer whose bytes are those of areas below, decrypted sector by sector as they are read.

What was decrypted is kept in memory for a while, and nowhere else.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from triage.errors import EvidenceError
from triage.evidence.layers import Stretch
from triage.evidence.sectors import Sectors
from triage.model import Reader, Storage

CHUNK: Final = 128 << 10
"""Bytes that are decrypted at once."""

_KEPT: Final = 8 << 20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Some bytes of the layer.

    Without `sectors` they lie below as they are; without a place they are zeros.
    Length and places are multiples of the sector.
    """

    at: int  # in the layer
    length: int
    below: int | None  # in the image below
    sectors: Sectors | None = None
    first: int = 0  # the number of its first sector
    step: int = 1  # from one sector to the next
    sector: int = 512  # bytes

    def read(self, reader: Reader, offset: int, length: int) -> bytes:
        """Return bytes of the area; both numbers count in it. Raises EvidenceError."""
        if self.below is None:
            return bytes(length)
        if self.sectors is None:
            return _exact(reader, self.below + offset, length)
        start = offset // self.sector
        count = -(-(offset + length) // self.sector) - start
        data = _exact(reader, self.below + start * self.sector, count * self.sector)
        numbers = np.arange(start, start + count, dtype=np.uint64) * np.uint64(self.step)
        plain = self.sectors(data, numbers + np.uint64(self.first))
        skip = offset - start * self.sector
        return plain[skip : skip + length]


def _exact(reader: Reader, offset: int, length: int) -> bytes:
    data = reader.read_at(offset, length)
    if len(data) != length:
        raise EvidenceError(f"bytes at {offset} lie behind the end of the image")
    return data


class Areas:
    """A layer that is made of areas."""

    snapshot = False

    def __init__(
        self,
        reader: Reader,
        areas: Sequence[Area],
        *,
        name: str,
        description: str,
        details: Mapping[str, str],
        chunk: int = CHUNK,
    ) -> None:
        """Take areas that follow each other without gaps from byte 0 of the layer."""
        self._chunk_size = chunk
        self._reader, self._areas = reader, [area for area in areas if area.length > 0]
        self._starts = [area.at for area in self._areas]
        self._chunks: OrderedDict[int, bytes] = OrderedDict()
        self.name, self.description, self.details = name, description, details
        self.size = sum(area.length for area in self._areas)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes, fewer only at the end. Raises EvidenceError."""
        end = min(offset + length, self.size)
        parts = []
        while offset < end:
            number, skip = divmod(offset, self._chunk_size)
            part = self._chunk(number)[skip : skip + end - offset]
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def _chunk(self, number: int) -> bytes:
        known = self._chunks.get(number)
        if known is None:
            start = number * self._chunk_size
            end = min(start + self._chunk_size, self.size)
            known = b"".join(
                area.read(self._reader, at - area.at, length)
                for area, at, length in self._within(start, end)
            )
            self._chunks[number] = known
            if len(self._chunks) * self._chunk_size > _KEPT:
                self._chunks.popitem(last=False)
        else:
            self._chunks.move_to_end(number)
        return known

    def _within(self, offset: int, end: int) -> Iterator[tuple[Area, int, int]]:
        place = max(0, bisect_right(self._starts, offset) - 1)
        while offset < end and place < len(self._areas):
            area = self._areas[place]
            length = min(end, area.at + area.length) - offset
            yield area, offset, length
            offset, place = offset + length, place + 1

    def stretches(self, offset: int, length: int) -> Iterator[Stretch]:
        """Yield where bytes come from."""
        for area, at, size in self._within(offset, min(offset + length, self.size)):
            yield Stretch(
                at=at,
                below=None if area.below is None else area.below + at - area.at,
                length=size,
                storage=Storage.PLAIN if area.sectors is None else Storage.ENCRYPTED,
            )
