"""Signal Desktop: stores that open, that stay closed, and that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from plugins.chat.signal_desktop import messages, profile
from tests.formats.test_safe_storage import blob
from triage.api import (
    ChatAccount,
    ChatAttachment,
    ChatContact,
    ChatGroup,
    ChatMessage,
    ChatProfile,
    ParseError,
    Protection,
    RowState,
)

Extract = Callable[..., Any]

CASE = Path(__file__).parents[3] / "fixtures/chat/signal_desktop/opened/tree"
LINUX = "/home/alice/.config/Signal"
KEY = "ab" * 32


@pytest.fixture
def tree() -> dict[str, bytes]:
    home = CASE / "home/alice/.config/Signal"
    return {
        f"{LINUX}/{path.relative_to(home).as_posix()}": path.read_bytes()
        for path in home.rglob("*")
        if path.is_file()
    }


def test_a_key_that_lies_there_is_told_and_not_used(
    extract: Extract, tree: dict[str, bytes]
) -> None:
    (found,) = extract(profile, tree).findings
    assert found.protection is Protection.KEY_ON_IMAGE
    assert (found.opened_by, found.conversations) == (None, None)
    assert "decrypt: found" in found.needed_to_open
    assert extract(messages, tree).findings == []


def test_it_opens_when_the_profile_allows(extract: Extract, tree: dict[str, bytes]) -> None:
    (found,) = extract(profile, tree, may_decrypt=True).of(ChatProfile)
    assert found.opened_by == "config.json key, plaintext"
    assert (found.conversations, found.messages, found.attachments) == (3, 5, 1)
    content = extract(messages, tree, may_decrypt=True)
    assert content.problems == []
    (account,) = content.of(ChatAccount)
    assert (account.phone, account.linked_device) == ("+15550100001", "alice-laptop")
    assert [(each.alias, each.row) for each in content.of(ChatContact)] == [
        ("Bobby", RowState.WAL),
        ("Bob Example", RowState.SUPERSEDED),
    ]
    assert [each.name for each in content.of(ChatGroup)] == ["Garden club"]
    texts = [(each.text, each.row) for each in content.of(ChatMessage) if not each.message_type]
    assert texts == [
        ("hello alice", RowState.SUPERSEDED),
        ("a picture", RowState.LIVE),
        ("tomorrow at six", RowState.LIVE),
        ("only in the log", RowState.WAL),
    ]
    (attachment,) = content.of(ChatAttachment)
    assert (attachment.file_name, attachment.present, attachment.outgoing) == (
        "seedling.jpg",
        True,
        True,
    )


def test_no_key_and_no_secret_of_the_table_is_shown(
    extract: Extract, tree: dict[str, bytes]
) -> None:
    key = json.loads(tree[f"{LINUX}/config.json"])["key"]
    for extractor in (profile, messages):
        shown = repr(extract(extractor, tree, may_decrypt=True).findings)
        assert key not in shown
        assert "NEVER" not in shown


@pytest.mark.parametrize(
    ("home", "wrapped", "protection"),
    [
        ("/Users/a/AppData/Roaming/Signal", b"v10", Protection.DPAPI),
        ("/Users/a/Library/Application Support/Signal", b"v10", Protection.KEYCHAIN),
        ("/home/a/.config/Signal-work", b"v11", Protection.KEYRING),
        ("/home/a/.config/Signal", b"v99", Protection.ENCRYPTED),
        ("/home/a/snap/signal-desktop/1/.config/Signal", b"v11", Protection.KEYRING),
        ("/home/a/.var/app/org.signal.Signal/config/Signal", b"v11", Protection.KEYRING),
    ],
)
def test_a_wrapped_key_tells_what_is_needed(
    extract: Extract, home: str, wrapped: bytes, protection: Protection
) -> None:
    config = json.dumps({"encryptedKey": (wrapped + b"\1" * 80).hex()}).encode()
    files = {f"{home}/config.json": config, f"{home}/sql/db.sqlite": b"\2" * 4096}
    (found,) = extract(profile, files, may_decrypt=True).of(ChatProfile)
    assert found.protection is protection
    assert found.needed_to_open
    assert extract(messages, files, may_decrypt=True).findings == []


def test_the_clear_key_wins_over_the_wrapped_one(extract: Extract, tree: dict[str, bytes]) -> None:
    config = json.loads(tree[f"{LINUX}/config.json"]) | {"encryptedKey": (b"v11" + b"x" * 80).hex()}
    tree[f"{LINUX}/config.json"] = json.dumps(config).encode()
    assert len(extract(messages, tree, may_decrypt=True).of(ChatMessage)) == 6


def test_a_key_wrapped_with_nothing_opens(extract: Extract, tree: dict[str, bytes]) -> None:
    key = json.loads(tree[f"{LINUX}/config.json"])["key"]
    tree[f"{LINUX}/config.json"] = json.dumps({"encryptedKey": blob(key.encode()).hex()}).encode()
    (found,) = extract(profile, tree, may_decrypt=True).of(ChatProfile)
    assert found.protection is Protection.KEY_ON_IMAGE
    assert "basic_text" in found.opened_by


def test_a_key_that_does_not_fit_is_a_problem(extract: Extract, tree: dict[str, bytes]) -> None:
    tree[f"{LINUX}/config.json"] = json.dumps({"key": KEY}).encode()
    found = extract(profile, tree, may_decrypt=True)
    assert found.problems == ["the key in config.json does not open the store"]
    assert found.findings[0].opened_by is None
    with pytest.raises(ParseError):
        extract(messages, tree, may_decrypt=True)


def test_old_schema_with_attachments_in_json(extract: Extract, tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "db"))
    connection.pragma("cipher", "sqlcipher")
    connection.pragma("legacy", 4)
    connection.pragma("key", f"x'{KEY}'")
    connection.execute(
        "CREATE TABLE conversations(id STRING PRIMARY KEY, json TEXT, type TEXT, uuid TEXT);"
        "CREATE TABLE messages(id STRING PRIMARY KEY, json TEXT, sent_at INTEGER, type TEXT,"
        " conversationId TEXT, body TEXT, sourceUuid TEXT, hasAttachments INTEGER);"
        "INSERT INTO conversations VALUES ('c', '{}', 'private', 'peer-uuid');"
        """INSERT INTO messages VALUES ('m', '{"attachments": [{"path": "aa/bb", "size": 7,
        "contentType": "image/png"}, 17]}', 1500000000000, 'incoming', 'c', 'x', 'peer-uuid', 1);"""
        "INSERT INTO messages VALUES ('n', 'not json', 'not a time', 7, NULL, x'ff00', NULL, 'y');"
    )
    connection.close()
    files = {
        f"{LINUX}/config.json": json.dumps({"key": KEY}).encode(),
        f"{LINUX}/sql/db.sqlite": (tmp_path / "db").read_bytes(),
    }
    found = extract(messages, files, may_decrypt=True)
    assert found.of(ChatAccount) == []
    first, second = found.of(ChatMessage)
    assert (first.sender, first.attachments, first.outgoing) == ("peer-uuid", 2, False)
    assert (second.conversation, second.times[0].utc) == ("?", None)
    attachment = found.of(ChatAttachment)[0]
    assert (attachment.stored_as, attachment.length, attachment.present) == ("aa/bb", 7, False)


