"""Android: build, users, zone; binary XML is named, not read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plugins.system.android import build, packages, timezone, users
from triage.api import ParseError, SystemOs, SystemTimezone

Extract = Callable[..., Any]

BUILD = b"""# begin build properties
ro.build.version.release=14
ro.build.display.id=TRAINING.1
ro.build.date.utc=1700000000
ro.product.manufacturer=Example
ro.product.model=Phone 1
persist.sys.timezone=Europe/Vienna
"""
USER = (
    '<?xml version="1.0" encoding="utf-8"?><user id="{number}" created="1700000000000"'
    ' lastLoggedIn="1700000100000"><name>{name}</name></user>'
)


def test_build(extract: Extract) -> None:
    found = extract(build, {"/system/build.prop": BUILD})
    (system,) = found.of(SystemOs)
    assert (system.family, system.name) == ("android", "Example Phone 1")
    assert system.version == "14 build TRAINING.1"
    assert [(time.event, time.utc) for time in system.times] == [("built", "2023-11-14T22:13:20Z")]
    assert [zone.zone_name for zone in found.of(SystemTimezone)] == ["Europe/Vienna"]


@pytest.mark.parametrize("data", [b"", b"\0\1\2", b"some=thing\n", b"=" * 500])
def test_other_properties_yield_nothing(extract: Extract, data: bytes) -> None:
    assert extract(build, {"/build.prop": data}).findings == []


@pytest.mark.parametrize(
    ("path", "number", "home"),
    [
        ("/data/system/users/0.xml", 0, "/data/data"),
        ("/data/system/users/10.xml", 10, "/data/user/10"),
        ("/dump/data/system/users/0.xml", 0, "/dump/data/data"),
        ("/system/users/0.xml", 0, "/data"),
    ],
)
def test_users(extract: Extract, path: str, number: int, home: str) -> None:
    text = USER.format(number=number, name="Erin")
    (account,) = extract(users, {path: text.encode()}).findings
    assert (account.account_id, account.name, account.home) == (f"user:{number}", "Erin", home)
    assert [(time.event, time.utc) for time in account.times] == [
        ("created", "2023-11-14T22:13:20Z"),
        ("last_logon", "2023-11-14T22:15:00Z"),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ABX\0\x01\x02",
        b"<user/>",
        b'<user id="x"/>',
        b'<users id="0"/>',
        b'<!DOCTYPE u [<!ENTITY a "b">]><user id="0"><name>&a;</name></user>',
    ],
)
def test_damaged_users(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(users, {"/data/system/users/0.xml": data})


def test_user_without_a_name(extract: Extract) -> None:
    (account,) = extract(users, {"/data/system/users/11.xml": b'<user id="11"/>'}).findings
    assert (account.name, account.times) == ("user 11", ())


def test_packages(extract: Extract) -> None:
    data = (
        b'<packages><version volumeUuid="x" sdkVersion="1" fingerprint="no"/>'
        b'<version sdkVersion="30" fingerprint="maker/product/phone:11/X/1:user"/></packages>'
    )
    (system,) = extract(packages, {"/data/system/packages.xml": data}).findings
    assert (system.name, system.root) == ("maker product", "/data")
    assert system.version == "SDK 30 build maker/product/phone:11/X/1:user"
    with pytest.raises(ParseError):
        extract(packages, {"/data/system/packages.xml": b"ABX\0"})


def test_stored_zone(extract: Extract) -> None:
    record = b"\x0a\x14persist.sys.timezone\x12\x0dEurope/Vienna"
    data = b"\x0a\x05\x0a\x01a\x12\x01b" + b"\x0a" + bytes([len(record)]) + record
    tree = {"/data/property/persistent_properties": data}
    assert [zone.zone_name for zone in extract(timezone, tree).findings] == ["Europe/Vienna"]
    old = {"/data/property/persist.sys.timezone": b"Asia/Tokyo"}
    assert [zone.zone_name for zone in extract(timezone, old).findings] == ["Asia/Tokyo"]
    assert extract(timezone, {"/property/persistent_properties": b"\xff" * 99}).findings == []
    with pytest.raises(ParseError):
        extract(timezone, {"/property/persist.sys.timezone": b"\0\xff"})
