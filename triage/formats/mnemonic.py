"""Seed phrases: which kind, which language, and how much its checksum proves.

| kind | words | proof in bits | rule |
|---|---|---|---|
| bip39 | 12, 15, 18, 21, 24 | 4 to 8 | first bits of SHA-256(entropy) (BIP-39) |
| aezeed | 24 | 40 | version 0 and CRC-32C over the other 29 bytes (lnd) |
| slip39 | 20, 33 | 30 | RS1024 (SLIP-39) |
| polyseed | 16 | 11 | a Reed-Solomon check over GF(2048), Monero's coin number |
| monero | 13, 25 | 3, 4 | the last word repeats word CRC-32(prefixes) mod (n-1); Session uses 13 |
| electrum | 12, 13, 24 | 8 or 12 | HMAC-SHA512("Seed version", text) begins 01, 100, 101 or 102 |
| electrum1 | 12, 24 | 0 | words of the old list and nothing else |

`bits` says how rarely words picked from the list by chance pass (1 in 2^bits). A finding needs
care where it is small; redaction does not. Passphrases ("25th word") cannot be recognised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from triage.formats.seed_checks import SIZES, Window, windows
from triage.formats.wordlists import LISTS, MASKS, WordList, normal

SHORTEST = 12
"""Words of the shortest phrase of any kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mnemonic:
    """A seed phrase in normal form. The words are a secret and left out of `repr`."""

    kind: str
    language: str
    words: tuple[str, ...] = field(repr=False)
    bits: int

    @property
    def checks(self) -> tuple[str, ...]:
        """The names of the checks that hold; empty for `electrum1`."""
        return (f"{self.kind}-checksum",) if self.bits else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A seed phrase at `text[start:end]`, all between its words included."""

    start: int
    end: int
    kind: str
    language: str
    words: tuple[str, ...] = field(repr=False)
    bits: int


def check(words: Sequence[str], *, kind: str | None = None) -> Mnemonic | None:
    """Return what the words are as one whole phrase, or None; the strongest proof wins.

    `kind` asks about one kind alone: an old Electrum phrase may pass as BIP-39 by chance.
    """
    if not SHORTEST <= len(words) <= max(SIZES):
        return None
    normals = tuple(map(normal, words))
    found = [
        Mnemonic(kind=window.kind, language=words_of.language, words=normals, bits=window.bits)
        for words_of in LISTS
        if all(word in words_of.index for word in normals)
        for window in windows(words_of, normals, whole=True)
        if kind in {None, window.kind}
    ]
    # BIP-39 before Electrum, which today hands out no phrase that is also a BIP-39 one.
    return max(found, key=lambda each: (each.kind != "electrum", each.bits), default=None)


def find_mnemonics(text: str) -> Iterator[Span]:
    """Yield the seed phrases of a text, in order, never overlapping.

    Words may be numbered, quoted, or parted by commas, tags or line breaks; percent escapes are
    the caller's to undo. Kept are windows whose checksum holds, in which few words repeat (two
    in most kinds: `true, false, true …` is no seed), and that are not in the list's own order.
    Time grows with the length of the text, at most some ten microseconds a word.
    """
    for cluster in clusters(text):
        taken: list[Span] = []
        for span in cluster:
            if all(span.end <= other.start or other.end <= span.start for other in taken):
                taken.append(span)
        yield from sorted(taken, key=lambda span: span.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Words of a text that stand in one list, one after the other, and where each stands."""

    list: WordList
    words: tuple[str, ...] = field(repr=False)  # in normal form
    places: tuple[tuple[int, int], ...]


def word_runs(text: str, *, shortest: int = SHORTEST) -> Iterator[Run]:
    """Yield the longest runs of at least `shortest` words of a list, for every list."""
    tokens = _tokens(text)
    for words_of, first, last in _runs(tokens.masks, shortest):
        yield Run(
            list=words_of,
            words=tuple(tokens.words[first:last]),
            places=tuple(zip(tokens.starts[first:last], tokens.ends[first:last], strict=True)),
        )


def clusters(text: str) -> Iterator[tuple[Span, ...]]:
    """Yield groups of overlapping windows that pass, best first in each group.

    A group's outer borders are what a redaction has to cover: which of its windows is the true
    seed is a guess.
    """
    if len(text) < 2 * SHORTEST - 1 or not _may_hold(text):
        return
    tokens = _tokens(text)
    found = [
        (window, words_of)
        for words_of, first, last in _runs(tokens.masks)
        for window in _windows(words_of, tokens, first, last)
    ]
    found.sort(key=lambda pair: (pair[0].start, -pair[0].end))
    group: list[tuple[Window, WordList]] = []
    end = -1
    for pair in found:
        if pair[0].start >= end and group:
            yield _ranked(group, tokens)
            group = []
        group.append(pair)
        end = max(end, pair[0].end)
    if group:
        yield _ranked(group, tokens)


