"""The master key of Threema for Android, in its two files.

`key.dat` (until 2025): a kind (0 open, 1 PBKDF2, 2 scrypt), the key under a fixed pattern and, with
a passphrase, under what is derived from it, a salt (8 bytes), four bytes of the key's SHA-1.
`master_key.dat` (since 6.2): messages of protobuf in each other, each behind a version of two
bytes. The outer one is in clear, or sealed with XChaCha20-Poly1305 under Argon2id of a passphrase;
the next is in clear, or needs a secret that the server of an organisation keeps. Since 2026 the
telephone's key store seals it once more (`enc_master_key_v2.dat`).

Source: threema-ch/threema-android, `localcrypto/MasterKey.java`, `key-storage.proto`,
`MasterKeyFileProvider.kt`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from triage.api import ParseError
from triage.formats import protobuf, xchacha
from triage.formats.kdf import Argon2id, Kdf, Pbkdf2, Scrypt

LONGEST: Final = 1 << 14  # bytes of either file

_PATTERN: Final = bytes.fromhex("950d267a88ea77109c50e73f47e06972dac4397c99ea7e67affddd32da35f70c")
_LENGTH: Final = 1 + 32 + 8 + 4
_OPEN, _PBKDF2, _SCRYPT = range(3)
_KEY: Final = 32
_VERSION: Final = bytes(2)
_CLEAR, _PROTECTED = 1, 2  # fields of each message


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """A key file. `kdf` is None when no passphrase is set."""

    kdf: Kdf | None
    protected: bytes = field(repr=False)
    check: bytes | None  # begins the SHA-1 of the key; None: the newer file

    def opened(self, passphrase: bytes = b"") -> bytes | None:
        """Return the master key (32 bytes); None when the passphrase is another.

        Raises ParseError when more than a passphrase is needed, or what opens is damaged.
        """
        if self.check is None:
            if self.kdf is None:
                return _inner(self.protected)
            inner = xchacha.open_sealed(self.protected, self.kdf.derive(passphrase, _KEY))
            return None if inner is None else _inner(inner)
        mask = self.kdf.derive(passphrase, _KEY) if self.kdf else bytes(_KEY)
        key = bytes(one ^ other for one, other in zip(self.protected, mask, strict=True))
        digest = hashlib.sha1(key, usedforsecurity=False).digest()
        return key if digest.startswith(self.check) else None


def key_file(data: bytes) -> KeyFile:
    """Read a file of either kind. Raises ParseError when it is none."""
    return _old(data) if len(data) == _LENGTH and data[0] <= _SCRYPT else _new(data)


def _old(data: bytes) -> KeyFile:
    salt = data[33:41]
    kdf: Kdf | None = None
    if data[0] == _PBKDF2:
        kdf = Pbkdf2(digest="sha1", salt=salt, rounds=10_000)
    elif data[0] == _SCRYPT:
        kdf = Scrypt(salt=salt, n=1 << 16, r=8, p=1)
    masked = bytes(one ^ two for one, two in zip(data[1:33], _PATTERN, strict=True))
    return KeyFile(kdf=kdf, protected=masked, check=data[41:])


def _new(data: bytes) -> KeyFile:
    outer = _message(data)
    clear = outer.data(_CLEAR)
    if clear is not None:
        return KeyFile(kdf=None, protected=clear, check=None)
    for sealed in outer.messages(_PROTECTED):
        salt, body = sealed.data(2), sealed.data(6)
        if salt and body and sealed.integer(1) in (None, 0):
            kdf = Argon2id(
                salt=salt,
                memory=sealed.integer(3) or 0,
                rounds=sealed.integer(4) or 0,
                lanes=sealed.integer(5) or 0,
            )
            return KeyFile(kdf=kdf, protected=body, check=None)
    raise ParseError("not a key file of Threema")


def _inner(data: bytes) -> bytes:
    """Return the key of an intermediate key storage."""
    intermediate = _message(data)
    clear = intermediate.data(_CLEAR)
    if clear is None:
        raise ParseError("the master key needs a secret that the organisation's server keeps")
    key = _message(clear).data(1)
    if key is None or len(key) != _KEY:
        raise ParseError("a key file of Threema without a key")
    return key


def _message(data: bytes) -> protobuf.Message:
    found = protobuf.parse(data[len(_VERSION) :]) if data.startswith(_VERSION) else None
    if found is None or not found.whole:
        raise ParseError("not a key file of Threema")
    return found
