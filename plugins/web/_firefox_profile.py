"""Put together what the files of one profile of the Firefox family say about it."""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    EvidenceError,
    ParseError,
    Shows,
    Time,
    Unit,
    WebBrowser,
)
from triage.formats import json
from triage.formats.mozilla import Prefs, ini, prefs
from triage.formats.stamps import stamp

from ._addresses import INDICATOR_LIST
from ._firefox_paths import browser_of

SMALL = 16 << 20
"""Bytes; the largest text file of a profile that is read."""

_ANCHORS = ("compatibility.ini", "prefs.js", "places.sqlite")
_LISTS = ("../profiles.ini", "../../profiles.ini")
_TELLING = (  # names, or beginnings that end in a dot
    "browser.download.dir",
    "browser.download.folderList",
    "browser.download.lastDir",
    "browser.privatebrowsing.autostart",
    "browser.startup.homepage",
    "browser.startup.page",
    "doh-rollout.home-region",
    "intl.locale.requested",
    "network.dns.blockDotOnion",  # false: onion names are looked up
    "network.dns.disabled",
    "network.proxy.",
    "network.trr.mode",
    "network.trr.uri",
    "places.history.enabled",
    "privacy.clearOnShutdown.",
    "privacy.clearOnShutdown_v2.",
    "privacy.resistFingerprinting",
    "privacy.sanitize.sanitizeOnShutdown",
    "signon.rememberSignons",
)
_NOT_TELLING = ("browser.startup.homepage_override.", "network.proxy.share_proxy_settings")
_CLOCKS = {  # in seconds since 1970
    "toolkit.startup.last_success": "started",
    "browser.startup.lastColdStartupCheck": "cold_started",
    "idle.lastDailyNotification": "idle_daily",
    "places.database.lastMaintenance": "database_maintained",
}
_TIMERS = "app.update.lastUpdateTime."
_DEVICE = ("device-id", "driver-version")
_PART_OF_BROWSER = ("app-builtin", "app-system", "app-global")
_SHIPPED = ("@search.mozilla.org", "@mozilla.org", "@mozilla.com")
_MAX_SHOWN = 200
_LONGEST_VALUE = 500


def anchor(artifact: Artifact) -> str | None:
    """Return the name of the file that stands for the profile, lower case."""
    return next((name for name in _ANCHORS if artifact.sibling(name)), None)


def profile(artifact: Artifact) -> WebBrowser:
    """Return the finding for the profile that the artifact lies in."""
    compatibility = ini(_text(artifact, "compatibility.ini")).get("Compatibility", {})
    text = _text(artifact, "prefs.js")
    found = prefs(text)
    if found.skipped:
        artifact.problem(f"{found.skipped} damaged settings", locator="prefs.js")
    return WebBrowser(
        browser=browser_of(artifact.path),
        profile=artifact.path.rpartition("/")[0] or "/",
        version=compatibility.get("LastVersion", "").partition("_")[0] or None,
        install_path=compatibility.get("LastPlatformDir") or None,
        history_kept=_history_kept(found) if text else None,
        deviations=tuple(_deviations(found)),
        add_ons=tuple(_add_ons(artifact))[:_MAX_SHOWN],
        device_ids=tuple(
            f"{name}={found[name]}"[:_LONGEST_VALUE]
            for name in sorted(found)
            if name.endswith(_DEVICE)
        )[:_MAX_SHOWN],
        profile_name=_name(artifact),
        signed_in_as=_signed_in_as(artifact, found),
        indicator_list=INDICATOR_LIST,
        containers=named_containers(artifact),
        shows=Shows.EXECUTED if compatibility or text else Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=tuple(_times(artifact, found)),
    )


def _history_kept(found: Prefs) -> bool:
    return (
        found.get("places.history.enabled", True) is True
        and found.get("browser.privatebrowsing.autostart", False) is False
    )


def _deviations(found: Prefs) -> Iterator[str]:
    names = (
        name
        for name in sorted(found)
        if name.startswith(_TELLING) and not name.startswith(_NOT_TELLING)
    )
    for _, name in zip(range(_MAX_SHOWN), names, strict=False):
        value = found[name]
        shown = str(value).lower() if isinstance(value, bool) else str(value)[:_LONGEST_VALUE]
        yield f"{name}={shown}"


def _times(artifact: Artifact, found: Prefs) -> Iterator[Time]:
    made = _json(artifact, "times.json")
    for key, event in (("created", "profile_created"), ("firstUse", "first_used")):
        raw = made.get(key)
        if isinstance(raw, int) and not isinstance(raw, bool):
            yield from stamp(event, raw, Unit.MS_UNIX)
    for name, event in _CLOCKS.items():
        value = found.get(name)
        if isinstance(value, int):
            yield from stamp(event, value, Unit.S_UNIX)
    timers = [
        value
        for name, value in found.items()
        if name.startswith(_TIMERS) and isinstance(value, int)
    ]
    yield from stamp("timer_ran", max(timers, default=0), Unit.S_UNIX)


def _name(artifact: Artifact) -> str | None:
    """Return the name that profiles.ini gives to the folder."""
    folder = artifact.path.rsplit("/", 2)[-2]
    for place in _LISTS:
        found = artifact.resolve(place)
        for section in ini(found.text(SMALL)).values() if found else ():
            path = section.get("Path", "").replace("\\", "/")
            if path.rpartition("/")[2].casefold() == folder.casefold():
                return section.get("Name") or None
    return None


def _signed_in_as(artifact: Artifact, found: Prefs) -> tuple[str, ...]:
    account = _json(artifact, "signedInUser.json").get("accountData")
    email = account.get("email") if isinstance(account, dict) else None
    names = (email, found.get("services.sync.username"))
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def _add_ons(artifact: Artifact) -> Iterator[str]:
    """Yield add-ons that Mozilla does not ship, in the order of the file."""
    rows = _json(artifact, "extensions.json").get("addons")
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, dict):
            continue
        key, place = row.get("id"), row.get("location")
        if not isinstance(key, str) or key.endswith(_SHIPPED) or key.startswith("langpack-"):
            continue
        if isinstance(place, str) and place.startswith(_PART_OF_BROWSER):
            continue
        locale = row.get("defaultLocale")
        name = locale.get("name") if isinstance(locale, dict) else None
        words = (key, name, row.get("version"))
        yield " ".join(word for word in words if isinstance(word, str))[:_LONGEST_VALUE]


def named_containers(artifact: Artifact) -> tuple[str, ...]:
    """Return the containers that someone named; the four that are shipped have no name."""
    rows = _json(artifact, "containers.json").get("identities")
    names = (
        row.get("name")
        for row in (rows[:_MAX_SHOWN] if isinstance(rows, list) else ())
        if isinstance(row, dict) and row.get("public") is not False
    )
    return tuple(name[:_LONGEST_VALUE] for name in names if isinstance(name, str) and name)


def _text(artifact: Artifact, name: str) -> str:
    found = artifact.sibling(name)
    return found.text(SMALL) if found else ""


def _json(artifact: Artifact, name: str) -> dict[str, json.Json]:
    """Return a JSON object in the profile, empty when there is none or it is damaged."""
    found = artifact.sibling(name)
    if found is None:
        return {}
    try:
        value = json.parse(found.read(SMALL))
    except (ParseError, EvidenceError) as error:
        artifact.problem(str(error), locator=found.path)
        return {}
    return value if isinstance(value, dict) else {}
