"""Sets of bytes of the media as sorted, disjoint extents: union, difference, overlap.

Half-open, in bytes. Built for a million extents: everything is done on whole arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from triage.evidence.arrays import Bools, Ints

_NUMBERS = 2  # of one extent


@dataclass(frozen=True, slots=True, eq=False)
class Extents:
    """`starts` ascend, and each end lies before the next start: neighbours that touch are one."""

    starts: Ints
    ends: Ints

    @classmethod
    def of(cls, starts: Ints, ends: Ints) -> Self:
        """Join extents that come in any order and may overlap; empty ones are left out."""
        kept = starts < ends
        starts, ends = starts[kept], ends[kept]
        order = np.argsort(starts, kind="stable")
        starts, ends = starts[order], np.maximum.accumulate(ends[order])
        first = np.ones(len(starts), dtype=np.bool_)
        first[1:] = starts[1:] > ends[:-1]
        last = np.append(first[1:], True) if len(first) else first
        return cls(starts[first], ends[last])

    @classmethod
    def one(cls, start: int, end: int) -> Self:
        """Return one extent."""
        return cls.of(np.array([start], dtype=np.int64), np.array([end], dtype=np.int64))

    @classmethod
    def none(cls) -> Self:
        """Return the empty set."""
        return cls(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))

    @classmethod
    def unpacked(cls, data: bytes) -> Self:
        """Return what `packed` was made of, whoever made it; what is no extent is left out."""
        whole = len(data) // (8 * _NUMBERS) * 8 * _NUMBERS
        pairs = np.frombuffer(data[:whole], dtype="<i8").astype(np.int64).reshape(-1, _NUMBERS)
        pairs = pairs[pairs[:, 0] >= 0]
        return cls.of(pairs[:, 0], pairs[:, 1])

    def packed(self) -> bytes:
        """Return start and end of each as 64-bit little-endian numbers."""
        return np.stack((self.starts, self.ends), axis=1).astype("<i8").tobytes()

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.starts.tolist(), self.ends.tolist(), strict=True)

    @property
    def size(self) -> int:
        """Bytes in all of them."""
        return int((self.ends - self.starts).sum())

    def __or__(self, other: Extents) -> Extents:
        return Extents.of(
            np.concatenate((self.starts, other.starts)), np.concatenate((self.ends, other.ends))
        )

    def __and__(self, other: Extents) -> Extents:
        # Each pair that overlaps: for each of ours, a run of theirs.
        low = np.searchsorted(other.ends, self.starts, side="right")
        high = np.searchsorted(other.starts, self.ends, side="left")
        count = np.maximum(high - low, 0)
        ours = np.repeat(np.arange(len(self)), count)
        theirs = np.repeat(low - (np.cumsum(count) - count), count) + np.arange(len(ours))
        starts = np.maximum(self.starts[ours], other.starts[theirs])
        ends = np.minimum(self.ends[ours], other.ends[theirs])
        return Extents(starts, ends)

    def __sub__(self, other: Extents) -> Extents:
        if not len(self):
            return self
        low, high = int(self.starts[0]), int(self.ends[-1])
        between = Extents.of(np.append(low, other.ends), np.append(other.starts, high))
        return self & between

    def within(self, start: int, end: int) -> Extents:
        """Return the part between two places."""
        return self & Extents.one(start, end)

    def hold(self, place: int) -> bool:
        """Whether a byte belongs to the set."""
        at = int(np.searchsorted(self.starts, place, side="right")) - 1
        return at >= 0 and place < int(self.ends[at])


def from_flags(flags: Bools, unit: int, base: int = 0) -> Extents:
    """Return the extents of flags that are set, one for each `unit` bytes from `base` on."""
    edges = np.flatnonzero(np.diff(flags.view(np.int8), prepend=0, append=0)).astype(np.int64)
    return Extents(base + edges[::2] * unit, base + edges[1::2] * unit)
