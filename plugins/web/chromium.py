"""Chromium and its relatives: profiles, history, bookmarks, downloads, typed text, sites.

Written from Chromium's sources for versions 30 to 156 of Chrome, Chromium, Edge, Brave, Opera,
Vivaldi and Yandex Browser, and from brave-core; tested with profiles of Chromium 156 on Linux and
with files made by us. Listed addresses come first, the rest of a history follows, one finding a
visit. Of Brave's Tor windows the disk keeps settings, the tor client that was downloaded, and its
data directory, which the extractors of tor read; no history.
Not read: passwords and cookie values, cards and addresses, `Sessions_Encrypted` (2026), caches,
the storage of pages, history before 2013, Internet Explorer and Edge before 2020.
References: https://source.chromium.org/chromium/, https://github.com/brave/brave-core.
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    EvidenceError,
    Finding,
    IndicatorI2p,
    IndicatorOnion,
    ParseError,
    Shows,
    SqliteSchema,
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
from triage.formats import chromium as databases
from triage.formats import json, sites, snss
from triage.formats.chromium_profile import at, bookmarks, checksum_holds, number
from triage.formats.darknet_names import DarknetNames
from triage.formats.sites import host_in
from triage.formats.stamps import stamp

from ._addresses import judge
from ._chromium_paths import profile_files
from ._chromium_profile import SMALL, anchor, profile
from ._history import history_findings, inputs
from ._sites import site, site_findings
from ._tabs import tab

_MAKERS = ("google.com", "gstatic.com", "microsoft.com", "brave.com", "vivaldi.com", "opera.com")
_MAX_HOSTS = 50_000
_SESSION_LIMIT = 64 << 20


@extractor(
    name="web.chromium.profile",
    paths=profile_files("Preferences", "History", "Bookmarks"),
    yields=(WebBrowser,),
)
def browser(artifact: Artifact) -> Iterator[WebBrowser]:
    """Describe a profile: browser, version, account, settings, extensions, when it ran.

    One finding a profile folder, from the first of the three files that is there.
    """
    if anchor(artifact) == artifact.entry.name.casefold():
        found = profile(artifact)
        if found is not None:
            yield found


@extractor(
    name="web.chromium.history",
    paths=profile_files("History"),
    content=(
        SqliteSchema(
            {
                "urls": {"url", "visit_count", "last_visit_time"},
                "visits": {"visit_time", "from_visit"},
            }
        ),
    ),
    yields=(WebVisit, WebDownload, WebInput, IndicatorOnion, IndicatorI2p),
)
def history(artifact: Artifact) -> Iterator[Finding]:
    """Read visits, downloads and searches, with what stands only in the log."""
    with artifact.sqlite() as database:
        yield from history_findings(artifact, database, _engines(artifact))


def _engines(artifact: Artifact) -> dict[int, str]:
    """Return the names of search engines, which stand in a file beside."""
    beside = artifact.sibling("Web Data")
    if beside is None:
        return {}
    try:
        with beside.sqlite() as database:
            return databases.engines(database)
    except (ParseError, EvidenceError) as error:
        artifact.problem(str(error), locator=beside.path)
        return {}


@extractor(
    name="web.chromium.bookmarks",
    # `Bookmarks.bak` is the file before the last start; AccountBookmarks since 2024
    paths=profile_files("{,Account}Bookmarks", "{,Account}Bookmarks.bak"),
    yields=(WebBookmark, IndicatorOnion, IndicatorI2p),
)
def bookmark_file(artifact: Artifact) -> Iterator[Finding]:
    """Read bookmarks; the file's own checksum tells whether another program changed them."""
    value = json.parse(artifact.read(SMALL), limit=SMALL)
    found = list(bookmarks(value))
    holds = checksum_holds(value)
    if holds is False:
        artifact.problem("the bookmarks do not fit their checksum")
    onions = DarknetNames()
    for bookmark in found:
        onions.add("bookmark", bookmark.url, bookmark.title)
    yield from onions.findings()
    for bookmark in found:
        known = judge(bookmark.url)
        yield WebBookmark(
            url=bookmark.url,
            page_title=bookmark.title,
            folder=bookmark.folder or None,
            category=known.category,
            indicator=known.indicator,
            shows=known.shows(Shows.PRESENT),
            confidence=Confidence.CONFIRMED if holds else Confidence.PROBABLE,
            checks=(*known.checks, *(("md5",) if holds else ())),
            locator=f"bookmark {bookmark.position}",
            times=(
                *stamp("added", bookmark.added, Unit.WEBKIT),
                *stamp("used", bookmark.used, Unit.WEBKIT),
            ),
        )


