"""What a passphrase opens in wallets of Bitcoin Core and its forks.

The passphrase makes a key and a vector: SHA-512 of passphrase and salt, applied again as often as
the record `mkey` says. They open the master key in that record (AES-256-CBC), and the master key
each private key; its vector is the hash of the public key. Source: `wallet/crypter.cpp`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from triage.api import ParseError
from triage.formats import aes

_SHA512: Final = 0  # method of derivation; no program wrote another
_SECRET = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Master:
    """A record `mkey`: the master key under one passphrase."""

    sealed: bytes = field(repr=False)
    salt: bytes
    method: int
    rounds: int

    @property
    def cost(self) -> int:
        """Roughly the microseconds of one try, for `Artifact.passwords`."""
        return 2 * self.rounds

    def opened(self, passphrase: bytes) -> bytes | None:
        """Return the master key, None when the padding says that it is another passphrase's."""
        if self.method != _SHA512 or self.rounds < 1:
            return None
        digest = hashlib.sha512(passphrase + self.salt).digest()
        for _ in range(self.rounds - 1):
            digest = hashlib.sha512(digest).digest()
        try:
            found = aes.cbc_padded(digest[:32], digest[32:48], self.sealed)
        except ParseError:
            return None
        return found if len(found) == _SECRET else None


def open_key(master: bytes, public: bytes, sealed: bytes) -> bytes | None:
    """Return the private key of a public key, None when it does not fit.

    The key fills whole blocks, so that its padding is a block of its own, which nothing passes by
    chance. Whether it is that of the public key costs far more to tell (`_bip32.matches`).
    """
    vector = hashlib.sha256(hashlib.sha256(public).digest()).digest()[: aes.BLOCK]
    try:
        found = aes.cbc_padded(master, vector, sealed)
    except ParseError:
        return None
    return found if len(found) == _SECRET else None
