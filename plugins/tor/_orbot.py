"""Settings of Orbot, tor's app for Android: which apps it routes, exits, bridges.

Source: Orbot 16 and 17, `shared_prefs/org.torproject.android_preferences.xml` beside the folder
of tor's data; names as in Orbot's `Prefs` and `OrbotConstants`.
"""

from __future__ import annotations

from triage.api import Artifact, EvidenceError, ParseError
from triage.formats import xml

_PLACE = "../shared_prefs/org.torproject.android_preferences.xml"
_LIMIT = 4 << 20
_TELLING = ("preftord", "pref_or", "pref_bridges", "pref_exit", "pref_entrance", "pref_proxy")
_PASSWORD = "password"  # noqa: S105 - part of the name of a setting
_MAX_SHOWN = 100
_LONGEST_VALUE = 2000


def orbot_settings(artifact: Artifact) -> tuple[str, ...]:
    """Return `name value` of the telling settings, by name, passwords withheld."""
    found = artifact.resolve(_PLACE)
    if found is None:
        return ()
    try:
        root = xml.parse(found.read(_LIMIT), limit=_LIMIT)
    except (ParseError, EvidenceError) as error:
        artifact.problem(str(error), locator=found.path)
        return ()
    shown: list[str] = []
    for item in root:
        name = item.get("name", "")
        value = item.get("value") or item.text or ""
        if name.casefold().startswith(_TELLING) and value.strip():
            text = "[withheld]" if _PASSWORD in name.casefold() else value.strip()
            shown.append(f"{name} {text[:_LONGEST_VALUE]}")
    return tuple(sorted(shown)[:_MAX_SHOWN])
