"""Put together what the files of one profile of the Chromium family say about it."""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    EvidenceError,
    ParseError,
    Protection,
    Shows,
    Time,
    Unit,
    WebBrowser,
)
from triage.formats import json, safe_storage
from triage.formats.chromium_profile import (
    at,
    extension_name,
    extensions,
    is_extension_id,
    number,
    text,
)
from triage.formats.json import Json
from triage.formats.stamps import stamp

from ._addresses import INDICATOR_LIST
from ._chromium_paths import browser_of

SMALL = 32 << 20
"""Bytes; the largest text file of a profile that is read."""

_ANCHORS = ("preferences", "history", "bookmarks")
_TELLING = (  # of Preferences
    ("download", "default_directory"),
    ("savefile", "default_directory"),
    ("profile", "exit_type"),
    ("profile", "created_by_version"),
    ("proxy", "mode"),
    ("proxy", "server"),
    ("session", "restore_on_startup"),
    ("homepage",),
    ("history", "saving_disabled"),
    ("browser", "clear_data", "time_period"),
    ("browser", "clear_data_on_exit"),
    ("intl", "selected_languages"),
    ("tor", "auto_onion_location"),
    ("brave", "wallet", "keyrings"),
)
_TELLING_STATE = (  # of Local State
    # Brave: set when a Tor window is opened (`p3a_core_metrics.cc`, 2019 to 2022 at least)
    ("core_p3a_metrics", "tor_used"),
    ("tor", "tor_disabled"),
    ("tor", "bridges", "use_bridges"),
    ("variations_country",),
)
# Brave downloads a tor client as a component when a Tor window is first opened.
_TOR_CLIENTS = (
    "cpoalefficncklhjfpglfiplenlpccdb",  # Windows
    "cldoidikboihgcjfkhdeidbpclkineef",  # macOS
    "biahpgbdmdkfgndcmfiipgcebobojjkp",  # Linux
    "monolafkoghdlanndjfeebmdfkbklejg",  # Linux on ARM
)
_CLOCKS = {
    "profile_created": "profile.creation_time",
    "last_engaged": "profile.last_engagement_time",
    "browsing_data_cleared": "browser.last_clear_browsing_data_time",
}
_STATE_CLOCKS = {
    "last_live": "user_experience_metrics.stability.browser_last_live_timestamp",
    "private_window_used": "core_p3a_metrics.incognito_used_timestamp",  # Brave
}
_MAX_ADD_ONS = 500
_LONGEST_VALUE = 500
_SESSION_EVENTS = {0: "started", 1: "restored", 2: "exited"}


def anchor(artifact: Artifact) -> str | None:
    """Return the name of the file that stands for the profile, lower case."""
    return next((name for name in _ANCHORS if artifact.sibling(name)), None)


def profile(artifact: Artifact) -> WebBrowser | None:
    """Return the finding for the profile that the artifact lies in, None when it is none."""
    preferences = _json(artifact, "Preferences")
    folder = artifact.path.rpartition("/")[0] or "/"
    if not isinstance(at(preferences, "profile"), dict) and not artifact.sibling("History"):
        return None  # many programs keep `Preferences`
    state = _local_state(artifact)
    known = at(state, "profile", "info_cache", folder.rpartition("/")[2])
    browser = browser_of(artifact.path)
    key_protection, key_opened_by = _key(artifact)
    return WebBrowser(
        browser=browser,
        profile=folder,
        version=text(at(preferences, "extensions", "last_chrome_version")),
        history_kept=None
        if preferences is None
        else at(preferences, "history", "saving_disabled") is not True,
        deviations=tuple(_deviations(artifact, preferences, state, browser)),
        add_ons=tuple(_add_ons(artifact, preferences)),
        profile_name=text(at(preferences, "profile", "name")) or text(at(known, "name")),
        signed_in_as=_signed_in_as(preferences, known),
        indicator_list=INDICATOR_LIST,
        key_protection=key_protection,
        key_opened_by=key_opened_by,
        shows=Shows.EXECUTED,
        confidence=Confidence.PROBABLE,
        times=tuple(_times(preferences, state, known)),
    )


