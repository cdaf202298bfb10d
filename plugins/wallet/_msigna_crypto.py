"""What a passphrase opens in a vault of mSIGNA: the private key of a keychain.

SHA-256 applied twice to the passphrase goes through OpenSSL's `EVP_BytesToKey` with SHA-1, five
rounds and the salt that stands beside the text: AES-256-CBC. Source: mSIGNA, `CoinCore/aes.cpp`.
"""

from __future__ import annotations

import hashlib

from triage.api import ParseError
from triage.formats import aes

from . import _bip32

_ROUNDS = 5
COST = 20
"""Roughly the microseconds of one try."""


def open_key(sealed: bytes, salt: int, public: bytes, passphrase: bytes) -> bytes | None:
    """Return the private key of a keychain, None with another passphrase."""
    start = hashlib.sha256(hashlib.sha256(passphrase).digest()).digest()
    start += (salt & (1 << 64) - 1).to_bytes(8, "little")
    made = part = b""
    while len(made) < 32 + aes.BLOCK:
        part += start
        for _ in range(_ROUNDS):
            part = hashlib.sha1(part, usedforsecurity=False).digest()
        made += part
    try:
        found = aes.cbc_padded(made[:32], made[32 : 32 + aes.BLOCK], sealed)
    except ParseError:
        return None
    return found if len(found) == 32 and _bip32.matches(found, public) else None  # noqa: PLR2004
