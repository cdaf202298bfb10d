"""WeChat on Android: a key that was given, numbers that do not fit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.chat.wechat_android import messages
from triage.api import ChatMessage, ChatProfile, Credential, CredentialKind, Protection

Extract = Callable[..., Any]
CASE = Path(__file__).parents[3] / "fixtures/chat/wechat_android/opened/tree"
APP = "data/data/com.tencent.mm"
UIN = "-1234567"
KEY = hashlib.md5(f"350000000000006{UIN}".encode(), usedforsecurity=False).hexdigest()[:7]


@pytest.fixture
def tree() -> dict[str, bytes]:
    return {
        f"/{path.relative_to(CASE).as_posix()}": path.read_bytes()
        for path in (CASE / APP).rglob("*")
        if path.is_file()
    }


def given(*values: str) -> tuple[Credential, ...]:
    kind = CredentialKind.PASSWORD
    return tuple(
        Credential(number=number, kind=kind, value=value.encode())
        for number, value in enumerate(values, 1)
    )


def test_a_given_key_opens_the_store(extract: Extract, tree: dict[str, bytes]) -> None:
    found = extract(messages, tree, given=given("hunter2", "0000000", KEY.upper()))
    (profile,) = found.of(ChatProfile)
    assert profile.opened_by == "entry 3 of the credentials file"
    assert (profile.protection, profile.messages) == (Protection.ENCRYPTED, 5)
    assert len(found.of(ChatMessage)) == 5


def test_the_settings_must_be_of_this_account(extract: Extract, tree: dict[str, bytes]) -> None:
    settings = f"/{APP}/shared_prefs/system_config_prefs.xml"
    tree[settings] = tree[settings].replace(UIN.encode(), b"-7")
    (closed,) = extract(messages, tree, may_decrypt=True).findings
    assert (closed.opened_by, closed.protection) == (None, Protection.ENCRYPTED)
    tree[settings] = b"<map>"
    assert len(extract(messages, tree, may_decrypt=True).findings) == 1


def test_without_the_imei_it_stays_closed(extract: Extract, tree: dict[str, bytes]) -> None:
    tree[f"/{APP}/MicroMsg/CompatibleInfo.cfg"] = b"3500000000000067"  # 16 digits are none
    found = extract(messages, tree, may_decrypt=True)
    assert found.of(ChatMessage) == []
    assert found.withheld == ["system_config_prefs.xml"]
