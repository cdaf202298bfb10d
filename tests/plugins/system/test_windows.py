"""Windows: hives written by the fixtures' writer, hostile values, and a real SAM."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.system.windows import sam, software, system
from triage.api import ParseError, SystemAccount, SystemOs
from triage.training.writers import regf

Extract = Callable[..., Any]

CONFIG = "/Windows/System32/config"
CURRENT = r"Microsoft\Windows NT\CurrentVersion"
MACHINE = (1, 2, 3)
SID = "S-1-5-21-1-2-3"


def user_f(rid: int, *, logon: int = 0, bits: int = 0x10, logons: int = 0) -> bytes:
    return struct.pack(
        "<8x5Q3I4H12x", logon, 0, 133_000_000_000_000_000, 0, 0, rid, 513, bits, 0, 0, 0, logons
    )


def user_v(name: str, full_name: str = "", nt_hash: int = 4) -> bytes:
    parts = [b""] * 17
    parts[1], parts[2] = name.encode("utf-16-le"), full_name.encode("utf-16-le")
    parts[14] = bytes(nt_hash)
    table, data = b"", b""
    for part in parts:
        table += struct.pack("<III", len(data), len(part), 0)
        data += part
    return table + data


def sid_bytes(*parts: int) -> bytes:
    return struct.pack(f"<BB6s{len(parts)}I", 1, len(parts), b"\0\0\0\0\0\5", *parts)


def alias_c(name: str, *members: bytes) -> bytes:
    text, sids = name.encode("utf-16-le"), b"".join(members)
    header = [0] * 13
    header[4], header[5] = 0, len(text)
    header[10], header[11], header[12] = len(text), len(sids), len(members)
    return struct.pack("<13I", *header) + text + sids


def sam_hive(**more: Any) -> bytes:
    users = r"SAM\Domains\Account\Users"
    keys: dict[str, Any] = {
        r"SAM\Domains\Account": {"V": bytes(64) + struct.pack("<III", *MACHINE)},
        rf"{users}\000003E9": {
            "F": user_f(1001, logon=133_500_000_000_000_000, logons=7),
            "V": user_v("alice", "Alice Example", nt_hash=56),
            "InternetUserName": "alice@mail.example".encode("utf-16-le"),
        },
        rf"{users}\000003EA": {"F": user_f(1002, bits=0x11), "V": user_v("bob")},
        rf"{users}\Names\alice": {"": regf.typed(1001, b"")},
        r"SAM\Domains\Builtin\Aliases\00000220": {
            "C": alias_c("Administrators", sid_bytes(21, *MACHINE, 1001), sid_bytes(32, 7)),
        },
        **more,
    }
    return bytes(regf.hive(keys))


def software_hive(**more: Any) -> bytes:
    profiles = rf"{CURRENT}\ProfileList"
    keys: dict[str, Any] = {
        CURRENT: {
            "ProductName": "Windows 10 Pro",
            "DisplayVersion": "22H2",
            "CurrentBuild": "19045",
            "UBR": 5487,
            "InstallDate": 1_700_000_000,
            "RegisteredOwner": "Alice",
            "SystemRoot": r"C:\Windows",
        },
        r"Microsoft\Cryptography": {"MachineGuid": "11111111-2222-3333-4444-555555555555"},
        rf"{profiles}\{SID}-1001": {
            "ProfileImagePath": regf.expand(r"C:\Users\alice"),
            "LocalProfileLoadTimeLow": 133_500_000_000_000_000 & 0xFFFFFFFF,
            "LocalProfileLoadTimeHigh": 133_500_000_000_000_000 >> 32,
        },
        rf"{profiles}\{SID}-1001.bak": {"ProfileImagePath": regf.expand(r"C:\Users\TEMP")},
        rf"{profiles}\S-1-5-18": {
            "ProfileImagePath": regf.expand(r"%systemroot%\system32\config\systemprofile")
        },
        rf"{profiles}\S-1-12-1-5-6-7-8": {
            "ProfileImagePath": regf.expand(r"%SystemDrive%\Users\Erin")
        },
        rf"{profiles}\S-1-5-21-9-9-9-500": {"ProfileImagePath": regf.expand(r"D:\Homes\dora")},
        rf"{profiles}\nonsense": {"ProfileImagePath": regf.expand(r"C:\x")},
        **more,
    }
    return bytes(regf.hive(keys))


def system_hive(bias: int = -60 & 0xFFFFFFFF) -> bytes:
    control = r"ControlSet002\Control"
    return bytes(
        regf.hive(
            {
                "Select": {"Current": 2},
                rf"{control}\ComputerName\ComputerName": {"ComputerName": "ALICE-PC"},
                rf"{control}\Windows": {"ShutdownTime": struct.pack("<Q", 133_600_000_000_000_000)},
                rf"{control}\TimeZoneInformation": {
                    "TimeZoneKeyName": "W. Europe Standard Time",
                    "Bias": bias,
                },
            }
        )
    )


def test_windows_and_its_host(extract: Extract) -> None:
    tree = {
        f"{CONFIG}/SOFTWARE": software_hive(),
        f"{CONFIG}/SYSTEM": system_hive(),
        f"{CONFIG}/SAM": sam_hive(),
    }
    found = extract(software, tree)
    assert found.problems == []
    (machine,) = found.of(SystemOs)
    assert (machine.name, machine.version) == ("Windows 10 Pro", "22H2 build 19045.5487")
    assert (machine.host_name, machine.owner, machine.root) == ("ALICE-PC", "Alice", "/")
    assert machine.machine_id == "11111111-2222-3333-4444-555555555555"
    assert {time.event: time.utc for time in machine.times} == {
        "installed": "2023-11-14T22:13:20Z",
        "shut_down": "2024-05-12T15:06:40Z",
    }
    others = {account.account_id: account for account in found.of(SystemAccount)}
    assert others.keys() == {"S-1-5-18", "S-1-12-1-5-6-7-8", "S-1-5-21-9-9-9-500"}
    assert others["S-1-5-18"].for_software is True
    assert others["S-1-5-18"].home == "/Windows/system32/config/systemprofile"
    assert (others["S-1-12-1-5-6-7-8"].name, others["S-1-12-1-5-6-7-8"].home) == (
        "Erin",
        "/Users/Erin",
    )
    assert others["S-1-5-21-9-9-9-500"].home is None  # on another drive


def test_profiles_without_a_sam(extract: Extract) -> None:
    found = extract(software, {f"{CONFIG}/SOFTWARE": software_hive(), f"{CONFIG}/SAM": b"regf"})
    alice = next(a for a in found.of(SystemAccount) if a.account_id == f"{SID}-1001")
    assert (alice.name, alice.home) == ("alice", "/Users/alice")
    assert found.problems == ["hive SAM beside it: the registry hive is damaged"]


def test_local_accounts(extract: Extract) -> None:
    tree = {f"{CONFIG}/SAM": sam_hive(), f"{CONFIG}/SOFTWARE": software_hive()}
    found = extract(sam, tree)
    assert found.problems == []
    alice, bob = found.of(SystemAccount)
    assert (alice.account_id, alice.home) == (f"{SID}-1001", "/Users/alice")
    assert (alice.full_name, alice.internet_name) == ("Alice Example", "alice@mail.example")
    assert (alice.logon_count, alice.can_log_in, alice.credential_state) == (7, True, "set")
    assert alice.groups == ("Administrators",)
    assert {time.event: time.utc for time in alice.times} == {
        "last_logon": "2024-01-17T21:20:00Z",
        "password_set": "2022-06-18T04:26:40Z",
        "name_written": "2024-01-15T09:00:00Z",
        "profile_loaded": "2024-01-17T21:20:00Z",
    }
    assert (bob.can_log_in, bob.credential_state, bob.home) == (False, "empty", None)
    assert [time.event for time in bob.times] == ["password_set"]


def test_windows_old_keeps_its_own_root(extract: Extract) -> None:
    old = "/Windows.old/WINDOWS/system32/config"
    tree = {f"{old}/SAM": sam_hive(), f"{old}/software": software_hive()}
    assert extract(sam, tree).findings[0].home == "/Windows.old/Users/alice"
    assert extract(software, tree).of(SystemOs)[0].root == "/Windows.old"


@pytest.mark.parametrize(("bias", "minutes"), [(-60 & 0xFFFFFFFF, -60), (300, 300), (0, 0)])
def test_time_zone(extract: Extract, bias: int, minutes: int) -> None:
    (zone,) = extract(system, {f"{CONFIG}/SYSTEM": system_hive(bias)}).findings
    assert (zone.zone_name, zone.bias_minutes) == ("W. Europe Standard Time", minutes)


def test_system_without_a_control_set(extract: Extract) -> None:
    found = extract(system, {f"{CONFIG}/SYSTEM": bytes(regf.hive({"Select": {"Current": 9}}))})
    assert found.findings == []
    assert found.problems == ["no time zone in the current control set"]


@pytest.mark.parametrize("extractor", [sam, software, system])
@pytest.mark.parametrize("data", [b"", b"regf", b"\0" * 8192, b"regf" + bytes(range(256)) * 64])
def test_garbage(extract: Extract, extractor: Any, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(extractor, {f"{CONFIG}/{extractor.name.rpartition('.')[2]}": data})


@pytest.mark.parametrize("extractor", [sam, software])
def test_another_hive_under_the_name(extract: Extract, extractor: Any) -> None:
    with pytest.raises(ParseError):
        extract(extractor, {f"{CONFIG}/{extractor.name.rpartition('.')[2]}": system_hive()})


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"F": b"", "V": b""},
        {"F": user_f(1001), "V": user_v("x")[:100]},
        {"F": user_f(1001), "V": b"\xff" * 300},
        {"F": user_f(1001)[:50], "V": user_v("x")},
        {"F": user_f(1001), "V": user_v("")},
    ],
)
def test_hostile_account(extract: Extract, values: dict[str, bytes]) -> None:
    hive = sam_hive(**{r"SAM\Domains\Account\Users\000003E9": values})
    found = extract(sam, {f"{CONFIG}/SAM": hive})
    assert [account.name for account in found.findings] == ["bob"]
    assert found.problems == ["000003E9: an account that cannot be read"]


@pytest.mark.parametrize(
    "c",
    [b"", bytes(52), b"\xff" * 60, struct.pack("<13I", *[0] * 10, 0, 0, 2**32 - 1) + b"\1\xff" * 9],
)
def test_hostile_alias(extract: Extract, c: bytes) -> None:
    hive = sam_hive(**{r"SAM\Domains\Builtin\Aliases\00000220": {"C": c}})
    assert extract(sam, {f"{CONFIG}/SAM": hive}).findings[0].groups == ()


@pytest.mark.parametrize("path", ["/Windows/System32/config/RegBack/SAM", "/backup/SAM", "/SAM"])
def test_elsewhere_is_passed_over(extract: Extract, path: str) -> None:
    assert extract(sam, {path: sam_hive()}).findings == []


def test_real_sam(extract: Extract) -> None:
    folder = os.environ.get("TRIAGE_SAMPLES")
    if not folder:
        pytest.skip("TRIAGE_SAMPLES is not set")
    data = (Path(folder) / "os" / "windows" / "SAM").read_bytes()
    found = extract(sam, {f"{CONFIG}/SAM": data})
    names = [(account.name, account.logon_count) for account in found.of(SystemAccount)]
    assert names == [("Administrator", 3), ("Guest", 0), ("gold_administrator", 4)]
    assert found.findings[2].account_id == "S-1-5-21-4070822719-3404542230-2541167049-1001"
    assert found.findings[2].groups == ("Administrators",)
