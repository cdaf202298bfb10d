"""macOS: version, computer name, accounts and time zone from property lists.

Written for Mac OS X 10.5 to macOS 14, from property lists as Apple's tools write them; tested with
lists written by us only. Since 10.15 the system and the data lie on two volumes, so the version
and the computer name may come as two findings. Not read: password hashes (present in the account
files), network accounts, FileVault users.
Reference: man pages of dscl(1), systemsetup(8); plaso's `plist_plugins/macos_user.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    Shows,
    SystemAccount,
    SystemOs,
    SystemTimezone,
    Time,
    Unit,
    extractor,
)
from triage.formats import plist
from triage.formats.stamps import stamp

_SMALL = 4 << 20
_VERSION = "/System/Library/CoreServices/SystemVersion.plist"
_PREFERENCES = "/Library/Preferences/SystemConfiguration/preferences.plist"
_HISTORY = "/Library/Receipts/InstallHistory.plist"
_ZONE = re.compile(r"[A-Z][A-Za-z_]*(?:/[A-Za-z0-9_+-]+){1,2}")
_FIRST_PERSON = 500


@extractor(
    name="system.macos.release",
    paths=(
        # Mac OS X 10.0 and later; iOS has the same file
        "System/Library/CoreServices/SystemVersion.plist",
        # the data volume of macOS 10.15 and later has only this
        "Library/Preferences/SystemConfiguration/preferences.plist",
    ),
    yields=(SystemOs,),
)
def release(artifact: Artifact) -> Iterator[SystemOs]:
    """Name the macOS and the computer; the two may lie on different volumes."""
    facts = _dictionary(artifact)
    if artifact.entry.name.casefold() == "preferences.plist":
        host = _computer_name(facts)
        if host is None or artifact.resolve(_VERSION):
            return
        yield _os(artifact, None, None, host)
        return
    name, version = facts.get("ProductName"), facts.get("ProductVersion")
    if not isinstance(name, str) or not isinstance(version, str):
        raise ParseError("a property list without product and version")
    build = facts.get("ProductBuildVersion")
    beside = artifact.resolve(_PREFERENCES)
    yield _os(
        artifact,
        name,
        f"{version} build {build}" if isinstance(build, str) else version,
        _computer_name(_dictionary(beside)) if beside else None,
    )


@extractor(
    name="system.macos.accounts",
    paths=(
        # Mac OS X 10.5 and later; `var` is a link to `private/var`
        "private/var/db/dslocal/nodes/Default/users/*.plist",
        "var/db/dslocal/nodes/Default/users/*.plist",
    ),
    yields=(SystemAccount,),
    holds_secret=True,
)
def accounts(artifact: Artifact) -> Iterator[SystemAccount]:
    """Read a local account of the directory service, if it is not the system's."""
    if artifact.entry.name.startswith("_"):
        return
    facts = _dictionary(artifact)
    name, number, home = (_first(facts, key) for key in ("name", "uid", "home"))
    if name is None or number is None or not re.fullmatch(r"-?[0-9]{1,10}", number):
        raise ParseError("not an account of the directory service")
    if home and home.startswith(("/var/", "/etc/")):
        home = f"/private{home}"
    shell = _first(facts, "shell") or ""
    yield SystemAccount(
        account_id=f"uid:{int(number)}",
        name=name,
        home=home if home and home.startswith("/") else None,
        full_name=_first(facts, "realname"),
        can_log_in=not shell.endswith(("/false", "/nologin")),
        for_software=name == "nobody" or 0 < int(number) < _FIRST_PERSON,
        credential_state="set" if facts.get("ShadowHashData") else None,
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=tuple(_policy_times(artifact, facts)),
    )


@extractor(
    name="system.macos.timezone",
    paths=(
        # Mac OS X 10.6 and later
        "Library/Preferences/.GlobalPreferences.plist",
    ),
    yields=(SystemTimezone,),
)
def timezone(artifact: Artifact) -> Iterator[SystemTimezone]:
    """Name the time zone of the city that was last chosen in the settings."""
    facts = _dictionary(artifact)
    city = facts.get("com.apple.TimeZonePref.Last_Selected_City")
    selected = facts.get("com.apple.preferences.timezone.selected_city")
    candidates = list(city) if isinstance(city, list) else []
    if isinstance(selected, dict):
        candidates.insert(0, selected.get("TimeZoneName"))
    for text in candidates[:20]:
        if isinstance(text, str) and len(text) < 64 and _ZONE.fullmatch(text):  # noqa: PLR2004 - names are short
            yield SystemTimezone(
                zone_name=text, shows=Shows.PRESENT, confidence=Confidence.PROBABLE
            )
            return


def _dictionary(artifact: Artifact) -> dict[str, Any]:
    value = plist.parse(artifact.read(_SMALL))
    if not isinstance(value, dict):
        raise ParseError("a property list that is no dictionary")
    return value


def _os(artifact: Artifact, name: str | None, version: str | None, host: str | None) -> SystemOs:
    mac = name is None or name.casefold().startswith("mac")
    return SystemOs(
        family="macos" if mac else "ios",
        name=name,
        version=version,
        host_name=host,
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=_installed(artifact),
    )


def _installed(artifact: Artifact) -> tuple[Time, ...]:
    """Return the earliest date in the history of installations, if it lies on this volume."""
    found = artifact.resolve(_HISTORY)
    if found is None:
        return ()
    try:
        history = plist.parse(found.read(_SMALL))
    except ParseError as error:
        artifact.problem(error.message, locator=_HISTORY)
        return ()
    dates = [
        item["date"]
        for item in (history if isinstance(history, list) else ())
        if isinstance(item, dict) and isinstance(item.get("date"), datetime)
    ]
    return stamp("installed", f"{min(dates):%Y-%m-%dT%H:%M:%SZ}", Unit.TEXT) if dates else ()


def _computer_name(preferences: dict[str, Any]) -> str | None:
    """Return the name the user gave, else the one for the network."""
    for path in (("System", "System", "ComputerName"), ("System", "Network", "HostNames")):
        value: Any = preferences
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, dict):
            value = value.get("LocalHostName")
        if isinstance(value, str) and value:
            return value
    return None


def _first(facts: dict[str, Any], key: str) -> str | None:
    """Return the first value of an attribute: the directory service keeps lists."""
    value = facts.get(key)
    value = value[0] if isinstance(value, list) and value else value
    return value if isinstance(value, str) and value else None


def _policy_times(artifact: Artifact, facts: dict[str, Any]) -> Iterator[Time]:
    """Yield the times in the embedded list `accountPolicyData` (10.10 and later), s since 1970."""
    data = facts.get("accountPolicyData")
    data = data[0] if isinstance(data, list) and data else data
    if not isinstance(data, bytes):
        return
    try:
        policy = plist.parse(data, limit=_SMALL)
    except ParseError as error:
        artifact.problem(error.message, locator="accountPolicyData")
        return
    for key, event in (
        ("creationTime", "created"),
        ("passwordLastSetTime", "password_set"),
        ("failedLoginTimestamp", "password_failed"),
    ):
        raw = policy.get(key) if isinstance(policy, dict) else None
        if isinstance(raw, (int, float)) and not isinstance(raw, bool):
            yield from stamp(event, raw, Unit.S_UNIX)
