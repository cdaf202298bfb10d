"""Keys that Electron's `safeStorage` wrapped: what a blob says, and the one case that opens.

A blob begins with `v10` or `v11`. Windows: AES-256-GCM under a key that DPAPI protects. macOS:
AES-128-CBC under a key made from a secret of the login keychain. Linux: AES-128-CBC under a key
made from a secret of the keyring (`v11`), or, where there was no keyring (`basic_text`, `v10`),
from a password that stands in Chromium's source and protects nothing.

Sources: Chromium, `components/os_crypt/sync/os_crypt_{win,mac.mm,linux}.cc`; Electron,
`docs/api/safe-storage.md`. Tested against blobs made after them, not by Electron.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

_BASIC_TEXT: Final = b"peanuts"
_SALT: Final = b"saltysalt"
_IV: Final = b" " * 16
_BLOCK: Final = 16
_LONGEST: Final = 4096  # bytes of a blob that holds a key


class Wrapped(StrEnum):
    """What holds the key to a blob."""

    DPAPI = "dpapi"
    KEYCHAIN = "keychain"
    KEYRING = "keyring"
    BASIC_TEXT = "basic_text"
    UNKNOWN = "unknown"


def wrapped_by(blob: bytes, *, platform: str) -> Wrapped:
    """Tell what holds the key to a blob from its prefix; `platform`: windows, macos or linux."""
    prefix = blob[:3]
    if prefix not in (b"v10", b"v11"):
        return Wrapped.UNKNOWN
    if platform == "linux":
        return Wrapped.KEYRING if prefix == b"v11" else Wrapped.BASIC_TEXT
    return {"windows": Wrapped.DPAPI, "macos": Wrapped.KEYCHAIN}.get(platform, Wrapped.UNKNOWN)


def open_basic_text(blob: bytes) -> bytes | None:
    """Return the content of a `v10` blob of Linux, None when its padding is wrong."""
    cipher = blob[3:]
    if blob[:3] != b"v10" or not cipher or len(cipher) % _BLOCK or len(cipher) > _LONGEST:
        return None
    key = hashlib.pbkdf2_hmac("sha1", _BASIC_TEXT, _SALT, 1, 16)
    decryptor = Cipher(AES(key), CBC(_IV)).decryptor()
    plain = decryptor.update(cipher) + decryptor.finalize()
    padding = plain[-1]
    if not 1 <= padding <= _BLOCK or plain[-padding:] != bytes([padding]) * padding:
        return None
    return plain[:-padding]
