"""Base58 and Base58Check: Bitcoin's alphabet, Ripple's, and Monero's blocks.

Base58Check appends the first four bytes of SHA-256(SHA-256(payload)); a random string passes with
a chance of 2^-32. Sources: Bitcoin's `base58.cpp`, the XRP Ledger's documentation, CryptoNote
standard 007 (blocks of 8 bytes become 11 characters).
"""

from __future__ import annotations

import hashlib
from typing import Final

from triage.errors import ParseError

BITCOIN: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
RIPPLE: Final = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"

LONGEST = 256
"""Characters that `decode` accepts: its work grows with the square of the length."""

_DIGITS: Final = {
    alphabet: {char: value for value, char in enumerate(alphabet)} for alphabet in (BITCOIN, RIPPLE)
}
_CHECKSUM = 4
_BLOCK_BYTES: Final = {0: 0, 2: 1, 3: 2, 5: 3, 6: 4, 7: 5, 9: 6, 10: 7, 11: 8}
_BLOCK_CHARS = 11


def _number(text: str, alphabet: str) -> int:
    digits = _DIGITS[alphabet]
    value = 0
    try:
        for char in text:
            value = value * 58 + digits[char]
    except KeyError:
        raise ParseError("not a base58 character") from None
    return value


def decode(text: str, alphabet: str = BITCOIN) -> bytes:
    """Return the bytes. Raises ParseError on a foreign character or over `LONGEST` characters."""
    if len(text) > LONGEST:
        raise ParseError("base58 text is too long")
    value = _number(text, alphabet)
    zeros = len(text) - len(text.lstrip(alphabet[0]))
    return bytes(zeros) + value.to_bytes((value.bit_length() + 7) // 8, "big")


def encode(data: bytes, alphabet: str = BITCOIN) -> str:
    """Return the base58 text of bytes, a leading zero byte as the alphabet's first character."""
    value = int.from_bytes(data, "big")
    chars = []
    while value:
        value, digit = divmod(value, 58)
        chars.append(alphabet[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return alphabet[0] * zeros + "".join(reversed(chars))


def checksum(payload: bytes) -> bytes:
    """Return the four bytes that Base58Check appends."""
    return hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:_CHECKSUM]


def decode_check(text: str, alphabet: str = BITCOIN) -> bytes:
    """Return the payload (version bytes included) without its checksum; ParseError if it fails."""
    data = decode(text, alphabet)
    payload = data[:-_CHECKSUM]
    if not payload or data[-_CHECKSUM:] != checksum(payload):
        raise ParseError("base58check checksum does not match")
    return payload


def encode_check(payload: bytes, alphabet: str = BITCOIN) -> str:
    """Return payload and checksum as base58."""
    return encode(payload + checksum(payload), alphabet)


def decode_blocks(text: str) -> bytes:
    """Return the bytes of Monero's base58, in which each 11 characters stand for 8 bytes.

    Raises ParseError on a foreign character, an impossible length, or a block that overflows.
    """
    if len(text) > LONGEST or len(text) % _BLOCK_CHARS not in _BLOCK_BYTES:
        raise ParseError("not a length of block base58")
    data = bytearray()
    for start in range(0, len(text), _BLOCK_CHARS):
        block = text[start : start + _BLOCK_CHARS]
        size = _BLOCK_BYTES[len(block)]
        value = _number(block, BITCOIN)
        if value >> (8 * size):
            raise ParseError("a base58 block overflows")
        data += value.to_bytes(size, "big")
    return bytes(data)


def encode_blocks(data: bytes) -> str:
    """Return Monero's base58 of bytes."""
    chars = {size: count for count, size in _BLOCK_BYTES.items()}
    text = ""
    for start in range(0, len(data), 8):
        block = data[start : start + 8]
        text += encode(block).lstrip(BITCOIN[0]).rjust(chars[len(block)], BITCOIN[0])
    return text
