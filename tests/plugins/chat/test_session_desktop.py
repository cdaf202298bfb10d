"""Session Desktop: a store that opens, one with a password, and other folders of that name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from plugins.chat.session_desktop import messages, profile
from triage.api import (
    ChatAccount,
    ChatAttachment,
    ChatContact,
    ChatGroup,
    ChatMessage,
    ChatProfile,
    Credential,
    CredentialKind,
    ParseError,
    Protection,
    RowState,
)

Extract = Callable[..., Any]

CASE = Path(__file__).parents[3] / "fixtures/chat/session_desktop/opened/tree"
HOME = "/home/alice/.config/Session"
KEY = "cd" * 32


@pytest.fixture
def tree() -> dict[str, bytes]:
    return {
        f"/{path.relative_to(CASE).as_posix()}": path.read_bytes()
        for path in CASE.rglob("*")
        if path.is_file()
    }


def test_by_default_nothing_is_opened(extract: Extract, tree: dict[str, bytes]) -> None:
    found = extract(profile, tree).of(ChatProfile)
    assert [(each.protection, each.opened_by) for each in found] == [
        (Protection.PASSCODE, None),
        (Protection.KEY_ON_IMAGE, None),
    ]
    assert extract(messages, tree).findings == []


def test_it_opens_when_the_profile_allows(extract: Extract, tree: dict[str, bytes]) -> None:
    _, alice = extract(profile, tree, may_decrypt=True).of(ChatProfile)
    assert (alice.messages, alice.opened_by) == (3, "config.json key, plaintext")
    found = extract(messages, tree, may_decrypt=True)
    assert found.problems == []
    (account,) = found.of(ChatAccount)
    assert account.identifier == f"05{'a1' * 32}"
    assert [each.alias for each in found.of(ChatContact)] == ["Bob"]
    assert [each.name for each in found.of(ChatGroup)] == ["Garden club"]
    assert [(each.text, each.outgoing, each.row) for each in found.of(ChatMessage)] == [
        ("hello", False, RowState.LIVE),
        ("tomorrow at six", False, RowState.LIVE),
        ("only in the log", True, RowState.WAL),
    ]
    assert "NEVER" not in repr(found.findings)


def test_the_key_is_never_shown(extract: Extract, tree: dict[str, bytes]) -> None:
    key = json.loads(tree[f"{HOME}/config.json"])["key"]
    for extractor in (profile, messages):
        assert key not in repr(extract(extractor, tree, may_decrypt=True).findings)


def test_a_key_that_does_not_fit_is_a_problem(extract: Extract, tree: dict[str, bytes]) -> None:
    tree = {path: data for path, data in tree.items() if path.startswith(HOME)}
    tree[f"{HOME}/config.json"] = json.dumps({"key": KEY}).encode()
    found = extract(profile, tree, may_decrypt=True)
    assert found.problems == ["the key in config.json does not open the store"]
    with pytest.raises(ParseError):
        extract(messages, tree, may_decrypt=True)


def test_a_store_of_another_program_is_refused(extract: Extract, tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "db"))
    connection.pragma("cipher", "sqlcipher")
    connection.pragma("legacy", 4)
    connection.pragma("key", f"x'{KEY}'")
    connection.execute("CREATE TABLE messages (id INTEGER)")
    connection.close()
    files = {
        f"{HOME}/config.json": json.dumps({"key": KEY}).encode(),
        f"{HOME}/sql/db.sqlite": (tmp_path / "db").read_bytes(),
    }
    with pytest.raises(ParseError):
        extract(messages, files, may_decrypt=True)


@pytest.mark.parametrize("config", [b"{}", b"[]", b'{"key": "saved"}', b'{"dbHasPassword": 1}'])
def test_other_settings_yield_nothing(extract: Extract, config: bytes) -> None:
    found = extract(profile, {f"{HOME}/config.json": config}, may_decrypt=True)
    assert (found.findings, found.problems) == ([], [])


@pytest.mark.parametrize("config", [b"", b"{", b"\xff" * 10])
def test_settings_that_are_no_json_are_refused(extract: Extract, config: bytes) -> None:
    with pytest.raises(ParseError):
        extract(profile, {f"{HOME}/config.json": config, f"{HOME}/sql/db.sqlite": b""})


def test_a_given_password_opens_the_store(extract: Extract, tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "db"))
    connection.pragma("cipher", "sqlcipher")
    connection.pragma("legacy", 4)
    connection.pragma("key", "a password")
    connection.execute(
        "CREATE TABLE items (id TEXT, json TEXT); CREATE TABLE conversations (id TEXT, type TEXT);"
        "CREATE TABLE messages (id TEXT, conversationId TEXT, body TEXT);"
        "INSERT INTO messages VALUES ('m', 'c', 'hello');"
    )
    connection.close()
    files = {
        f"{HOME}/config.json": json.dumps({"key": KEY, "dbHasPassword": True}).encode(),
        f"{HOME}/sql/db.sqlite": (tmp_path / "db").read_bytes(),
    }
    given = tuple(
        Credential(number=number, kind=CredentialKind.PASSWORD, value=value)
        for number, value in enumerate((b"another", b"a password"), 1)
    )
    (found,) = extract(profile, files, given=given).of(ChatProfile)
    assert found.opened_by == "entry 2 of the credentials file"
    assert (found.protection, found.needed_to_open) == (Protection.PASSCODE, None)
    (said,) = extract(messages, files, given=given).of(ChatMessage)
    assert (said.text, said.protection) == ("hello", Protection.PASSCODE)
    assert extract(messages, files, given=given[:1]).findings == []


def test_an_attachment_is_opened_for_its_hash(extract: Extract, tree: dict[str, bytes]) -> None:
    (found,) = extract(messages, tree, may_decrypt=True).of(ChatAttachment)
    content = hashlib.sha256(b"a picture of the garden").hexdigest()
    assert (found.file_name, found.present, found.content_sha256) == ("garden.jpg", True, content)
    tree[f"{HOME}/attachments.noindex/ab/ab12"] = bytes(80)
    (damaged,) = extract(messages, tree, may_decrypt=True).of(ChatAttachment)
    assert (damaged.present, damaged.content_sha256) == (True, None)


@pytest.mark.parametrize("data", [b"// settings of another program", b" " * (2 << 20), b"[]"])
def test_the_configuration_of_another_program_is_no_problem(extract: Extract, data: bytes) -> None:
    found = extract(profile, {"/srv/www/session/config.json": data})
    assert (found.findings, found.problems) == ([], [])
