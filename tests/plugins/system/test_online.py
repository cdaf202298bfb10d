"""Accounts at online services."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.system import online
from triage.api import ParseError

Extract = Callable[..., Any]
TREE = Path(__file__).parents[3] / "fixtures/system/machine/met/tree"
HIVES = "Windows/System32/config"
ACCOUNTS = "Users/bob/Library/Accounts/Accounts4.sqlite"
GNOME = "home/alice/.config/goa-1.0/accounts.conf"


@pytest.mark.parametrize(
    ("extractor", "path", "expected"),
    [
        (
            online.windows_account,
            "Users/alice/NTUSER.DAT",
            [
                ("Microsoft", "alice@mail.example"),
                ("OneDrive", "alice@mail.example"),
                ("Office", "alice@work.example"),
            ],
        ),
        (online.cloud_logons, f"{HIVES}/SOFTWARE", [("Windows", "bob@mail.example")]),
        (online.cloud_logons, f"{HIVES}/SYSTEM", [("Entra ID", "bob@work.example")]),
        (online.gnome, GNOME, [("google", "alice@mail.example")]),
        (online.apple, ACCOUNTS, [("Google", "bob@mail.example")]),
        (
            online.apple,
            "Users/alice/Library/Preferences/MobileMeAccounts.plist",
            [("Apple", "alice@mail.example")],
        ),
    ],
)
def test_accounts(
    extract: Extract, extractor: Any, path: str, expected: list[tuple[str, str]]
) -> None:
    found = extract(extractor, {path: (TREE / path).read_bytes()}).findings
    assert [(one.service, one.internet_name) for one in found] == expected


def test_a_logon_belongs_to_its_account(extract: Extract) -> None:
    path = f"{HIVES}/SOFTWARE"
    (bob,) = extract(online.cloud_logons, {path: (TREE / path).read_bytes()}).findings
    assert bob.belongs_to.startswith("S-1-5-21-")


@pytest.mark.parametrize("content", [b"", b"\xff" * 99, b"[x]\ny", b"regf" + bytes(5000)])
@pytest.mark.parametrize(
    ("extractor", "path"),
    [
        (online.windows_account, "Users/a/NTUSER.DAT"),
        (online.cloud_logons, f"{HIVES}/SYSTEM"),
        (online.gnome, GNOME),
        (online.apple, ACCOUNTS),
        (online.apple, "Users/a/Library/Preferences/MobileMeAccounts.plist"),
    ],
)
def test_what_only_has_the_name(
    extract: Extract, extractor: Any, path: str, content: bytes
) -> None:
    with pytest.raises(ParseError):
        extract(extractor, {path: content})
