"""A file that libsodium's `crypto_secretstream_xchacha20poly1305` encrypted as one message.

A header of 24 bytes, then a tag of one byte and the content, encrypted, and 16 bytes of Poly1305.
Source: libsodium, `secretstream_xchacha20poly1305.c`; draft-irtf-cfrg-xchacha for HChaCha20.
"""

from __future__ import annotations

import struct
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.poly1305 import Poly1305

from triage.errors import ParseError

_HEADER: Final = 24
_MAC: Final = 16
_KEY: Final = 32
_BLOCK: Final = 64
_CONSTANT: Final = b"expand 32-byte k"
_ROUNDS: Final = (
    *((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)),
    *((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)),
)


def only_message(data: bytes, key: bytes) -> bytes:
    """Return the content. Raises ParseError when it is too short or the key is another."""
    if len(key) != _KEY or len(data) < _HEADER + 1 + _MAC:
        raise ParseError("not a secret stream")
    subkey = _hchacha20(key, data[:16])
    nonce = struct.pack("<I", 1) + data[16:_HEADER]
    body, mac = data[_HEADER:-_MAC], data[-_MAC:]
    # The first block is a key, the second hides the tag, the content begins with the third.
    tag = bytes((body[0],)) + bytes(_BLOCK - 1)
    hidden = _chacha20(subkey, nonce, 1, tag)
    poly = Poly1305(_chacha20(subkey, nonce, 0, bytes(_BLOCK))[:_KEY])
    block = bytes((body[0],)) + hidden[1:]
    poly.update(block + body[1:])
    # libsodium subtracts where it should add: fewer zeros than up to the next 16 bytes.
    poly.update(bytes((16 - _BLOCK + len(body) - 1) & 15))
    poly.update(struct.pack("<QQ", 0, _BLOCK + len(body) - 1))
    try:
        poly.verify(mac)
    except InvalidSignature:
        raise ParseError("the key of a secret stream is another") from None
    return _chacha20(subkey, nonce, 2, body[1:])


def _chacha20(key: bytes, nonce: bytes, counter: int, data: bytes) -> bytes:
    algorithm = ChaCha20(key, struct.pack("<I", counter) + nonce)
    return Cipher(algorithm, mode=None).encryptor().update(data)


def _hchacha20(key: bytes, nonce: bytes) -> bytes:
    """Return the key that ChaCha20 then takes: its rounds without the sum at their end."""
    state = list(struct.unpack("<16I", _CONSTANT + key + nonce))
    for _ in range(10):
        for a, b, c, d in _ROUNDS:
            for one, two, three, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                state[one] = (state[one] + state[two]) & 0xFFFFFFFF
                mixed = state[three] ^ state[one]
                state[three] = (mixed << turn | mixed >> (32 - turn)) & 0xFFFFFFFF
    return struct.pack("<8I", *state[:4], *state[12:])
