"""Keys that Electron's `safeStorage` wrapped: what a blob says, and what opens it.

A blob begins with `v10` or `v11`. Windows: AES-256-GCM under a key that DPAPI protects. macOS:
AES-128-CBC under a key made from a secret of the login keychain. Linux: AES-128-CBC under a key
made from a secret of the keyring (`v11`), or, where there was no keyring (`basic_text`, `v10`),
from a password that stands in Chromium's source and protects nothing.

Sources: Chromium, `components/os_crypt/sync/os_crypt_{win,mac.mm,linux}.cc`; Electron,
`docs/api/safe-storage.md`. Tested against blobs made after them, not by Electron.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from enum import StrEnum
from typing import Final

from triage.errors import ParseError
from triage.formats import aes, json

_BASIC_TEXT: Final = b"peanuts"
_SALT: Final = b"saltysalt"
_IV: Final = b" " * 16
_BLOCK: Final = 16
_MAC_ROUNDS: Final = 1003
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
    return _open_padded(blob, _BASIC_TEXT, 1) if blob[:3] == b"v10" else None


def open_with_secret(blob: bytes, secret: bytes, *, wrapped: Wrapped) -> bytes | None:
    """Return the content under the secret of a keychain or keyring; None when it does not fit.

    The secret is the text of the item “… Safe Storage”, base64 as it stands there. A wrong one
    passes the padding once in 256 times.
    """
    rounds = {Wrapped.KEYCHAIN: _MAC_ROUNDS, Wrapped.KEYRING: 1}.get(wrapped)
    return None if rounds is None else _open_padded(blob, secret, rounds)


def open_with_key(blob: bytes, key: bytes) -> bytes | None:
    """Return the content of a `v10` blob of Windows, None when the tag does not fit."""
    if blob[:3] != b"v10" or len(blob) > _LONGEST:
        return None
    try:
        return aes.gcm(key, blob[3:15], blob[15:])
    except ParseError:
        return None


def local_state_blob(state: bytes) -> bytes | None:
    """Return the DPAPI blob of the key that a `Local State` names, None when it names none.

    Raises ParseError when it is not JSON. Since Chrome 127 cookies have a second key, bound to the
    program (`app_bound_encrypted_key`), which this is not.
    """
    parsed = json.parse(state)
    crypt = parsed.get("os_crypt") if isinstance(parsed, dict) else None
    text = crypt.get("encrypted_key") if isinstance(crypt, dict) else None
    try:
        raw = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except binascii.Error:
        return None
    return raw[5:] if raw.startswith(b"DPAPI") else None


def _open_padded(blob: bytes, secret: bytes, rounds: int) -> bytes | None:
    cipher = blob[3:]
    if not cipher or len(cipher) % _BLOCK or len(cipher) > _LONGEST:
        return None
    key = hashlib.pbkdf2_hmac("sha1", secret, _SALT, rounds, 16)
    try:
        return aes.cbc_padded(key, _IV, cipher)
    except ParseError:
        return None
