"""Firefox and its relatives: profiles, history, bookmarks, downloads, typed text, sites.

Written from mozilla-central and application-services for Firefox 3 to 153, ESR, LibreWolf,
Waterfox, Mullvad Browser and Firefox for Android; tested with profiles of Firefox ESR 153 on Linux
and with files made by us. Tor Browser has extractors of its own. Both states of a database are
read: what stands only in its log, and what the log replaced. Listed addresses come first, the rest
of a history follows, one finding a visit.
Not read: caches, the key database, synchronised tabs, view times (`moz_places_metadata`),
history of Android before 2020 and of iOS.
References: https://searchfox.org/mozilla-central/, https://github.com/mozilla/application-services.
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Finding,
    IndicatorI2p,
    IndicatorOnion,
    SqliteSchema,
    WebBookmark,
    WebBrowser,
    WebDownload,
    WebInput,
    WebSite,
    WebTab,
    WebVisit,
    extractor,
)

from . import _mozilla as mozilla
from ._firefox_paths import PLACES_ON_ANDROID, of_tor_browser, profile_files
from ._firefox_profile import anchor, profile

_MAKERS = ("mozilla.org", "mozilla.com", "mozilla.net", "librewolf.net", "waterfox.net")


@extractor(
    name="web.firefox.profile",
    paths=profile_files("compatibility.ini", "prefs.js", "places.sqlite"),
    yields=(WebBrowser,),
)
def browser(artifact: Artifact) -> Iterator[WebBrowser]:
    """Describe a profile: browser, version, settings, add-ons, when it ran.

    One finding a profile folder, from the first of the three files that is there.
    """
    if not of_tor_browser(artifact.path) and anchor(artifact) == artifact.entry.name.casefold():
        yield profile(artifact)


@extractor(
    name="web.firefox.places",
    paths=(*profile_files("places.sqlite"), *PLACES_ON_ANDROID),
    content=(
        SqliteSchema(
            {
                "moz_places": {"url", "visit_count"},
                "moz_historyvisits": {"visit_date"},
                "moz_bookmarks": {"fk", "parent"},
            }
        ),
    ),
    yields=(WebVisit, WebBookmark, WebDownload, WebInput, IndicatorOnion, IndicatorI2p),
)
def places(artifact: Artifact) -> Iterator[Finding]:
    """Read visits, bookmarks, downloads and searches, with what stands only in the log."""
    if not of_tor_browser(artifact.path):
        yield from mozilla.places(artifact, _MAKERS)


@extractor(
    name="web.firefox.bookmark-backups",
    paths=profile_files("bookmarkbackups/bookmarks-*.json*"),
    yields=(WebBookmark, IndicatorOnion, IndicatorI2p),
)
def backups(artifact: Artifact) -> Iterator[Finding]:
    """Read a backup of the bookmarks; it may hold some that were deleted since."""
    if not of_tor_browser(artifact.path):
        yield from mozilla.backup(artifact, _MAKERS)


@extractor(
    name="web.firefox.form-history",
    paths=profile_files("formhistory.sqlite"),
    yields=(WebInput,),
)
def form_history(artifact: Artifact) -> Iterator[WebInput]:
    """Read what was entered into forms and the search bar; what looks secret is withheld."""
    if not of_tor_browser(artifact.path):
        yield from mozilla.form_history(artifact)


@extractor(
    name="web.firefox.site-security",
    paths=profile_files("SiteSecurityServiceState.txt", "SiteSecurityServiceState.bin"),
    yields=(WebSite,),
)
def site_security(artifact: Artifact) -> Iterator[WebSite]:
    """List hosts that asked for encrypted connections (HSTS).

    Private windows leave none on disk. `accessed` is a day, without a time of day.
    """
    if not of_tor_browser(artifact.path):
        yield from mozilla.site_security(artifact, _MAKERS)


@extractor(
    name="web.firefox.sites",
    paths=profile_files(*mozilla.SITE_FILES),
    yields=(WebSite,),
    holds_secret=True,
)
def site_databases(artifact: Artifact) -> Iterator[WebSite]:
    """List hosts with cookies, permissions, settings, icons, storage or logins.

    Cookies, logins and stored values are not read: they may open a session.
    """
    if not of_tor_browser(artifact.path):
        yield from mozilla.site_tables(artifact, _MAKERS)


@extractor(
    name="web.firefox.storage",
    paths=profile_files("storage/default/*/.metadata-v2"),
    yields=(WebSite,),
)
def storage(artifact: Artifact) -> Iterator[WebSite]:
    """Name the site that a storage folder belongs to, from the folder's name.

    The file begins with the time of last use, microseconds since 1970, big endian.
    """
    if not of_tor_browser(artifact.path):
        yield from mozilla.storage(artifact, _MAKERS)


@extractor(
    name="web.firefox.logins",
    paths=profile_files("logins.json", "logins-backup.json"),
    yields=(WebSite,),
    holds_secret=True,
)
def logins(artifact: Artifact) -> Iterator[WebSite]:
    """List hosts for which a login was saved; the logins are not read."""
    if not of_tor_browser(artifact.path):
        yield from mozilla.logins(artifact)


@extractor(
    name="web.firefox.sessions",
    paths=profile_files(*mozilla.SESSION_FILES),
    yields=(WebTab, WebInput, WebSite, IndicatorOnion, IndicatorI2p),
    holds_secret=True,
)
def sessions(artifact: Artifact) -> Iterator[Finding]:
    """Read saved sessions: open and closed tabs, what stood in forms, hosts of cookies.

    Private windows are never saved. Cookies themselves are not read.
    """
    if not of_tor_browser(artifact.path):
        yield from mozilla.sessions(artifact, _MAKERS)
