"""Where eleven or more words of one list stand in a row: the places where a seed phrase may be.

Each word is looked up by its first four bytes, in the spellings that UTF-8 has for it; ANDs of the
lists' bits show runs, whose words are then looked up by eight bytes. Tags and escapes between the
words do not part them, so a table of words is a run as well.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from triage.formats.scan.classes import Bytes, letters, text_words
from triage.formats.wordlists import LISTS

SHORTEST: Final = 11
"""Words of the shortest run: a phrase of twelve that lacks one."""

BEHIND, AHEAD = 200, 160
"""Bytes around a run that decide about it: numbers and tags before it, and words near it."""

Lists = NDArray[np.uint16]

_MULTIPLIER: Final = np.uint32(0x9E37_79B1)
_BITS = 18
_SHIFT: Final = np.uint32(32 - _BITS)
_DISTINCT = 7  # of eleven words, or it is `true, false, true`
_DENSE = 0.6  # share of text above which leaving out the rest saves nothing


def _spellings(word: str) -> Iterator[str]:
    composed = unicodedata.normalize("NFC", word)
    yield composed
    yield composed.upper()
    yield unicodedata.normalize("NFKD", word)
    yield "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))


def _heads(size: int) -> dict[int, int]:
    """Return the first bytes of every spelling, as a number, and the lists that have it."""
    heads: dict[int, int] = {}
    for words in LISTS:
        for word in words.spelled:
            for spelling in _spellings(word):
                head = spelling.encode("utf-8").lower()[:size].ljust(size, b"\0")
                key = int.from_bytes(head, "little")
                heads[key] = heads.get(key, 0) | words.bit
    return heads


@cache  # on first use: a worker imports every module, and most scan nothing
def _table() -> Lists:
    """Return hash of four bytes → bits of lists."""
    table = np.zeros(1 << _BITS, np.uint16)
    for key, bits in _heads(4).items():
        table[(key * int(_MULTIPLIER) & 0xFFFF_FFFF) >> int(_SHIFT)] |= bits
    return table


@cache
def _exact() -> tuple[NDArray[np.uint64], Lists]:
    """Return the first eight bytes of all words, as sorted numbers, and bits of lists."""
    heads = dict(sorted(_heads(8).items()))
    return np.fromiter(heads.keys(), np.uint64), np.fromiter(heads.values(), np.uint16)


def word_runs(data: bytes, kinds: Bytes) -> list[tuple[int, int]]:
    """Return (start, end) of every place to be looked at, in order, with context, not overlapping.

    `kinds` are the classes of `data`.
    """
    text = text_words(kinds)
    if not text.any():
        return []
    raw = np.frombuffer(data, np.uint8)
    kinds = _without_escapes(raw, kinds)
    spans = _spans(kinds, text)
    opens = np.flatnonzero(raw == ord("<"))
    if (
        len(opens) >= SHORTEST
        and (opens[SHORTEST - 1 :] - opens[: 1 - SHORTEST] < _TABLE_SIZE).any()
    ):
        # A second look, as phrases stand in attributes as well.
        parted = _without_tags(data, raw, kinds)
        spans += _spans(parted, text_words(parted))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return [(start, min(end, len(data))) for start, end in merged]


def _spans(kinds: Bytes, text: NDArray[np.bool_]) -> list[tuple[int, int]]:
    places = None
    if np.count_nonzero(text) < _DENSE * len(text):
        places = np.flatnonzero(text)
        kinds = np.append(kinds.view(np.uint64)[places], np.uint64(0)).view(np.uint8)
    flags = letters(kinds)
    starts = np.flatnonzero(flags[1:] > flags[:-1]) + 1
    if flags[0]:
        starts = np.concatenate(([0], starts))
    if len(starts) < SHORTEST:
        return []
    alone = kinds * flags
    heads = np.ndarray((len(alone) - 3,), "<u4", buffer=alone.data, strides=(1,))
    found = _runs(_table()[heads[starts] * _MULTIPLIER >> _SHIFT])
    if len(found):
        found = _runs_of_words(alone, starts, found)
    if len(found) == 0:
        return []
    if places is not None:
        starts = places[starts >> 3] * 8 + (starts & 7)
    begins, ends = starts[found], starts[found + SHORTEST - 1]
    breaks = np.flatnonzero(begins[1:] > ends[:-1] + BEHIND + AHEAD) + 1
    firsts = begins[np.concatenate(([0], breaks))]
    lasts = ends[np.concatenate((breaks - 1, [-1]))]
    return [
        (max(0, first - BEHIND), last + AHEAD)
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)
    ]


def _runs(lists: Lists) -> NDArray[np.intp]:
    """Return the words with which eleven of one list begin."""
    two = lists[:-1] & lists[1:]
    four = two[:-2] & two[2:]
    eight = four[:-4] & four[4:]
    return np.flatnonzero(eight[:-3] & four[7:])


def _runs_of_words(
    alone: Bytes, starts: NDArray[np.intp], found: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return those of `found` that hold when words are looked up by eight bytes."""
    touched = np.zeros(len(starts), np.bool_)
    for step in range(SHORTEST):
        touched[found + step] = True
    words = np.flatnonzero(touched)
    heads = np.lib.stride_tricks.sliding_window_view(alone, 8)[starts[words]]
    heads = heads * np.logical_and.accumulate(heads != 0, axis=1)
    keys = np.ascontiguousarray(heads).view("<u8")[:, 0]
    known, known_lists = _exact()
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    lists = np.zeros(len(starts), np.uint16)
    lists[words] = np.where(known[at] == keys, known_lists[at], 0)
    found = _runs(lists)
    numbers = np.zeros(len(starts), np.intp)
    numbers[words] = at
    inside = np.sort(numbers[found[:, None] + np.arange(SHORTEST)], axis=1)
    distinct = (inside[:, 1:] != inside[:, :-1]).sum(axis=1) + 1
    kept: NDArray[np.intp] = found[distinct >= _DISTINCT]
    return kept


