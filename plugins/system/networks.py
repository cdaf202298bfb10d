r"""Networks that a machine has joined: the list of Windows, NetworkManager of Linux, macOS.

Written from libyal's description of `NetworkList` (Windows Vista and later), NetworkManager's
keyfiles and macOS's lists of wireless networks (10.10 to 14); tested with files made by us. Windows
keeps the times of this list in local time. Keys of networks are never shown, only that they are
kept. Not read: profiles of wireless networks in Windows' `Wlansvc`, wpa_supplicant.

References: https://github.com/libyal/winreg-kb and
https://networkmanager.dev/docs/api/latest/nm-settings-keyfile.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    Shows,
    SystemNetwork,
    Time,
    Unit,
    Zone,
    extractor,
)
from triage.formats import plist
from triage.formats.registry import Key, open_with_logs
from triage.formats.stamps import plist_date, stamp

from ._ini import sections_of

_MOST = 10_000
_LIST = r"Microsoft\Windows NT\CurrentVersion\NetworkList"
_TYPES: Final = {6: "wired", 23: "vpn", 71: "wireless", 243: "mobile"}
_SYSTEMTIME = struct.Struct("<8H")
_LARGEST = 1 << 20


@extractor(
    name="system.windows.networks",
    paths=(
        # Windows Vista and later; what an upgrade put aside
        "Windows/System32/config/SOFTWARE",
        "Windows.old*/Windows/System32/config/SOFTWARE",
    ),
    yields=(SystemNetwork,),
)
def windows_networks(artifact: Artifact) -> Iterator[SystemNetwork]:
    """List networks that Windows was on: name, gateway, first and last time (local)."""
    hive = open_with_logs(artifact)
    profiles = {key.name.casefold(): key for key in _below(hive.key(rf"{_LIST}\Profiles"))}
    gateways: dict[str, tuple[str | None, str | None]] = {}
    for branch in ("Managed", "Unmanaged"):
        for key in _below(hive.key(rf"{_LIST}\Signatures\{branch}")):
            guid = _text(key, "ProfileGuid")
            if guid:
                address = key.value("DefaultGatewayMac")
                gateways[guid.casefold()] = (
                    address.raw.hex(":") if address and len(address.raw) == 6 else None,  # noqa: PLR2004 - octets
                    _domain(_text(key, "DnsSuffix")),
                )
    for guid, key in profiles.items():
        name = _text(key, "ProfileName")
        if name is None:
            continue
        gateway, domain = gateways.get(guid, (None, None))
        kind = key.value("NameType")
        yield SystemNetwork(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=rf"NetworkList\Profiles\{key.name}"[:300],
            times=(
                *_local("first_connected", key, "DateCreated"),
                *_local("last_connected", key, "DateLastConnected"),
            ),
            network=name[:200],
            network_type=_TYPES.get(kind.data) if kind and isinstance(kind.data, int) else None,
            gateway=gateway,
            domain=domain,
        )


def _below(key: Key | None) -> Iterator[Key]:
    for _, child in zip(range(_MOST), key.subkeys() if key else (), strict=False):
        yield child


def _text(key: Key, name: str) -> str | None:
    value = key.value(name)
    return (value.data.strip() or None) if value and isinstance(value.data, str) else None


def _domain(text: str | None) -> str | None:
    return None if text is None or text.startswith("<") else text[:200]


def _local(event: str, key: Key, name: str) -> tuple[Time, ...]:
    """Return a SYSTEMTIME, which Windows writes here in the machine's local time."""
    value = key.value(name)
    if value is None or len(value.raw) != _SYSTEMTIME.size:
        return ()
    year, month, _, day, hour, minute, second, _ = _SYSTEMTIME.unpack(value.raw)
    raw = f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
    return (Time(event=event, utc=None, raw=raw, unit=Unit.TEXT, zone=Zone.LOCAL),)


@extractor(
    name="system.linux.networks",
    paths=(
        # NetworkManager 0.9 and later; those of netplan and of a running session
        "etc/NetworkManager/system-connections/*",
    ),
    yields=(SystemNetwork,),
    holds_secret=True,
)
def linux_networks(artifact: Artifact) -> Iterator[SystemNetwork]:
    """List networks that NetworkManager keeps, and when each was last up."""
    sections = sections_of(artifact.text(_LARGEST))
    connection = sections.get("connection", {})
    if not connection:
        raise ParseError("not a connection of NetworkManager")
    wireless = sections.get("wifi") or sections.get("802-11-wireless") or {}
    security = sections.get("wifi-security") or sections.get("802-11-wireless-security") or {}
    kinds = {"wifi": "wireless", "802-11-wireless": "wireless", "ethernet": "wired", "vpn": "vpn"}
    kinds |= {"wireguard": "vpn", "gsm": "mobile", "802-3-ethernet": "wired"}
    kind = connection.get("type", "")
    yield SystemNetwork(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        locator=f"uuid {connection.get('uuid', '')[:60]}",
        times=_last_up(artifact, connection.get("uuid", "")),
        network=(wireless.get("ssid") or connection.get("id") or artifact.entry.name)[:200],
        network_type=kinds.get(kind),
        credential_kept=bool(security.get("psk") or security.get("wep-key0")) or None,
    )


def _last_up(artifact: Artifact, uuid: str) -> tuple[Time, ...]:
    found = artifact.resolve("/var/lib/NetworkManager/timestamps")
    if found is None or not uuid:
        return ()
    value = sections_of(found.text(_LARGEST)).get("timestamps", {}).get(uuid.casefold())
    return stamp("last_connected", value, "s_unix") if value and value.isdecimal() else ()


@extractor(
    name="system.macos.networks",
    paths=(
        # macOS 11 and later; before
        "Library/Preferences/com.apple.wifi.known-networks.plist",
        "Library/Preferences/SystemConfiguration/com.apple.airport.preferences.plist",
    ),
    yields=(SystemNetwork,),
)
def macos_networks(artifact: Artifact) -> Iterator[SystemNetwork]:
    """List wireless networks that macOS knows, with when each was added and joined."""
    value = plist.parse(artifact.read())
    if not isinstance(value, dict):
        raise ParseError("not a list of networks")
    older = value.get("KnownNetworks")
    for key, item in (older if isinstance(older, dict) else value).items():
        if not isinstance(item, dict) or not isinstance(key, str):
            continue
        name = _ssid(item) or key.partition("wifi.network.ssid.")[2]
        if not name:
            continue
        yield SystemNetwork(
            shows=Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            locator=key[:300],
            times=(
                *plist_date("added", item.get("AddedAt")),
                *plist_date("joined_by_user", item.get("JoinedByUserAt")),
                *plist_date(
                    "last_joined", item.get("JoinedBySystemAt") or item.get("LastConnected")
                ),
            ),
            network=name[:200],
            network_type="wireless",
        )


def _ssid(item: dict[str, Any]) -> str | None:
    raw = item.get("SSID") or item.get("SSIDString")
    if isinstance(raw, bytes):
        return raw.decode("utf-8", "replace")
    return raw if isinstance(raw, str) else None
