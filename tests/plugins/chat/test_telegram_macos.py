"""Telegram for macOS: passcodes that were given."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from plugins.chat.telegram_macos import messages
from triage.api import (
    ChatAccount,
    ChatMessage,
    ChatProfile,
    Credential,
    CredentialKind,
    ParseError,
    Protection,
    RowState,
)
from triage.formats import postbox

Extract = Callable[..., Any]
CASE = Path(__file__).parents[3] / "fixtures/chat/telegram_macos/opened/tree"
LANE = "Users/alice/Library/Group Containers/6N38VWS5BX.ru.keepcoder.Telegram/stable"


def tree(passcode: bytes) -> dict[str, bytes]:
    files = {
        f"/{path.relative_to(CASE).as_posix()}": path.read_bytes()
        for path in (CASE / LANE).rglob("*")
        if path.is_file()
    }
    name = f"/{LANE}/.tempkeyEncrypted"
    key = postbox.key_of(files[name], postbox.NO_PASSCODE) or b""
    digest = hashlib.sha512(passcode).digest()
    encryptor = Cipher(AES(digest[:32]), CBC(digest[-16:])).encryptor()
    plain = key + postbox.murmur3(key).to_bytes(4, "little") + bytes(12)
    files[name] = encryptor.update(plain) + encryptor.finalize()
    return files


def given(*values: bytes) -> tuple[Credential, ...]:
    kind = CredentialKind.PASSWORD
    return tuple(
        Credential(number=number, kind=kind, value=value) for number, value in enumerate(values, 1)
    )


def test_a_given_passcode_opens_the_store(extract: Extract) -> None:
    files = tree(b"1234")
    found = extract(messages, files, given=given(b"0000", b"1234"))
    (profile,) = found.of(ChatProfile)
    assert found.withheld == [".tempkeyEncrypted"]
    assert profile.opened_by == "entry 2 of the credentials file"
    assert (profile.protection, profile.messages) == (Protection.PASSCODE, 6)
    said = {one.text: one for one in found.of(ChatMessage)}
    assert said["in the log"].row is RowState.WAL
    assert (said["a picture"].attachments, said["a picture"].outgoing) == (1, True)
    (account,) = found.of(ChatAccount)
    assert (account.identifier, account.phone) == ("5000000001", "+15550100001")
    (closed, _) = extract(messages, files, given=given(b"0000")).findings
    assert (closed.opened_by, closed.protection) == (None, Protection.PASSCODE)


def test_a_damaged_store_is_said(extract: Extract) -> None:
    files = tree(b"1234")
    name = f"/{LANE}/account-11/postbox/db/db_sqlite"
    files[name] = files[name][:32] + bytes(len(files[name]) - 32)
    with pytest.raises(ParseError):
        extract(messages, files, given=given(b"1234"))
