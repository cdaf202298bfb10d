"""Threema on Android: passphrases that were given, key files that are none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from plugins.chat._threema_key import _PATTERN, key_file
from plugins.chat.threema_android import messages
from triage.api import (
    ChatMessage,
    ChatProfile,
    Credential,
    CredentialKind,
    ParseError,
    Protection,
    RowState,
)
from triage.formats.kdf import Argon2id
from triage.formats.xchacha import hchacha20

Extract = Callable[..., Any]
CASE = Path(__file__).parents[3] / "fixtures/chat/threema_android/opened/tree"


def tree(app: str) -> dict[str, bytes]:
    return {
        f"/{path.relative_to(CASE).as_posix()}": path.read_bytes()
        for path in (CASE / app).rglob("*")
        if path.is_file()
    }


def given(*values: bytes) -> tuple[Credential, ...]:
    kind = CredentialKind.PASSWORD
    return tuple(
        Credential(number=number, kind=kind, value=value) for number, value in enumerate(values, 1)
    )


def test_a_given_passphrase_opens_the_store(extract: Extract) -> None:
    files = tree("data/user/10/ch.threema.app.work")
    found = extract(messages, files, given=given(b"wrong", b"a passphrase"))
    (profile,) = found.of(ChatProfile)
    assert profile.opened_by == "entry 2 of the credentials file"
    assert (profile.protection, found.withheld) == (Protection.PASSCODE, ["key.dat"])
    assert len(found.of(ChatMessage)) == 4
    (_, closed) = extract(messages, files, given=given(b"wrong")).findings
    assert closed.needed_to_open == "the passphrase of the app, as a password"


def test_without_a_passphrase_it_opens_when_the_profile_allows(extract: Extract) -> None:
    files = tree("data/data/ch.threema.app")
    said = extract(messages, files, may_decrypt=True).of(ChatMessage)
    assert {one.text: one.row for one in said}["in the log"] is RowState.WAL
    assert "NEVER" not in repr(said)
    key = "/data/data/ch.threema.app/files/key.dat"
    files[key] = files[key][:-1] + b"?"
    (_, damaged) = extract(messages, files, may_decrypt=True).findings
    assert damaged.protection is Protection.DAMAGED
    del files[key]
    (_, without) = extract(messages, files, may_decrypt=True).findings
    assert without.protection is Protection.ENCRYPTED


def test_the_newer_kind_of_key() -> None:
    key, salt = bytes(range(32)), b"saltsalt"
    mask = hashlib.scrypt(b"1234", salt=salt, n=1 << 16, r=8, p=1, maxmem=1 << 27, dklen=32)
    hidden = bytes(a ^ b ^ c for a, b, c in zip(key, mask, _PATTERN, strict=True))
    check = hashlib.sha1(key, usedforsecurity=False).digest()[:4]
    found = key_file(b"\2" + hidden + salt + check)
    assert found.opened(b"1234") == key
    assert found.opened(b"12345") is None


@pytest.mark.parametrize("data", [b"", b"\3" + bytes(44), bytes(44), bytes(46)])
def test_what_is_nokey_file(data: bytes) -> None:
    with pytest.raises(ParseError):
        key_file(data)


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return bytes([number << 3, *varint(value)])
    return bytes([number << 3 | 2, *varint(len(value))]) + value


def varint(value: int) -> list[int]:
    found = [value & 0x7F]
    while value := value >> 7:
        found = [*found[:-1], found[-1] | 0x80, value & 0x7F]
    return found


def storage(*fields: bytes) -> bytes:
    return bytes(2) + b"".join(fields)


def intermediate(key: bytes) -> bytes:
    return storage(field(1, storage(field(1, key))))


def sealed(key: bytes, passphrase: bytes, memory: int = 64 << 10) -> bytes:
    derived = Argon2id(salt=b"s" * 16, memory=memory, rounds=3, lanes=1).derive(passphrase, 32)
    cipher = ChaCha20Poly1305(hchacha20(derived, bytes(16)))
    body = bytes(24) + cipher.encrypt(bytes(12), intermediate(key), None)
    inner = field(2, b"s" * 16) + field(3, memory) + field(4, 3) + field(5, 1) + field(6, body)
    return storage(field(2, inner))


KEY = hashlib.sha256(b"fixture: the master key").digest()
ALICE = "/data/data/ch.threema.app/files"


@pytest.mark.parametrize(
    ("file", "may_decrypt", "passphrases", "protection", "opened_by"),
    [
        (storage(field(1, intermediate(KEY))), True, (), Protection.KEY_ON_IMAGE, "no passphrase"),
        (storage(field(1, intermediate(KEY))), False, (), Protection.KEY_ON_IMAGE, None),
        (sealed(KEY, b"1234"), False, (b"0", b"1234"), Protection.PASSCODE, "entry 2"),
        (sealed(KEY, b"1234"), True, (b"0",), Protection.PASSCODE, None),
        (storage(field(1, storage(field(2, b"")))), True, (), Protection.ENCRYPTED, None),
        (storage(field(1, b"")), True, (), Protection.ENCRYPTED, None),
        (b"no key", True, (), Protection.ENCRYPTED, None),
    ],
)
def test_the_key_file_of_2025(
    extract: Extract,
    *,
    file: bytes,
    may_decrypt: bool,
    passphrases: tuple[bytes, ...],
    protection: Protection,
    opened_by: str | None,
) -> None:
    files = tree("data/data/ch.threema.app")
    del files[f"{ALICE}/key.dat"]
    files[f"{ALICE}/master_key.dat"] = file
    found = extract(messages, files, may_decrypt=may_decrypt, given=given(*passphrases))
    (profile,) = found.of(ChatProfile)
    assert profile.protection is protection
    assert (opened_by or "") in (profile.opened_by or "")
    assert (profile.opened_by is None) == (opened_by is None) == bool(profile.needed_to_open)
    assert len(found.of(ChatMessage)) == (5 if opened_by else 0)


def test_a_key_that_the_hardware_seals_is_told(extract: Extract) -> None:
    files = tree("data/data/ch.threema.app")
    files[f"{ALICE}/enc_master_key_v2.dat"] = files.pop(f"{ALICE}/key.dat")
    (profile,) = extract(messages, files, may_decrypt=True).of(ChatProfile)
    assert profile.protection is Protection.HARDWARE
    assert "telephone itself" in profile.needed_to_open


def test_a_key_that_asks_for_too_much_is_refused() -> None:
    inner = field(2, b"s" * 16) + field(3, 1 << 31) + field(4, 3) + field(5, 1) + field(6, b"x")
    with pytest.raises(ParseError):
        key_file(storage(field(2, inner)))