_LONGEST_TAG = 202
_TABLE_SIZE = 4096  # bytes in which eleven tags must begin
_ESCAPED: Final = np.frombuffer(b"nrt", np.uint8)


def _without_escapes(raw: Bytes, kinds: Bytes) -> Bytes:
    """Return the classes with the letters of escaped line ends and tabs as separators."""
    flags = raw == ord("\\")
    if np.count_nonzero(flags) < SHORTEST - 1:
        return kinds
    after = np.flatnonzero(flags[:-1]) + 1
    parted = kinds.copy()
    parted[after[np.isin(raw[after], _ESCAPED)]] = 1
    return parted


def _without_tags(data: bytes, raw: Bytes, kinds: Bytes) -> Bytes:
    """Return the classes with tags and hard blanks as separators."""
    parted = kinds.copy()
    inner = parted[: len(raw)]
    _part_tags(raw, inner)
    if np.count_nonzero(raw == ord("&")) >= SHORTEST - 1:
        plain = data.replace(b"&nbsp;", b"\x01\x01\x01\x01\x01\x01")
        inner[np.frombuffer(plain, np.uint8) == 1] = 1
    return parted


def _part_tags(raw: Bytes, inner: Bytes) -> None:
    opens, closes = np.flatnonzero(raw == ord("<")), np.flatnonzero(raw == ord(">"))
    at = np.searchsorted(closes, opens)
    opens, at = opens[at < len(closes)], at[at < len(closes)]
    if len(opens) == 0:
        return
    ends = closes[at]
    kept = (ends < np.append(opens[1:], len(raw))) & (ends - opens < _LONGEST_TAG)
    borders = np.stack((opens[kept], ends[kept] + 1), axis=1).ravel()
    sizes = np.diff(borders, prepend=0, append=len(raw))
    inside = np.repeat(np.arange(len(sizes), dtype=np.uint8) & 1, sizes)
    inner[inside == 1] = 1
