# ruff: noqa: S608 - statements are built from literals of this file
from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from triage.errors import LimitError, ParseError
from triage.formats.places import backup_bookmarks, bookmarks, downloads, unit_of, visits
from triage.formats.sqlite import Database, open_database

if TYPE_CHECKING:
    from collections.abc import Iterator

T = 1708503300000000  # microseconds
BOOKMARKS = """
CREATE TABLE moz_bookmarks(id INTEGER PRIMARY KEY, type INTEGER, fk INTEGER, parent INTEGER,
    title LONGVARCHAR, dateAdded INTEGER, lastModified INTEGER, guid TEXT);
"""
HISTORY = """
CREATE TABLE moz_places(id INTEGER PRIMARY KEY, url LONGVARCHAR, title LONGVARCHAR,
    visit_count INTEGER, last_visit_date INTEGER);
CREATE TABLE moz_historyvisits(id INTEGER PRIMARY KEY, from_visit INTEGER, place_id INTEGER,
    visit_date INTEGER, visit_type INTEGER, session INTEGER);
"""
ANNOTATIONS = """
CREATE TABLE moz_anno_attributes(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE moz_annos(id INTEGER PRIMARY KEY, place_id INTEGER, anno_attribute_id INTEGER,
    content LONGVARCHAR, dateAdded INTEGER);
"""
MAIN = f"""
INSERT INTO moz_places VALUES
    (1, 'http://a.example/', 'A', 1, NULL),
    (2, 'http://b.onion/', NULL, 0, NULL);
INSERT INTO moz_historyvisits VALUES (1, 0, 1, {T}, 2, 0), (2, 1, 99, 'text', 77, 0);
INSERT INTO moz_bookmarks VALUES
    (1, 2, NULL, 0, '', 0, 0, 'root________'),
    (2, 2, NULL, 1, 'menu', 0, 0, 'menu________'),
    (3, 2, NULL, 1, 'toolbar', 0, 0, 'toolbar_____'),
    (4, 2, NULL, 3, 'News', 0, 0, 'g4'),
    (5, 1, 2, 4, 'Bee', {T}, {T + 1}, 'g5'),
    (6, 1, 1, 4, 'gone', 5, 5, 'g6'),
    (7, 2, NULL, 8, 'loop', 0, 0, 'g7'),
    (8, 2, NULL, 7, 'loop', 0, 0, 'g8'),
    (9, 1, 1, 7, x'00', 'x', NULL, NULL);
INSERT INTO moz_anno_attributes VALUES
    (1, 'downloads/destinationFileURI'), (2, 'downloads/metaData'), (3, 'other');
INSERT INTO moz_annos VALUES
    (1, 1, 1, 'file:///C:/Users/a/x.zip', {T}),
    (2, 1, 2, '{{"state":1,"endTime":1708503301000,"fileSize":99}}', 0),
    (3, 1, 3, 'z', 0),
    (4, 2, 1, 'file:///home/a/y', {T}),
    (5, 2, 2, 'no json', 0);
"""
LOG = """
INSERT INTO moz_historyvisits VALUES (3, 1, 1, 1708503300000, 1, 0);
UPDATE moz_places SET visit_count = 2, title = 'A new' WHERE id = 1;
DELETE FROM moz_bookmarks WHERE id = 6;
UPDATE moz_bookmarks SET title = 'Newer' WHERE id = 4;
UPDATE moz_bookmarks SET title = 'Bee 2' WHERE id = 5;
"""


class Bytes:
    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        return len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "places.sqlite"
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute(BOOKMARKS + HISTORY + ANNOTATIONS + MAIN).fetchall()
    connection.execute("PRAGMA wal_checkpoint").fetchall()
    connection.execute(LOG).fetchall()
    main, wal = path.read_bytes(), path.with_name("places.sqlite-wal").read_bytes()
    with open_database(Bytes(main), wal=Bytes(wal)) as database:
        yield database
    connection.close()


def test_visits(places: Database) -> None:
    found = [
        (v.id, v.url, v.title, v.visit_count, v.when, v.type, v.from_visit, v.state)
        for v in visits(places)
    ]
    assert found == [
        (1, "http://a.example/", "A new", 2, T, "typed", None, "live"),
        (2, None, None, None, None, "77", 1, "live"),
        (3, "http://a.example/", "A new", 2, 1708503300000, "link", 1, "wal"),
    ]


