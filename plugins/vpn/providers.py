"""Programs of VPN providers: Mullvad, Proton, NordVPN.

Written from mullvadvpn-app (`mullvad-daemon/src/device`, 2022 to 2026) and the artifact lists of
KAPE and ALEAPP, for Windows, Linux and macOS; tested with files made from those formats by a
committed script, not yet with real ones. An account number is a password at Mullvad: that it is
there is told, never the number. Not read: Proton's and NordVPN's encrypted settings, Android apps.
References: https://github.com/mullvad/mullvadvpn-app, https://github.com/ProtonVPN,
https://github.com/EricZimmerman/KapeFiles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    Protection,
    Sensitivity,
    Shows,
    VpnClient,
    extractor,
)
from triage.formats import json
from triage.formats.stamps import local_text, modified, zoned_text

_LIMIT = 8 << 20
_LOG_LIMIT = 64 << 20
_ACCOUNT = re.compile(r"(?<!\d)\d{16}(?!\d)")
_MULLVAD_LINE = re.compile(r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.MULTILINE)
_MULLVAD_VERSION = re.compile(r"mullvad-daemon[ -]{1,5}v?(\d{4}\.\d{1,2}[\w.-]{0,20})")
_CONNECTED = re.compile(
    r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d).{0,200}?tunnel state: Connected", re.MULTILINE
)
_PROTON_LINE = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z?) ?\|", re.MULTILINE)
_NORD_NAME = re.compile(r"app-(\d{4}-\d\d-\d\d)(?:_\d{1,4})?\.nwl", re.IGNORECASE)
_MAX_LOGS = 2000


@extractor(
    name="vpn.mullvad.device",
    paths=(
        # Mullvad VPN 2022.1 and later, Linux and macOS
        "etc/mullvad-vpn/{device,account-history,settings}.json",
        # Windows: in the profile of the system
        "**/systemprofile/AppData/Local/Mullvad VPN/{device,account-history,settings}.json",
    ),
    yields=(VpnClient,),
    holds_secret=True,
)
def mullvad(artifact: Artifact) -> Iterator[VpnClient]:
    """Read Mullvad's settings: device name and key date, countries, whether an account is set."""
    content = json.parse(artifact.read(_LIMIT))
    found = dict(_leaves(content))
    number = next(
        (
            str(value)
            for path, value in found.items()
            if path.rpartition(".")[2] in {"account_number", "account_token", ""}
            and _ACCOUNT.fullmatch(str(value))
        ),
        None,
    )
    kinds = (
        *(("account number",) if number else ()),
        *(("private key",) if any(path.endswith("private_key") for path in found) else ()),
    )
    device = next((str(v) for p, v in found.items() if p.endswith("device.name")), None)
    created = next((str(v) for p, v in found.items() if p.endswith("device.created")), None)
    key_made = next((str(v) for p, v in found.items() if p.endswith("wg_data.created")), None)
    countries = [
        f"{path.rpartition('.')[2]} {value}"
        for path, value in found.items()
        if "location" in path and path.rpartition(".")[2] in {"country", "city", "hostname"}
    ]
    addresses = [
        str(value) for path, value in found.items() if re.search(r"\.ipv[46]_address$", path)
    ]
    if not (kinds or device or countries or "tunnel_options" in str(list(found)[:500])):
        return
    yield VpnClient(
        application="mullvad-vpn",
        profile=artifact.path,
        device_name=device[:100] if device else None,
        tunnel_addresses=tuple(addresses[:10]),
        credentials=kinds,
        settings=tuple(place[:200] for place in dict.fromkeys(countries))[:20],
        service="Mullvad VPN",
        shows=Shows.CREDENTIAL if kinds else Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        protection=Protection.PLAIN if kinds else None,
        sensitivity=Sensitivity.SECRET if kinds else Sensitivity.PERSONAL,
        secret=number,
        times=(*zoned_text("device_created", created), *zoned_text("key_created", key_made)),
    )


