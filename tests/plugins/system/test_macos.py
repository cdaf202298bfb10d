"""macOS: version, name, accounts, zone from property lists."""

from __future__ import annotations

import plistlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from plugins.system.macos import accounts, release, timezone
from triage.api import ParseError, SystemAccount

Extract = Callable[..., Any]

VERSION = "/System/Library/CoreServices/SystemVersion.plist"
PREFERENCES = "/Library/Preferences/SystemConfiguration/preferences.plist"
USERS = "/private/var/db/dslocal/nodes/Default/users"
ZONE = "/Library/Preferences/.GlobalPreferences.plist"

version = plistlib.dumps(
    {"ProductName": "macOS", "ProductVersion": "13.6", "ProductBuildVersion": "22G120"}
)
preferences = plistlib.dumps({"System": {"System": {"ComputerName": "Alice's Mac"}}})


def user(**changes: Any) -> bytes:
    policy = plistlib.dumps({"creationTime": 1_700_000_000.25, "passwordLastSetTime": "odd"})
    facts = {
        "name": ["alice"],
        "uid": ["501"],
        "home": ["/Users/alice"],
        "shell": ["/bin/zsh"],
        "realname": ["Alice Example"],
        "ShadowHashData": [b"verysecrethash"],
        "accountPolicyData": [policy],
        **changes,
    }
    return plistlib.dumps(facts, fmt=plistlib.FMT_BINARY)


def test_release_with_name_and_install_date(extract: Extract) -> None:
    history = plistlib.dumps(
        [
            {"date": datetime(2023, 1, 2, 3, 4, 5, tzinfo=UTC).replace(tzinfo=None)},
            {"date": datetime(2022, 1, 2, 3, 4, 5, tzinfo=UTC).replace(tzinfo=None)},
            "odd",
        ]
    )
    tree = {
        VERSION: version,
        PREFERENCES: preferences,
        "/Library/Receipts/InstallHistory.plist": history,
    }
    (system,) = extract(release, tree).findings
    assert (system.family, system.name) == ("macos", "macOS")
    assert system.version == "13.6 build 22G120"
    assert system.host_name == "Alice's Mac"
    assert [(time.event, time.utc) for time in system.times] == [
        ("installed", "2022-01-02T03:04:05Z")
    ]


def test_data_volume_has_only_the_name(extract: Extract) -> None:
    (system,) = extract(release, {PREFERENCES: preferences}).findings
    assert (system.family, system.name, system.host_name) == ("macos", None, "Alice's Mac")


def test_account(extract: Extract) -> None:
    found = extract(accounts, {f"{USERS}/alice.plist": user()})
    (alice,) = found.of(SystemAccount)
    assert (alice.account_id, alice.name, alice.home) == ("uid:501", "alice", "/Users/alice")
    assert (alice.full_name, alice.credential_state, alice.for_software) == (
        "Alice Example",
        "set",
        False,
    )
    assert [(time.event, time.utc) for time in alice.times] == [
        ("created", "2023-11-14T22:13:20.25Z")
    ]
    assert "verysecrethash" not in repr(found)


@pytest.mark.parametrize(
    ("changes", "home", "service"),
    [
        ({"name": ["root"], "uid": ["0"], "home": ["/var/root"]}, "/private/var/root", False),
        ({"name": ["nobody"], "uid": ["-2"]}, "/Users/alice", True),
        ({"uid": ["24"], "home": []}, None, True),
        ({"accountPolicyData": [b"bplist00broken"]}, "/Users/alice", False),
    ],
)
def test_other_accounts(
    extract: Extract, changes: dict[str, Any], home: str | None, service: bool
) -> None:
    (account,) = extract(accounts, {f"{USERS}/x.plist": user(**changes)}).findings
    assert (account.home, account.for_software) == (home, service)


def test_accounts_of_the_system_are_passed_over(extract: Extract) -> None:
    assert extract(accounts, {f"{USERS}/_www.plist": user(name=["_www"])}).findings == []


@pytest.mark.parametrize(
    ("extractor", "path"),
    [(release, VERSION), (accounts, f"{USERS}/x.plist"), (timezone, ZONE)],
)
@pytest.mark.parametrize("data", [b"", b"bplist00", version[:80], plistlib.dumps([1])])
def test_garbage(extract: Extract, extractor: Any, path: str, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(extractor, {path: data})


@pytest.mark.parametrize(
    "changes", [{"uid": ["12x"]}, {"name": [5]}, {"uid": []}, {"uid": ["9" * 20]}]
)
def test_wrong_types(extract: Extract, changes: dict[str, Any]) -> None:
    with pytest.raises(ParseError):
        extract(accounts, {f"{USERS}/x.plist": user(**changes)})


@pytest.mark.parametrize(
    ("facts", "zones"),
    [
        (
            {
                "com.apple.TimeZonePref.Last_Selected_City": [
                    "48.20833",
                    "16.37306",
                    "0",
                    "Europe/Vienna",
                    "AT",
                ]
            },
            ["Europe/Vienna"],
        ),
        (
            {"com.apple.preferences.timezone.selected_city": {"TimeZoneName": "Asia/Tokyo"}},
            ["Asia/Tokyo"],
        ),
        ({"com.apple.preferences.timezone.selected_city": {"TimeZoneName": 5}}, []),
        ({"com.apple.TimeZonePref.Last_Selected_City": "Europe/Vienna"}, []),
        ({"AppleLocale": "de_AT"}, []),
    ],
)
def test_zone(extract: Extract, facts: dict[str, Any], zones: list[str]) -> None:
    found = extract(timezone, {ZONE: plistlib.dumps(facts)})
    assert [zone.zone_name for zone in found.findings] == zones
