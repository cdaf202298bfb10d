"""Threema on Android: passphrases that were given, key files that are none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.chat.threema_android import _PATTERN, _key_file, messages
from triage.api import (
    ChatMessage,
    ChatProfile,
    Credential,
    CredentialKind,
    ParseError,
    Protection,
    RowState,
)

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
    found = _key_file(b"\2" + hidden + salt + check)
    assert found.opened(b"1234") == key
    assert found.opened(b"12345") is None


@pytest.mark.parametrize("data", [b"", b"\3" + bytes(44), bytes(44), bytes(46)])
def test_what_is_no_key_file(data: bytes) -> None:
    with pytest.raises(ParseError):
        _key_file(data)
