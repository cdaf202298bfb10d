"""Dino, Gajim, Psi and Profanity: what they hold, odd values, and what must yield nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from plugins.chat import dino, gajim, profanity, psi
from triage.api import (
    ChatAccount,
    ChatAttachment,
    ChatMessage,
    ChatProfile,
    ParseError,
    RowState,
    Zone,
)

Extract = Callable[..., Any]

FIXTURES = Path(__file__).parents[3] / "fixtures/chat"
DINO = "/home/a/.local/share/dino/dino.db"
GAJIM = "/home/a/.local/share/gajim/logs.db"
GAJIM_SETTINGS = "/home/a/.config/gajim/settings.sqlite"
PSI = "/home/a/.config/psi/profiles/default/accounts.xml"
PSI_HISTORY = "/home/a/.local/share/psi/profiles/default/history/b_at_c%2fd.history"
PROFANITY = "/home/a/.local/share/profanity"
LOG = f"{PROFANITY}/chatlogs/a_at_x/b_at_y/2024_01_02.log"
CHATLOG = f"{PROFANITY}/database/a_at_x/chatlog.db"


def tree(case: str) -> dict[str, bytes]:
    root = FIXTURES / case / "tree"
    return {
        f"/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def made(tmp_path: Path, sql: str) -> bytes:
    connection = apsw.Connection(str(tmp_path / "db"))
    connection.execute(sql)
    connection.close()
    return (tmp_path / "db").read_bytes()


def test_dino(extract: Extract) -> None:
    found = extract(dino.messages, tree("dino/linux"))
    assert found.problems == []
    assert [each.password_stored for each in found.of(ChatAccount)] == [True, False]
    assert "NEVER" not in repr(found.findings)
    last = [each for each in found.of(ChatMessage) if each.row is RowState.WAL]
    assert [each.text for each in last] == ["only in the log"] * 2
    assert [each.present for each in found.of(ChatAttachment)] == [True, False]
    calls = [each for each in found.of(ChatMessage) if each.message_type == "call"]
    assert [(each.duration_s, each.outgoing) for each in calls] == [(65, False)] * 2


def test_gajim(extract: Extract) -> None:
    files = tree("gajim/linux_windows")
    found = extract(gajim.accounts, files)
    assert [(each.identifier, each.password_stored) for each in found.of(ChatAccount)] == [
        ("bob@example.org", False),
        ("alice@example.org", True),
    ]
    assert "NEVER" not in repr(found.findings)
    said = extract(gajim.messages, files).of(ChatMessage)[:3]
    assert [(each.text, each.outgoing) for each in said] == [
        ("hello", False),
        ("hello to you", True),
        ("tomorrow at six", None),
    ]
    assert said[0].times[0].utc == "2024-06-01T00:00:00.25Z"


def test_psi(extract: Extract) -> None:
    files = tree("psi/linux_windows")
    found = extract(psi.accounts, files)
    assert [each.application for each in found.of(ChatProfile)] == ["psi", "psi+"]
    assert [each.password_stored for each in found.of(ChatAccount)] == [False, True]
    assert "0b1c" not in repr(found.findings)
    said = extract(psi.history, files)
    assert said.problems == []
    assert [(each.text, each.outgoing) for each in said.of(ChatMessage)] == [
        ("hello\nfrom afar", False),
        ("a | b", True),
        ("the text", False),
    ]
    assert said.of(ChatMessage)[0].times[0].zone is Zone.LOCAL


def test_profanity(extract: Extract) -> None:
    files = tree("profanity/linux")
    found = extract(profanity.accounts, files)
    assert [each.password_stored for each in found.of(ChatAccount)] == [True, False]
    assert "NEVER" not in repr(found.findings)
    said = extract(profanity.logs, files).of(ChatMessage)
    assert [(each.text, each.outgoing, each.times[0].utc) for each in said] == [
        ("hello", False, "2024-06-01T10:00:00.123456Z"),
        ("hello bob", True, "2024-06-01T10:01:00Z"),
        ("waves", False, None),
        ("tomorrow at six", None, None),
    ]
    stored = extract(profanity.database, files).of(ChatMessage)
    assert [(each.text, each.outgoing) for each in stored] == [
        ("hello", False),
        ("hello to you", True),
    ]


@pytest.mark.parametrize("data", [b"", b"\0" * 4096, b"SQLite format 3\0", b"<a"])
def test_garbage_is_refused(extract: Extract, data: bytes) -> None:
    for extractor, path in (
        (dino.messages, DINO),
        (gajim.messages, GAJIM),
        (gajim.accounts, GAJIM_SETTINGS),
        (psi.accounts, PSI),
        (profanity.database, CHATLOG),
    ):
        with pytest.raises(ParseError):
            extract(extractor, {path: data})


def test_another_schema_is_refused(extract: Extract, tmp_path: Path) -> None:
    data = made(tmp_path, "CREATE TABLE message (id INTEGER); CREATE TABLE logs (jid_id INTEGER)")
    for extractor, path in (
        (dino.messages, DINO),
        (gajim.messages, GAJIM),
        (gajim.accounts, GAJIM_SETTINGS),
        (profanity.database, CHATLOG),
    ):
        with pytest.raises(ParseError):
            extract(extractor, {path: data})


def test_odd_rows_do_not_stop_the_reading(extract: Extract, tmp_path: Path) -> None:
    data = made(
        tmp_path,
        "CREATE TABLE account (id, bare_jid, password, resourcepart);"
        "CREATE TABLE jid (id, bare_jid);"
        "CREATE TABLE message (id, account_id, counterpart_id, direction, time, body,"
        " counterpart_resource);"
        "INSERT INTO account VALUES (x'00', NULL, 1, 2), ('x', 'a@b', zeroblob(9), 'r');"
        "INSERT INTO message VALUES (1, 'x', 1e99, 'in', 'noon', x'ff', 0),"
        " (2, 0, 0, 1, -5, NULL, NULL);",
    )
    found = extract(dino.messages, {DINO: data})
    assert [each.identifier for each in found.of(ChatAccount)] == ["a@b"]
    first, second = found.of(ChatMessage)
    assert (first.conversation, first.outgoing, first.times[0].utc) == ("?", None, None)
    assert (second.text, second.outgoing) == ("", True)


def test_settings_that_are_no_json_are_a_problem(extract: Extract, tmp_path: Path) -> None:
    data = made(
        tmp_path,
        "CREATE TABLE account_settings (account, settings);"
        "INSERT INTO account_settings VALUES ('a', '{'), ('b', '[]'), ('c', '{\"name\": 7}')",
    )
    found = extract(gajim.accounts, {GAJIM_SETTINGS: data})
    assert (found.findings, found.problems) == ([], ["account_settings row 1: not JSON"])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("nothing", True),
        ("|2024-01-01T00:00:00|1|sideways|N---|x", True),
        ("|2024-01-01T00:00:00|1|to|N", True),
        ("|" * 1000, True),
        ("|2024-01-01T00:00:00|9|to|N---|a change of status", False),
        ("", False),
    ],
)
def test_lines_that_are_no_message(extract: Extract, line: str, *, problem: bool) -> None:
    found = extract(psi.history, {PSI_HISTORY: line.encode()})
    assert found.findings == []
    assert bool(found.problems) is problem


def test_a_history_is_named_after_the_other_side(extract: Extract) -> None:
    found = extract(psi.history, {PSI_HISTORY: b"|2024-01-01T00:00:00|1|to|N3--|x\r\n"})
    (message,) = found.of(ChatMessage)
    assert (message.conversation, message.text) == ("b@c/d", "x")


@pytest.mark.parametrize(
    "data", [b"", b"\xff" * 100, b"10:00 - a: b", b" - : ", b"25:61:00 -: x", b"a" * 100_000]
)
def test_other_logs_yield_nothing(extract: Extract, data: bytes) -> None:
    found = extract(profanity.logs, {LOG: data, LOG.replace("2024_01_02", "notes"): data})
    assert (found.findings, found.problems) == ([], [])


@pytest.mark.parametrize("data", [b"jid=a", b"[a\n", b"[a]\n[a\n=b"])
def test_accounts_that_are_no_settings_are_refused(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(profanity.accounts, {f"{PROFANITY}/accounts": data})
