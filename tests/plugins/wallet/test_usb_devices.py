"""Hardware wallets from traces of USB."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.wallet import usb_devices
from triage.api import Confidence, ParseError, WalletDevice

Extract = Callable[..., Any]
TREE = Path(__file__).parents[3] / "fixtures/wallet/hardware/machines/tree"


def tree(path: str) -> dict[str, bytes]:
    return {path: (TREE / path).read_bytes()}


def test_the_registry_tells_when_a_device_came_and_went(extract: Extract) -> None:
    found = extract(usb_devices.registry, tree("Windows/System32/config/SYSTEM")).findings
    arduino, ledger, trezor = sorted(found, key=lambda one: one.device)
    assert (ledger.device, ledger.serial) == ("Ledger", "0001")
    assert ledger.interfaces == ("hid", "u2f", "webusb")
    assert [(t.event, t.utc) for t in ledger.times if t.event != "last_written"] == [
        ("first_installed", "2024-03-01T10:00:00Z"),
        ("last_arrived", "2024-03-20T10:00:00Z"),
        ("last_removed", "2024-03-21T10:00:00Z"),
    ]
    assert (trezor.mode, trezor.serial) == ("bootloader", None)
    assert arduino.confidence is Confidence.POSSIBLE


def test_setupapi_keeps_local_time(extract: Extract) -> None:
    found = extract(usb_devices.setupapi, tree("Windows/INF/setupapi.dev.log")).findings
    assert [(one.device, one.times[0].utc, one.times[0].raw) for one in found] == [
        ("Ledger", None, "2024/03/01 11:00:01.123"),
        ("Trezor (Model T and later)", None, "2024/03/05 12:30:00.500"),
    ]


def test_linux_counts_connections_and_tells_the_serial(extract: Extract) -> None:
    (coldcard,) = extract(usb_devices.kernel_log, tree("var/log/kern.log")).of(WalletDevice)
    assert (coldcard.device, coldcard.connections) == ("Coldcard", 2)
    assert coldcard.serial == "2D0036000851353038363431"
    assert [time.raw for time in coldcard.times] == ["Mar  1 10:00:00", "Mar  9 18:00:00"]
    (trezor,) = extract(usb_devices.kernel_log, tree("var/log/syslog")).of(WalletDevice)
    assert trezor.times[0].utc == "2024-03-01T09:00:00.123456Z"


def test_a_journal_counts_connections_and_tells_the_serial_of_the_moment(extract: Extract) -> None:
    path = "var/log/journal/5eed/system.journal"
    (trezor,) = extract(usb_devices.journal, tree(path)).of(WalletDevice)
    assert (trezor.connections, trezor.serial) == (2, "0102030405060708090A0B0C")
    assert [time.utc for time in trezor.times] == ["2024-03-01T10:00:00Z", "2024-03-09T10:00:00Z"]


def test_packed_logs_and_disks_of_macos(extract: Extract) -> None:
    (ledger,) = extract(usb_devices.kernel_log, tree("var/log/kern.log.2.gz")).of(WalletDevice)
    assert (ledger.vendor_id, ledger.trace) == ("2c97", "kernel-log")
    (disk,) = extract(usb_devices.kernel_log, tree("private/var/log/system.log")).of(WalletDevice)
    assert (disk.device, disk.serial) == ("Opendime", "1A2B3C")
    assert disk.times[0].utc is None
    packed = tree("var/log/kern.log.2.gz")["var/log/kern.log.2.gz"]
    broken = extract(usb_devices.kernel_log, {"var/log/kern.log.2.gz": packed[:10] + b"\xff" * 60})
    assert not broken.findings
    assert broken.problems


@pytest.mark.parametrize("content", [b"", b"regf", b"\xff" * 5000, b"usb 1-2: " * 500])
@pytest.mark.parametrize(
    ("extractor", "path"),
    [
        (usb_devices.registry, "Windows/System32/config/SYSTEM"),
        (usb_devices.setupapi, "Windows/INF/setupapi.dev.log"),
        (usb_devices.kernel_log, "var/log/kern.log"),
        (usb_devices.journal, "var/log/journal/5eed/system.journal"),
    ],
)
def test_garbage_gives_nothing(extract: Extract, extractor: Any, path: str, content: bytes) -> None:
    try:
        assert extract(extractor, {path: content}).findings == []
    except ParseError:
        assert extractor in (usb_devices.registry, usb_devices.journal)
