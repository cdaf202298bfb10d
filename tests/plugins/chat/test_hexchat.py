"""HexChat: settings, logs and scrollback, and what must yield nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.chat.hexchat import conversations, networks, profile, scrollback
from triage.api import ChatAccount, ChatContact, ChatMessage, ChatProfile, Zone

Extract = Callable[..., Any]

HOME = "/home/alice/.config/hexchat"
CONF = b"version = 2.16.1\nirc_logging = 0\nirc_nick1 = ali\nirc_nick2 = \nirc_real_name = Al\n"
LOG = (
    "**** BEGIN LOGGING AT Sun Dec 31 23:59:00 2023\n\n"
    "Dec 31 23:59:00 *\tNow talking on #room\n"
    "Dec 31 23:59:10 <ali>\thappy <new> year\n"
    "Jan  1 00:00:01 <bob>\tyou too\n"
    "**** BEGIN LOGGING AT Wed Feb 21 10:00:00 2024\n"
    "Feb 31 10:00:01 <bob>\tno such day\n"
)
SCROLL = (
    "T 1708500000 \x0319*\x0f\tNow talking on \x0322#room\x0f\n"
    "T 1708500001 \x0318\x08<\x08ali\x0318\x08>\x08\x0f\t\x02bold\x0f and \x0304,01red\n"
    "T 1708500002 \x0318*\t\x02bob\x0f waves\n"
    "T 99999999999999 <bob>\tx\n"
    "garbage\n"
)


def test_settings_give_profile_and_nicknames(extract: Extract) -> None:
    tree = {f"{HOME}/hexchat.conf": CONF, f"{HOME}/logs/net/#room.log": b""}
    found = extract(profile, tree)
    (folder,) = found.of(ChatProfile)
    assert (folder.application, folder.version, folder.profile) == ("hexchat", "2.16.1", HOME)
    assert (folder.conversations, folder.logs_kept) == (1, False)
    assert [(each.identifier, each.display_name) for each in found.of(ChatAccount)] == [
        ("ali", "Al")
    ]


def test_only_networks_that_were_changed_are_told(extract: Extract) -> None:
    data = (
        b"v=2.16.1\n\nN=ShippedNet\nE=UTF-8\nS=irc.shipped.example\n\n"
        b"N=Own\nI=al\nP=hunter2\nJ=#room,key\nJ=#den\nS=irc.example.net/6697\n"
    )
    found = extract(networks, {f"{HOME}/servlist.conf": data})
    (account,) = found.of(ChatAccount)
    assert (account.identifier, account.password_stored) == ("al@Own", True)
    assert [each.identifier for each in found.of(ChatContact)] == ["#room", "#den"]
    assert "hunter2" not in repr(found.findings)
    assert "key" not in [each.identifier for each in found.of(ChatContact)]


def test_a_log_passes_the_new_year(extract: Extract) -> None:
    tree = {f"{HOME}/hexchat.conf": CONF, f"{HOME}/logs/net/#room.log": LOG.encode()}
    found = extract(conversations, tree).of(ChatMessage)
    assert [(each.sent_raw, each.sender, each.text, each.outgoing) for each in found] == [
        ("2023-12-31 23:59:10", "ali", "happy <new> year", True),
        ("2024-01-01 00:00:01", "bob", "you too", False),
        ("Feb 31 10:00:01", "bob", "no such day", False),
    ]
    assert {each.conversation for each in found} == {"#room on net"}
    assert {(each.times[0].utc, each.times[0].zone) for each in found} == {(None, Zone.LOCAL)}


def test_scrollback_is_exact_and_without_formatting(extract: Extract) -> None:
    found = extract(scrollback, {f"{HOME}/scrollback/net/#room.txt": SCROLL.encode()})
    assert [(each.sender, each.text) for each in found.of(ChatMessage)] == [
        ("ali", "bold and red"),
        ("bob", "waves"),
    ]
    assert found.of(ChatMessage)[0].times[0].utc == "2024-02-21T07:20:01Z"
    assert found.of(ChatMessage)[0].outgoing is None  # no settings, no own nickname


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"\0" * 1000, b"T 1 <", b"<a>\tb\n" * 9])
def test_other_content_yields_nothing(extract: Extract, data: bytes) -> None:
    for extractor, path in (
        (profile, "hexchat.conf"),
        (networks, "servlist.conf"),
        (conversations, "logs/net/#room.log"),
        (scrollback, "scrollback/net/#room.txt"),
    ):
        found = extract(extractor, {f"{HOME}/{path}": data})
        assert (found.findings, found.problems) == ([], [])


SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "chat/generated/hexchat"


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name a folder with chat/generated/hexchat"
)
def test_what_hexchat_2_16_1_wrote(extract: Extract) -> None:
    tree = {
        f"/home/labuser/{path.relative_to(SAMPLES).as_posix()}": path.read_bytes()
        for path in SAMPLES.rglob("*")
        if path.is_file()
    }
    nicks = [each.identifier for each in extract(profile, tree).of(ChatAccount)]
    assert nicks == ["labuser", "labuser_", "labuser__"]
    logged = extract(conversations, tree).of(ChatMessage)
    assert [each.text for each in logged] == [
        *(f"channel line {number} from the bot" for number in range(4)),
        *(f"private line {number} to labuser" for number in range(4)),
    ]
    assert logged[0].sent_raw == "2026-11-23 16:41:50"
    shown = extract(scrollback, tree).of(ChatMessage)
    assert [each.text for each in shown] == [
        *(f"channel line {number} from the bot" for number in range(4)),
        "waves",
        *(f"private line {number} to labuser" for number in range(4)),
    ]
    assert shown[0].times[0].utc == "2026-11-23T16:41:50Z"
    assert {each.sender for each in (*logged, *shown)} == {"supplier_bot"}
