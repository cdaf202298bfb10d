"""The word lists behind seed phrases (data beside this file; see ORIGIN.md).

Everything is read when this module is imported: a worker that has locked itself in can no longer
open files. Words are keyed in a normal form in which people's spellings meet: NFKD, lower case,
without accents (a dakuten of Japanese is not an accent and stays).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType
from typing import Final

_ACCENTS = re.compile("[\u0300-\u036f]+")

_NAMES = (  # the scheme, then the language; for BIP-39 in the order of bip-0039-wordlists.md
    "bip39-english",
    "bip39-japanese",
    "bip39-korean",
    "bip39-spanish",
    "bip39-chinese-simplified",
    "bip39-chinese-traditional",
    "bip39-french",
    "bip39-italian",
    "bip39-czech",
    "bip39-portuguese",
    "slip39-english",
    "electrum1-english",
    "monero-english",
)


def normal(word: str) -> str:
    """Return the normal form of a word."""
    if word.isascii():
        return word.lower()
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", word).lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class WordList:
    """One list: `index` gives a normal word its number, `bit` is the list's bit in `MASKS`.

    `spelled` are its words as they stand in the list, accents and all.
    """

    scheme: str
    language: str
    bit: int
    index: MappingProxyType[str, int] = field(repr=False)
    spelled: tuple[str, ...] = field(repr=False)


def _load(position: int, name: str) -> WordList:
    scheme, _, language = name.partition("-")
    spelled = (files(__name__) / f"{name}.txt").read_text(encoding="utf-8").split()
    return WordList(
        scheme=scheme,
        language=language,
        bit=1 << position,
        index=MappingProxyType({normal(word): n for n, word in enumerate(spelled)}),
        spelled=tuple(spelled),
    )


def _masks() -> MappingProxyType[str, int]:
    masks: dict[str, int] = {}
    for words in LISTS:
        for word in words.index:
            masks[word] = masks.get(word, 0) | words.bit
    return MappingProxyType(masks)


LISTS: Final = tuple(_load(position, name) for position, name in enumerate(_NAMES))
MASKS: Final = _masks()
"""Normal word → the bits of the lists that hold it, so one look-up asks all lists."""