@pytest.mark.parametrize(
    "config",
    [b"{}", b"[]", b"null", b'{"key": "C major"}', b'{"key": 7, "encryptedKey": "zz"}', b'"key"'],
)
def test_other_settings_yield_nothing(extract: Extract, config: bytes) -> None:
    found = extract(profile, {f"{LINUX}/config.json": config}, may_decrypt=True)
    assert (found.findings, found.problems) == ([], [])


@pytest.mark.parametrize("config", [b"", b"{", b"\xff" * 100, b"[" * 100_000])
def test_settings_that_are_no_json_are_refused(extract: Extract, config: bytes) -> None:
    with pytest.raises(ParseError):
        extract(profile, {f"{LINUX}/config.json": config, f"{LINUX}/sql/db.sqlite": b""})


@pytest.mark.parametrize("data", [b"", b"\0" * 5000, b"SQLite format 3\0" + b"\0" * 5000])
def test_a_store_that_is_garbage(extract: Extract, data: bytes) -> None:
    files = {
        f"{LINUX}/config.json": json.dumps({"key": KEY}).encode(),
        f"{LINUX}/sql/db.sqlite": data,
    }
    with pytest.raises(ParseError):
        extract(messages, files, may_decrypt=True)
    assert extract(messages, files).findings == []


def test_a_key_in_an_older_copy_opens_a_store_whose_key_is_wrapped(
    extract: Extract, tree: dict[str, bytes]
) -> None:
    clear = tree[f"{LINUX}/config.json"]
    tree[f"{LINUX}/config.json"] = json.dumps({"encryptedKey": "763131" + "00" * 80}).encode()
    tree["/srv/backup/config.json"] = json.dumps({"key": KEY}).encode()  # of another store
    tree["/srv/backup/config.json.old"] = clear
    tree["/srv/backup/config-other.json"] = b"[not JSON"
    found = extract(profile, tree, may_decrypt=True)
    (told,) = found.of(ChatProfile)
    assert told.opened_by == "the key in /srv/backup/config.json.old, plaintext"
    assert (told.protection, told.needed_to_open) == (Protection.KEY_ON_IMAGE, None)
    assert "config.json.old" in found.withheld
    assert extract(messages, tree, may_decrypt=True).of(ChatMessage) != []
    (closed,) = extract(profile, tree).of(ChatProfile)
    assert (closed.protection, closed.opened_by) == (Protection.KEYRING, None)
