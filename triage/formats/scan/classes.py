"""What kinds of bytes there are: letters and digits, text, and what is none.

| class | bytes |
|---|---|
| letter | ASCII letters |
| part of a letter | bytes that UTF-8 needs for the word lists |
| other text | ASCII digits and printable, tab, line ends |
| no text | the rest |

Random bytes, code and zeros are told from text by runs of forty bytes of text: by chance one byte
in sixty begins what looks so at every fourth byte.
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
"""Zeros behind the last byte: no step looks over the end."""

_LETTER_PARTS: Final = (
    *range(0x80, 0xC0),  # continuation
    *range(0xC3, 0xC6),  # Latin with accents
    0xCC,  # combining accents
    0xE1,  # Hangul jamo
    *range(0xE3, 0xEE),  # kana, ideographs, Hangul
)


def _small() -> Bytes:
    table = np.zeros(256, np.uint8)
    for char in string.ascii_letters:
        table[ord(char)] = ord(char.lower())
    table[list(_LETTER_PARTS)] = _LETTER_PARTS
    return table


SMALL: Final = _small()
"""From a byte to that of the small letter, or 0 where it is no part of one."""

_IS_TEXT: Final = SMALL != 0
_IS_TEXT[[ord(char) for char in string.printable[:-2]]] = True  # not vertical tab and form feed


def padded(data: bytes) -> Bytes:
    """Return the bytes, then at least `PADDING` zeros up to a multiple of eight."""
    return np.frombuffer(data + bytes(PADDING + -len(data) % 8), np.uint8)


def ascii_letters(raw: Bytes) -> Flags:
    """Return where ASCII letters stand."""
    low = raw | np.uint8(0x20)
    low -= np.uint8(ord("a"))  # wraps round below it
    flags: Flags = low < np.uint8(26)
    return flags


def digits(raw: Bytes) -> Flags:
    """Return where ASCII digits stand."""
    flags: Flags = (raw - np.uint8(0x30)) < np.uint8(10)
    return flags


EIGHT: Final = np.uint64(0x0101_0101_0101_0101)
"""Eight flags that are set, seen as one number."""

_TWO: Final = np.uint16(0x0101)
_RUN = 4  # whole words of eight bytes that forty bytes contain, however they lie
_FEW, _MOSTLY = 0.5, 0.9


def text_words(raw: Bytes) -> Flags:
    """Return which words of eight bytes belong to, or touch, a run of about forty of text."""
    likely = extended(_IS_TEXT.take(raw[::4]).view(np.uint16) == _TWO)
    if np.count_nonzero(likely) > _FEW * len(likely):
        return likely
    places = np.flatnonzero(likely)
    whole = np.zeros(len(likely), np.bool_)
    whole[places] = (
        _IS_TEXT.take(raw.view(np.uint64)[places].view(np.uint8)).view(np.uint64) == EIGHT
    )
    return extended(whole)


def extended(whole: Flags) -> Flags:
    """Return those of words of eight bytes that belong to, or touch, a run of four at least."""
    first = whole[:-3] & whole[1:-2] & whole[2:-1] & whole[3:]
    found = np.zeros(len(whole), np.bool_)
    if first.any():
        for step in range(-1, _RUN + 1):  # one more on either side: the run ends within it
            low, high = max(0, step), min(len(whole), len(first) + step)
            found[low:high] |= first[low - step : high - step]
    return found


def mostly_text(raw: Bytes) -> bool:
    """Whether it is not worth while to look for what is no text."""
    sample = _IS_TEXT.take(raw[::64])
    return bool(np.count_nonzero(sample) >= _MOSTLY * len(sample))
