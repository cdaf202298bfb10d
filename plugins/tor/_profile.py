"""Put together what the files of one Tor Browser profile say about it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    EvidenceError,
    ParseError,
    Sensitivity,
    Shows,
    Time,
    Unit,
    WebBrowser,
)
from triage.formats import json, xml
from triage.formats.mozilla import Prefs, ini, prefs
from triage.formats.stamps import stamp, zoned_text

from ..web._addresses import INDICATOR_LIST  # noqa: TID252 - the same files, read by the family of browsers
from ..web._firefox_profile import named_containers  # noqa: TID252 - the same files, read by the family of browsers
from . import _settings as settings

SMALL = 16 << 20
"""Bytes; the largest text file of a profile that is read."""

_ANCHORS = ("compatibility.ini", "prefs.js", "places.sqlite")
_UPDATES = ("../../../UpdateInfo/updates.xml", "../../UpdateInfo/updates.xml")
_LOGS = ("last-update.log", "backup-update.log")
_LOG_LIMIT = 4 << 20
_LOG_TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d) ?([+-])(\d\d):?(\d\d)\b")
_LOG_PATH = re.compile(r"^INSTALLATION DIRECTORY (\S.{0,500}?)\r?$", re.MULTILINE)
_VERSIONS = (
    "../../../../tbb_version.json",
    "/Applications/Tor Browser.app/Contents/Resources/tbb_version.json",
)
_NOT_SET = 946_684_800_000  # 2000-01-01: the date that archives of the browser carry, ms
_MAX_UPDATES = 100
_MAX_ADD_ONS = 200
_MOST_MINUTES = 14 * 60  # no zone is farther from UTC
_SHIPPED = frozenset(
    {
        "{73a6fe31-595d-460b-a920-fcc0f8843232}",  # NoScript
        "https-everywhere-eff@eff.org",
        "tor-launcher@torproject.org",
        "torbutton@torproject.org",
    }
)
_PART_OF_BROWSER = ("app-builtin", "app-system", "app-global")


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
    updates = list(_updates(artifact))
    logs = tuple(_logs(artifact))
    password = settings.proxy_password(found)
    version = compatibility.get("LastTorBrowserVersion") or settings.version(found)
    return WebBrowser(
        browser="tor-browser",
        profile=artifact.path.rpartition("/")[0] or "/",
        version=version or _shipped_version(artifact),
        install_path=compatibility.get("LastPlatformDir") or None,
        security_level=settings.security_level(found) if text else None,
        history_kept=settings.history_kept(found) if text else None,
        deviations=settings.deviations(found),
        versions_seen=_versions(updates),
        add_ons=tuple(_add_ons(artifact)),
        device_ids=settings.device_ids(found),
        bridges_enabled=settings.bridges_enabled(found),
        containers=named_containers(artifact),
        earlier_paths=tuple(dict.fromkeys(path for log in logs for path in _LOG_PATH.findall(log))),
        utc_offset_minutes=next((ahead for log in logs if (ahead := _offset(log))), None),
        indicator_list=INDICATOR_LIST,
        shows=Shows.EXECUTED if compatibility or text else Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=(
            *_times(artifact, found, updates),
            *(time for log in logs for time in _logged(log)),
        ),
        sensitivity=Sensitivity.SECRET if password else Sensitivity.PERSONAL,
        secret=password,
    )


def _times(artifact: Artifact, found: Prefs, updates: list[tuple[int, str, str]]) -> Iterator[Time]:
    made = _json(artifact, "times.json")
    for key, event in (("created", "profile_created"), ("firstUse", "first_used")):
        raw = made.get(key)
        if isinstance(raw, int) and not isinstance(raw, bool) and raw != _NOT_SET:
            yield from stamp(event, raw, Unit.MS_UNIX)
    yield from settings.clocks(found)
    for installed, _, _ in updates:
        yield from stamp("updated", installed, Unit.MS_UNIX)


def _updates(artifact: Artifact) -> Iterator[tuple[int, str, str]]:
    """Yield (ms since 1970, version, version before) of the updates, oldest first."""
    file = next((found for place in _UPDATES if (found := artifact.resolve(place))), None)
    if file is None:
        return
    try:
        root = xml.parse(file.read(SMALL), limit=SMALL)
    except (ParseError, EvidenceError) as error:
        artifact.problem(str(error), locator=file.path)
        return
    rows = []
    for update in root.iter():
        date = update.get("installDate", "")
        if update.tag.rpartition("}")[2] == "update" and date.isdecimal() and len(date) < 16:  # noqa: PLR2004 - ms
            version = update.get("displayVersion") or update.get("appVersion") or ""
            rows.append((int(date), version, update.get("previousAppVersion") or ""))
    yield from sorted(rows)[-_MAX_UPDATES:]


def _logs(artifact: Artifact) -> Iterator[str]:
    """Yield the logs of the last two updates."""
    for place in _UPDATES:
        folder = place.rpartition("/")[0]
        for name in _LOGS:
            found = artifact.resolve(f"{folder}/updates/{name}")
            if found:
                yield found.head(_LOG_LIMIT).decode("utf-8", "surrogateescape")


def _logged(log: str) -> tuple[Time, ...]:
    """Return when an update began; the log tells the offset of the machine's zone."""
    found = _LOG_TIME.search(log)
    return (
        zoned_text("update_logged", f"{found[1]}{found[2]}{found[3]}:{found[4]}") if found else ()
    )


def _offset(log: str) -> int | None:
    """Return minutes that the machine's clock was ahead of UTC; None for zero, as not told."""
    found = _LOG_TIME.search(log)
    minutes = int(found[3]) * 60 + int(found[4]) if found else 0
    if found is None or not 0 < minutes <= _MOST_MINUTES:
        return None
    return minutes if found[2] == "+" else -minutes


def _versions(updates: list[tuple[int, str, str]]) -> tuple[str, ...]:
    names = (name for _, version, before in updates for name in (before, version) if name)
    return tuple(dict.fromkeys(names))


def _add_ons(artifact: Artifact) -> Iterator[str]:
    """Yield ids of add-ons that neither the Tor Project nor Mozilla ships, in file order."""
    rows = _json(artifact, "extensions.json").get("addons")
    count = 0
    for row in rows if isinstance(rows, list) else ():
        name = row.get("id") if isinstance(row, dict) else None
        place = row.get("location") if isinstance(row, dict) else None
        if not isinstance(name, str) or name in _SHIPPED or name.startswith("langpack-"):
            continue
        if isinstance(place, str) and place.startswith(_PART_OF_BROWSER):
            continue
        if name.endswith(("@search.mozilla.org", "@mozilla.org")):
            continue
        count += 1
        if count > _MAX_ADD_ONS:
            return
        yield name


def _shipped_version(artifact: Artifact) -> str | None:
    """Return the version in tbb_version.json, which is of the program, not of the profile."""
    for place in _VERSIONS:
        value = _json(artifact, place).get("version")
        if isinstance(value, str):
            return value
    return None


def _text(artifact: Artifact, name: str) -> str:
    found = artifact.sibling(name)
    return found.text(SMALL) if found else ""


def _json(artifact: Artifact, place: str) -> dict[str, json.Json]:
    """Return a JSON object near the profile, empty when there is none or it is damaged."""
    found = artifact.resolve(place)
    if found is None:
        return {}
    try:
        value = json.parse(found.read(SMALL))
    except (ParseError, EvidenceError) as error:
        artifact.problem(str(error), locator=found.path)
        return {}
    return value if isinstance(value, dict) else {}
