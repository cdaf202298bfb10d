"""A file that libsodium's `crypto_secretstream_xchacha20poly1305` encrypted as one message.

A header of 24 bytes, then a tag of one byte and the content, encrypted, and 16 bytes of Poly1305.
Source: libsodium, `secretstream_xchacha20poly1305.c`.
"""

from __future__ import annotations

import struct
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.poly1305 import Poly1305

from triage.errors import ParseError
from triage.formats.xchacha import hchacha20

_HEADER: Final = 24
_MAC: Final = 16
_KEY: Final = 32
_BLOCK: Final = 64


def only_message(data: bytes, key: bytes) -> bytes:
    """Return the content. Raises ParseError when it is too short or the key is another."""
    if len(key) != _KEY or len(data) < _HEADER + 1 + _MAC:
        raise ParseError("not a secret stream")
    subkey = hchacha20(key, data[:16])
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
