"""Turn rows of places.sqlite and of bookmark backups into findings, telling ones first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from urllib.parse import unquote

from triage.api import (
    Artifact,
    Confidence,
    Finding,
    ParseError,
    RowState,
    Shows,
    Time,
    WebBookmark,
    WebDownload,
    WebInput,
    WebVisit,
)
from triage.formats import places
from triage.formats.darknet_names import DarknetNames
from triage.formats.json import Json
from triage.formats.sqlite import Database
from triage.formats.sqlite import RowState as Stored
from triage.formats.stamps import stamp

from ._addresses import UNKNOWN, Judgement, host_of, judge, judge_download
from ._sites import by_maker
from ._typed import Searches, typed

_BATCH_US = 60 * 10**6  # microseconds around the making of the root folders
_ROOT_QUERY = "SELECT dateAdded FROM moz_bookmarks WHERE type = 2 ORDER BY id LIMIT 1"
_OUTCOMES = {
    1: "complete",
    2: "failed",
    3: "cancelled",
    4: "paused",
    6: "blocked by parental controls",
    8: "blocked as malware",
    9: "blocked by policy",
}


def database_findings(
    artifact: Artifact, database: Database, makers: tuple[str, ...]
) -> Iterator[Finding]:
    """Yield what the database holds: onion addresses, listed addresses, then the rest.

    Raises ParseError when the schema is not that of Places.
    """
    if not database.has({"moz_places": {"id", "url"}, "moz_bookmarks": {"fk", "parent"}}):
        raise ParseError("not a places database")
    root = next((row["dateAdded"] for row in database.select(_ROOT_QUERY)), None)
    made = root if isinstance(root, int) else None
    onions = DarknetNames()
    searches: Searches | None = None
    plain: set[tuple[int, Stored]] = set()
    visits = _visits_are_readable(artifact, database)
    telling: list[Finding] = []
    for visit in places.visits(database) if visits else ():
        if not visit.url:
            artifact.problem("a visit without an address", locator=f"id {visit.id}")
            continue
        searches = searches or Searches(places.unit_of(visit.when or 0))
        searches.add(visit.url, visit.when)
        onions.add("visit", visit.url, visit.title)
        known = judge(visit.url)
        if known.telling:
            telling.append(_visit(visit, known))
        else:
            plain.add((visit.id, visit.state))
    bookmarks = list(_bookmarks(artifact, database, made, makers))
    for bookmark in bookmarks:
        onions.add("bookmark", bookmark.url, bookmark.page_title)
    downloads = list(_downloads(database))
    for download in downloads:
        onions.add("download", download.url)
    inputs = [*_inputs(database), *(searches.findings() if searches else ())]
    for text in inputs:
        onions.add("typed text", text.text, text.url)
    yield from onions.findings()
    rest = [*telling, *bookmarks, *downloads, *inputs]
    yield from (finding for finding in rest if finding.shows is Shows.DESTINATION)
    yield from (finding for finding in rest if finding.shows is not Shows.DESTINATION)
    # Read again instead of kept: a history may have a million visits.
    for visit in places.visits(database) if plain else ():
        if (visit.id, visit.state) in plain:
            yield _visit(visit, UNKNOWN)


def _visits_are_readable(artifact: Artifact, database: Database) -> bool:
    if "visit_count" in database.columns("moz_places"):
        return True
    if next(database.select("SELECT id FROM moz_historyvisits LIMIT 1"), None):
        artifact.problem("visits in a schema that is not read")
    return False


def backup_findings(artifact: Artifact, backup: Json, makers: tuple[str, ...]) -> Iterator[Finding]:
    """Yield the bookmarks of a parsed backup. Raises ParseError when it is none."""
    root = backup.get("dateAdded") if isinstance(backup, dict) else None
    made = root if isinstance(root, int) else None
    onions = DarknetNames()
    found = []
    for number, bookmark in enumerate(places.backup_bookmarks(backup), 1):
        finding = _bookmark(bookmark, made, makers, locator=f"bookmark {number}")
        if finding is None:
            artifact.problem("a bookmark without an address", locator=f"bookmark {number}")
            continue
        onions.add("bookmark", finding.url, finding.page_title)
        found.append(finding)
    yield from chain(onions.findings(), found)


def _visit(visit: places.Visit, known: Judgement) -> WebVisit:
    return WebVisit(
        url=visit.url or "",
        page_title=visit.title or None,
        visited_raw=None if visit.when is None else str(visit.when),
        visit_type=visit.type,
        visit_count=visit.visit_count,
        category=known.category,
        indicator=known.indicator,
        shows=known.shows(Shows.USED),
        confidence=Confidence.PROBABLE,
        checks=known.checks,
        locator=f"moz_historyvisits id {visit.id}",
        row=RowState(visit.state.value),
        times=_times("visited", visit.when),
    )


def _times(event: str, raw: int | None) -> tuple[Time, ...]:
    """Return a time of Places: microseconds on the desktop, milliseconds on Android."""
    return stamp(event, raw, places.unit_of(raw)) if raw else ()


def _bookmarks(
    artifact: Artifact, database: Database, made: int | None, makers: tuple[str, ...]
) -> Iterator[WebBookmark]:
    for bookmark in places.bookmarks(database):
        finding = _bookmark(bookmark, made, makers)
        if finding is None:
            artifact.problem("a bookmark without an address", locator=f"id {bookmark.id}")
        else:
            yield finding


def _bookmark(
    bookmark: places.Bookmark,
    made: int | None,
    makers: tuple[str, ...],
    locator: str | None = None,
) -> WebBookmark | None:
    if not bookmark.url:
        return None
    known = judge(bookmark.url)
    batch = _BATCH_US if places.unit_of(made or 0) == "us_unix" else _BATCH_US // 1000
    near = made is None or bookmark.added is None or abs(bookmark.added - made) <= batch
    shipped = bookmark.url.startswith("place:") or (
        by_maker(host_of(bookmark.url), makers) and near
    )
    changed = bookmark.modified if bookmark.modified != bookmark.added else None
    return WebBookmark(
        url=bookmark.url,
        page_title=bookmark.title or None,
        folder=bookmark.folder or None,
        shipped=shipped,
        category=known.category,
        indicator=known.indicator,
        shows=Shows.PRESENT if shipped else known.shows(Shows.PRESENT),
        confidence=Confidence.PROBABLE,
        checks=known.checks,
        locator=locator or f"moz_bookmarks id {bookmark.id}",
        row=RowState(bookmark.state.value) if bookmark.state else None,
        times=(*_times("added", bookmark.added), *_times("modified", changed)),
    )


def _downloads(database: Database) -> Iterator[WebDownload]:
    for download in places.downloads(database):
        target = _path(download.target)
        known = judge_download((download.url,) if download.url else (), target)
        yield WebDownload(
            url=download.url,
            target=target,
            length=download.length,
            outcome=None
            if download.outcome is None
            else _OUTCOMES.get(download.outcome, str(download.outcome)),
            category=known.category,
            indicator=known.indicator,
            shows=known.shows(Shows.USED),
            confidence=Confidence.PROBABLE,
            checks=known.checks,
            locator=f"moz_places id {download.place}",
            row=RowState(download.state.value),
            times=(*_times("started", download.added), *_times("ended", download.ended)),
        )


def _inputs(database: Database) -> Iterator[WebInput]:
    """Yield what was typed into the address bar and the address chosen for it."""
    if not database.has({"moz_inputhistory": {"place_id", "input"}}):
        return
    found = database.compare(
        "SELECT i.rowid AS id, i.input AS input, p.url AS url FROM moz_inputhistory i"
        " LEFT JOIN moz_places p ON p.id = i.place_id",
        key="id",
    )
    for row in found:
        text, url = row.values["input"], row.values["url"]
        if isinstance(text, str) and text:
            yield typed(
                field="address-bar",
                text=text,
                url=url if isinstance(url, str) else None,
                row=row.state.value,
                locator=f"moz_inputhistory row {row.key!r}",
            )


def _path(uri: str) -> str:
    """Return the path that a `file:` address names on that machine; others stay as they are."""
    if not uri.startswith("file://"):
        return uri
    path = unquote(uri.removeprefix("file://"), errors="surrogateescape")
    return path[1:] if path[2:3] == ":" else path
