"""XChaCha20-Poly1305: ChaCha20-Poly1305 with a nonce of 24 bytes.

Source: draft-irtf-cfrg-xchacha-03. The first 16 bytes of the nonce make a key with HChaCha20, the
rest is the nonce of RFC 8439 behind four zeros.
"""

from __future__ import annotations

import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from triage.errors import ParseError

_KEY: Final = 32
_NONCE: Final = 24
_MAC: Final = 16
_CONSTANT: Final = b"expand 32-byte k"
_QUARTERS: Final = (
    *((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)),
    *((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)),
)


def open_sealed(data: bytes, key: bytes) -> bytes | None:
    """Return the content of a nonce with what it sealed behind it; None when the key is another.

    Raises ParseError when it is too short.
    """
    if len(key) != _KEY or len(data) < _NONCE + _MAC:
        raise ParseError("not sealed with XChaCha20-Poly1305")
    nonce, body = data[:_NONCE], data[_NONCE:]
    cipher = ChaCha20Poly1305(hchacha20(key, nonce[:16]))
    try:
        return cipher.decrypt(bytes(4) + nonce[16:], body, None)
    except InvalidTag:
        return None


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """Return the key that ChaCha20 then takes: its rounds without the sum at their end.

    `key` is 32 bytes, `nonce` 16.
    """
    state = list(struct.unpack("<16I", _CONSTANT + key + nonce))
    for _ in range(10):
        for a, b, c, d in _QUARTERS:
            for one, two, three, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                state[one] = (state[one] + state[two]) & 0xFFFFFFFF
                mixed = state[three] ^ state[one]
                state[three] = (mixed << turn | mixed >> (32 - turn)) & 0xFFFFFFFF
    return struct.pack("<8I", *state[:4], *state[12:])
