"""USB storage and phones in other places of Windows and of Apple's programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.system import device_traces, phones
from triage.api import ParseError, Protection, SystemUsb, Zone
from triage.formats.usb_registry import usb_path

Extract = Callable[..., Any]
TREE = Path(__file__).parents[3] / "fixtures/system/machine/met/tree"
SYSTEM = "Windows/System32/config/SYSTEM"
LOG = "Windows/INF/setupapi.dev.log"


def tree(*paths: str) -> dict[str, bytes]:
    return {path: (TREE / path).read_bytes() for path in paths}


@pytest.mark.parametrize(
    ("text", "name", "serial"),
    [
        (r"USBSTOR\Disk&Ven_A_B&Prod_C&Rev_1\123&0", "A B C", "123"),
        ("_??_USBSTOR#Disk&Ven_A&Prod_C&Rev_1#7&1a&0#{53f5}", "A C", None),
        (r"USB\VID_18D1&PID_4EE1\5EED", None, "5EED"),
        (r"USB\ROOT_HUB30\4&1", "", ""),
        ("SCSI#Disk&Ven_ATA#5&1#{53f5}", "", ""),
    ],
)
def test_a_path_names_a_device(text: str, name: str | None, serial: str | None) -> None:
    found = usb_path(text)
    assert (found is None) == (name == "")
    if found is not None:
        assert (found.name, found.serial) == (name, serial)


def test_who_was_logged_on_while_a_stick_was_there(extract: Extract) -> None:
    files = tree(SYSTEM, "Users/alice/NTUSER.DAT", "Users/bob/NTUSER.DAT")
    (stick,) = extract(device_traces.mount_points, files).of(SystemUsb)
    assert (stick.serial, stick.drive) == ("5EED0001", "E:")
    alone = {path: data for path, data in files.items() if path != SYSTEM}
    assert extract(device_traces.mount_points, alone).findings == []


def test_the_number_of_a_volume_is_that_of_its_file_system(extract: Extract) -> None:
    found = extract(device_traces.known_volumes, tree("Windows/System32/config/SOFTWARE"))
    boost, *others = sorted(found.of(SystemUsb), key=lambda one: one.trace)
    assert (boost.volume_name, boost.volume_serial) == ("SECRETS", "5EED-0001")
    assert boost.times[1].utc == "2024-05-01T10:00:00Z"
    assert {one.device for one in others} == {"Apple iPhone", "Example Stick"}


def test_times_of_setup_are_local(extract: Extract) -> None:
    stick, phone = extract(device_traces.setup_log, tree(LOG)).of(SystemUsb)
    assert [(time.raw, time.utc, time.zone) for time in stick.times] == [
        ("2024/05/01 09:00:00", None, Zone.LOCAL)
    ]
    assert (phone.device_class, phone.serial) == ("phone", "5EED0002")


def test_setup_of_xp(extract: Extract) -> None:
    log = (
        "[2005/05/05 19:20:05 1160.6 Driver Install]\r\n"
        "#-019 Searching for hardware ID(s): usbstor\\diskexample\r\n"
        '#I123 Doing full install of "USBSTOR\\DISK&VEN_EXAMPLE&PROD_OLD&REV_1\\77&0".\r\n'
    )
    (stick,) = extract(device_traces.setup_log, {"WINDOWS/setupapi.log": log.encode()}).findings
    assert (stick.device, stick.serial) == ("EXAMPLE OLD", "77")
    assert stick.times[0].raw == "2005/05/05 19:20:05"


def test_setup_of_windows_10(extract: Extract, samples: Path) -> None:
    data = (samples / "os/windows/setupapi.dev.log").read_bytes()
    (stick,) = extract(device_traces.setup_log, {LOG: data}).of(SystemUsb)
    assert (stick.device, stick.serial) == ("Generic Flash Disk", "99E2116A")
    assert stick.times[0].raw.startswith("2016/11/22")


def test_a_backup_says_whose_and_whether_it_is_open(extract: Extract) -> None:
    folder = (
        "Users/alice/AppData/Roaming/Apple Computer/MobileSync/Backup/00008030-5eed000000000001"
    )
    (phone,) = extract(
        phones.backups, tree(f"{folder}/Info.plist", f"{folder}/Manifest.plist")
    ).findings
    assert (phone.volume_name, phone.protection) == ("Fixture phone", Protection.PASSCODE)


@pytest.mark.parametrize("content", [b"", b"\xff" * 500, b"regf" + bytes(4000), b"bplist00" * 9])
@pytest.mark.parametrize(
    ("extractor", "path"),
    [
        (device_traces.mount_points, "Users/a/NTUSER.DAT"),
        (device_traces.known_volumes, "Windows/System32/config/SOFTWARE"),
        (device_traces.setup_log, LOG),
        (phones.pairings, f"var/lib/lockdown/{'5e' * 20}.plist"),
        (phones.devices, "Users/a/Library/Preferences/com.apple.iPod.plist"),
        (phones.backups, "Users/a/Apple/MobileSync/Backup/x/Info.plist"),
    ],
)
def test_what_only_has_the_name(
    extract: Extract, extractor: Any, path: str, content: bytes
) -> None:
    try:
        assert extract(extractor, {path: content}).findings == []
    except ParseError:
        return
