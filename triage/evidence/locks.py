"""What a locked volume and the keys for it have in common, whatever the scheme.

A secret (a password, a recovery key, a key file) is turned once into the key of a volume, which
may take seconds and a gigabyte of memory. Every other reader of the volume is given that key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from triage.errors import EvidenceError, ParseError
from triage.evidence.layers import Layer


class SecretKind(StrEnum):
    """What a secret is."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    RECOVERY_KEY = "recovery_key"
    KEY_FILE = "key_file"
    KEY = "key"  # of the volume itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Something to try. `origin` says where it comes from and may be shown."""

    kind: SecretKind
    value: bytes = field(repr=False)
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeKey:
    """What decrypts one volume."""

    volume: str  # name
    key: bytes = field(repr=False)
    opened_by: str


class Lock(Protocol):
    """A locked volume whose header was read."""

    def clear(self) -> VolumeKey | None:
        """Return the key where it lies in clear on the volume."""
        ...

    def opened(self, secret: Secret, *, memory: int) -> bytes | None:
        """Return the key of the volume, None where the secret does not fit.

        `memory` bounds the bytes that deriving may take. Raises ParseError and EvidenceError.
        """
        ...

    def layer(self, key: bytes) -> Layer:
        """Return what is in the volume. Raises ParseError."""
        ...


class Keys(Protocol):
    """What is asked for the key of a volume."""

    def of(self, volume: str, lock: Lock) -> VolumeKey | None:
        """Return the key of a volume, None without one."""
        ...


class Known:
    """Keys that were found before."""

    def __init__(self, keys: Iterable[VolumeKey] = ()) -> None:
        self._keys = {key.volume: key for key in keys}

    def of(self, volume: str, lock: Lock) -> VolumeKey | None:
        """Return a key that is known, or lies in clear on the volume."""
        return self._keys.get(volume) or lock.clear()


class Trying:
    """Tries secrets, and remembers what opened what."""

    def __init__(self, secrets: Iterable[Secret], *, most: int, memory: int) -> None:
        """`most` secrets are tried on one volume, each with so many bytes of `memory`."""
        self._secrets, self._most, self._memory = list(secrets), most, memory
        self._tried: dict[str, int] = {}  # how many of them on each volume
        self.found: dict[str, VolumeKey] = {}
        self.problems: dict[str, str] = {}  # volume → why not everything was tried

    def add(self, secrets: Iterable[Secret]) -> bool:
        """Take more to try; return whether there was something new."""
        known = {(secret.kind, secret.value) for secret in self._secrets}
        new = [secret for secret in secrets if (secret.kind, secret.value) not in known]
        self._secrets += new
        return bool(new)

    def of(self, volume: str, lock: Lock) -> VolumeKey | None:
        """Return the key that the first fitting secret gives."""
        known = self.found.get(volume) or lock.clear()
        if known is not None:
            return known
        first = self._tried.get(volume, 0)
        self._tried[volume] = len(self._secrets)
        if len(self._secrets) > self._most:
            self.problems[volume] = "not every password was tried"
        for secret in self._secrets[first : self._most]:
            try:
                key = lock.opened(secret, memory=self._memory)
            except (ParseError, EvidenceError) as error:
                self.problems[volume] = error.message
                continue
            except MemoryError:
                self.problems[volume] = "there is not enough memory to try a password"
                continue
            if key is not None:
                self.found[volume] = VolumeKey(volume=volume, key=key, opened_by=secret.origin)
                self.problems.pop(volume, None)
                return self.found[volume]
        return None
