"""Where eleven or more words of one list stand in a row: the places where a seed phrase may be.

Each third word is looked up by its first four bytes, in any case. Where three of these in a row are
of one list, so must be the four between them; what is left, a few words in a thousand of prose, is
looked up by eight bytes, in the spellings that UTF-8 has. ANDs of the lists' bits show runs. Tags
and escapes between the words do not part them, so a table of words is a run as well.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from triage.formats.scan.classes import (
    PADDING,
    SMALL,
    Bytes,
    Flags,
    Places,
    mostly_text,
    text_words,
)
from triage.formats.wordlists import LISTS

SHORTEST: Final = 11
"""Words of the shortest run: a phrase of twelve that lacks one."""

BEHIND, AHEAD = 200, 160
"""Bytes around a run that decide about it: numbers and tags before it, and words near it."""

Lists = NDArray[np.uint16]

_MULTIPLIER: Final = np.uint32(0x9E37_79B1)
_BITS = 20
_SHIFT: Final = np.uint32(32 - _BITS)
_FOLD: Final = np.uint32(0x2020_2020)
_THREE, _FOURTH = np.uint32(0x00FF_FFFF), np.uint32(0xFF00_0000)

_QUOTES: Final = (0xC2, 0xE2)  # first bytes of quotes and hard blanks: no letters
_DENSE = 0.6  # share of text above which leaving out the rest saves nothing

# A run of eleven words has three whose number is a multiple of three, and the four between them.
_STEP, _BETWEEN = 3, (1, 2, 4, 5)
_OUTSIDE = 4  # words of it on either side of these seven

_DISTINCT = 7  # of eleven words, or it is `true, false, true`


def _spellings(word: str) -> Iterator[str]:
    if word.isascii():
        yield word
        return
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
    """Return hash of four bytes in small letters → bits of lists."""
    table = np.zeros(1 << _BITS, np.uint16)
    for head, bits in _heads(4).items():
        folded = head | sum(0x20 << at for at in range(0, 32, 8) if head >> at & 0xFF)
        table[(folded * int(_MULTIPLIER) & 0xFFFF_FFFF) >> int(_SHIFT)] |= bits
    return table


@cache
def _exact() -> tuple[NDArray[np.uint64], Lists]:
    """Return the first eight bytes of all words, as sorted numbers, and bits of lists."""
    heads = dict(sorted(_heads(8).items()))
    return np.fromiter(heads.keys(), np.uint64), np.fromiter(heads.values(), np.uint16)


def word_runs(data: bytes, raw: Bytes, latin: Flags) -> list[tuple[int, int]]:
    """Return (start, end) of every place to be looked at, in order, with context, not overlapping.

    `raw` is `data` with padding, `latin` says where ASCII letters stand in it.
    """
    flags = latin
    if not data.isascii():
        flags = latin | (raw >= np.uint8(0x80))
        for quote in _QUOTES:
            flags &= raw != np.uint8(quote)
    kept = None
    if not mostly_text(raw):
        text = text_words(raw)
        if not text.any():
            return []
        raw, flags, kept = _only(raw, flags, text)
    slashes = raw[:-1] == _BACKSLASH
    if np.count_nonzero(slashes) >= SHORTEST - 1:
        flags = flags.copy()
        flags[_escaped(raw, slashes)] = False
    found = [_look(raw, flags)]
    tables = _near_tags(raw)
    if tables is not None:
        # A second look, as phrases stand in attributes as well.
        found.append(_look_between_tags(raw, flags, tables))
    begins, ends = (_back(kept, np.concatenate(places)) for places in zip(*found, strict=True))
    spans = zip((begins - BEHIND).tolist(), (ends + AHEAD).tolist(), strict=True)
    return _merged(spans, len(data))


def _only(raw: Bytes, flags: Flags, groups: Flags) -> tuple[Bytes, Flags, Places | None]:
    """Return groups of eight bytes side by side, with padding, and their numbers.

    Where most are kept this is all, and None.
    """
    if np.count_nonzero(groups) >= _DENSE * len(groups):
        return raw, flags, None
    kept = np.flatnonzero(groups)
    padding = np.zeros(PADDING // 8, np.uint64)
    kept_raw, kept_flags = (np.append(view.view(np.uint64)[kept], padding) for view in (raw, flags))
    return kept_raw.view(np.uint8), kept_flags.view(np.bool_), kept


def _back(kept: Places | None, at: Places) -> Places:
    """Return the places of bytes that are at `at` where only some groups were kept."""
    return at if kept is None else kept[at >> 3] * 8 + (at & 7)


def _look(raw: Bytes, flags: Flags) -> tuple[Places, Places]:
    """Return where the first and where the last word of runs of eleven begin."""
    starts = np.flatnonzero(flags[1:] > flags[:-1]) + 1
    if flags[0]:
        starts = np.concatenate(([0], starts))
    if len(starts) < SHORTEST:
        return starts[:0], starts[:0]
    found = _runs(_Words(raw, flags, starts))
    return starts[found], starts[found + SHORTEST - 1]


def _look_between_tags(raw: Bytes, flags: Flags, dense: Flags) -> tuple[Places, Places]:
    """Return the same as if tags were blanks."""
    raw, flags, kept = _only(raw, flags, dense)
    begins, ends = _look(raw, flags & ~_tags(raw))
    return _back(kept, begins), _back(kept, ends)


class _Words:
    """Looks up words by their number."""

    def __init__(self, raw: Bytes, flags: Flags, starts: Places) -> None:
        self._flags = flags
        self._starts = starts
        self.count = len(starts)
        self._four, self._eight = (
            np.ndarray((len(raw) - 7,), kind, buffer=raw.data, strides=(1,))
            for kind in ("<u4", "<u8")
        )

    def roughly(self, words: Places | slice) -> Lists:
        """Return the lists that may have each word, by its first four bytes."""
        starts = self._starts[words]
        # All words have three letters, shorter ones are in no list: only the fourth may be none.
        letters = _THREE + _FOURTH * self._flags.take(starts + 3)
        heads = (self._four[starts] | _FOLD) & letters
        return _table().take(heads * _MULTIPLIER >> _SHIFT)

    def exactly(self, words: Places) -> tuple[Lists, Places]:
        """Return the lists that have each word, by its first eight bytes, and its place in all."""
        starts = self._starts[words]
        heads = SMALL.take(self._eight[starts].view(np.uint8)).reshape(-1, 8)
        inside = self._flags[starts[:, None] + np.arange(8)]
        heads *= np.logical_and.accumulate(inside, axis=1)
        keys = heads.view("<u8")[:, 0]
        known, lists = _exact()
        at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        return np.where(known[at] == keys, lists[at], np.uint16(0)), at


def _runs(words: _Words) -> Places:
    """Return the words with which eleven of one list begin, most of them different."""
    third = words.roughly(slice(None, None, _STEP))
    lists = third[:-2] & third[1:-1] & third[2:]
    first = np.flatnonzero(lists)
    lists = lists[first]
    first *= _STEP
    for step in _BETWEEN:
        lists &= words.roughly(first + step)
        some = lists != 0
        first, lists = first[some], lists[some]
    if len(first) == 0:
        return first
    near = _around(first, words.count)
    near = _around(near[_eleven(near, words.roughly(near))], words.count)
    lists, numbers = words.exactly(near)
    found = _eleven(near, lists)
    inside = np.sort(numbers[found[:, None] + np.arange(SHORTEST)], axis=1)
    distinct = (inside[:, 1:] != inside[:, :-1]).sum(axis=1) + 1
    runs: Places = near[found[distinct >= _DISTINCT]]
    return runs


def _around(words: Places, count: int) -> Places:
    """Return all numbers of words that a run with one of `words` in its first seven may have."""
    touched = np.zeros(count + SHORTEST, np.bool_)
    for step in range(-_OUTSIDE, SHORTEST):
        touched[np.maximum(words + step, 0)] = True
    return np.flatnonzero(touched[:count])


def _eleven(words: Places, lists: Lists) -> Places:
    """Return where in `words` eleven in a row begin that one list has; they are in order."""
    if len(words) < SHORTEST:
        return words[:0]
    two = lists[:-1] & lists[1:]
    four = two[:-2] & two[2:]
    eight = four[:-4] & four[4:]
    found = np.flatnonzero(eight[:-3] & four[7:])
    kept: Places = found[words[found + SHORTEST - 1] - words[found] == SHORTEST - 1]
    return kept


def _merged(spans: Iterable[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """Return spans in order, not overlapping, none over the ends of `size` bytes."""
    parted: list[tuple[int, int]] = []
    for start, end in sorted((max(0, start), end) for start, end in spans):
        if parted and start <= parted[-1][1]:
            parted[-1] = (parted[-1][0], max(parted[-1][1], end))
        else:
            parted.append((start, end))
    return [(start, min(end, size)) for start, end in parted]


_LONGEST_TAG = 202
_TABLE_SIZE = 2400  # bytes in which eleven tags must begin
_BACKSLASH, _OPEN = np.uint8(ord("\\")), np.uint8(ord("<"))
_ESCAPED: Final = np.isin(np.arange(256), list(b"nrt"))
_HARD_BLANK = b"&nbsp;"


def _escaped(raw: Bytes, slashes: Flags) -> Places:
    """Return where the letters of escaped line ends and tabs stand, which part words."""
    after = np.flatnonzero(slashes) + 1
    return after[_ESCAPED.take(raw[after])]


def _near_tags(raw: Bytes) -> Flags | None:
    """Return which words of eight bytes are near eleven tags that a table of words may have."""
    flags = raw == _OPEN
    if np.count_nonzero(flags) < SHORTEST:
        return None
    opens = np.flatnonzero(flags)
    first, last = opens[: 1 - SHORTEST], opens[SHORTEST - 1 :]
    dense = np.flatnonzero(last - first < _TABLE_SIZE)
    if len(dense) == 0:
        return None
    # Plus one where a table begins, minus one where it ends: the sum is how many there are.
    count = len(raw) // 8
    begins = np.maximum(first[dense] - BEHIND, 0) // 8
    ends = np.minimum(last[dense] + BEHIND, len(raw)) // 8
    change = np.bincount(begins, minlength=count + 1) - np.bincount(ends, minlength=count + 1)
    return np.cumsum(change)[:-1] > 0


def _tags(raw: Bytes) -> Flags:
    """Return where tags and hard blanks stand, which part words."""
    found = _inside_tags(raw)
    data = raw.tobytes()
    if data.count(_HARD_BLANK) >= SHORTEST - 1:
        plain = data.replace(_HARD_BLANK, b"\x01" * len(_HARD_BLANK))
        found |= np.frombuffer(plain, np.uint8) == 1
    return found


def _inside_tags(raw: Bytes) -> Flags:
    opens, closes = np.flatnonzero(raw == ord("<")), np.flatnonzero(raw == ord(">"))
    at = np.searchsorted(closes, opens)
    opens, at = opens[at < len(closes)], at[at < len(closes)]
    if len(opens) == 0:
        return np.zeros(len(raw), np.bool_)
    ends = closes[at]
    kept = (ends < np.append(opens[1:], len(raw))) & (ends - opens < _LONGEST_TAG)
    borders = np.stack((opens[kept], ends[kept] + 1), axis=1).ravel()
    sizes = np.diff(borders, prepend=0, append=len(raw))
    return np.repeat((np.arange(len(sizes)) & 1).astype(np.bool_), sizes)
