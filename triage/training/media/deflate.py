"""A zlib stream that is the same whatever library is installed: only runs of one byte get shorter.

What zlib makes of data changes with its version and its makers. Practice media are mostly zeros and
patterns, so runs are worth the effort and the rest is stored (RFC 1950, RFC 1951).
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache

import numpy as np

_SHORTEST = 516  # bytes of a run: a shorter one is not worth its block
_LONGEST = 258  # bytes of one match
_LONGEST_CODE, _LONGEST_BITS = 0b10100011, 8  # of symbol 285, lowest bit first
_DISTANCE_BITS = 5  # zeros: one byte back
_END_BITS = 7  # zeros: the block ends
_LAST_SHORT = 143  # literals up to here have 8 bits, others 9
_MOST_STORED = 0xFFFF


@lru_cache(maxsize=2)  # most chunks of a disk are the same zeros
def deflate(data: bytes) -> bytes:
    """Return a zlib stream of `data`."""
    parts = [b"\x78\x01"]
    at, run = 0, (0, 0)  # matches, byte
    for start, end in _runs(data):
        parts.append(_blocks(run, data[at:start], last=False))
        matches = (end - start - 1) // _LONGEST
        run = (matches, data[start])
        at = start + 1 + matches * _LONGEST
    parts.append(_blocks(run, data[at:], last=True))
    parts.append(struct.pack(">I", zlib.adler32(data)))
    return b"".join(parts)


def _runs(data: bytes) -> list[tuple[int, int]]:
    """Return where one byte is repeated long enough: first byte and end."""
    if not data:
        return []
    values = np.frombuffer(data, dtype=np.uint8)
    edges = np.flatnonzero(values[1:] != values[:-1]) + 1
    edges = np.concatenate(([0], edges, [len(data)]))
    long = np.flatnonzero(np.diff(edges) >= _SHORTEST)
    return list(zip(edges[long].tolist(), edges[long + 1].tolist(), strict=True))


def _blocks(run: tuple[int, int], rest: bytes, *, last: bool) -> bytes:
    """Return a run, then bytes as they are; begins and ends with a whole byte."""
    parts = []
    while True:
        part, rest = rest[:_MOST_STORED], rest[_MOST_STORED:]
        parts.append(_start(*run, last=last and not rest))
        parts.append(struct.pack("<HH", len(part), len(part) ^ 0xFFFF) + part)
        if not rest:
            return b"".join(parts)
        run = (0, 0)


@lru_cache(maxsize=1024)
def _start(matches: int, byte: int, *, last: bool) -> bytes:
    """Return a block with fixed codes that holds a run, and the first bits of a stored block."""
    bits, count = 0, 0

    def add(value: int, width: int) -> None:
        nonlocal bits, count
        bits |= value << count
        count += width

    if matches:
        add(0b010, 3)
        short = byte <= _LAST_SHORT
        width = 8 if short else 9
        code = 0x30 + byte if short else 0x190 + byte - _LAST_SHORT - 1
        add(int(f"{code:0{width}b}"[::-1], 2), width)
        for _ in range(matches):
            add(_LONGEST_CODE, _LONGEST_BITS + _DISTANCE_BITS)
        add(0, _END_BITS)
    add(int(last), 3)
    return bits.to_bytes(-(-count // 8), "little")
