"""Keys made from passwords, with bounds on what a hostile file may ask for.

A file says how dear its own key is. What it says is checked before anything is computed, and its
`cost` is what `Artifact.passwords` counts against the profile's limit: about one microsecond each,
one round of PBKDF2 or the mixing of one block of scrypt or Argon2 (RFC 8018, RFC 7914, RFC 9106).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id as _Argon2id

from triage.errors import ParseError

_MOST_ROUNDS: Final = 1 << 26
_MOST_MEMORY: Final = 1 << 29  # bytes
_MOST_COST: Final = 1 << 26
_LONGEST_SALT: Final = 1 << 12
_SHORTEST_SALT: Final = 8
_MOST_LANES: Final = 16
_LONGEST_KEY: Final = 1 << 10


class Kdf(Protocol):
    """A way to make a key from a password."""

    @property
    def cost(self) -> int:
        """Roughly the microseconds of one try."""
        ...

    def derive(self, password: bytes, length: int) -> bytes:
        """Return a key of so many bytes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pbkdf2:
    """PBKDF2 with HMAC; `digest` is a name of hashlib. Raises ParseError for what cannot be."""

    digest: str
    salt: bytes
    rounds: int

    def __post_init__(self) -> None:
        if not 1 <= self.rounds <= _MOST_ROUNDS or len(self.salt) > _LONGEST_SALT:
            raise ParseError(f"PBKDF2 with {self.rounds} rounds")
        if self.digest not in ("md5", "sha1", "sha256", "sha512"):
            raise ParseError("PBKDF2 with a digest that is not known")

    @property
    def cost(self) -> int:
        """Rounds."""
        return self.rounds

    def derive(self, password: bytes, length: int) -> bytes:
        """Return the key."""
        _check(length)
        return hashlib.pbkdf2_hmac(self.digest, password, self.salt, self.rounds, length)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrypt:
    """scrypt. Raises ParseError for parameters that are none, or need over 512 MiB."""

    salt: bytes
    n: int
    r: int
    p: int

    def __post_init__(self) -> None:
        n, r, p = self.n, self.r, self.p
        sound = n > 1 and n & (n - 1) == 0 and r > 0 and p > 0 and len(self.salt) <= _LONGEST_SALT
        if not sound or 128 * r * (n + p) > _MOST_MEMORY or n * r * p > _MOST_COST:
            raise ParseError("scrypt with parameters that are none, or too much")

    @property
    def cost(self) -> int:
        """Blocks that are mixed."""
        return self.n * self.r * self.p

    def derive(self, password: bytes, length: int) -> bytes:
        """Return the key."""
        _check(length)
        return hashlib.scrypt(
            password,
            salt=self.salt,
            n=self.n,
            r=self.r,
            p=self.p,
            maxmem=_MOST_MEMORY + (64 << 20),
            dklen=length,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Argon2id:
    """Argon2id, version 1.3; `memory` is bytes. Raises ParseError like `Scrypt` (RFC 9106)."""

    salt: bytes
    memory: int
    rounds: int
    lanes: int

    def __post_init__(self) -> None:
        blocks, lanes = self.memory // 1024, self.lanes
        sound = 1 <= lanes <= _MOST_LANES and blocks >= 8 * lanes and self.rounds > 0
        if not sound or not _SHORTEST_SALT <= len(self.salt) <= _LONGEST_SALT:
            raise ParseError("Argon2id with parameters that are none")
        if self.memory > _MOST_MEMORY or blocks * self.rounds > _MOST_COST:
            raise ParseError("Argon2id with parameters that are too much")

    @property
    def cost(self) -> int:
        """Blocks of 1 KiB that are filled, in all rounds."""
        return self.memory // 1024 * self.rounds

    def derive(self, password: bytes, length: int) -> bytes:
        """Return the key."""
        _check(length)
        return _Argon2id(
            salt=self.salt,
            length=length,
            iterations=self.rounds,
            lanes=self.lanes,
            memory_cost=self.memory // 1024,
        ).derive(password)


def _check(length: int) -> None:
    if not 1 <= length <= _LONGEST_KEY:
        raise ParseError(f"a key of {length} bytes")
