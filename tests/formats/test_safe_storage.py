"""Blobs of safeStorage: which secret they need, and the one that needs none."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from triage.errors import ParseError
from triage.formats.safe_storage import (
    Wrapped,
    local_state_blob,
    open_basic_text,
    open_with_key,
    open_with_secret,
    wrapped_by,
)


def blob(plain: bytes, password: bytes = b"peanuts") -> bytes:
    return wrapped_with(plain, password, 1, b"v10")


def wrapped_with(plain: bytes, secret: bytes, rounds: int, prefix: bytes) -> bytes:
    padding = 16 - len(plain) % 16
    key = hashlib.pbkdf2_hmac("sha1", secret, b"saltysalt", rounds, 16)
    encryptor = Cipher(AES(key), CBC(b" " * 16)).encryptor()
    return prefix + encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()


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


@pytest.mark.parametrize(("wrapped", "rounds"), [(Wrapped.KEYCHAIN, 1003), (Wrapped.KEYRING, 1)])
def test_the_secret_of_the_system_opens(wrapped: Wrapped, rounds: int) -> None:
    data = wrapped_with(b"k" * 64, b"secret", rounds, b"v10")
    assert open_with_secret(data, b"secret", wrapped=wrapped) == b"k" * 64
    assert open_with_secret(data, b"other", wrapped=wrapped) != b"k" * 64
    assert open_with_secret(data, b"secret", wrapped=Wrapped.DPAPI) is None


def test_a_key_of_windows_opens_only_what_is_whole() -> None:
    data = b"v10" + bytes(12) + AESGCM(bytes(32)).encrypt(bytes(12), b"content", None)
    assert open_with_key(data, bytes(32)) == b"content"
    for bad in (data[:-1], b"v11" + data[3:], b"v10", b""):
        assert open_with_key(bad, bytes(32)) is None
    assert open_with_key(data, bytes(31)) is None


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (b'{"os_crypt": {"encrypted_key": "RFBBUElhYmM="}}', b"abc"),
        (b'{"os_crypt": {"encrypted_key": "YWJj"}}', None),
        (b'{"os_crypt": {"encrypted_key": "!"}}', None),
        (b'{"os_crypt": {"encrypted_key": 7}}', None),
        (b'{"os_crypt": []}', None),
        (b"[]", None),
    ],
)
def test_what_a_local_state_names(state: bytes, expected: bytes | None) -> None:
    assert local_state_blob(state) == expected


def test_a_local_state_is_json() -> None:
    with pytest.raises(ParseError):
        local_state_blob(b"{")