def test_bookmarks(places: Database) -> None:
    found = [(b.id, b.url, b.title, b.folder, b.added, b.guid, b.state) for b in bookmarks(places)]
    assert found == [
        (5, "http://b.onion/", "Bee 2", "toolbar/Newer", T, "g5", "wal"),
        (5, "http://b.onion/", "Bee", "toolbar/Newer", T, "g5", "superseded"),
        (6, "http://a.example/", "gone", "toolbar/Newer", 5, "g6", "superseded"),
        (9, "http://a.example/", None, "loop/loop", None, None, "live"),
    ]


def test_downloads(places: Database) -> None:
    found = [
        (d.place, d.url, d.target, d.added, d.ended, d.length, d.outcome) for d in downloads(places)
    ]
    assert found == [
        (1, "http://a.example/", "file:///C:/Users/a/x.zip", T, 1708503301000, 99, 1),
        (2, "http://b.onion/", "file:///home/a/y", T, None, None, None),
    ]


def test_schemas_without_annotations_or_guids() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(HISTORY + BOOKMARKS.replace(", guid TEXT", "")).fetchall()
    connection.execute("INSERT INTO moz_bookmarks VALUES (1, 1, 1, 0, 't', 1, 1)").fetchall()
    with open_database(Bytes(connection.serialize("main"))) as database:
        assert list(downloads(database)) == []
        assert [(b.title, b.guid, b.folder) for b in bookmarks(database)] == [("t", None, "")]
    connection.close()


def test_another_database_is_our_error() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(a)").fetchall()
    with open_database(Bytes(connection.serialize("main"))) as database:
        for read in (visits, bookmarks):
            with pytest.raises(ParseError):
                list(read(database))
    connection.close()


@pytest.mark.parametrize(
    ("raw", "unit"), [(T, "us_unix"), (T // 1000, "ms_unix"), (0, "ms_unix"), (-T, "us_unix")]
)
def test_the_unit_shows_in_the_magnitude(raw: int, unit: str) -> None:
    assert unit_of(raw) == unit


def folder(title: str, *children: Any) -> dict[str, Any]:
    return {"title": title, "guid": f"{title:_<12}", "typeCode": 2, "children": list(children)}


def test_backups() -> None:
    mark = {"title": "Bee", "uri": "http://b.onion/", "guid": "g", "dateAdded": T, "typeCode": 1}
    odd = {"uri": "http://c/", "title": 5, "dateAdded": "x", "lastModified": True}
    backup = folder(
        "", folder("menu", mark), folder("toolbar", folder("News", odd)), "junk", {"uri": 7}
    )
    found = [
        (b.url, b.title, b.folder, b.added, b.modified, b.state) for b in backup_bookmarks(backup)
    ]
    assert found == [
        ("http://b.onion/", "Bee", "menu", T, None, None),
        ("http://c/", None, "toolbar/News", None, None, None),
    ]


@pytest.mark.parametrize("backup", [None, [], "x", {}, {"children": 5}])
def test_what_is_not_a_backup(backup: Any) -> None:
    with pytest.raises(ParseError):
        list(backup_bookmarks(backup))


def test_backups_are_bounded() -> None:
    deep = folder("x")
    for _ in range(100):
        deep = folder("x", deep)
    with pytest.raises(LimitError):
        list(backup_bookmarks(deep))
    with pytest.raises(LimitError):
        list(backup_bookmarks(folder("", *[1] * 200_001)))
    with pytest.raises(LimitError):
        list(backup_bookmarks(folder("", folder("t" * 10_001))))


def test_real_firefox_history() -> None:
    samples = os.environ.get("TRIAGE_SAMPLES")
    if samples is None:
        pytest.skip("TRIAGE_SAMPLES is not set")
    data = (Path(samples) / "firefox/places.sqlite").read_bytes()
    with open_database(Bytes(data)) as database:
        pages = list(visits(database))
        assert [page.url for page in pages] == ["http://news.google.com/"]
        assert pages[0].when is not None
        assert unit_of(pages[0].when) == "us_unix"
        assert any(mark.folder.startswith("Bookmarks Menu") for mark in bookmarks(database))
