"""Skype: a database with all it holds, odd rows, and databases of others."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from plugins.chat.skype import messages
from triage.api import (
    ChatAccount,
    ChatAttachment,
    ChatContact,
    ChatMessage,
    ChatProfile,
    ParseError,
)

Extract = Callable[..., Any]

CASE = Path(__file__).parents[3] / "fixtures/chat/skype/windows_macos/tree"
PATH = "/Users/a/AppData/Roaming/Skype/a/main.db"


def test_what_it_holds(extract: Extract) -> None:
    data = (CASE / "Users/alice/AppData/Roaming/Skype/alice.example/main.db").read_bytes()
    found = extract(messages, {PATH: data})
    assert found.problems == []
    assert [each.identifier for each in found.of(ChatAccount)] == ["alice"]
    assert [(each.alias, each.blocked) for each in found.of(ChatContact)] == [("Friend", True)]
    said = found.of(ChatMessage)
    assert [(each.text, each.message_type, each.outgoing) for each in said] == [
        ("a & b", None, False),
        ("add me", "contact request", True),
        ("", "call", True),
    ]
    assert (said[1].conversation, said[1].times[0].utc) == ("#c", None)
    assert [(each.file_name, each.length) for each in found.of(ChatAttachment)] == [("a.pdf", 69)]


def test_odd_rows_do_not_stop_the_reading(extract: Extract, tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "db"))
    connection.execute(
        "CREATE TABLE Accounts (skypename); CREATE TABLE Messages (author, body_xml, timestamp,"
        " type); CREATE TABLE Transfers (filesize, starttime);"
        "INSERT INTO Accounts VALUES (x'00'), (7);"
        "INSERT INTO Messages VALUES (NULL, '<sms alt=\"a\"><', 'then', 'x'), (1, x'ff', 1e300, 9);"
        "INSERT INTO Transfers VALUES ('-1', 0), ('99999999999999999999', 1)"
    )
    connection.close()
    found = extract(messages, {PATH: (tmp_path / "db").read_bytes()})
    assert [(each.text, each.message_type) for each in found.of(ChatMessage)] == [
        ("a", None),
        ("\udcff", "type 9"),
    ]
    assert [each.length for each in found.of(ChatAttachment)] == [None, None]


@pytest.mark.parametrize("data", [b"", b"\0" * 4096, b"SQLite format 3\0" + b"\1" * 4096])
def test_garbage_is_refused(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(messages, {PATH: data})


def test_another_schema_is_refused(extract: Extract, tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "db"))
    connection.execute("CREATE TABLE Accounts (id INTEGER)")
    connection.close()
    with pytest.raises(ParseError):
        extract(messages, {PATH: (tmp_path / "db").read_bytes()})


SAMPLE = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "chat/skype/skype_main.db"


@pytest.mark.skipif(
    not SAMPLE.is_file(), reason="TRIAGE_SAMPLES does not name a folder with chat/skype"
)
def test_a_real_database(extract: Extract) -> None:
    found = extract(messages, {PATH: SAMPLE.read_bytes()})
    assert found.problems == []
    (profile,) = found.of(ChatProfile)
    assert profile.messages == 15
    assert [each.identifier for each in found.of(ChatAccount)] == ["gen.beringer"]
    said = [each for each in found.of(ChatMessage) if each.message_type != "call"]
    assert len(said) == 15
    assert said[0].text == "yt?"
    assert said[0].times[0].utc == "2013-07-30T21:26:28Z"
    assert "https://www.dropbox.com/s/3t95y5d8j64azsj/Recipes.docx" in [each.text for each in said]
    (sms,) = [each for each in said if each.message_type == "sms"]
    assert (sms.text[:18], sms.times[0].utc) == ("f you want I can c", None)
    assert len(found.of(ChatAttachment)) == 2
