"""WhatsApp: stores of both schemas, contacts, settings, backups; and what must yield nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from plugins.chat.whatsapp_android import account, backup, contacts, messages
from plugins.chat.whatsapp_desktop import messages as core_data
from plugins.chat.whatsapp_desktop import windows
from triage.api import (
    ChatAccount,
    ChatContact,
    ChatExport,
    ChatGroup,
    ChatMessage,
    ChatProfile,
    ParseError,
    Protection,
    RowState,
)

Extract = Callable[..., Any]

FIXTURES = Path(__file__).parents[3] / "fixtures/chat"
APP = "/data/data/com.whatsapp"
STORE = f"{APP}/databases/msgstore.db"
MAC = "/Users/a/Library/Group Containers/group.net.whatsapp.WhatsApp.shared/ChatStorage.sqlite"


def tree(case: str) -> dict[str, bytes]:
    root = FIXTURES / case / "tree"
    return {
        f"/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_todays_schema_and_its_log(extract: Extract) -> None:
    found = extract(messages, tree("whatsapp_android/phone"))
    assert found.problems == []
    said = [(each.text, each.message_type, each.row) for each in found.of(ChatMessage)]
    assert ("tomorrow at six", None, RowState.SUPERSEDED) in said
    assert ("", "deleted", RowState.WAL) in said
    assert ("only in the log", None, RowState.WAL) in said
    assert [each.text for each in found.of(ChatMessage)].count("hello alice") == 1
    (group,) = found.of(ChatGroup)
    assert (group.name, len(group.members)) == ("Garden club", 2)


def test_contacts_and_whom_the_app_blocks(extract: Extract) -> None:
    found = extract(contacts, tree("whatsapp_android/phone"))
    assert [(each.alias, each.blocked) for each in found.of(ChatContact)] == [
        ("Bob Example", False),
        ("carol", True),
    ]


def test_the_own_number_and_nothing_secret(extract: Extract) -> None:
    found = extract(account, tree("whatsapp_android/phone"))
    (own,) = found.of(ChatAccount)
    assert (own.phone, own.display_name) == ("+15550100001", "Alice")
    assert "NEVER" not in repr(found.findings)


def test_backups_stay_closed_by_default(extract: Extract) -> None:
    found = extract(backup, tree("whatsapp_android/backups_opened"))
    assert found.of(ChatMessage) == []
    assert set(found.withheld) == {"key", "encrypted_backup.key"}
    assert [(each.export_format, each.protection) for each in found.of(ChatExport)] == [
        ("crypt12", Protection.KEY_ON_IMAGE),
        ("crypt15", Protection.ENCRYPTED),
        ("crypt14", Protection.KEY_ON_IMAGE),
        ("crypt15", Protection.ENCRYPTED),
    ]
    assert all("decrypt: found" in each.needed_to_open for each in found.of(ChatExport))


def test_backups_open_when_the_profile_allows(extract: Extract) -> None:
    found = extract(backup, tree("whatsapp_android/backups_opened"), may_decrypt=True)
    assert found.problems == []
    opened = [each.opened_by for each in found.of(ChatExport)]
    assert opened == [
        f"the key in {APP}/files/key",
        f"the key in {APP}/files/encrypted_backup.key",
        f"the key in {APP}/files/key",
        None,
    ]
    assert [each.text for each in found.of(ChatMessage)] == ["are you there", "look"] * 3


def test_a_backup_without_a_key(extract: Extract) -> None:
    files = tree("whatsapp_android/backups_opened")
    alone = {path: data for path, data in files.items() if "/files/" not in path}
    found = extract(backup, alone, may_decrypt=True)
    assert {each.protection for each in found.findings} == {Protection.ENCRYPTED}
    assert found.of(ChatExport)[0].needed_to_open.startswith("the file `files/key`")


def test_a_key_in_an_extraction_is_found(extract: Extract) -> None:
    files = tree("whatsapp_android/backups_opened")
    moved = {f"/cases/7/dump{path}": data for path, data in files.items()}
    assert len(extract(backup, moved, may_decrypt=True).of(ChatMessage)) == 6


@pytest.mark.parametrize("data", [b"", b"\0" * 4096, b"SQLite format 3\0", b"x" * 100])
def test_garbage_is_refused(extract: Extract, data: bytes) -> None:
    for extractor, path in (
        (messages, STORE),
        (contacts, f"{APP}/databases/wa.db"),
        (account, f"{APP}/shared_prefs/com.whatsapp_preferences_light.xml"),
        (backup, "/sdcard/WhatsApp/Databases/msgstore.db.crypt14"),
        (core_data, MAC),
    ):
        with pytest.raises(ParseError):
            extract(extractor, {path: data}, may_decrypt=True)


@pytest.mark.parametrize(
    "schema",
    [
        "CREATE TABLE message (_id INTEGER PRIMARY KEY, text TEXT)",
        "CREATE VIEW messages AS SELECT 1 AS key_remote_jid, 2 AS data, 3 AS timestamp",
        "CREATE TABLE wa_contacts (name TEXT); CREATE TABLE ZWAMESSAGE (Z_PK INTEGER)",
    ],
)
def test_another_schema_is_refused(extract: Extract, schema: str, tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "db"))
    connection.execute(schema)
    connection.close()
    data = (tmp_path / "db").read_bytes()
    for extractor, path in (
        (messages, STORE),
        (contacts, f"{APP}/databases/wa.db"),
        (core_data, MAC),
    ):
        with pytest.raises(ParseError):
            extract(extractor, {path: data})


def test_odd_values_do_not_stop_the_reading(extract: Extract, tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "db"))
    connection.execute(
        "CREATE TABLE messages (_id INTEGER PRIMARY KEY, key_remote_jid, key_from_me, key_id, data,"
        " timestamp, media_wa_type);"
        "INSERT INTO messages VALUES (2, 'a@b', 'yes', 7, x'ff', 'soon', '²'),"
        " (3, NULL, 1, 'k', 'lost', 1, '0'), (4, 'a@b', 1, 'k', 'kept', -1, '999')"
    )
    connection.close()
    found = extract(messages, {STORE: (tmp_path / "db").read_bytes()})
    first, second = found.of(ChatMessage)
    assert (first.outgoing, first.times[0].utc, first.message_type) == (None, None, None)
    assert (second.text, second.message_type) == ("kept", "type 999")


@pytest.mark.parametrize(
    "data", [b"<map/>", b"<map><string name='ph'>1</string></map>", b"<string name='cc'>1</string>"]
)
def test_settings_without_a_number_yield_nothing(extract: Extract, data: bytes) -> None:
    path = f"{APP}/shared_prefs/com.whatsapp_preferences_light.xml"
    found = extract(account, {path: data})
    assert (found.findings, found.problems) == ([], [])


def test_computers(extract: Extract) -> None:
    files = tree("whatsapp_desktop/computers")
    bob, carol = extract(windows, files).of(ChatProfile)
    assert (bob.protection, bob.attachments) == (Protection.DPAPI, 1)
    assert carol.protection is Protection.ENCRYPTED
    found = extract(core_data, files)
    assert [(each.text, each.outgoing) for each in found.of(ChatMessage)] == [
        ("hello", False),
        ("", True),
        ("at six", False),
        ("", None),
    ]
    assert found.of(ChatMessage)[1].times[0].utc == "2024-06-01T00:01:00.5Z"


SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "chat/whatsapp"


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name a folder with chat/whatsapp"
)
def test_a_real_store_and_its_backup(extract: Extract) -> None:
    files = {
        STORE: (SAMPLES / "msgstore.db").read_bytes(),
        f"{APP}/files/key": (SAMPLES / "key").read_bytes(),
        "/data/media/0/WhatsApp/Databases/msgstore.db.crypt14": (
            SAMPLES / "msgstore.db.crypt14"
        ).read_bytes(),
    }
    plain = extract(messages, files)
    assert plain.problems == []
    assert {each.conversation for each in plain.of(ChatMessage)} == {"status@broadcast"}
    opened = extract(backup, files, may_decrypt=True)
    assert opened.of(ChatExport)[0].opened_by == f"the key in {APP}/files/key"
    said = [(each.conversation, each.message_type) for each in plain.of(ChatMessage)]
    assert [(each.conversation, each.message_type) for each in opened.of(ChatMessage)] == said
    assert len(said) == 9
