"""Private keys under a password by BIP-38, the form without multiplication (`6PR…`, `6PY…`).

scrypt of the password (NFC) with four bytes of the address' hash as salt gives a mask and a key:
AES-256 block by block, the mask over it. The hash of the address proves the password.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from triage.api import Artifact, Credential, ParseError
from triage.formats import aes, base58
from triage.formats.kdf import Scrypt

from . import _bip32
from ._coins import Chain

_MARK: Final = b"\x01\x42"
_COMPRESSED: Final = 0x20
_SIZE = 39


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """An encrypted key, read."""

    compressed: bool
    salt: bytes
    text: bytes = field(repr=False)


def read(value: str) -> Sealed | None:
    """Read an encrypted key; None when it is none, or one with multiplication."""
    try:
        data = base58.decode_check(value)
    except ParseError:
        return None
    if len(data) != _SIZE or not data.startswith(_MARK) or data[2] & 0xC0 != 0xC0:  # noqa: PLR2004 - without multiplication
        return None
    return Sealed(compressed=bool(data[2] & _COMPRESSED), salt=data[3:7], text=data[7:])


def open_key(artifact: Artifact, value: str, chain: Chain) -> tuple[Credential, bytes] | None:
    """Return which password fits and the 32 bytes of private key."""
    sealed = read(value)
    if sealed is None:
        return None
    kdf = Scrypt(salt=sealed.salt, n=1 << 14, r=8, p=8)
    for password in artifact.passwords(cost=kdf.cost):
        private = _opened(sealed, kdf, password.text)
        if _fits(private, sealed, chain):
            return password, private
    return None


def _opened(sealed: Sealed, kdf: Scrypt, password: str) -> bytes:
    made = kdf.derive(unicodedata.normalize("NFC", password).encode(), 64)
    plain = aes.ecb(made[32:], sealed.text)
    return bytes(one ^ other for one, other in zip(plain, made[:32], strict=True))


def _fits(private: bytes, sealed: Sealed, chain: Chain) -> bool:
    try:
        public = _bip32.public_key(private, compressed=sealed.compressed)
    except ParseError:
        return False
    script = _bip32.script(public, "p2pkh")
    address = chain.address(script) if script else None
    digest = hashlib.sha256(hashlib.sha256((address or "").encode()).digest()).digest()
    return digest[:4] == sealed.salt
