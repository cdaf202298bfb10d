"""What a password opens in Electrum's files: the whole file, or the values of a keystore.

A value is AES-256-CBC under SHA-256 applied twice to the password, the vector before it, in base64
(`crypto.py`, `pw_encode` version 1; no other is written). A file is ECIES on secp256k1: the
private key is PBKDF2 of the password (SHA-512, 1,024 rounds, no salt), modulo the order; cipher,
vector and HMAC key are SHA-512 of the shared point; the content is deflated. For a file that is
bound to a hardware wallet (`BIE2`) the password is the public key, in hexadecimal, that the device
derives at m/4541509'/1112098098'. Source: `storage.py`, `crypto.py`, `ecc.py` of Electrum 4.3.4.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import zlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256K1,
    EllipticCurvePublicKey,
    derive_private_key,
)

from triage.api import LimitError, ParseError
from triage.formats import aes
from triage.formats.kdf import Pbkdf2

FILE_KDF: Final = Pbkdf2(digest="sha512", salt=b"", rounds=1024)
LIMIT: Final = 64 << 20
"""Bytes of an inflated file."""

_N = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_POINT = slice(4, 37)
_MAC = 32


def open_file(data: bytes, password: bytes) -> bytes | None:
    """Return the content of a file that is encrypted as a whole, None with another password.

    Raises ParseError when the password is right and the content is damaged.
    """
    try:
        raw = base64.b64decode(b"".join(data.split()), validate=True)
        peer = EllipticCurvePublicKey.from_encoded_point(SECP256K1(), raw[_POINT])
    except (binascii.Error, ValueError):
        return None
    number = int.from_bytes(FILE_KDF.derive(password, 64), "big") % _N
    if not number:
        return None
    shared = derive_private_key(number, SECP256K1()).exchange(ECDH(), peer)
    for sign in (b"\2", b"\3"):  # the exchange gives no more than x
        keys = hashlib.sha512(sign + shared).digest()
        if hmac.compare_digest(hmac.digest(keys[32:], raw[:-_MAC], "sha256"), raw[-_MAC:]):
            body = raw[_POINT.stop : -_MAC]
            return _inflated(aes.cbc_padded(keys[16:32], keys[:16], body))
    return None


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(data, LIMIT)
    except zlib.error as error:
        raise ParseError("does not inflate") from error
    if inflater.unconsumed_tail:
        raise LimitError(f"inflates to more than {LIMIT} bytes")
    return found


def open_value(value: str, password: bytes) -> str | None:
    """Return a value of a keystore, None when its padding or its text is wrong."""
    key = hashlib.sha256(hashlib.sha256(password).digest()).digest()
    try:
        raw = base64.b64decode(value, validate=True)
        return aes.cbc_padded(key, raw[: aes.BLOCK], raw[aes.BLOCK :]).decode("utf-8")
    except (binascii.Error, ParseError, UnicodeDecodeError):
        return None
