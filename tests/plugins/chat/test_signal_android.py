"""Signal on Android: secrets and passphrases that were given, and what they read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from plugins.chat.signal_android import backups, messages
from triage.api import (
    ChatAttachment,
    ChatExport,
    ChatGroup,
    ChatMessage,
    ChatProfile,
    Credential,
    CredentialKind,
    Protection,
    RowState,
)

Extract = Callable[..., Any]
CASE = Path(__file__).parents[3] / "fixtures/chat/signal_android/opened/tree"
APP = "data/data/org.thoughtcrime.securesms"
NAME = "data/media/{}/Signal/Backups/signal-2024-06-01-09-00-00.backup"
DIGITS = "111112222233333444445555566666"


def given(kind: CredentialKind, value: bytes) -> tuple[Credential, ...]:
    return (Credential(number=1, kind=kind, value=value),)


def files(*paths: str) -> dict[str, bytes]:
    return {f"/{path}": (CASE / path).read_bytes() for path in paths}


def secret() -> bytes:
    text = (CASE / APP / "shared_prefs/org.thoughtcrime.securesms_preferences.xml").read_text()
    return bytes.fromhex(text.partition('_secret">')[2][:64])


def test_a_given_secret_opens_the_database(extract: Extract) -> None:
    tree = files(f"{APP}/databases/signal.db", f"{APP}/databases/signal.db-wal")
    found = extract(messages, tree, given=given(CredentialKind.KEY, secret()))
    (profile,) = found.of(ChatProfile)
    assert profile.opened_by == "entry 1 of the credentials file"
    assert (profile.messages, profile.conversations) == (6, 2)
    assert profile.protection is Protection.HARDWARE
    said = {one.text: one for one in found.of(ChatMessage)}
    assert said["only in the log"].row is RowState.WAL
    assert [said[text].outgoing for text in ("hello alice", "a picture")] == [False, True]
    assert said["a picture"].expires_after_s == 3600
    assert "NEVER" not in repr(found.findings)
    (closed,) = extract(messages, tree, given=given(CredentialKind.KEY, bytes(32))).of(ChatProfile)
    assert closed.opened_by is None
    assert "telephone itself" in closed.needed_to_open


def test_given_digits_open_a_backup(extract: Extract) -> None:
    tree = files(NAME.format(0))
    spaced = f"{DIGITS[::-1][:15]} {DIGITS[::-1][15:]}".encode()
    found = extract(backups, tree, given=given(CredentialKind.PASSWORD, spaced))
    (export,) = found.of(ChatExport)
    assert export.opened_by == "entry 1 of the credentials file"
    assert (export.version, export.messages) == ("schema 200", 5)
    (picture,) = found.of(ChatAttachment)
    assert (picture.file_name, picture.present, picture.outgoing) == ("seedling.jpg", True, True)
    assert picture.content_sha256 is not None
    (group,) = found.of(ChatGroup)
    assert (group.name, len(group.members)) == ("Garden club", 2)


def test_a_password_of_another_form_costs_nothing(extract: Extract) -> None:
    found = extract(
        backups, files(NAME.format(0)), given=given(CredentialKind.PASSWORD, b"hunter2")
    )
    (export,) = found.findings
    assert export.needed_to_open == "its 30 digits, as a password"
