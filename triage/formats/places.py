"""Mozilla's places.sqlite and bookmark backups: visits, bookmarks, downloads.

Desktop browsers store microseconds since 1970, Android ones milliseconds; which it is shows in the
magnitude (`unit_of`). Values come as stored, and None where the type is not the expected one.

Schema: mozilla-central `toolkit/components/places/nsPlacesTables.h`, `Bookmarks.sys.mjs`,
application-services `components/places/sql/create_shared_schema.sql`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triage.errors import LimitError, ParseError
from triage.formats import json
from triage.formats.sqlite import Database, RowState, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from triage.formats.times import Unit

DEPTH_LIMIT = 64
ENTRY_LIMIT = 200_000
_PATH_LIMIT = 10_000  # characters of a folder path

# Below it a number of milliseconds is before the year 5138, above it one of microseconds is after
# March 1973.
_MICROSECONDS_FROM = 10**14
_VISIT_TYPES = {
    1: "link",
    2: "typed",
    3: "bookmark",
    4: "embed",
    5: "redirect-permanent",
    6: "redirect-temporary",
    7: "download",
    8: "framed-link",
    9: "reload",
}
_DESTINATION, _METADATA = "downloads/destinationFileURI", "downloads/metaData"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One row of moz_historyvisits; title and count are those of its page, as they are now."""

    id: int
    url: str | None
    title: str | None
    visit_count: int | None
    when: int | None
    type: str | None  # link, typed, bookmark …, or the number
    from_visit: int | None
    state: RowState


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """A bookmark; `folder` is the path of its folders, `toolbar/News`, without the root.

    Folders have their names of now, also for a row that the log replaced; those below `tags` are
    tags of the address. `id` and `state` are None in backups.
    """

    id: int | None
    guid: str | None
    url: str | None
    title: str | None
    folder: str
    added: int | None
    modified: int | None
    state: RowState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A download that the history remembers (moz_annos); times as in the row they come from."""

    place: int  # id in moz_places
    url: str | None
    target: str  # file URI on that machine
    added: int | None
    ended: int | None  # milliseconds
    length: int | None  # bytes
    outcome: int | None  # 1 finished, 2 failed, 3 cancelled, 4 paused, 6 blocked, 8 dirty
    state: RowState


def unit_of(raw: int) -> Unit:
    """Return whether a time is in microseconds (desktop) or milliseconds (Android)."""
    return "us_unix" if abs(raw) >= _MICROSECONDS_FROM else "ms_unix"


def visits(database: Database) -> Iterator[Visit]:
    """Yield all visits, by id, with their row states. Raises like `Database.select`."""
    pages: dict[Value, tuple[Value, Value]] = {}
    for row in database.rows("moz_places", ["title", "visit_count"]):
        if row.state != RowState.SUPERSEDED or row.key not in pages:
            pages[row.key] = (row.values["title"], row.values["visit_count"])
    found = database.compare(
        "SELECT v.id AS id, v.visit_date AS visit_date, v.visit_type AS visit_type,"
        " v.from_visit AS from_visit, v.place_id AS place_id, p.url AS url"
        " FROM moz_historyvisits v LEFT JOIN moz_places p ON p.id = v.place_id",
        key="id",
    )
    for row in found:
        title, count = pages.get(row.values["place_id"], (None, None))
        yield Visit(
            id=_integer(row.key) or 0,
            url=_text(row.values["url"]),
            title=_text(title),
            visit_count=_integer(count),
            when=_integer(row.values["visit_date"]),
            type=_visit_type(_integer(row.values["visit_type"])),
            from_visit=_integer(row.values["from_visit"]) or None,
            state=row.state,
        )


def bookmarks(database: Database) -> Iterator[Bookmark]:
    """Yield all bookmarks, by id, with their row states. Raises like `Database.select`."""
    folders: dict[Value, tuple[Value, str]] = {}
    for row in database.rows("moz_bookmarks", ["parent", "title"], where="type = 2"):
        if row.state != RowState.SUPERSEDED or row.key not in folders:
            folders[row.key] = (row.values["parent"], _text(row.values["title"]) or "")
    guid = "b.guid" if "guid" in database.columns("moz_bookmarks") else "NULL"
    found = database.compare(
        "SELECT b.id AS id, b.parent AS parent, b.title AS title,"  # noqa: S608 - literals
        " b.dateAdded AS added,"
        f" b.lastModified AS modified, {guid} AS guid, p.url AS url"
        " FROM moz_bookmarks b LEFT JOIN moz_places p ON p.id = b.fk WHERE b.type = 1",
        key="id",
    )
    for row in found:
        yield Bookmark(
            id=_integer(row.key),
            guid=_text(row.values["guid"]),
            url=_text(row.values["url"]),
            title=_text(row.values["title"]),
            folder=_folder_path(folders, row.values["parent"]),
            added=_integer(row.values["added"]),
            modified=_integer(row.values["modified"]),
            state=row.state,
        )


def downloads(database: Database) -> Iterator[Download]:
    """Yield the downloads of the history, by page; none where the schema has no annotations.

    Raises like `Database.select`.
    """
    if not database.has({"moz_annos": {"content"}, "moz_anno_attributes": {"name"}}):
        return
    found = database.compare(
        "SELECT a.id AS id, a.place_id AS place, n.name AS name, a.content AS content,"
        " a.dateAdded AS added, p.url AS url FROM moz_annos a"
        " JOIN moz_anno_attributes n ON n.id = a.anno_attribute_id"
        " LEFT JOIN moz_places p ON p.id = a.place_id WHERE n.name IN (?, ?)",
        (_DESTINATION, _METADATA),
        key="id",
    )
    # The two annotations of a page belong together, those that the log replaced among themselves.
    targets = []
    metadata: dict[tuple[Value, bool], Value] = {}
    for row in found:
        page = row.values["place"], row.state == RowState.SUPERSEDED
        if row.values["name"] == _METADATA:
            metadata[page] = row.values["content"]
        else:
            targets.append((page, row))
    for page, row in targets:
        details = _details(metadata.get(page, metadata.get((page[0], False))))
        yield Download(
            place=_integer(page[0]) or 0,
            url=_text(row.values["url"]),
            target=_text(row.values["content"]) or "",
            added=_integer(row.values["added"]),
            ended=_integer(details.get("endTime")),
            length=_integer(details.get("fileSize")),
            outcome=_integer(details.get("state")),
            state=row.state,
        )


def backup_bookmarks(backup: json.Json) -> Iterator[Bookmark]:
    """Yield the bookmarks of a parsed `bookmarks-….jsonlz4` (or `.json`), in its order.

    Raises ParseError when it is not a bookmark tree, LimitError when it is too deep or large.
    """
    if not isinstance(backup, dict) or not isinstance(backup.get("children"), list):
        raise ParseError("not a backup of bookmarks")
    waiting: list[tuple[json.Json, str, int]] = [(backup, "", 0)]
    count = 0
    while waiting:
        node, folder, depth = waiting.pop()
        count += 1
        if count > ENTRY_LIMIT or depth > DEPTH_LIMIT:
            raise LimitError(
                f"more than {ENTRY_LIMIT} bookmarks or {DEPTH_LIMIT} levels of folders"
            )
        if not isinstance(node, dict):
            continue
        title = _text(node.get("title"))
        children = node.get("children")
        if isinstance(children, list):
            below = folder if depth == 0 else _joined(folder, title or "")
            waiting.extend((child, below, depth + 1) for child in reversed(children))
        url = _text(node.get("uri"))
        if url is not None:
            yield Bookmark(
                id=None,
                guid=_text(node.get("guid")),
                url=url,
                title=title,
                folder=folder,
                added=_integer(node.get("dateAdded")),
                modified=_integer(node.get("lastModified")),
                state=None,
            )


def _folder_path(folders: Mapping[Value, tuple[Value, str]], folder: Value) -> str:
    """Follow parents up to the root, whose parent is no folder and whose title is not told."""
    titles: dict[Value, str] = {}
    while folder in folders and folder not in titles and len(titles) < DEPTH_LIMIT:
        parent, title = folders[folder]
        if parent in folders:
            titles[folder] = title
        folder = parent
    path = ""
    for title in reversed(titles.values()):
        path = _joined(path, title)
    return path


def _joined(path: str, title: str) -> str:
    joined = f"{path}/{title}" if path else title
    if len(joined) > _PATH_LIMIT:
        raise LimitError(f"a folder path of more than {_PATH_LIMIT} characters")
    return joined


def _details(content: Value) -> Mapping[str, json.Json]:
    try:
        value = json.parse(content) if isinstance(content, str) else None
    except ParseError:
        return {}
    return value if isinstance(value, dict) else {}


def _visit_type(number: int | None) -> str | None:
    return None if number is None else _VISIT_TYPES.get(number, str(number))


def _text(value: json.Json | Value) -> str | None:
    return value if isinstance(value, str) else None


def _integer(value: json.Json | Value) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
