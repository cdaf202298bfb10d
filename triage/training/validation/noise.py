"""Ordinary files, and such as only look like something: whatever is found in them is false.

Everything follows from a seed. A third of the files are decoys: addresses with a typing error,
word lists that are no phrase, headers without a body.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import zlib
from collections.abc import Callable
from typing import Final

_TEXT: Final = """the house by the river was sold in spring and nobody asked for the price of the
garden or the boat until a letter came from the office with a number and a date on it"""
_SHOPPING: Final = "apple bread butter cheese coffee garlic honey lemon onion pepper salt sugar"
_FILES: Final = 300
_LONGEST: Final = 40_000  # bytes
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"


def noise(seed: str, files: int = _FILES) -> dict[str, bytes]:
    """Return path → bytes; the same for the same seed."""
    source = random.Random(f"disk-triage noise {seed}")  # noqa: S311 - no secret is made from it
    found: dict[str, bytes] = {}
    for number in range(files):
        folder, suffix, make = _MAKERS[number % len(_MAKERS)]
        found[f"{folder}/{number:04}.{suffix}"] = make(source)
    return found


def _text(source: random.Random, words: int = 2000) -> str:
    picked = source.choices(_TEXT.split(), k=source.randrange(20, words))
    return "\r\n".join(" ".join(picked[n : n + 12]) for n in range(0, len(picked), 12))


def _bytes(source: random.Random) -> bytes:
    return source.randbytes(source.randrange(500, _LONGEST))


def _hexes(source: random.Random) -> str:
    return "\n".join(source.randbytes(32).hex() for _ in range(source.randrange(10, 200)))


def _log(source: random.Random) -> str:
    return "\n".join(
        f"2025-02-{source.randrange(1, 29):02}T10:{source.randrange(60):02}:00Z"
        f" 192.0.2.{source.randrange(256)} GET /{source.randbytes(8).hex()} 200"
        for _ in range(source.randrange(20, 400))
    )


def _letters(source: random.Random, alphabet: str, length: int) -> str:
    return "".join(source.choices(alphabet, k=length))


def _addresses(source: random.Random) -> str:
    """Return addresses of the right form, whose checksum is right by chance once in 2^16 or less.

    None of version 2 of onion services, which had no checksum: each of these could be real.
    """
    return "\n".join(
        (
            f"pay bc1q{_letters(source, _BECH32, 38)}",
            f"or 1{_letters(source, _BASE58, 33)}",
            f"see http://{_letters(source, _BASE32, 56)}.onion/",
            f"key 5{_letters(source, _BASE58, 50)}",
            _text(source, 100),
        )
    )


def _word_list(source: random.Random) -> str:
    words = _SHOPPING.split()
    source.shuffle(words)
    return f"to buy: {' '.join(words[: source.randrange(8, 12)])}\r\n{_text(source, 60)}"


def _half_wallet(source: random.Random) -> str:
    return json.dumps({"wallet": _text(source, 30), "addresses": [], "version": 1})


def _headers(source: random.Random) -> bytes:
    heads = (b"SQLite format 3\0", b"LUKS\xba\xbe\0\1", b"-----BEGIN PGP MESSAGE-----\n\n", b"BIE1")
    return source.choice(heads) + source.randbytes(2000)


def _encoded(make: Callable[[random.Random], str]) -> Callable[[random.Random], bytes]:
    return lambda source: make(source).encode()


_MAKERS: Final[tuple[tuple[str, str, Callable[[random.Random], bytes]], ...]] = (
    ("Documents", "txt", _encoded(_text)),
    ("Pictures", "jpg", lambda source: b"\xff\xd8\xff\xe0\0\x10JFIF\0" + _bytes(source)),
    ("Programs", "bin", _bytes),
    ("Programs", "dll", lambda source: b"MZ" + bytes(200) + zlib.compress(_bytes(source))),
    ("Logs", "log", _encoded(_log)),
    ("Logs", "gz", lambda source: gzip.compress(_log(source).encode(), 6, mtime=0)),
    ("Lists", "sha256", _encoded(_hexes)),
    ("Mail", "b64", lambda source: base64.encodebytes(_bytes(source))),
    ("Documents", "utf16", lambda source: _text(source).encode("utf-16")),
    ("Decoys", "addresses.txt", _encoded(_addresses)),
    ("Decoys", "words.txt", _encoded(_word_list)),
    ("Decoys", "json", _encoded(_half_wallet)),
    ("Decoys", "dat", _headers),
)
