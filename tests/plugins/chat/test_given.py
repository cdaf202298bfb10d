"""Passcodes of Telegram and keys of WhatsApp's backups that the examiner gave."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.chat.telegram_desktop import _lock, profile
from plugins.chat.whatsapp_android import backup
from triage.api import (
    ChatAccount,
    ChatExport,
    ChatMessage,
    ChatProfile,
    Credential,
    CredentialKind,
    Protection,
)
from triage.formats import tdf

Extract = Callable[..., Any]
FIXTURES = Path(__file__).parents[3] / "fixtures/chat"
SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "chat/telegram/locked"


def given(*entries: tuple[CredentialKind, bytes]) -> tuple[Credential, ...]:
    return tuple(
        Credential(number=number, kind=kind, value=value)
        for number, (kind, value) in enumerate(entries, 1)
    )


def tree(folder: Path, root: str = "") -> dict[str, bytes]:
    return {
        f"{root}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_passcode_opens_the_folder(extract: Extract) -> None:
    files = tree(FIXTURES / "telegram_desktop/opened/tree/home/bob", "/home/bob")
    keys = given((CredentialKind.PASSWORD, b"0000"), (CredentialKind.PASSWORD, b"1234"))
    found = extract(profile, files, given=keys)
    (folder,) = found.of(ChatProfile)
    assert (folder.opened_by, folder.needed_to_open) == ("entry 2 of the credentials file", None)
    assert folder.protection is Protection.PASSCODE
    assert len(found.of(ChatAccount)) == 1
    (closed,) = extract(profile, files, given=keys[:1]).of(ChatProfile)
    assert (closed.opened_by, closed.protection) == (None, Protection.ENCRYPTED)


def test_the_line_for_other_programs_is_not_shown() -> None:
    lock = _lock(tdf.KeyFile(salt=b"\1" * 32, key=b"\2" * 288, info=b""))
    assert lock.line == f"$telegram$2*100000*{'01' * 32}*{'02' * 288}"
    assert lock.line not in repr(lock)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name the samples")
def test_a_real_folder_opens_with_its_passcode(extract: Extract) -> None:
    keys = given((CredentialKind.PASSWORD, b"!thedemons#opentele"))
    found = extract(profile, tree(SAMPLES, "/Users/x/tdata"), given=keys)
    (account,) = found.of(ChatAccount)
    assert (account.identifier, account.server) == ("1528072955", "DC 5")


def test_keys_of_backups(extract: Extract) -> None:
    files = tree(FIXTURES / "whatsapp_android/backups_opened/tree")
    alone = {path: data for path, data in files.items() if "/files/" not in path}
    file = next(data for path, data in files.items() if path.endswith("/files/key"))
    root = next(data for path, data in files.items() if path.endswith("backup.key"))[-32:]
    keys = given(
        (CredentialKind.KEY_FILE, b"not a key"),
        (CredentialKind.KEY, b"short"),
        (CredentialKind.KEY_FILE, file),
        (CredentialKind.KEY, root),
    )
    found = extract(backup, alone, given=keys)
    assert [each.opened_by for each in found.of(ChatExport)] == [
        "entry 3 of the credentials file",
        "entry 4 of the credentials file",
        "entry 3 of the credentials file",
        None,
    ]
    assert {each.protection for each in found.of(ChatExport)} == {Protection.ENCRYPTED}
    assert len(found.of(ChatMessage)) == 6
