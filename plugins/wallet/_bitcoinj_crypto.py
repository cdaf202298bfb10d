"""What a password opens in wallets of the bitcoinj family.

In a wallet each private key and seed is AES-256-CBC under one key, scrypt of the password in
UTF-16 (big-endian). A backup of MultiBit Classic or of the Android wallet is OpenSSL's `enc`: key
and vector by MD5, once. MultiBit HD encrypts the whole wallet like a key, with a fixed salt; before
0.5 with a fixed vector too, since then the vector stands before the text. Sources: bitcoinj,
`KeyCrypterScrypt.java`; MultiBit, `KeyCrypterOpenSSL.java`; hashcat, modules 22500, 22700, 27700.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from triage.api import Artifact, Credential, ParseError
from triage.formats import aes
from triage.formats.kdf import Scrypt
from triage.formats.protobuf import Message

from . import _bip32, _locks

_MULTIBIT_HD: Final = Scrypt(salt=bytes.fromhex("35510380 75a3b0c5"), n=1 << 14, r=8, p=1)
_MULTIBIT_HD_VECTOR: Final = bytes.fromhex("a344391f 538311b3 29548616 c489723e")
_SECRET = 32
_DAMAGED = 3  # keys that may be damaged before a password is said to be wrong


def _encoded(password: Credential) -> bytes:
    return password.text.encode("utf-16-be")


def scrypt_of(message: Message | None) -> Scrypt | None:
    """Return what a wallet states: 1 salt, 2 n, 3 r, 4 p; left out are bitcoinj's defaults."""
    if message is None:
        return None
    try:
        return Scrypt(
            salt=message.data(1) or b"",
            n=message.integer(2) or 1 << 14,
            r=message.integer(3) or 8,
            p=message.integer(4) or 1,
        )
    except ParseError:
        return None


def open_data(key: bytes, sealed: Message | None) -> bytes | None:
    """Return what an `EncryptedData` (1 vector, 2 text) holds, None when it does not open."""
    if sealed is None:
        return None
    try:
        return aes.cbc_padded(key, sealed.data(1) or b"", sealed.data(2) or b"")
    except ParseError:
        return None


def find_key(
    artifact: Artifact, scrypt: Scrypt, sealed: list[tuple[Message, bytes]], *, software: str
) -> tuple[Credential, bytes] | None:
    """Return which password fits and the key it makes; `sealed` are private keys and public ones.

    A private key fills whole blocks, so that its padding alone proves the password.
    """
    if not sealed:
        return None
    artifact.locked(_locks.bitcoinj(scrypt, sealed[0][0].data(2) or b"", software=software))
    for password in artifact.passwords(cost=scrypt.cost):
        key = scrypt.derive(_encoded(password), _SECRET)
        for message, public in sealed[:_DAMAGED]:
            private = open_data(key, message)
            if private and len(private) == _SECRET and _bip32.matches(private, public):
                return password, key
    return None


def open_salted(raw: bytes, password: bytes) -> bytes | None:
    """Return the content of what `Salted__` begins, None when the padding is wrong."""
    salted = password + raw[8:16]
    first = hashlib.md5(salted, usedforsecurity=False).digest()
    second = hashlib.md5(first + salted, usedforsecurity=False).digest()
    vector = hashlib.md5(second + salted, usedforsecurity=False).digest()
    try:
        return aes.cbc_padded(first + second, vector, raw[16:])
    except ParseError:
        return None


def open_multibit_hd(artifact: Artifact, data: bytes) -> tuple[Credential, bytes] | None:
    """Return which password opens a wallet of MultiBit HD, and the wallet in it."""
    artifact.locked(_locks.multibit_hd(data))
    for password in artifact.passwords(cost=_MULTIBIT_HD.cost):
        key = _MULTIBIT_HD.derive(_encoded(password), _SECRET)
        for found in _versions(key, data):
            if found[:1] == b"\x0a" and found[2:6] == b"org.":
                return password, found
    return None


def _versions(key: bytes, data: bytes) -> Iterator[bytes]:
    for vector, text in ((data[: aes.BLOCK], data[aes.BLOCK :]), (_MULTIBIT_HD_VECTOR, data)):
        try:
            yield aes.cbc_padded(key, vector, text)
        except ParseError:
            continue
