"""AES as wallets and key stores use it: what does not fit raises ParseError, never more.

A wrong key passes the padding (PKCS #7) once in 256 times: callers need a check of their own.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, CTR, ECB

from triage.errors import ParseError

BLOCK: Final = 16


def _decrypted(key: bytes, mode: CBC | CTR | ECB, data: bytes) -> bytes:
    try:
        decryptor = Cipher(AES(key), mode).decryptor()
        return decryptor.update(data) + decryptor.finalize()
    except ValueError as error:
        raise ParseError("not AES: a key, vector or text of the wrong length") from error


def cbc(key: bytes, vector: bytes, data: bytes) -> bytes:
    """Return the plain text, padding included."""
    return _decrypted(key, CBC(_vector(vector)), data)


def cbc_padded(key: bytes, vector: bytes, data: bytes) -> bytes:
    """Return the plain text without its padding. Raises ParseError when that is wrong."""
    return unpadded(cbc(key, vector, data))


def ctr(key: bytes, vector: bytes, data: bytes) -> bytes:
    """Return the plain text of counter mode; `vector` is the first counter block."""
    return _decrypted(key, CTR(_vector(vector)), data)


def ofb(key: bytes, vector: bytes, data: bytes) -> bytes:
    """Return the plain text of output feedback: the stream is the CBC of zeros."""
    try:
        encryptor = Cipher(AES(key), CBC(_vector(vector))).encryptor()
        stream = encryptor.update(bytes(len(data) + -len(data) % BLOCK)) + encryptor.finalize()
    except ValueError as error:
        raise ParseError("not AES: a key of the wrong length") from error
    return bytes(one ^ other for one, other in zip(data, stream, strict=False))


def cfb(key: bytes, vector: bytes, data: bytes) -> bytes:
    """Return the plain text of cipher feedback by whole blocks."""
    try:
        encryptor = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - a part of the mode
        blocks = _vector(vector) + data
        stream = encryptor.update(blocks[: len(data) + -len(data) % BLOCK].ljust(BLOCK, b"\0"))
    except ValueError as error:
        raise ParseError("not AES: a key of the wrong length") from error
    return bytes(one ^ other for one, other in zip(data, stream, strict=False))


def ecb(key: bytes, data: bytes) -> bytes:
    """Return the plain text of blocks that were encrypted one by one."""
    return _decrypted(key, ECB(), data)  # noqa: S305 - what the evidence used


def gcm(key: bytes, nonce: bytes, data: bytes, *, associated: bytes | None = None) -> bytes:
    """Return the plain text; the last 16 bytes of `data` are the tag, which proves the key."""
    try:
        return AESGCM(key).decrypt(nonce, data, associated)
    except (InvalidTag, ValueError, OverflowError) as error:
        raise ParseError("wrong key, or changed") from error


def unpadded(data: bytes) -> bytes:
    """Return the data without PKCS #7 padding. Raises ParseError when it is wrong."""
    padding = data[-1] if data else 0
    if not 1 <= padding <= BLOCK or data[-padding:] != bytes([padding]) * padding:
        raise ParseError("wrong padding")
    return data[:-padding]


def _vector(vector: bytes) -> bytes:
    if len(vector) != BLOCK:
        raise ParseError("a vector of the wrong length")
    return vector
