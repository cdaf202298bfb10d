"""Blobs of safeStorage: which secret they need, and the one that needs none."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from triage.formats.safe_storage import Wrapped, open_basic_text, wrapped_by


def blob(plain: bytes, password: bytes = b"peanuts") -> bytes:
    padding = 16 - len(plain) % 16
    key = hashlib.pbkdf2_hmac("sha1", password, b"saltysalt", 1, 16)
    encryptor = Cipher(AES(key), CBC(b" " * 16)).encryptor()
    return b"v10" + encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()


@pytest.mark.parametrize(
    ("prefix", "platform", "expected"),
    [
        (b"v10", "windows", Wrapped.DPAPI),
        (b"v10", "macos", Wrapped.KEYCHAIN),
        (b"v10", "linux", Wrapped.BASIC_TEXT),
        (b"v11", "linux", Wrapped.KEYRING),
        (b"v12", "linux", Wrapped.UNKNOWN),
        (b"", "windows", Wrapped.UNKNOWN),
        (b"v10", "amiga", Wrapped.UNKNOWN),
    ],
)
def test_the_prefix_tells_what_is_needed(prefix: bytes, platform: str, expected: Wrapped) -> None:
    assert wrapped_by(prefix + b"x" * 32, platform=platform) is expected


@pytest.mark.parametrize("plain", [b"", b"short", b"k" * 64])
def test_basic_text_opens(plain: bytes) -> None:
    assert open_basic_text(blob(plain)) == plain


@pytest.mark.parametrize(
    "data",
    [b"", b"v10", b"v10" + b"x" * 15, b"v11" + blob(b"a")[3:], b"v10" + b"\0" * 1_000_000],
)
def test_what_is_no_such_blob_does_not_open(data: bytes) -> None:
    assert open_basic_text(data) is None


def test_another_password_does_not_open() -> None:
    assert open_basic_text(blob(b"k" * 64, b"walnuts")) != b"k" * 64
