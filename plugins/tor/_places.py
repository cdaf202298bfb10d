"""Turn rows of places.sqlite and of bookmark backups into findings, for any Mozilla browser."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    RowState,
    Shows,
    Time,
    Unit,
    WebBookmark,
    WebDownload,
    WebVisit,
)
from triage.formats import places
from triage.formats.json import Json
from triage.formats.onion import check as onion_check
from triage.formats.sqlite import Database
from triage.formats.stamps import stamp

_MAKERS = ("mozilla.org", "mozilla.com", "mozilla.net", "torproject.org", "securedrop.org")
_BATCH = 60 * 10**6  # microseconds around the making of the root folders


def host_of(url: str) -> str | None:
    """Return the host of an address in lower case, None when there is none."""
    try:
        return urlsplit(url).hostname or None
    except ValueError:
        return None


def by_maker(host: str | None) -> bool:
    """Whether a host belongs to Mozilla, the Tor Project or what they ship."""
    return host is not None and any(
        host == maker or host.endswith(f".{maker}") for maker in _MAKERS
    )


def onion_checks(host: str | None) -> tuple[str, ...]:
    """Return the checks that an onion host passes, none for other hosts."""
    found = onion_check(host) if host and host.endswith(".onion") else None
    return found.checks if found else ()


def raw_stamp(event: str, raw: int | None) -> tuple[Time, ...]:
    """Return a time of Places: microseconds on the desktop, milliseconds on Android."""
    return stamp(event, raw, Unit(places.unit_of(raw))) if raw else ()


def database_findings(
    artifact: Artifact, database: Database
) -> Iterator[WebBookmark | WebVisit | WebDownload]:
    """Yield bookmarks, visits and downloads with their row states.

    Raises ParseError when the schema is not that of Places.
    """
    if not database.has({"moz_places": {"id", "url"}, "moz_bookmarks": {"fk", "parent"}}):
        raise ParseError("not a places database")
    root = next(
        (row["dateAdded"] for row in database.select(_ROOT_QUERY)),
        None,
    )
    made = root if isinstance(root, int) else None
    for bookmark in places.bookmarks(database):
        finding = _bookmark(bookmark, made)
        if finding is None:
            artifact.problem("a bookmark without an address", locator=f"id {bookmark.id}")
        else:
            yield finding
    if "visit_count" in database.columns("moz_places"):
        yield from _visits(artifact, database)
    elif next(database.select("SELECT id FROM moz_historyvisits LIMIT 1"), None):
        artifact.problem("visits in a schema that is not read")
    yield from _downloads(database)
    for text in database.problems:
        artifact.problem(text)


_ROOT_QUERY = "SELECT dateAdded FROM moz_bookmarks WHERE type = 2 ORDER BY id LIMIT 1"


def backup_findings(artifact: Artifact, backup: Json) -> Iterator[WebBookmark]:
    """Yield the bookmarks of a parsed backup. Raises ParseError when it is none."""
    root = backup.get("dateAdded") if isinstance(backup, dict) else None
    made = root if isinstance(root, int) else None
    for number, bookmark in enumerate(places.backup_bookmarks(backup), 1):
        finding = _bookmark(bookmark, made, locator=f"bookmark {number}")
        if finding is None:
            artifact.problem("a bookmark without an address", locator=f"bookmark {number}")
        else:
            yield finding


def _bookmark(
    bookmark: places.Bookmark, made: int | None, locator: str | None = None
) -> WebBookmark | None:
    if not bookmark.url:
        return None
    host = host_of(bookmark.url)
    near = made is None or bookmark.added is None or abs(bookmark.added - made) <= _BATCH
    shipped = bookmark.url.startswith("place:") or (by_maker(host) and near)
    return WebBookmark(
        url=bookmark.url,
        page_title=bookmark.title or None,
        folder=bookmark.folder or None,
        shipped=shipped,
        shows=Shows.PRESENT if shipped else Shows.DESTINATION,
        confidence=Confidence.PROBABLE,
        checks=onion_checks(host),
        locator=locator or f"moz_bookmarks id {bookmark.id}",
        row=RowState(bookmark.state.value) if bookmark.state else None,
        times=(
            *raw_stamp("added", bookmark.added),
            *(
                raw_stamp("modified", bookmark.modified)
                if bookmark.modified != bookmark.added
                else ()
            ),
        ),
    )


def _visits(artifact: Artifact, database: Database) -> Iterator[WebVisit]:
    for visit in places.visits(database):
        if not visit.url:
            artifact.problem("a visit without an address", locator=f"id {visit.id}")
            continue
        yield WebVisit(
            url=visit.url,
            page_title=visit.title or None,
            visited_raw=None if visit.when is None else str(visit.when),
            visit_type=visit.type,
            visit_count=visit.visit_count,
            shows=Shows.DESTINATION,
            confidence=Confidence.PROBABLE,
            checks=onion_checks(host_of(visit.url)),
            locator=f"moz_historyvisits id {visit.id}",
            row=RowState(visit.state.value),
            times=raw_stamp("visited", visit.when),
        )


def _downloads(database: Database) -> Iterator[WebDownload]:
    for download in places.downloads(database):
        yield WebDownload(
            url=download.url,
            target=_path(download.target),
            length=download.length,
            shows=Shows.DESTINATION,
            confidence=Confidence.PROBABLE,
            checks=onion_checks(host_of(download.url or "")),
            locator=f"moz_places id {download.place}",
            row=RowState(download.state.value),
            times=(*raw_stamp("started", download.added), *raw_stamp("ended", download.ended)),
        )


def _path(uri: str) -> str:
    """Return the path that a `file:` address names on that machine; others stay as they are."""
    if not uri.startswith("file://"):
        return uri
    path = unquote(uri.removeprefix("file://"), errors="surrogateescape")
    return path[1:] if path[2:3] == ":" else path
