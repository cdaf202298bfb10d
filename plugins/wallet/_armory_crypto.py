"""What a passphrase opens in wallets of Armory: private keys, each under the same key.

ROMix makes the key: a table of SHA-512 digests, each of the one before, the first of passphrase and
salt; then half as many look-ups, each at the number in the last four bytes of the digest so far,
over which it is hashed again; the first 32 bytes, as often as the wallet says. The private keys are
AES-256-CFB, with a vector for each address. Source: Armory, `EncryptionUtils.cpp`
(`KdfRomix::DeriveKey_OneIter`), `PyBtcWallet.py` (`serializeKdfParams`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from triage.api import ParseError
from triage.formats import aes

from . import _bip32
from ._serial import Stream

_DIGEST: Final = 64
_MOST_MEMORY: Final = 1 << 26  # bytes; the program takes 32 MiB at most
_MOST_ROUNDS: Final = 1 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Romix:
    """The parameters that a wallet states."""

    memory: int  # bytes
    rounds: int
    salt: bytes

    @property
    def cost(self) -> int:
        """Roughly the microseconds of one try, for `Artifact.passwords`."""
        return 3 * (self.memory // _DIGEST) * self.rounds

    def derive(self, passphrase: bytes) -> bytes:
        """Return the key, 32 bytes."""
        for _ in range(self.rounds):
            passphrase = self._once(passphrase)
        return passphrase

    def _once(self, passphrase: bytes) -> bytes:
        count = self.memory // _DIGEST
        digest = hashlib.sha512(passphrase + self.salt).digest()
        table = [digest]
        for _ in range(count - 1):
            digest = hashlib.sha512(digest).digest()
            table.append(digest)
        for _ in range(count // 2):
            other = table[int.from_bytes(digest[-4:], "little") % count]
            mixed = int.from_bytes(digest, "big") ^ int.from_bytes(other, "big")
            digest = hashlib.sha512(mixed.to_bytes(_DIGEST, "big")).digest()
        return digest[:32]


def read(data: bytes) -> Romix | None:
    """Read the parameters; None when their checksum does not fit or they are none."""
    stream = Stream(data)
    memory, rounds, salt = stream.number(8), stream.number(4), stream.take(32)
    digest = hashlib.sha256(hashlib.sha256(data[:44]).digest()).digest()
    sound = _DIGEST <= memory <= _MOST_MEMORY and memory % _DIGEST == 0
    if stream.take(4) != digest[:4] or not sound or not 1 <= rounds <= _MOST_ROUNDS:
        return None
    return Romix(memory=memory, rounds=rounds, salt=salt)


def open_key(key: bytes, vector: bytes, sealed: bytes) -> bytes | None:
    """Return a private key, right or not: `fits` tells."""
    try:
        return aes.cfb(key, vector, sealed)
    except ParseError:
        return None


def fits(private: bytes | None, public: bytes) -> bool:
    """Whether a private key is that of a public one."""
    return private is not None and _bip32.matches(private, public)