@extractor(
    name="vpn.mullvad.log",
    paths=(
        # Linux and macOS; `.old.log` is that of the run before
        "var/log/mullvad-vpn/daemon*.log",
        # Windows
        "ProgramData/Mullvad VPN/daemon*.log",
    ),
    yields=(VpnClient,),
)
def mullvad_log(artifact: Artifact) -> Iterator[VpnClient]:
    """Read Mullvad's log: version, when it ran, how often it connected."""
    content = artifact.head(_LOG_LIMIT).decode("utf-8", "surrogateescape")
    times = [found[1] for found in _MULLVAD_LINE.finditer(content)]
    if not times:
        raise ParseError("not a log of Mullvad VPN")
    connected = [found[1] for found in _CONNECTED.finditer(content)]
    version = _MULLVAD_VERSION.search(content)
    yield VpnClient(
        application="mullvad-vpn",
        profile=artifact.path,
        version=version[1] if version else None,
        connections=len(connected),
        service="Mullvad VPN",
        shows=Shows.USED if connected else Shows.EXECUTED,
        confidence=Confidence.PROBABLE,
        times=(
            *local_text("first_logged", times[0]),
            *local_text("last_connected", connected[-1] if connected else None),
            *local_text("last_logged", times[-1]),
        ),
    )


@extractor(
    name="vpn.proton.logs",
    paths=(
        # Proton VPN 1 to 3, Windows
        "**/ProtonVPN/Logs/*.txt",
        # Proton VPN 4 and later, Windows
        "**/Proton/Proton VPN/Logs/*.txt",
    ),
    yields=(VpnClient,),
)
def proton(artifact: Artifact) -> Iterator[VpnClient]:
    """Report Proton VPN's logs: one finding a folder, with its first and last line's time."""
    logs = [
        found
        for _, found in zip(range(_MAX_LOGS), artifact.directory(), strict=False)
        if found.entry.name.casefold().endswith(".txt")
    ]
    if not logs or logs[0].path != artifact.path:
        return
    times: list[str] = []
    for found in logs:
        content = found.head(_LIMIT).decode("utf-8", "surrogateescape")
        times += [match[1] for match in _PROTON_LINE.finditer(content)]
    if not times:
        return
    yield VpnClient(
        application="proton-vpn",
        profile=artifact.path.rpartition("/")[0],
        settings=(f"logs={len(logs)}",),
        service="Proton VPN",
        shows=Shows.EXECUTED,
        confidence=Confidence.PROBABLE,
        times=(*zoned_text("first_logged", min(times)), *zoned_text("last_logged", max(times))),
    )


@extractor(
    name="vpn.nord.logs",
    paths=(
        # NordVPN 6 and later, Windows: one log a day
        "**/NordVPN/logs/app-*.nwl",
    ),
    yields=(VpnClient,),
)
def nord(artifact: Artifact) -> Iterator[VpnClient]:
    """Report NordVPN's logs: one finding a folder, with the days in their names."""
    days: list[str] = []
    first = None
    for _, found in zip(range(_MAX_LOGS), artifact.directory(), strict=False):
        named = _NORD_NAME.fullmatch(found.entry.name)
        if named:
            days.append(named[1])
            first = first or found.path
    if first != artifact.path:
        return
    yield VpnClient(
        application="nordvpn",
        profile=artifact.path.rpartition("/")[0],
        settings=(f"logs={len(days)}",),
        service="NordVPN",
        shows=Shows.EXECUTED,
        confidence=Confidence.PROBABLE,
        times=(*local_text("first_logged", min(days)), *local_text("last_logged", max(days))),
    )


@extractor(
    name="vpn.nord.settings",
    paths=(
        # NordVPN 3 and later, Linux: encrypted
        "var/lib/nordvpn/data/settings.dat",
        # Windows: account and settings, encrypted by the system
        "**/NordVPN/NordVPN.exe_*/*/user.config",
    ),
    yields=(VpnClient,),
    holds_secret=True,
)
def nord_settings(artifact: Artifact) -> Iterator[VpnClient]:
    """Name NordVPN's settings, which are encrypted."""
    version = artifact.path.split("/")[-2] if artifact.path.endswith(".config") else None
    head = artifact.head(4096)
    if not head or (version and b"<configuration" not in head):
        return
    yield VpnClient(
        application="nordvpn",
        profile=artifact.path,
        version=version if version and re.fullmatch(r"[\d.]{1,20}", version) else None,
        service="NordVPN",
        shows=Shows.EXECUTED,
        confidence=Confidence.POSSIBLE,
        protection=Protection.ENCRYPTED,
        times=modified("last_written", artifact),
    )


def _leaves(content: json.Json, path: str = "", depth: int = 12) -> Iterator[tuple[str, object]]:
    """Yield (dotted path, value) of what is no container, down to a depth."""
    if isinstance(content, dict) and depth:
        for key, value in content.items():
            yield from _leaves(value, f"{path}.{key}", depth - 1)
    elif isinstance(content, list) and depth:
        for number, value in enumerate(content[:1000]):
            yield from _leaves(value, f"{path}.{number}", depth - 1)
    elif isinstance(content, str | int | float | bool):
        yield path, content