@extractor(
    name="web.chromium.typed",
    # `Shortcuts`: what was chosen; `Network Action Predictor`: what was typed on the way there
    paths=profile_files("Shortcuts", "Network Action Predictor"),
    yields=(WebInput,),
)
def shortcuts(artifact: Artifact) -> Iterator[WebInput]:
    """Read what was typed into the address bar and which address was then chosen."""
    chosen = artifact.entry.name.casefold() == "shortcuts"
    with artifact.sqlite() as database:
        rows = databases.shortcuts(database) if chosen else databases.predictions(database)
        yield from inputs(rows, {})


@extractor(
    name="web.chromium.sessions",
    paths=profile_files(
        # since 2021; the copy of 2026 in `Sessions_Encrypted` cannot be read
        "Sessions/{Session,Tabs}_*",
        # before
        "{Current,Last} {Session,Tabs}",
    ),
    yields=(WebTab, IndicatorOnion, IndicatorI2p),
)
def sessions(artifact: Artifact) -> Iterator[Finding]:
    """Read saved sessions: pages of open and closed tabs, with the time each was visited.

    Private windows are never saved. What stood in forms is not read.
    """
    data = artifact.read(_SESSION_LIMIT)
    found = snss.pages(data, closed="tabs" in artifact.entry.name.casefold())
    if found.damaged:
        artifact.problem(f"{found.damaged} damaged commands")
    onions = DarknetNames()
    for page in found.pages:
        onions.add("tab", page.url, page.title, page.referrer)
    yield from onions.findings()
    for page in found.pages:
        yield tab(
            url=page.url,
            title=page.title,
            place=f"tab {page.tab}, entry {page.entry + 1}",
            current=page.current,
            closed=page.closed,
            referrer=page.referrer,
            times=(
                *stamp("visited", page.visited, Unit.WEBKIT),
                *stamp("closed", page.closed_at, Unit.WEBKIT),
            ),
        )


@extractor(
    name="web.chromium.forms",
    paths=profile_files("Web Data"),
    yields=(WebInput,),
    holds_secret=True,
)
def forms(artifact: Artifact) -> Iterator[WebInput]:
    """Read what was entered into forms; what looks secret is withheld.

    Cards, addresses and tokens in the same file are not read.
    """
    with artifact.sqlite() as database:
        yield from inputs(databases.form_entries(database), {})


@extractor(
    name="web.chromium.sites",
    paths=profile_files(
        # Cookies moved to `Network` in 2021 on Windows, later elsewhere
        "Cookies",
        "Network/Cookies",
        "Login Data",
        "Login Data For Account",
        "Favicons",
        "Top Sites",
        "DIPS",
    ),
    yields=(WebSite,),
    holds_secret=True,
)
def site_databases(artifact: Artifact) -> Iterator[WebSite]:
    """List hosts with cookies, logins, icons or interaction.

    Cookies, names and passwords are not read: they may open a session.
    """
    tables = sites.CHROMIUM[artifact.entry.name.casefold()]
    with artifact.sqlite() as database:
        yield from site_findings(sites.read(database, tables), _MAKERS)


@extractor(
    name="web.chromium.site-settings",
    paths=profile_files("Preferences"),
    yields=(WebSite,),
)
def site_settings(artifact: Artifact) -> Iterator[WebSite]:
    """List hosts with permissions or other settings of their own in the preferences."""
    value = json.parse(artifact.read(SMALL), limit=SMALL)
    exceptions = at(value, "profile", "content_settings", "exceptions")
    found: dict[str, tuple[set[str], int]] = {}
    for kind, entries in sorted(exceptions.items()) if isinstance(exceptions, dict) else ():
        for pattern, entry in entries.items() if isinstance(entries, dict) else ():
            host = host_in(pattern.removeprefix("[*.]"))
            if not host or "*" in host or (host not in found and len(found) >= _MAX_HOSTS):
                continue
            kinds, changed = found.get(host, (set(), 0))
            kinds.add(kind)
            found[host] = kinds, max(changed, number(at(entry, "last_modified")) or 0)
    for host, (kinds, changed) in sorted(found.items()):
        yield site(
            host,
            "setting",
            detail=", ".join(sorted(kinds)),
            times=stamp("modified", changed, Unit.WEBKIT),
        )
