"""Firefox and its relatives: profiles, history, bookmarks, downloads, typed text, sites.

Written from mozilla-central and application-services for Firefox 3 to 153, ESR, LibreWolf,
Waterfox, Mullvad Browser and Firefox for Android; tested with profiles of Firefox ESR 153 on Linux
and with files made by us. Tor Browser has extractors of its own. Both states of a database are
read: what stands only in its log, and what the log replaced. Listed addresses come first, the rest
of a history follows, one finding a visit.
Not read: sessions, caches, the key database, synchronised tabs, view times (`moz_places_metadata`),
history of Android before 2020 and of iOS.
References: https://searchfox.org/mozilla-central/, https://github.com/mozilla/application-services.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Finding,
    IndicatorOnion,
    ParseError,
    Time,
    Unit,
    WebBookmark,
    WebBrowser,
    WebDownload,
    WebInput,
    WebSite,
    WebVisit,
    extractor,
)
from triage.formats import json, sites
from triage.formats.mozilla import SiteStates, hsts, hsts_bin, jsonlz4
from triage.formats.stamps import stamp

from ._addresses import host_of
from ._firefox_paths import PLACES_ON_ANDROID, of_tor_browser, profile_files
from ._firefox_profile import SMALL, anchor, profile
from ._places import MAKERS, backup_findings, database_findings
from ._sites import by_maker, site, site_findings
from ._typed import typed

_ORIGIN = re.compile(
    r"(https?)\+\+\+(\[[0-9a-f:]+\]|[^\^+]{1,253})(?:\+[0-9]{1,5})?(?:\^.*)?", re.DOTALL
)


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
    yields=(WebVisit, WebBookmark, WebDownload, WebInput, IndicatorOnion),
)
def places(artifact: Artifact) -> Iterator[Finding]:
    """Read visits, bookmarks, downloads and searches, with what stands only in the log."""
    if of_tor_browser(artifact.path):
        return
    with artifact.sqlite() as database:
        yield from database_findings(artifact, database)


@extractor(
    name="web.firefox.bookmark-backups",
    paths=profile_files("bookmarkbackups/bookmarks-*.json*"),
    yields=(WebBookmark, IndicatorOnion),
)
def backups(artifact: Artifact) -> Iterator[Finding]:
    """Read a backup of the bookmarks; it may hold some that were deleted since."""
    if of_tor_browser(artifact.path):
        return
    data = artifact.read(SMALL)
    plain = artifact.entry.name.casefold().endswith(".json")
    yield from backup_findings(artifact, json.parse(data) if plain else jsonlz4(data))


@extractor(
    name="web.firefox.form-history",
    paths=profile_files("formhistory.sqlite"),
    yields=(WebInput,),
)
def form_history(artifact: Artifact) -> Iterator[WebInput]:
    """Read what was entered into forms and the search bar; what looks secret is withheld."""
    if of_tor_browser(artifact.path):
        return
    columns = ["fieldname", "value", "timesUsed", "firstUsed", "lastUsed"]
    with artifact.sqlite() as database:
        if not database.has({"moz_formhistory": set(columns)}):
            raise ParseError("not a form history")
        for row in database.rows("moz_formhistory", columns):
            name, text, count, first, last = (row.values[column] for column in columns)
            if not isinstance(name, str) or not isinstance(text, str):
                artifact.problem("an entry without text", locator=f"row {row.key!r}")
                continue
            yield typed(
                field="search" if name == "searchbar-history" else name,
                text=text,
                row=row.state.value,
                entries=count if isinstance(count, int) else None,
                locator=f"moz_formhistory id {row.key!r}",
                times=(
                    *stamp("first_used", first if isinstance(first, int) else None, Unit.US_UNIX),
                    *stamp("used", last if isinstance(last, int) else None, Unit.US_UNIX),
                ),
            )


@extractor(
    name="web.firefox.site-security",
    paths=profile_files("SiteSecurityServiceState.txt", "SiteSecurityServiceState.bin"),
    yields=(WebSite,),
)
def site_security(artifact: Artifact) -> Iterator[WebSite]:
    """List hosts that asked for encrypted connections (HSTS).

    Private windows leave none on disk. `accessed` is a day, without a time of day.
    """
    if of_tor_browser(artifact.path):
        return
    states: SiteStates
    if artifact.entry.name.casefold().endswith(".bin"):
        states, place = hsts_bin(artifact.read(SMALL)), "slot"
    else:
        states, place = hsts(artifact.text(SMALL)), "line"
    if states.skipped:
        artifact.problem(f"{states.skipped} damaged entries")
    for state in states.sites:
        yield site(
            state.host,
            state.kind.casefold(),
            by_browser=by_maker(state.host, MAKERS),
            locator=f"{place} {state.position + 1}",
            times=(
                *stamp("accessed", state.last_accessed, Unit.DAYS_UNIX),
                *stamp("expires", state.expires, Unit.MS_UNIX),
            ),
        )


@extractor(
    name="web.firefox.sites",
    paths=profile_files(*sites.MOZILLA),
    yields=(WebSite,),
    holds_secret=True,
)
def site_databases(artifact: Artifact) -> Iterator[WebSite]:
    """List hosts with cookies, permissions, settings, icons, storage or logins.

    Cookies, logins and stored values are not read: they may open a session.
    """
    if of_tor_browser(artifact.path):
        return
    tables = sites.MOZILLA[artifact.entry.name.casefold()]
    with artifact.sqlite() as database:
        yield from site_findings(sites.read(database, tables), MAKERS)


@extractor(
    name="web.firefox.storage",
    paths=profile_files("storage/default/*/.metadata-v2"),
    yields=(WebSite,),
)
def storage(artifact: Artifact) -> Iterator[WebSite]:
    """Name the site that a storage folder belongs to, from the folder's name.

    The file begins with the time of last use, microseconds since 1970, big endian.
    """
    folder = artifact.path.rsplit("/", 2)[-2]
    found = _ORIGIN.fullmatch(folder)
    if found is None or of_tor_browser(artifact.path):
        return
    head = artifact.head(8)
    accessed = struct.unpack(">q", head)[0] if len(head) == 8 else None  # noqa: PLR2004 - i64
    yield site(
        found[2],
        "storage",
        by_browser=by_maker(found[2], MAKERS),
        locator=folder,
        times=stamp("accessed", accessed, Unit.US_UNIX),
    )


@extractor(
    name="web.firefox.logins",
    paths=profile_files("logins.json", "logins-backup.json"),
    yields=(WebSite,),
    holds_secret=True,
)
def logins(artifact: Artifact) -> Iterator[WebSite]:
    """List hosts for which a login was saved; the logins are not read."""
    if of_tor_browser(artifact.path):
        return
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
        times: tuple[Time, ...] = tuple(
            time
            for key, event in (("timeCreated", "created"), ("timeLastUsed", "used"))
            if isinstance(raw := row.get(key), int)
            for time in stamp(event, raw, Unit.MS_UNIX)
        )
        yield site(host, "login", locator=f"login {number}", times=times)
