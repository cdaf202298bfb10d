"""MD4 (RFC 1320), which hashes Windows passwords and which OpenSSL 3 no longer offers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

_MASK = 0xFFFFFFFF
_Mix = Callable[[int, int, int], int]
_ROUNDS: Final[tuple[tuple[_Mix, int, tuple[int, ...], tuple[int, ...]], ...]] = (
    (lambda x, y, z: (x & y) | (~x & z), 0, tuple(range(16)), (3, 7, 11, 19)),
    (
        lambda x, y, z: (x & y) | (x & z) | (y & z),
        0x5A827999,
        (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
        (3, 5, 9, 13),
    ),
    (
        lambda x, y, z: x ^ y ^ z,
        0x6ED9EBA1,
        (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
        (3, 9, 11, 15),
    ),
)


def md4(data: bytes) -> bytes:
    """Return the 16-byte digest."""
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + struct.pack("<Q", 8 * len(data))
    state = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
    for start in range(0, len(padded), 64):
        words = struct.unpack_from("<16I", padded, start)
        a, b, c, d = state
        for mix, constant, order, shifts in _ROUNDS:
            for step, place in enumerate(order):
                total = (a + (mix(b, c, d) & _MASK) + words[place] + constant) & _MASK
                shift = shifts[step % 4]
                a, b, c, d = d, (total << shift | total >> (32 - shift)) & _MASK, b, c
        state = tuple((one + two) & _MASK for one, two in zip(state, (a, b, c, d), strict=True))  # type: ignore[assignment] # four numbers
    return struct.pack("<4I", *state)


def nt_hash(password: str) -> bytes:
    """Return the NT hash of a Windows password: MD4 of its UTF-16."""
    return md4(password.encode("utf-16-le", "surrogatepass"))
