"""Telegram Desktop and its exports: folders that open, that stay closed, that are none."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.chat.telegram_desktop import profile
from plugins.chat.telegram_export import exported, pages
from triage.api import (
    ChatAccount,
    ChatContact,
    ChatExport,
    ChatGroup,
    ChatMessage,
    ChatProfile,
    ParseError,
    Protection,
    Shows,
    Zone,
)

Extract = Callable[..., Any]

CASE = Path(__file__).parents[3] / "fixtures/chat/telegram_desktop/opened/tree"
ALICE = "/home/alice/.local/share/TelegramDesktop/tdata"
EXPORT = "/home/a/Downloads/Telegram Desktop/ChatExport_2024-01-01"


@pytest.fixture
def tree() -> dict[str, bytes]:
    return {
        f"/{path.relative_to(CASE).as_posix()}": path.read_bytes()
        for path in CASE.rglob("*")
        if path.is_file()
    }


def test_by_default_nothing_is_tried(extract: Extract, tree: dict[str, bytes]) -> None:
    found = extract(profile, tree)
    assert {each.protection for each in found.findings} == {Protection.ENCRYPTED}
    assert [each.accounts for each in found.of(ChatProfile)] == [2, 1]
    assert all("decrypt: found" in each.needed_to_open for each in found.of(ChatProfile))


def test_the_empty_passcode_opens_when_allowed(extract: Extract, tree: dict[str, bytes]) -> None:
    found = extract(profile, tree, may_decrypt=True)
    assert found.problems == []
    alice, bob = found.of(ChatProfile)
    assert (alice.opened_by, alice.version) == ("the empty local passcode", "4.6.5")
    assert (bob.protection, bob.opened_by) == (Protection.PASSCODE, None)
    accounts = [(each.identifier, each.phone, each.server) for each in found.of(ChatAccount)]
    assert accounts == [("1000000001", "15550100001", "DC 2"), ("1000000002", None, "DC 4")]
    assert [each.identifier for each in found.of(ChatContact)] == ["1000000003"]
    assert [each.identifier for each in found.of(ChatGroup)] == ["channel 1234567"]


def test_starts_are_local_times(extract: Extract, tree: dict[str, bytes]) -> None:
    first, last, _ = extract(profile, tree).of(ChatProfile)[0].times
    assert (first.raw, last.raw, last.zone) == (
        "2024-06-01 10:00:00",
        "2024-06-03 09:30:00",
        Zone.LOCAL,
    )


def test_a_damaged_account_does_not_cost_the_others(
    extract: Extract, tree: dict[str, bytes]
) -> None:
    tree[f"{ALICE}/D877F783D5D3EF8Cs"] = b"TDF$ damaged"
    found = extract(profile, tree, may_decrypt=True)
    assert found.problems == ["D877F783D5D3EF8Cs: a file that cannot be read"]
    assert [each.identifier for each in found.of(ChatAccount)] == ["1000000002"]


def test_the_account_of_another_folder_is_a_problem(
    extract: Extract, tree: dict[str, bytes]
) -> None:
    tree[f"{ALICE}/A7FDF864FBC10B77s"] = tree["/home/bob/Telegram/tdata/D877F783D5D3EF8Cs"]
    found = extract(profile, tree, may_decrypt=True)
    assert found.problems == ["A7FDF864FBC10B77s: the key of the folder does not open it"]


def test_a_damaged_key_file_is_refused(extract: Extract, tree: dict[str, bytes]) -> None:
    key = tree[f"{ALICE}/key_datas"]
    for data in (key[:-1], key[:200], key.replace(key[20:24], b"\0\0\0\0")):
        with pytest.raises(ParseError):
            extract(profile, {f"{ALICE}/key_datas": data})


@pytest.mark.parametrize("data", [b"", b"TDF", b"\xff\xd8\xff", b"\0" * 500])
def test_other_files_yield_nothing(extract: Extract, data: bytes) -> None:
    found = extract(profile, {f"{ALICE}/key_datas": data, f"{ALICE}/key_": data})
    assert (found.findings, found.problems) == ([], [])


def test_the_left_over_of_a_pair_is_not_told_twice(
    extract: Extract, tree: dict[str, bytes]
) -> None:
    files = {f"{ALICE}/key_datas": tree[f"{ALICE}/key_datas"]}
    files[f"{ALICE}/key_data1"] = files[f"{ALICE}/key_datas"]
    assert len(extract(profile, files).of(ChatProfile)) == 1


def chat(**more: Any) -> bytes:
    whole = {"name": "x", "type": "personal_chat", "id": 7, "messages": []}
    return json.dumps(whole | more).encode()


@pytest.mark.parametrize(
    "data",
    [b"{}", b"[]", b"null", b'{"messages": []}', b'{"messages": {}, "id": 1}', b'{"chats": 7}'],
)
def test_other_json_yields_nothing(extract: Extract, data: bytes) -> None:
    found = extract(exported, {f"{EXPORT}/result.json": data})
    assert (found.findings, found.problems) == ([], [])


def test_odd_messages_are_left_out(extract: Extract) -> None:
    odd = [
        7,
        {"id": "x"},
        {"id": 1, "date": 5},
        {"id": 2, "date": "2024-01-01T00:00:00", "text": [1, {"text": 2}, {"text": "t"}]},
        {"id": 3, "date": "2024-01-01T00:00:00", "date_unixtime": "9" * 30, "text": None},
    ]
    found = extract(exported, {f"{EXPORT}/result.json": chat(messages=odd)})
    assert [(each.text, each.times[0].utc) for each in found.of(ChatMessage)] == [
        ("t", None),
        ("", None),
    ]
    (export,) = found.of(ChatExport)
    assert (export.messages, export.shows) == (2, Shows.USED)


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000])
def test_what_is_no_json_is_refused(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(exported, {f"{EXPORT}/result.json": data})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html></html>",
        b'<div class="message default" id="message1">' * 1000,
        b'<div class="page_header"><div class="text bold">x</div>',
        b'<div class="page_header">' * 5000 + b'<div class="text">' * 5000,
    ],
)
def test_pages_that_are_no_export_yield_nothing(extract: Extract, data: bytes) -> None:
    found = extract(pages, {f"{EXPORT}/messages.html": data})
    assert (found.findings, found.problems) == ([], [])


SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "chat/telegram"


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name a folder with chat/telegram"
)
def test_real_folders(extract: Extract) -> None:
    first, locked = SAMPLES / "first-run", SAMPLES / "locked"
    tree = {
        f"/home/lab/tg/{path.relative_to(first).as_posix()}": path.read_bytes()
        for path in first.rglob("*")
        if path.is_file()
    }
    tree |= {
        f"/Users/x/tdata/{path.relative_to(locked).as_posix()}": path.read_bytes()
        for path in locked.rglob("*")
        if path.is_file()
    }
    found = extract(profile, tree, may_decrypt=True)
    assert found.problems == []
    closed, empty = found.of(ChatProfile)
    assert (closed.version, closed.protection, closed.accounts) == ("3.4.0", Protection.PASSCODE, 1)
    assert (empty.version, empty.accounts, empty.shows) == ("4.6.5", 0, Shows.EXECUTED)
    assert empty.times[0].raw == "2026-11-23 16:35:44"
    assert found.of(ChatAccount) == []
