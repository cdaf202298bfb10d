"""Keys in copies that lie elsewhere on the file system open the stores that they fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from plugins.chat import (
    session_desktop,
    signal_android,
    signal_desktop,
    telegram_desktop,
    telegram_macos,
    threema_android,
    whatsapp_android,
)
from triage.api import ChatExport, ChatMessage, ChatProfile, Extractor, Protection
from triage.formats import tdf
from triage.training.writers.telegram import key_file

Extract = Callable[..., Any]
Files = dict[str, bytes]
FIXTURES = Path(__file__).parents[3] / "fixtures/chat"


def tree(case: str, under: str) -> Files:
    root = FIXTURES / case / "tree"
    return {
        f"/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in (root / under).rglob("*")
        if path.is_file()
    }


def moved(files: Files, name: str, now: bytes | None, *, ending: str = "") -> Files:
    """Move a key file to a backup; `now` stands in its place."""
    (old,) = (path for path in files if path.rpartition("/")[2] == name)
    backup = {f"/srv/backup/{name}{ending}": files.pop(old)}
    return files | backup | ({old: now} if now is not None else {})


def threema() -> Files:
    files = tree("threema_android/opened", "data/data/ch.threema.app")
    (path,) = (path for path in files if path.endswith("key.dat"))
    mask = hashlib.pbkdf2_hmac("sha1", b"later", b"8 bytes!", 10_000, 32)
    hidden = bytes(a ^ b for a, b in zip(files[path][1:33], mask, strict=True))
    return moved(files, "key.dat", b"\1" + hidden + b"8 bytes!" + files[path][41:])


def telegram() -> Files:
    files = tree("telegram_desktop/opened", "home/alice")
    (path,) = (path for path in files if path.endswith("key_datas"))
    opened = tdf.open_key(tdf.key_file(tdf.container(files[path])))
    assert opened is not None
    return moved(files, "key_datas", key_file(opened.local_key, [0, 1], b"1234"), ending=".bak")


@dataclass(frozen=True)
class Case:
    extractor: Extractor
    files: Callable[[], Files]
    copy: str  # below /srv/backup
    counts: type[Any] = ChatMessage


SECRET = "org.thoughtcrime.securesms_preferences.xml"  # noqa: S105 - the name of a file
CASES = {
    "signal, no configuration": Case(
        signal_desktop.messages,
        lambda: moved(
            tree("signal_desktop/opened", "home/alice/.config/Signal"), "config.json", None
        ),
        "config.json",
    ),
    "session, another key": Case(
        session_desktop.profile,
        lambda: moved(
            tree("session_desktop/opened", "home/alice"),
            "config.json",
            json.dumps({"key": "ab" * 32}).encode(),
            ending=".1",
        ),
        "config.json.1",
        ChatProfile,
    ),
    "whatsapp": Case(
        whatsapp_android.backup,
        lambda: moved(tree("whatsapp_android/backups_opened", "data"), "key", None),
        "key",
    ),
    "threema": Case(threema_android.messages, threema, "key.dat"),
    "telegram for macOS": Case(
        telegram_macos.messages,
        lambda: moved(tree("telegram_macos/opened", "Users/alice"), ".tempkeyEncrypted", bytes(64)),
        ".tempkeyEncrypted",
    ),
    "telegram desktop": Case(telegram_desktop.profile, telegram, "key_datas.bak", ChatProfile),
    "signal on android": Case(
        signal_android.messages,
        lambda: moved(
            tree("signal_android/opened", "data/data/org.thoughtcrime.securesms"), SECRET, b"<map/>"
        ),
        SECRET,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_copy_of_the_key_opens_the_store(extract: Extract, case: Case) -> None:
    files = case.files()
    found = extract(case.extractor, files, may_decrypt=True)
    opened = [
        each
        for kind in (ChatProfile, ChatExport)
        for each in found.of(kind)
        if each.opened_by and f"/srv/backup/{case.copy}" in each.opened_by
    ]
    assert opened
    assert {each.protection for each in opened} == {Protection.KEY_ON_IMAGE}
    assert found.of(case.counts)
    assert case.copy in found.withheld


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_copies_are_not_tried_unless_the_profile_allows(extract: Extract, case: Case) -> None:
    found = extract(case.extractor, case.files())
    assert not [
        each for each in found.of(ChatProfile) + found.of(ChatExport) if each.opened_by is not None
    ]
    assert found.of(ChatMessage) == []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_copy_of_another_store_is_passed_over(extract: Extract, case: Case) -> None:
    files = case.files()
    files[f"/srv/backup/{case.copy}"] = files[f"/srv/backup/{case.copy}"][::-1]
    found = extract(case.extractor, files, may_decrypt=True)
    assert not [each for each in found.of(ChatProfile) if "/srv" in (each.opened_by or "")]
