"""What Bitcoin computes from public bytes: HASH160, addresses of keys, transaction ids.

RIPEMD-160 is written out because OpenSSL 3 may be built without it, and the same bytes must come
out on every host; where OpenSSL has it, it is a hundred times faster. Sources: the RIPEMD-160
paper (Dobbertin, Bosselaers, Preneel, 1996); Bitcoin's `script/standard.cpp`; BIP-141 and BIP-144
(transactions with witnesses).
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Sequence
from typing import Final

from triage.api import ParseError
from triage.formats import base58

_MASK = 0xFFFFFFFF
_LEFT: Final = (
    *range(16),
    *(7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8),
    *(3, 10, 14, 4, 9, 15, 8, 1, 2, 7, 0, 6, 13, 11, 5, 12),
    *(1, 9, 11, 10, 0, 8, 12, 4, 13, 3, 7, 15, 14, 5, 6, 2),
    *(4, 0, 5, 9, 7, 12, 2, 10, 14, 1, 3, 8, 11, 6, 15, 13),
)
_RIGHT: Final = (
    *(5, 14, 7, 0, 9, 2, 11, 4, 13, 6, 15, 8, 1, 10, 3, 12),
    *(6, 11, 3, 7, 0, 13, 5, 10, 14, 15, 8, 12, 4, 9, 1, 2),
    *(15, 5, 1, 3, 7, 14, 6, 9, 11, 8, 12, 2, 10, 0, 4, 13),
    *(8, 6, 4, 1, 3, 11, 15, 0, 5, 12, 2, 13, 9, 7, 10, 14),
    *(12, 15, 10, 4, 1, 5, 8, 7, 6, 2, 13, 14, 0, 3, 9, 11),
)
_LEFT_SHIFT: Final = (
    *(11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8),
    *(7, 6, 8, 13, 11, 9, 7, 15, 7, 12, 15, 9, 11, 7, 13, 12),
    *(11, 13, 6, 7, 14, 9, 13, 15, 14, 8, 13, 6, 5, 12, 7, 5),
    *(11, 12, 14, 15, 14, 15, 9, 8, 9, 14, 5, 6, 8, 6, 5, 12),
    *(9, 15, 5, 11, 6, 8, 13, 12, 5, 12, 13, 14, 11, 8, 5, 6),
)
_RIGHT_SHIFT: Final = (
    *(8, 9, 9, 11, 13, 15, 15, 5, 7, 7, 8, 11, 14, 14, 12, 6),
    *(9, 13, 15, 7, 12, 8, 9, 11, 7, 7, 12, 7, 6, 15, 13, 11),
    *(9, 7, 15, 11, 8, 6, 6, 14, 12, 13, 5, 14, 13, 13, 7, 5),
    *(15, 5, 8, 11, 14, 14, 6, 14, 6, 9, 12, 9, 12, 5, 15, 8),
    *(8, 5, 12, 9, 12, 5, 14, 6, 8, 13, 6, 5, 15, 13, 11, 11),
)
_LEFT_ADD: Final = (0x00000000, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E)
_RIGHT_ADD: Final = (0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0x00000000)


def _mix(step: int, x: int, y: int, z: int) -> int:
    if step == 0:
        return x ^ y ^ z
    if step == 1:
        return (x & y) | (~x & z)
    if step == 2:  # noqa: PLR2004 - the five rounds of the paper
        return (x | ~y) ^ z
    if step == 3:  # noqa: PLR2004
        return (x & z) | (y & ~z)
    return x ^ (y | ~z)


def _line(state: tuple[int, ...], words: Sequence[int], *, right: bool) -> tuple[int, ...]:
    order, shifts = (_RIGHT, _RIGHT_SHIFT) if right else (_LEFT, _LEFT_SHIFT)
    adds = _RIGHT_ADD if right else _LEFT_ADD
    a, b, c, d, e = state
    for step in range(80):
        turn = step // 16
        mixed = _mix(4 - turn if right else turn, b, c, d)
        total = (a + mixed + words[order[step]] + adds[turn]) & _MASK
        shift = shifts[step]
        total = ((total << shift | total >> (32 - shift)) + e) & _MASK
        a, b, c, d, e = e, total, b, (c << 10 | c >> 22) & _MASK, d
    return a, b, c, d, e


def ripemd160_here(data: bytes) -> bytes:
    """Return the 20-byte RIPEMD-160 digest, computed without OpenSSL."""
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + struct.pack("<Q", 8 * len(data))
    state: tuple[int, ...] = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
    for start in range(0, len(padded), 64):
        words = struct.unpack_from("<16I", padded, start)
        left = _line(state, words, right=False)
        right = _line(state, words, right=True)
        state = tuple(
            (state[(i + 1) % 5] + left[(i + 2) % 5] + right[(i + 3) % 5]) & _MASK for i in range(5)
        )
    return struct.pack("<5I", *state)


def _is_built_in() -> bool:
    try:
        hashlib.new("ripemd160", b"", usedforsecurity=False)
    except ValueError:  # named among the available ones, and yet not there
        return False
    return True


_BUILT_IN = _is_built_in()


def ripemd160(data: bytes) -> bytes:
    """Return the 20-byte RIPEMD-160 digest."""
    if _BUILT_IN:
        return hashlib.new("ripemd160", data, usedforsecurity=False).digest()
    return ripemd160_here(data)


def hash160(data: bytes) -> bytes:
    """Return RIPEMD-160 of SHA-256."""
    return ripemd160(hashlib.sha256(data).digest())


_PUBLIC_KEY = re.compile(r"0[23][0-9a-f]{64}|04[0-9a-f]{128}")
_MOST_COSIGNERS = 15


def is_public_key(text: object) -> bool:
    """Whether it is hex of a compressed or uncompressed public key, by its shape."""
    return isinstance(text, str) and _PUBLIC_KEY.fullmatch(text) is not None


def p2pkh(public_key: str, version: int = 0) -> str:
    """Return the address of one public key (hex)."""
    return base58.encode_check(bytes([version]) + hash160(bytes.fromhex(public_key)))


def p2sh_multisig(required: int, public_keys: Sequence[str], version: int = 5) -> str | None:
    """Return the address of `required` of these keys (hex), sorted; None for impossible numbers."""
    if not 0 < required <= len(public_keys) <= _MOST_COSIGNERS:
        return None
    keys = b"".join(bytes([len(key) // 2]) + bytes.fromhex(key) for key in sorted(public_keys))
    script = bytes([0x50 + required]) + keys + bytes([0x50 + len(public_keys), 0xAE])
    return base58.encode_check(bytes([version]) + hash160(script))


class _Cursor:
    """Reads forward; ParseError at the end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, length: int) -> bytes:
        if length > len(self.data) - self.at:
            raise ParseError("transaction is cut off")
        self.at += length
        return self.data[self.at - length : self.at]

    def count(self) -> int:
        first = self.take(1)[0]
        return first if first < 0xFD else int.from_bytes(self.take(1 << (first - 0xFC)), "little")  # noqa: PLR2004 - compact size


def transaction_id(raw: bytes) -> str:
    """Return the id of a serialised transaction: 64 hex digits, witnesses left out.

    Raises ParseError when the bytes are no whole transaction.
    """
    cursor = _Cursor(raw)
    version = cursor.take(4)
    witness = raw[4:6] == b"\x00\x01"
    if witness:
        cursor.take(2)
    start = cursor.at
    for _ in range(cursor.count()):
        cursor.take(36)
        cursor.take(cursor.count())
        cursor.take(4)
    for _ in range(cursor.count()):
        cursor.take(8)
        cursor.take(cursor.count())
    body = raw[start : cursor.at]
    if not witness and len(raw) - cursor.at != 4:  # noqa: PLR2004 - nothing but the lock time
        raise ParseError("transaction has the wrong length")
    digest = hashlib.sha256(hashlib.sha256(version + body + raw[-4:]).digest()).digest()
    return digest[::-1].hex()