def _deviations(artifact: Artifact, preferences: Json, state: Json, browser: str) -> Iterator[str]:
    for source, paths in ((preferences, _TELLING), (state, _TELLING_STATE)):
        for path in paths:
            value = at(source, *path)
            if isinstance(value, bool):
                yield f"{'.'.join(path)}={str(value).lower()}"
            elif isinstance(value, (str, int)) and value != "":
                yield f"{'.'.join(path)}={value}"[:_LONGEST_VALUE]
            elif isinstance(value, dict) and value:
                yield f"{'.'.join(path)}={{{len(value)} entries}}"
    if browser.startswith("brave"):
        beside = artifact.resolve("../Local State")
        if beside is not None and any(beside.folder(name) for name in _TOR_CLIENTS):
            yield "tor-client-component=present"


def _times(preferences: Json, state: Json, known: Json) -> Iterator[Time]:
    for event, path in _CLOCKS.items():
        yield from stamp(event, number(at(preferences, *path.split("."))), Unit.WEBKIT)
    for event, path in _STATE_CLOCKS.items():
        yield from stamp(event, number(at(state, *path.split("."))), Unit.WEBKIT)
    installed = number(at(state, "uninstall_metrics", "installation_date2"))
    yield from stamp("installed", installed, Unit.S_UNIX)
    active = at(known, "active_time")
    if isinstance(active, float) or (isinstance(active, int) and not isinstance(active, bool)):
        yield from stamp("active", active, Unit.S_UNIX)
    log = at(preferences, "sessions", "event_log")
    for entry in log[-20:] if isinstance(log, list) else ():
        kind = at(entry, "type")
        if isinstance(kind, int) and kind in _SESSION_EVENTS:
            yield from stamp(_SESSION_EVENTS[kind], number(at(entry, "time")), Unit.WEBKIT)


def _signed_in_as(preferences: Json, known: Json) -> tuple[str, ...]:
    accounts = at(preferences, "account_info")
    names = [at(account, "email") for account in accounts] if isinstance(accounts, list) else []
    names += [at(known, "user_name"), at(preferences, "google", "services", "last_username")]
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def _add_ons(artifact: Artifact, preferences: Json) -> Iterator[str]:
    """Yield `id name version` of the extensions, by id, those of the browser left out."""
    found: dict[str, tuple[str | None, str | None]] = {}
    shipped = set()
    for source in (preferences, _json(artifact, "Secure Preferences")):
        for extension in extensions(source):
            found[extension.id] = (extension.name, extension.version)
            if extension.by_browser:
                shipped.add(extension.id)
    for manifest in artifact.find("Extensions/*/*/manifest.json"):
        folder, version, _ = manifest.path.rsplit("/", 3)[-3:]
        if is_extension_id(folder):
            name = _manifest_name(manifest)
            found[folder] = (name or found.get(folder, (None, None))[0], version.partition("_")[0])
    for _, key in zip(range(_MAX_ADD_ONS), sorted(found.keys() - shipped), strict=False):
        yield " ".join(word for word in (key, *found[key]) if word)[:_LONGEST_VALUE]


def _manifest_name(manifest: Artifact) -> str | None:
    value = _parsed(manifest)
    messages: Json = None
    locale = text(at(value, "default_locale"))
    if locale and (text(at(value, "name")) or "").startswith("__MSG_") and locale.isidentifier():
        file = manifest.resolve(f"_locales/{locale}/messages.json")
        messages = _parsed(file) if file else None
    return extension_name(value, messages)


def _local_state(artifact: Artifact) -> Json:
    file = _local_state_file(artifact)
    return _parsed(file) if file else None


def _local_state_file(artifact: Artifact) -> Artifact | None:
    return artifact.resolve("../Local State") or artifact.resolve("Local State")


def _key(artifact: Artifact) -> tuple[Protection | None, str | None]:
    """Return what protects the key to saved passwords and cookies, and what opens it.

    Windows alone keeps the key in a file. Since 127 Chrome has another one for cookies, bound to
    the program too. Nothing is opened with the key: that it opens is all that is told.
    """
    file = _local_state_file(artifact)
    try:
        blob = safe_storage.local_state_blob(file.read(SMALL)) if file else None
        if file is None or blob is None:
            return None, None
        opened = file.unprotect(blob)
    except (EvidenceError, ParseError):
        return None, None
    return Protection.DPAPI, opened.opened_by if opened else None


def _json(artifact: Artifact, name: str) -> Json:
    file = artifact.sibling(name)
    return _parsed(file) if file else None


def _parsed(file: Artifact) -> Json:
    """Return a JSON file near the profile, None when it is damaged, which is noted."""
    try:
        return json.parse(file.read(SMALL), limit=SMALL)
    except (ParseError, EvidenceError) as error:
        file.problem(str(error), locator=file.path)
        return None
