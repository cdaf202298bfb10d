"""The checksums of seed phrases, for every window of a run of list words at once.

`triage.formats.mnemonic` says what each kind is. Sources: BIP-39; SLIP-39; Electrum's
`mnemonic.py` and `version.py`; Monero's `electrum-words.cpp`; Polyseed's README; lnd's `aezeed`.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from triage.formats.wordlists import WordList
from triage.hashing import crc32c


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Words `start` to `end` (excluded) pass; `aligned` counts the ends of the run they touch."""

    start: int
    end: int
    kind: str
    bits: int
    aligned: int


SIZES: Final = (12, 13, 15, 16, 18, 20, 21, 24, 25, 33)
"""The numbers of words that any kind has."""

_BIP39 = (12, 15, 18, 21, 24)
_WORD_BITS = 11
_SLIP39 = (20, 33)
_AEZEED = 24
_POLYSEED = 16
_MONERO = (13, 25)
_ELECTRUM = (12, 13, 24)
_ELECTRUM1 = (12, 24)
_ELECTRUM_LANGUAGES = frozenset({"english", "spanish", "japanese", "chinese-simplified"})
_LONG_PREFIXES = ("100", "101", "102")  # segwit, two-factor, both; "01" is the plain one


def windows(words_of: WordList, words: Sequence[str], *, whole: bool) -> Iterator[Window]:
    """Yield every window of `words` (normal forms, all in the list) whose checksum holds.

    `whole`: the words are one phrase, so only windows that are all of them matter.
    """
    count = len(words)
    for kind, bits, start, end in _found(words_of, words):
        if not whole or end - start == count:
            aligned = (start == 0) + (end == count)
            yield Window(start=start, end=end, kind=kind, bits=bits, aligned=aligned)


def _found(words_of: WordList, words: Sequence[str]) -> Iterator[tuple[str, int, int, int]]:
    numbers = [words_of.index[word] for word in words]
    if words_of.scheme == "bip39":
        yield from _bip39(numbers)
        if words_of.language in _ELECTRUM_LANGUAGES:
            yield from _electrum(words, cjk=words_of.language != "spanish")
        if words_of.language == "english":
            yield from _polyseed(numbers)
    elif words_of.scheme == "slip39":
        yield from _slip39(numbers)
    elif words_of.scheme == "monero":
        yield from _monero(words)
    elif len(words) in _ELECTRUM1:  # nothing to check, so only a run that is exactly so long
        yield "electrum1", 0, 0, len(words)


def _bip39(numbers: Sequence[int]) -> Iterator[tuple[str, int, int, int]]:
    shapes = [(size, size // 3, (1 << size * _WORD_BITS) - 1) for size in _BIP39]
    longest = shapes[-1][2]
    rolling = 0
    for end, number in enumerate(numbers, 1):
        rolling = (rolling << _WORD_BITS | number) & longest
        for size, bits, mask in shapes:
            if end < size:
                break
            value = rolling & mask
            entropy = (value >> bits).to_bytes(size * 4 // 3, "big")
            if hashlib.sha256(entropy).digest()[0] >> (8 - bits) == value & ((1 << bits) - 1):
                yield "bip39", bits, end - size, end
        if end >= _AEZEED and _is_aezeed(rolling):
            yield "aezeed", 40, end - _AEZEED, end


def _is_aezeed(value: int) -> bool:
    if value >> 256:  # 33 bytes, of which the first is version 0
        return False
    data = value.to_bytes(33, "big")
    return crc32c(data[:-4]) == int.from_bytes(data[-4:], "big")


def _electrum(words: Sequence[str], *, cjk: bool) -> Iterator[tuple[str, int, int, int]]:
    # Electrum drops every combining mark, a dakuten included, and blanks between CJK characters.
    plain = [
        word
        if word.isascii()
        else "".join(char for char in word if not unicodedata.combining(char))
        for word in words
    ]
    blank = "" if cjk and not plain[0].isascii() else " "
    for start in range(len(words)):
        for size in _ELECTRUM:
            if start + size > len(words):
                break
            phrase = blank.join(plain[start : start + size]).encode()
            head = hmac.digest(b"Seed version", phrase, "sha512")[:2].hex()
            if head.startswith("01"):
                yield "electrum", 8, start, start + size
            elif head.startswith(_LONG_PREFIXES):
                yield "electrum", 12, start, start + size


def _monero(words: Sequence[str]) -> Iterator[tuple[str, int, int, int]]:
    seen: dict[str, int] = {}
    prefixes = [word[:3] for word in words]
    for last, prefix in enumerate(prefixes):
        before = seen.get(prefix, -1)
        seen[prefix] = last
        for size in _MONERO:
            start = last + 1 - size
            if start < 0 or before < start:  # the checksum word repeats one of the others
                continue
            crc = zlib.crc32("".join(prefixes[start:last]).encode())
            if prefixes[start + crc % (size - 1)] == prefix:
                yield "monero", 3 if size < max(_MONERO) else 4, start, last + 1


def _doubled(value: int) -> int:
    """Multiply by x in GF(2048) with x^11 + x^2 + 1."""
    return (value << 1 & 0x7FF) ^ (5 if value & 0x400 else 0)


_DOUBLED = tuple(_doubled(value) for value in range(2048))


def _polyseed(numbers: Sequence[int]) -> Iterator[tuple[str, int, int, int]]:
    for end in range(_POLYSEED, len(numbers) + 1):
        value = 0
        for number in reversed(numbers[end - _POLYSEED : end]):
            value = _DOUBLED[value] ^ number
        if value == 0:
            yield "polyseed", 11, end - _POLYSEED, end


_GENERATOR = (
    0xE0E040,
    0x1C1C080,
    0x3838100,
    0x7070200,
    0xE0E0009,
    0x1C0C2412,
    0x38086C24,
    0x3090FC48,
    0x21B1F890,
    0x3F3F120,
)


def _rs1024_table() -> tuple[int, ...]:
    table = []
    for top in range(1024):
        mixed = 0
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                mixed ^= generator
        table.append(mixed)
    return tuple(table)


_RS1024 = _rs1024_table()


def _rs1024(values: Sequence[int], state: int = 1) -> int:
    for value in values:
        state = (state & 0xFFFFF) << 10 ^ value ^ _RS1024[state >> 20]
    return state


_CUSTOMIZATION = (_rs1024(b"shamir"), _rs1024(b"shamir_extendable"))


def _slip39(numbers: Sequence[int]) -> Iterator[tuple[str, int, int, int]]:
    for start in range(len(numbers)):
        for size in _SLIP39:
            if start + size > len(numbers):
                break
            share = numbers[start : start + size]
            extendable = share[1] >> 4 & 1  # after the 15 bits of the identifier
            if _rs1024(share, _CUSTOMIZATION[extendable]) == 1:
                yield "slip39", 30, start, start + size
