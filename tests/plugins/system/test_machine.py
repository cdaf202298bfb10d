"""What a machine met: USB storage and phones, networks, logons, steps of the clock."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.system import devices, logons, networks
from triage.api import (
    Confidence,
    EvidencePath,
    Fact,
    ParseError,
    Shows,
    SystemAccount,
    SystemClockChange,
    SystemLogon,
    SystemNetwork,
    SystemUsb,
)
from triage.formats.usb_registry import serial_number

Extract = Callable[..., Any]
TREE = Path(__file__).parents[3] / "fixtures/system/machine/met/tree"


def tree(*paths: str) -> dict[str, bytes]:
    return {path: (TREE / path).read_bytes() for path in paths}


def test_a_stick_has_drive_name_and_numbers(extract: Extract) -> None:
    phone, stick = sorted(
        extract(devices.windows_usb, tree("Windows/System32/config/SYSTEM")).of(SystemUsb),
        key=lambda one: one.device_class,
    )
    assert (stick.serial, stick.drive, stick.volume_name) == ("5EED0001", "E:", "SECRETS")
    assert (stick.vendor_id, stick.product_id) == ("0781", "5567")
    assert (phone.device, phone.serial, phone.drive) == ("MTP Phone", "5EED0002", None)
    assert {time.event for time in stick.times} >= {"installed", "last_arrived", "last_removed"}


@pytest.mark.parametrize(
    ("name", "serial"),
    [("5EED0001&0", "5EED0001"), ("6&1a2b&0&3", None), ("7&1&0", None), ("ABC", "ABC"), ("", None)],
)
def test_made_up_numbers_are_none(name: str, serial: str | None) -> None:
    assert serial_number(name) == serial


def test_linux_counts_how_often_a_stick_came(extract: Extract) -> None:
    (stick,) = extract(devices.linux_usb, tree("var/log/kern.log")).of(SystemUsb)
    assert (stick.device, stick.serial, stick.connections) == ("Example Stick", "5EED0001", 1)
    twice = {"var/log/kern.log": (TREE / "var/log/kern.log").read_bytes() * 2}
    (stick,) = extract(devices.linux_usb, twice).of(SystemUsb)
    assert stick.connections == 2


def test_networks(extract: Extract) -> None:
    (cafe,) = extract(networks.windows_networks, tree("Windows/System32/config/SOFTWARE")).findings
    assert (cafe.network, cafe.network_type, cafe.gateway) == (
        "Cafe Fixture",
        "wireless",
        "02:00:00:00:00:01",
    )
    assert [(time.utc, time.raw) for time in cafe.times] == [
        (None, "2024-05-06 09:08:07"),
        (None, "2024-05-07 19:18:17"),
    ]
    home_path = "etc/NetworkManager/system-connections/Home.nmconnection"
    (home,) = extract(
        networks.linux_networks, tree(home_path, "var/lib/NetworkManager/timestamps")
    ).of(SystemNetwork)
    assert (home.network, home.credential_kept) == ("Home Fixture", True)
    assert home.times[0].utc == "2024-05-06T07:03:20Z"
    assert "fixture-only" not in str(home)


def test_logons_are_counted_by_origin(extract: Extract) -> None:
    found = extract(logons.logons, tree("var/log/wtmp"))
    alice, bob = sorted(found.of(SystemLogon), key=lambda one: one.account_name)
    assert (alice.terminal, alice.origin, alice.logons) == (":0", None, 1)
    assert (bob.terminal, bob.origin, bob.logons) == ("pts", "198.51.100.7", 2)
    (step,) = found.of(SystemClockChange)
    assert step.seconds == -11000
    (failed,) = extract(logons.logons, tree("var/log/btmp")).of(SystemLogon)
    assert failed.failed


def test_records_of_other_machines_are_longer(extract: Extract) -> None:
    record = struct.pack(
        "<hxxi32s4s32s256shhqqq16s24x",
        7,
        1,
        b"pts/0",
        b"",
        b"alice",
        b"",
        0,
        0,
        0,
        1714979000,
        0,
        b"",
    )
    (alice,) = extract(logons.logons, {"var/log/wtmp": record * 3}).of(SystemLogon)
    assert (alice.logons, alice.times[0].utc) == (3, "2024-05-06T07:03:20Z")


def test_last_logons_have_the_names_of_accounts(
    extract: Extract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logons, "_LIMIT", 10 * 292)
    far = SystemAccount(
        account_id="uid:50",
        name="carol",
        home=None,
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
    )
    record = struct.pack("<i32s256s", 1714979000, b"pts/1", b"198.51.100.7")
    data = bytes(292) + record + bytes(292 * 48) + record
    found = extract(
        logons.last_logons,
        {"var/log/lastlog": data},
        (Fact(finding=far, volume="whole", path=EvidencePath("/etc/passwd")),),
    ).of(SystemLogon)
    assert [(one.account_name, one.belongs_to) for one in found] == [
        ("uid:1", "uid:1"),
        ("carol", "uid:50"),
    ]
    assert {one.origin for one in found} == {"198.51.100.7"}


@pytest.mark.parametrize("content", [b"", b"\xff" * 1000, bytes(384), struct.pack("<h", 7) * 500])
@pytest.mark.parametrize(
    ("extractor", "path"),
    [
        (logons.logons, "var/log/wtmp"),
        (logons.last_logons, "var/log/lastlog"),
        (logons.logon_database, "var/lib/wtmpdb/wtmp.db"),
        (devices.windows_usb, "Windows/System32/config/SYSTEM"),
        (devices.linux_usb, "var/log/kern.log"),
        (networks.linux_networks, "etc/NetworkManager/system-connections/x"),
        (networks.macos_networks, "Library/Preferences/com.apple.wifi.known-networks.plist"),
    ],
)
def test_what_only_has_the_name(
    extract: Extract, extractor: Any, path: str, content: bytes
) -> None:
    try:
        extract(extractor, {path: content})
    except ParseError:
        return
