"""Byte ranges of the media, as (offset, length): joined where they touch, and asked about."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import TypeAlias

Range: TypeAlias = tuple[int, int]


def joined(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """Return the same bytes as the fewest ranges, sorted."""
    result: list[Range] = []
    for start, length in sorted(ranges):
        if result and start <= sum(result[-1]):
            before = result[-1]
            result[-1] = (before[0], max(sum(before), start + length) - before[0])
        elif length > 0:
            result.append((start, length))
    return tuple(result)


def touches(ranges: Sequence[Range], offset: int, length: int) -> bool:
    """Whether one of these joined ranges shares a byte with `length` bytes at `offset`."""
    before = bisect_right(ranges, (offset + length - 1, 1 << 64)) - 1
    return length > 0 and before >= 0 and sum(ranges[before]) > offset
