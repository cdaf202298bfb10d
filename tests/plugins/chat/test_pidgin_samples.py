"""A home folder that Pidgin 2.14.12 wrote, and the truth about it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.chat.pidgin import (
    accounts,
    contacts,
    conversations,
    otr_fingerprints,
    otr_keys,
    profile,
)
from triage.api import ChatAccount, ChatContact, ChatMessage, ChatProfile, Confidence

Extract = Callable[..., Any]

SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "chat/generated/pidgin"
pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name a folder with chat/generated/pidgin"
)


@pytest.fixture
def tree() -> dict[str, bytes]:
    return {
        f"/home/labuser/{path.relative_to(SAMPLES).as_posix()}": path.read_bytes()
        for path in SAMPLES.rglob("*")
        if path.is_file()
    }


def test_the_profile(extract: Extract, tree: dict[str, bytes]) -> None:
    (found,) = extract(profile, tree).of(ChatProfile)
    assert (found.application, found.profile) == ("pidgin", "/home/labuser/.purple")
    assert (found.accounts, found.conversations, found.logs_kept) == (1, 2, True)


def test_the_account_and_its_stored_password(extract: Extract, tree: dict[str, bytes]) -> None:
    (found,) = extract(accounts, tree).of(ChatAccount)
    assert (found.service, found.identifier) == ("irc", "labuser@127.0.0.1")
    assert found.password_stored is True
    assert "labsecret" not in repr(found)


def test_the_own_fingerprint(extract: Extract, tree: dict[str, bytes]) -> None:
    (found,) = extract(otr_keys, tree).of(ChatAccount)
    assert found.fingerprint == "2C13F66497A84623215624A1BA4A2C1A13E0A546"
    assert found.identifier == "labuser@lab.irc"
    assert found.confidence is Confidence.CONFIRMED


def test_the_contacts(extract: Extract, tree: dict[str, bytes]) -> None:
    found = extract(contacts, tree).of(ChatContact)
    assert [(each.identifier, each.alias) for each in found] == [
        ("supplier_bot", "The Supplier"),
        ("#labchan", None),
    ]
    (verified,) = extract(otr_fingerprints, tree).of(ChatContact)
    assert (verified.identifier, verified.trust) == ("supplier_bot", "verified")


def test_the_messages(extract: Extract, tree: dict[str, bytes]) -> None:
    found = extract(conversations, tree)
    assert found.problems == []
    by_room: dict[str, list[Any]] = {}
    for each in found.of(ChatMessage):
        by_room.setdefault(each.conversation, []).append(each)
    assert [each.text for each in by_room["#labchan"]] == [
        *(f"channel line {number} from the bot" for number in range(4)),
        "waves",
    ]
    private = by_room["supplier_bot"]
    assert [each.text for each in private] == [
        f"private line {number} to labuser" for number in range(4)
    ]
    assert private[0].times[0].utc == "2026-11-23T16:44:33Z"
    assert {each.sender for each in found.of(ChatMessage)} == {"The Supplier"}
    assert {each.outgoing for each in private} == {False}
