"""The few things that are found by a literal: names in `.onion` and `.i2p`, PGP, BitLocker.

Besides, whether there may be Asian words in UTF-16 or wide spaces: each is said once.

Hyperscan looks for all of them in one pass; without it (`python -m pip install hyperscan`)
Python's own patterns find the same places, more slowly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import IntEnum
from functools import cache
from typing import Any

try:
    import hyperscan
except ImportError:  # no wheel for this system
    _HYPERSCAN = False
else:
    _HYPERSCAN = True


class Literal(IntEnum):
    """What stands before the end of a match."""

    ONION = 0
    I2P = 1
    PGP = 2
    BITLOCKER = 3
    WIDE_SPACE = 4  # U+3000, between Japanese words; said once
    UTF_16_ASIAN = 5  # two blanks near one another behind Asian characters; said once


_ONCE = (Literal.WIDE_SPACE, Literal.UTF_16_ASIAN)
_ASIAN = rb"[\x11\x30\x4e-\x9f\xac-\xd7]"
_BLANK = rb"[\x20\x0a\x3c]"
_PARTED = (
    rb"(?:" + _ASIAN + rb"|,\x00)(?:" + _BLANK + rb"\x00|\x00\x30)",
    rb"(?:" + _ASIAN + rb".|\x00,)(?:\x00" + _BLANK + rb"|\x30\x00)",
)


_PATTERNS = (
    (Literal.ONION, rb"\.onion", re.IGNORECASE),
    (Literal.I2P, rb"\.i2p", re.IGNORECASE),
    (Literal.PGP, rb"-----BEGIN PGP ", 0),
    (Literal.BITLOCKER, rb"[0-9]{6}-[0-9]{6}-[0-9]{6}-", 0),
    (Literal.WIDE_SPACE, rb"\xe3\x80\x80", 0),
    *((Literal.UTF_16_ASIAN, part + rb".{1,44}" + part, re.DOTALL) for part in _PARTED),
)
_NARROW = len(_PATTERNS) - len(_PARTED)  # the others are of UTF-16, which has zeros

Search = Callable[[bytes], Iterator[tuple[int, Literal]]]
"""From bytes to (end of match, what), in order."""


def _with_python(data: bytes) -> Iterator[tuple[int, Literal]]:
    found: list[tuple[int, Literal]] = []
    for literal, pattern in _COMPILED if b"\0" in data else _COMPILED[:_NARROW]:
        for match in pattern.finditer(data):
            found.append((match.end(), literal))
            if literal in _ONCE:
                break
    yield from sorted(found)


_COMPILED = tuple((literal, re.compile(source, flags)) for literal, source, flags in _PATTERNS)


@cache  # on first use: a worker imports every module, and most scan nothing
def _database(count: int) -> Any:
    flags, patterns = [], _PATTERNS[:count]
    for literal, _, options in patterns:
        flag = hyperscan.HS_FLAG_DOTALL
        flag |= hyperscan.HS_FLAG_CASELESS if options & re.IGNORECASE else 0
        flag |= hyperscan.HS_FLAG_SINGLEMATCH if literal in _ONCE else 0
        flags.append(flag)
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[source for _, source, _ in patterns],
        ids=[int(literal) for literal, _, _ in patterns],
        flags=flags,
    )
    return database


def _with_hyperscan(data: bytes) -> Iterator[tuple[int, Literal]]:
    found: list[tuple[int, Literal]] = []

    def note(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
        found.append((end, Literal(number)))

    if data:
        database = _database(len(_PATTERNS) if b"\0" in data else _NARROW)
        database.scan(data, match_event_handler=note)
    yield from sorted(found)


python_search: Search = _with_python
search: Search = _with_hyperscan if _HYPERSCAN else _with_python
"""The faster of the two: hyperscan where it is installed."""
