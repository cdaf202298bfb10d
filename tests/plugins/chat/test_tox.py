"""Tox: saves and histories, plain and encrypted, and other files of the same names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from plugins.chat.tox import history, profile
from triage.api import (
    ChatAccount,
    ChatAttachment,
    ChatContact,
    ChatMessage,
    ChatProfile,
    Confidence,
    ParseError,
    Protection,
)

Extract = Callable[..., Any]

CASE = Path(__file__).parents[3] / "fixtures/chat/tox/qtox/tree"


@pytest.fixture
def tree() -> dict[str, bytes]:
    return {
        f"/{path.relative_to(CASE).as_posix()}": path.read_bytes()
        for path in CASE.rglob("*")
        if path.is_file()
    }


def test_saves(extract: Extract, tree: dict[str, bytes]) -> None:
    found = extract(profile, tree)
    assert found.problems == []
    assert [(each.display_name, each.confidence) for each in found.of(ChatAccount)] == [
        ("Bob", Confidence.CONFIRMED),
        ("Alice", Confidence.CONFIRMED),
    ]
    protections = [each.protection for each in found.of(ChatProfile)]
    assert protections == [Protection.PLAIN, Protection.PLAIN, Protection.PASSCODE]
    assert [each.alias for each in found.of(ChatContact)] == [None, "Bob", None]


def test_the_secret_key_is_never_shown(extract: Extract, tree: dict[str, bytes]) -> None:
    secret = tree["/home/alice/.config/tox/alice.tox"][52:84]
    shown = repr(extract(profile, tree).findings)
    assert secret.hex().upper() not in shown.upper()


@pytest.mark.parametrize("home", ["/home/alice/.config", "/Users/bob/AppData/Roaming"])
def test_both_schemas_of_the_history(extract: Extract, tree: dict[str, bytes], home: str) -> None:
    files = {path: data for path, data in tree.items() if path.startswith(home)}
    found = extract(history, files)
    assert found.problems == []
    texts = [each for each in found.of(ChatMessage) if each.text]
    assert [each.text for each in texts] == ["hello", "hello bob"]
    alice = home.startswith("/home")
    assert [each.outgoing for each in texts] == [not alice, alice]
    assert all(len(each.own_account) == 76 for each in texts)
    files_sent = [each.file_name for each in found.of(ChatAttachment)]
    assert files_sent == (["seeds.pdf"] if alice else [])


def test_an_encrypted_history_yields_nothing(extract: Extract) -> None:
    found = extract(history, {"/home/carol/.config/tox/carol.db": b"\x17" * 4096})
    assert (found.findings, found.problems) == ([], [])


@pytest.mark.parametrize("data", [b"", b"\x00\x01", b"tox", b"PK\x03\x04" + b"\0" * 100])
def test_other_files_of_that_ending_yield_nothing(extract: Extract, data: bytes) -> None:
    found = extract(profile, {"/home/a/scene.tox": data, "/home/a/tox_save": data})
    assert (found.findings, found.problems) == ([], [])


def test_another_database_is_refused(extract: Extract, tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "db"))
    connection.execute("CREATE TABLE history (id INTEGER)")
    connection.close()
    with pytest.raises(ParseError):
        extract(history, {"/home/a/.config/tox/a.db": (tmp_path / "db").read_bytes()})


def test_a_message_without_a_time_is_a_problem(extract: Extract, tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "db"))
    connection.execute(
        "CREATE TABLE history (id INTEGER PRIMARY KEY, timestamp, chat_id);"
        "CREATE TABLE aliases (id INTEGER PRIMARY KEY, owner, display_name);"
        "CREATE TABLE text_messages (id INTEGER PRIMARY KEY, sender_alias, message);"
        "INSERT INTO history VALUES (1, 'soon', NULL);"
        "INSERT INTO aliases VALUES (1, 'x', x'ff');"
        "INSERT INTO text_messages VALUES (1, 1, x'fe'), (2, 1, 'lost')"
    )
    connection.close()
    found = extract(history, {"/home/a/.config/tox/a.db": (tmp_path / "db").read_bytes()})
    (message,) = found.of(ChatMessage)
    assert (message.conversation, message.outgoing) == ("?", None)
    assert found.problems == ["text_messages row 2: a message without a time"]