_LETTERS = r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u3099\u309a])*+"
_WORD = re.compile(_LETTERS)
_TOKEN = re.compile(
    r"(?P<stop>\[secret: [^\]]{0,80}\])"
    r"|<[^<>]{0,200}>|&#?\w{2,8};|\\(?:[nrt]|u[0-9A-Fa-f]{4})"
    rf"|(?P<word>{_LETTERS})"
)
_MARKUP = re.compile(r"[<&\\\[]")
_ASCII_WORDS = bytes(ord(chr(n).lower()) if chr(n).isalpha() else 32 for n in range(128)) * 2
# Monero repeats one word on purpose; 33 words out of 1024 often repeat some, and 30 bits suffice.
_REPEATS = {"monero": 4, "slip39": 16}
_GAP = 48  # characters between two words of one phrase, tags aside


@dataclass(slots=True, kw_only=True)
class _Tokens:
    words: list[str] = field(default_factory=list)
    masks: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)


def _may_hold(text: str) -> bool:
    """Whether twelve words in a row are in one list; markup counts as "maybe".

    Most texts end here, so this is the fast path: `bytes.translate` instead of a pattern.
    """
    if _MARKUP.search(text):
        return True
    if text.isascii():
        words = text.encode("ascii").translate(_ASCII_WORDS).decode("ascii").split()
    else:
        words = list(map(normal, _WORD.findall(text)))
    if len(words) < SHORTEST:
        return False
    return next(_runs([MASKS.get(word, 0) for word in words]), None) is not None


def _tokens(text: str) -> _Tokens:
    """Cut a text into words; a stop (mask 0) stands where a phrase cannot go on."""
    tokens = _Tokens()
    end = 0
    for found in _TOKEN.finditer(text):
        start = found.start()
        word = found["word"]
        if start - end > _GAP or found["stop"]:
            tokens.words.append("")
            tokens.masks.append(0)
            tokens.starts.append(start)
            tokens.ends.append(start)
        end = found.end()
        if word:
            word = normal(word)
            tokens.words.append(word)
            tokens.masks.append(MASKS.get(word, 0))
            tokens.starts.append(start)
            tokens.ends.append(end)
    return tokens


def _runs(masks: Sequence[int], shortest: int = SHORTEST) -> Iterator[tuple[WordList, int, int]]:
    """Yield (list, first, last + 1) for every longest run of at least `shortest` words of a list.

    A run that long covers every place that far from the one before, so those are looked at first.
    """
    done: dict[int, int] = {}
    for place in range(shortest - 1, len(masks), shortest):
        left = masks[place]
        while left:
            bit = left & -left
            left ^= bit
            if place < done.get(bit, 0):
                continue
            first, last = place, place + 1
            while first and masks[first - 1] & bit:
                first -= 1
            while last < len(masks) and masks[last] & bit:
                last += 1
            done[bit] = last
            if last - first >= shortest:
                yield LISTS[bit.bit_length() - 1], first, last


def _windows(words_of: WordList, tokens: _Tokens, first: int, last: int) -> Iterator[Window]:
    words = tokens.words[first:last]
    for window in windows(words_of, words, whole=False):
        inside = words[window.start : window.end]
        repeats = len(inside) - len(set(inside))
        if repeats > _REPEATS.get(window.kind, 2) or is_excerpt(words_of, inside):
            continue
        yield Window(
            start=first + window.start,
            end=first + window.end,
            kind=window.kind,
            bits=window.bits,
            aligned=window.aligned,
        )


def is_excerpt(words_of: WordList, words: Sequence[str]) -> bool:
    """Whether the words stand in the list's own order: one seed in 479 million would."""
    numbers = [words_of.index[word] for word in words]
    return numbers == sorted(numbers)


def _ranked(group: list[tuple[Window, WordList]], tokens: _Tokens) -> tuple[Span, ...]:
    group.sort(key=lambda pair: (-pair[0].aligned, -pair[0].bits, pair[0].start))
    return tuple(
        Span(
            start=tokens.starts[window.start],
            end=tokens.ends[window.end - 1],
            kind=window.kind,
            language=words_of.language,
            words=tuple(tokens.words[window.start : window.end]),
            bits=window.bits,
        )
        for window, words_of in group
    )
