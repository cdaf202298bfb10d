"""Phones that were attached: what Apple's programs keep of iPhones and iPads, and of backups.

Written from published descriptions of the property lists of iTunes, Finder and
usbmuxd/libimobiledevice on Windows, macOS and Linux; tested with lists made by us. A pairing record
proves that a person unlocked the device and trusted this computer; it holds keys, so it is exported
only encrypted. Its file's time is when the pairing was made or renewed. A backup proves that the
content of the device was copied here; whether it is encrypted stands in its protection. Not read:
the content of backups, keys of Android's debugger (they name no device).

References: https://libimobiledevice.org/ and abrignoni/iLEAPP.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from triage.api import Artifact, Confidence, ParseError, Protection, Shows, SystemUsb, extractor
from triage.formats import plist
from triage.formats.stamps import modified, plist_date

_UDID = re.compile(r"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{16}")
_LOCKDOWN_KEYS: Final = frozenset({"HostID", "HostPrivateKey", "DeviceCertificate"})
_MOST = 1_000


@extractor(
    name="system.apple.pairings",
    paths=(
        # iTunes and Apple Devices on Windows 7 and later; on XP
        "ProgramData/Apple/Lockdown/*.plist",
        "Documents and Settings/All Users/Application Data/Apple/Lockdown/*.plist",
        # macOS; usbmuxd on Linux
        "{private/,}var/db/lockdown/*.plist",
        "var/lib/lockdown/*.plist",
    ),
    yields=(SystemUsb,),
    holds_secret=True,
)
def pairings(artifact: Artifact) -> Iterator[SystemUsb]:
    """Name an iPhone or iPad that was unlocked and trusted this computer."""
    name = artifact.entry.name.rpartition(".")[0]
    if not _UDID.fullmatch(name):
        return  # the computer's own record
    value = plist.parse(artifact.read())
    if not isinstance(value, dict) or not value.keys() & _LOCKDOWN_KEYS:
        raise ParseError("not a record of a pairing")
    yield SystemUsb(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        times=modified("record_written", artifact),
        device="Apple mobile device",
        vendor_id="05ac",
        serial=name.upper(),
        device_class="phone",
        trace="pairing-record",
    )


@extractor(
    name="system.apple.devices",
    paths=(
        # iTunes on Mac OS X, Finder since macOS 10.15; iTunes on Windows
        "Users/*/Library/Preferences/com.apple.iPod.plist",
        "Users/*/AppData/Local/Apple Computer/iTunes/iPodDevices.plist",
        "Users/*/AppData/Roaming/Apple Computer/Preferences/com.apple.iPod.plist",
    ),
    yields=(SystemUsb,),
)
def devices(artifact: Artifact) -> Iterator[SystemUsb]:
    """List iPhones and iPads that iTunes or Finder met: numbers, last time, how often."""
    value = plist.parse(artifact.read())
    known = value.get("Devices") if isinstance(value, dict) else None
    if not isinstance(known, dict):
        raise ParseError("not a list of devices")
    for _, (key, item) in zip(range(_MOST), sorted(known.items()), strict=False):
        if not isinstance(item, dict):
            continue
        count = item.get("Use Count")
        yield SystemUsb(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=f"Devices {key}"[:300],
            times=plist_date("last_connected", item.get("Connected")),
            device=_product(item),
            vendor_id="05ac",
            serial=_text(item, "Serial Number") or str(key)[:100],
            device_class="phone",
            trace="itunes-devices",
            connections=count if isinstance(count, int) and 0 < count < 1 << 31 else None,
            imei=_text(item, "IMEI"),
        )


@extractor(
    name="system.apple.backups",
    paths=(
        # iTunes on Windows, from Apple's site and from the store; on XP
        "Users/*/AppData/Roaming/Apple Computer/MobileSync/Backup/*/Info.plist",
        "Users/*/Apple/MobileSync/Backup/*/Info.plist",
        "Documents and Settings/*/Application Data/Apple Computer/MobileSync/Backup/*/Info.plist",
        # iTunes and Finder on macOS
        "Users/*/Library/Application Support/MobileSync/Backup/*/Info.plist",
    ),
    yields=(SystemUsb,),
)
def backups(artifact: Artifact) -> Iterator[SystemUsb]:
    """Name an iPhone or iPad that was backed up here: its name, number, IMEI, when last."""
    value = plist.parse(artifact.read())
    if not isinstance(value, dict) or not value.keys() & {"Serial Number", "Unique Identifier"}:
        raise ParseError("not the description of a backup")
    name = _text(value, "Device Name") or _text(value, "Display Name")
    yield SystemUsb(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        times=plist_date("last_backup", value.get("Last Backup Date")),
        protection=_protection(artifact),
        device=_product(value),
        vendor_id="05ac",
        serial=_text(value, "Serial Number") or _text(value, "Unique Identifier"),
        device_class="phone",
        trace="phone-backup",
        volume_name=name,
        imei=_text(value, "IMEI"),
        phone_number=_text(value, "Phone Number"),
    )


def _protection(artifact: Artifact) -> Protection | None:
    """Tell from the manifest beside it whether the backup has a password."""
    beside = artifact.sibling("Manifest.plist")
    if beside is None:
        return None
    try:
        value = plist.parse(beside.read())
    except ParseError:
        return None
    if not isinstance(value, dict) or "IsEncrypted" not in value:
        return None
    return Protection.PASSCODE if value["IsEncrypted"] is True else Protection.PLAIN


def _product(item: dict[str, Any]) -> str:
    what = _text(item, "Product Name") or _text(item, "Device Class") or "mobile device"
    kind = _text(item, "Product Type")
    system = _text(item, "Product Version") or _text(item, "Firmware Version String")
    named = f"Apple {what}" + (f" ({kind})" if kind else "")
    return named + (f", iOS {system}" if system else "")


def _text(item: dict[str, Any], name: str) -> str | None:
    value = item.get(name)
    return (value.strip()[:100] or None) if isinstance(value, str) else None
