"""Tor Browser: profile, settings, bridges, bookmarks, history and traces of sites.

Written from tor-browser's `000-tor-browser.js` and `TorSettings.sys.mjs`, tor-browser-build and
mozilla-central, for Tor Browser 4.5 to 15 on Windows, Linux (also torbrowser-launcher, Flatpak and
Tails), macOS and Android. Tested with profiles written by us and with a profile of Firefox ESR.
Permanent private browsing is the default, so history and cookies are rare and bookmarks common.
The files are read as those of Firefox are; of update logs the time of the first line and the place
of installation. Pictures of tabs on Android are counted. Not read: the key database, disk cache.
References: https://searchfox.org/mozilla-central/, https://gitlab.torproject.org/tpo/applications/.
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    Finding,
    IndicatorI2p,
    IndicatorOnion,
    ParseError,
    Protection,
    Sensitivity,
    Shows,
    TorBridge,
    Unit,
    WebBookmark,
    WebBrowser,
    WebDownload,
    WebInput,
    WebSite,
    WebTab,
    WebVisit,
    extractor,
)
from triage.formats import xml
from triage.formats.mozilla import prefs
from triage.formats.stamps import modified, stamp

from ..web import _mozilla as mozilla  # noqa: TID252 - the same files, read by the family of browsers
from . import _settings as settings
from ._bridges import parse_bridge
from ._profile import SMALL, anchor, profile

_MAKERS = ("mozilla.org", "mozilla.com", "mozilla.net", "torproject.org", "securedrop.org")
# Fenix keeps a picture of each open tab, of private ones too; ALEAPP reads them.
_PICTURES = "../cache/mozac_browser_thumbnails/{thumbnails,private_thumbnails}/*.0"
_MAX_PICTURES = 10_000
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
    yields=(WebBookmark, WebVisit, WebDownload, WebInput, IndicatorOnion, IndicatorI2p),
)
def places(artifact: Artifact) -> Iterator[Finding]:
    """Read bookmarks, visits, downloads and searches, with what stands only in the log."""
    yield from mozilla.places(artifact, _MAKERS)


@extractor(
    name="tor.browser.bookmark-backups",
    paths=_paths("bookmarkbackups/bookmarks-*.json*"),
    yields=(WebBookmark, IndicatorOnion, IndicatorI2p),
)
def backups(artifact: Artifact) -> Iterator[Finding]:
    """Read a backup of the bookmarks; it may hold some that were deleted since."""
    yield from mozilla.backup(artifact, _MAKERS)


@extractor(
    name="tor.browser.site-security",
    paths=_paths("SiteSecurityServiceState.txt", "SiteSecurityServiceState.bin"),
    yields=(WebSite,),
)
def site_security(artifact: Artifact) -> Iterator[WebSite]:
    """List hosts that asked for encrypted connections (HSTS).

    Private windows leave none on disk. `accessed` is a day, without a time of day.
    """
    yield from mozilla.site_security(artifact, _MAKERS)


@extractor(
    name="tor.browser.sites",
    paths=_paths(*mozilla.SITE_FILES),
    yields=(WebSite,),
    holds_secret=True,
)
def site_databases(artifact: Artifact) -> Iterator[WebSite]:
    """List hosts with cookies, permissions, settings, icons or local storage.

    Cookies and stored values are not read: they may open a session.
    """
    yield from mozilla.site_tables(artifact, _MAKERS)


@extractor(
    name="tor.browser.storage",
    paths=_paths("storage/default/*/.metadata-v2"),
    yields=(WebSite,),
)
def storage(artifact: Artifact) -> Iterator[WebSite]:
    """Name the site that a storage folder belongs to, from the folder's name.

    The file begins with the time of last use, microseconds since 1970, big endian.
    """
    yield from mozilla.storage(artifact, _MAKERS)


@extractor(
    name="tor.browser.logins",
    paths=_paths("logins.json", "logins-backup.json"),
    yields=(WebSite,),
    holds_secret=True,
)
def logins(artifact: Artifact) -> Iterator[WebSite]:
    """List hosts for which a login was saved; the logins are not read."""
    yield from mozilla.logins(artifact)


@extractor(
    name="tor.browser.sessions",
    paths=_paths(*mozilla.SESSION_FILES),
    yields=(WebTab, WebInput, WebSite, IndicatorOnion, IndicatorI2p),
    holds_secret=True,
)
def sessions(artifact: Artifact) -> Iterator[Finding]:
    """Read saved sessions, which permanent private browsing would have prevented.

    Open and closed tabs, what stood in forms, hosts of cookies; cookies are not read.
    """
    yield from mozilla.sessions(artifact, _MAKERS)


@extractor(
    name="tor.browser.form-history",
    paths=_paths("formhistory.sqlite"),
    yields=(WebInput,),
)
def form_history(artifact: Artifact) -> Iterator[WebInput]:
    """Read what was entered into forms and the search bar; what looks secret is withheld."""
    yield from mozilla.form_history(artifact)


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
    pictures = [
        found for _, found in zip(range(_MAX_PICTURES), artifact.find(_PICTURES), strict=False)
    ]
    newest = max(pictures, key=lambda found: found.entry.times.modified or 0, default=None)
    yield WebBrowser(
        browser="tor-browser",
        profile=folder or "/",
        opened_count=opened,
        open_private_tabs=values.get("pref_key_open_private_tabs_count"),
        deviations=(f"pictures of tabs={len(pictures)}",) if pictures else (),
        shows=Shows.USED if opened else Shows.EXECUTED,
        confidence=Confidence.PROBABLE,
        times=(
            *stamp("last_browsed", values.get("pref_key_last_browse_activity_time"), Unit.MS_UNIX),
            *modified("newest_picture_written", newest),
        ),
    )
