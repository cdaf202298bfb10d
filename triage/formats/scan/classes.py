"""Bytes in classes: one translation that every step of the scan looks at.

| class | bytes | value |
|---|---|---|
| letter | ASCII letters | the small letter |
| digit | ASCII digits | itself |
| other text | ASCII printable, tab, line ends | 1 |
| part of a letter | bytes that UTF-8 needs for the word lists | itself |
| no text | the rest | 0 |

Random bytes, code and zeros are told from text by runs of forty bytes that are not 0: chance makes
one in a million bytes begin such a run.
"""

from __future__ import annotations

import string
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]

PADDING: Final = 16
"""Bytes of class 0 behind the last one: no step looks over the end."""

_LETTER_PARTS: Final = (
    *range(0x80, 0xC0),  # continuation
    *range(0xC3, 0xC6),  # Latin with accents
    0xCC,  # combining accents
    0xE1,  # Hangul jamo
    *range(0xE3, 0xEE),  # kana, ideographs, Hangul
)


def _table() -> bytes:
    table = bytearray(256)
    for char in string.printable[:-2]:  # without vertical tab and form feed
        table[ord(char)] = ord(char.lower()) if char.isalnum() else 1
    for byte in _LETTER_PARTS:
        table[byte] = byte
    return bytes(table)


_TABLE = _table()


def classes(data: bytes) -> Bytes:
    """Return the class of each byte, then at least `PADDING` zeros up to a multiple of eight."""
    padding = PADDING + -len(data) % 8
    return np.frombuffer((data + bytes(padding)).translate(_TABLE), np.uint8)


def alphanumeric(kinds: Bytes) -> Flags:
    """Return where ASCII letters and digits stand."""
    flags: Flags = (kinds - np.uint8(0x30)) < np.uint8(0x50)  # wraps round below "0"
    return flags


def letters(kinds: Bytes) -> Flags:
    """Return where letters of any kind stand."""
    flags: Flags = kinds > np.uint8(0x39)
    return flags


_EIGHT: Final = np.uint64(0x0101_0101_0101_0101)
_RUN = 4  # whole words of eight bytes that forty bytes contain, however they lie


def text_words(kinds: Bytes) -> Flags:
    """Return which words of eight bytes belong to, or touch, a run of about forty of text."""
    whole = (kinds != 0).view(np.uint64) == _EIGHT
    first = whole[:-3] & whole[1:-2] & whole[2:-1] & whole[3:]
    found = np.zeros(len(whole), np.bool_)
    if first.any():
        for step in range(-1, _RUN + 1):  # one more on either side: the run ends within it
            low, high = max(0, step), min(len(whole), len(first) + step)
            found[low:high] |= first[low - step : high - step]
    return found
