"""Tor Browser: profile, settings, bridges, bookmarks, history and traces of sites.

Written from tor-browser's `000-tor-browser.js` and `TorSettings.sys.mjs`, tor-browser-build and
mozilla-central, for Tor Browser 4.5 to 15 on Windows, Linux (also torbrowser-launcher, Flatpak and
Tails), macOS and Android. Tested with profiles written by us and with a profile of Firefox ESR.
Permanent private browsing is the default, so history and cookies are rare and bookmarks common.
Not read: sessions, form history, the key database, disk cache, thumbnails on Android, update logs.
References: https://searchfox.org/mozilla-central/, https://gitlab.torproject.org/tpo/applications/.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    Protection,
    Sensitivity,
    Shows,
    TorBridge,
    Unit,
    WebBookmark,
    WebBrowser,
    WebDownload,
    WebSite,
    WebVisit,
    extractor,
)
from triage.formats import json, xml
from triage.formats.mozilla import SiteStates, hsts, hsts_bin, jsonlz4, prefs
from triage.formats.sqlite import Database
from triage.formats.stamps import stamp

from . import _settings as settings
from . import _sites as sites
from ._bridges import parse_bridge
from ._places import backup_findings, database_findings, host_of
from ._profile import SMALL, anchor, profile

_PROFILES = (
    # Windows and Linux, Tor Browser 4.5 and later; launcher and Flatpak keep the same tree
    "**/TorBrowser/Data/Browser/*.default*",
    # macOS, 6.0 and later
    "**/TorBrowser-Data/Browser/*.default*",
    # Linux packages of 2025 and later, Tails
    "**/.tor-browser*/**/*.default*",
    # Android, Gecko's part
    "**/org.torproject.torbrowser*/files/mozilla/*.default*",
)


def _paths(*names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in names for folder in _PROFILES)


@extractor(
    name="tor.browser.profile",
    paths=_paths("compatibility.ini", "prefs.js", "places.sqlite"),
    yields=(WebBrowser,),
)
def browser(artifact: Artifact) -> Iterator[WebBrowser]:
    """Describe a Tor Browser profile: version, place, settings, when it ran.

    One finding a profile folder, from the first of the three files that is there.
    """
    if anchor(artifact) == artifact.entry.name.casefold():
        yield profile(artifact)


@extractor(
    name="tor.browser.bridges",
    paths=_paths("prefs.js"),
    yields=(TorBridge,),
)
def bridges(artifact: Artifact) -> Iterator[TorBridge]:
    """List the bridges in the settings: 11.5 and later, in part before."""
    found = prefs(artifact.text(SMALL))
    enabled = settings.bridges_enabled(found)
    for name, line, source in settings.bridges(found):
        bridge = parse_bridge(line)
        if bridge is None:
            artifact.problem("not a bridge line", locator=name)
            continue
        yield TorBridge(
            line=bridge.line,
            transport=bridge.transport,
            address=bridge.address,
            fingerprint=bridge.fingerprint,
            source=source,
            enabled=enabled,
            shows=Shows.PRESENT if source == "builtin" else Shows.DESTINATION,
            confidence=Confidence.PROBABLE,
            locator=name,
            protection=Protection.PLAIN,
            sensitivity=Sensitivity.SECRET if bridge.password else Sensitivity.PERSONAL,
            secret=bridge.password,
        )


@extractor(
    name="tor.browser.places",
    paths=(
        *_paths("places.sqlite"),
        # Android: bookmarks in the schema of application-services
        "**/org.torproject.torbrowser*/files/places.sqlite",
        # Tails: bookmarks in persistent storage, opened or mounted
        "bookmarks/places.sqlite",
        "**/TailsData*/bookmarks/places.sqlite",
        "home/amnesia/.mozilla/firefox/bookmarks/places.sqlite",
    ),
    yields=(WebBookmark, WebVisit, WebDownload),
)
def places(artifact: Artifact) -> Iterator[WebBookmark | WebVisit | WebDownload]:
    """Read bookmarks, visits and downloads, with what stands only in the log."""
    with artifact.sqlite() as database:
        yield from database_findings(artifact, database)


@extractor(
    name="tor.browser.bookmark-backups",
    paths=_paths("bookmarkbackups/bookmarks-*.json*"),
    yields=(WebBookmark,),
)
def backups(artifact: Artifact) -> Iterator[WebBookmark]:
    """Read a backup of the bookmarks; it may hold some that were deleted since."""
    data = artifact.read(SMALL)
    plain = artifact.entry.name.casefold().endswith(".json")
    yield from backup_findings(artifact, json.parse(data) if plain else jsonlz4(data))


@extractor(
    name="tor.browser.site-security",
    paths=_paths("SiteSecurityServiceState.txt", "SiteSecurityServiceState.bin"),
    yields=(WebSite,),
)
def site_security(artifact: Artifact) -> Iterator[WebSite]:
    """List hosts that asked for encrypted connections (HSTS).

    Private windows leave none on disk. `accessed` is a day, without a time of day.
    """
    states: SiteStates
    if artifact.entry.name.casefold().endswith(".bin"):
        states, place = hsts_bin(artifact.read(SMALL)), "slot"
    else:
        states, place = hsts(artifact.text(SMALL)), "line"
    if states.skipped:
        artifact.problem(f"{states.skipped} damaged entries")
    yield from sites.security_states(states.sites, place)


_DATABASES: dict[str, Callable[[Database], Iterator[WebSite]]] = {
    "cookies.sqlite": sites.cookies,
    "permissions.sqlite": sites.permissions,
    "content-prefs.sqlite": sites.content_preferences,
    "favicons.sqlite": sites.favicons,
    "webappsstore.sqlite": sites.web_storage,
}


@extractor(
    name="tor.browser.sites",
    paths=_paths(*_DATABASES),
    yields=(WebSite,),
    holds_secret=True,
)
def site_databases(artifact: Artifact) -> Iterator[WebSite]:
    """List hosts with cookies, permissions, settings, icons or local storage.

    Cookies and stored values are not read: they may open a session.
    """
    read = _DATABASES[artifact.entry.name.casefold()]
    with artifact.sqlite() as database:
        yield from read(database)
        for text in database.problems:
            artifact.problem(text)


@extractor(
    name="tor.browser.storage",
    paths=_paths("storage/default/*/.metadata-v2"),
    yields=(WebSite,),
)
def storage(artifact: Artifact) -> Iterator[WebSite]:
    """Name the site that a storage folder belongs to, from the folder's name.

    The file begins with the time of last use, microseconds since 1970, big endian.
    """
    folder = artifact.path.rsplit("/", 2)[-2]
    host = sites.origin_host(folder)
    if host is None:
        return
    head = artifact.head(8)
    accessed = struct.unpack(">q", head)[0] if len(head) == 8 else None  # noqa: PLR2004 - i64
    yield sites.site(
        host, "storage", locator=folder, times=stamp("accessed", accessed, Unit.US_UNIX)
    )


@extractor(
    name="tor.browser.logins",
    paths=_paths("logins.json", "logins-backup.json"),
    yields=(WebSite,),
    holds_secret=True,
)
def logins(artifact: Artifact) -> Iterator[WebSite]:
    """List hosts for which a login was saved; the logins are not read."""
    value = json.parse(artifact.read(SMALL))
    rows = value.get("logins") if isinstance(value, dict) else None
    if not isinstance(rows, list):
        raise ParseError("not a list of logins")
    for number, row in enumerate(rows, 1):
        address = row.get("hostname") if isinstance(row, dict) else None
        host = host_of(address) if isinstance(address, str) else None
        if host is None or not isinstance(row, dict):
            artifact.problem("a login without a host", locator=f"login {number}")
            continue
        yield sites.site(
            host,
            "login",
            locator=f"login {number}",
            times=tuple(
                time
                for key, event in (("timeCreated", "created"), ("timeLastUsed", "used"))
                if isinstance(raw := row.get(key), int)
                for time in stamp(event, raw, Unit.MS_UNIX)
            ),
        )


@extractor(
    name="tor.browser.android",
    paths=(
        # Tor Browser for Android 10 and later (Fenix); tested against files of our own
        "**/org.torproject.torbrowser*/shared_prefs/fenix_preferences.xml",
    ),
    yields=(WebBrowser,),
)
def android(artifact: Artifact) -> Iterator[WebBrowser]:
    """Describe Tor Browser on Android: when and how often it was opened, private tabs."""
    root = xml.parse(artifact.read(SMALL), limit=SMALL)
    if root.tag != "map":
        raise ParseError("not a list of shared preferences")
    values: dict[str, int] = {}
    for item in root:
        text = item.get("value", "")
        if item.tag in {"int", "long"} and text.lstrip("-").isdecimal() and len(text) < 20:  # noqa: PLR2004 - i64
            values[item.get("name", "")] = int(text)
    folder = artifact.path.rsplit("/", 2)[0]
    opened = values.get("pref_key_times_app_opened")
    yield WebBrowser(
        browser="tor-browser",
        profile=folder or "/",
        opened_count=opened,
        open_private_tabs=values.get("pref_key_open_private_tabs_count"),
        shows=Shows.USED if opened else Shows.EXECUTED,
        confidence=Confidence.PROBABLE,
        times=stamp("last_browsed", values.get("pref_key_last_browse_activity_time"), Unit.MS_UNIX),
    )
