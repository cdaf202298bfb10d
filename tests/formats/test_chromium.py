# ruff: noqa: S608 - statements are built from literals of this file
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import pytest

from triage.errors import LimitError, ParseError
from triage.formats import chromium
from triage.formats.chromium import (
    downloads,
    engines,
    form_entries,
    searches,
    shortcuts,
    time_unit,
    transition,
    visits,
)
from triage.formats.sqlite import Database, RowState, open_database

T = 13_440_075_615_844_130  # 2026-11-25T10:20:15.84413Z
URLS = """CREATE TABLE urls (id INTEGER PRIMARY KEY, url TEXT, title TEXT, visit_count INTEGER,
    last_visit_time INTEGER);"""
VISITS = """CREATE TABLE visits (id INTEGER PRIMARY KEY, url INTEGER, visit_time INTEGER,
    from_visit INTEGER, transition INTEGER, originator_cache_guid TEXT);
    CREATE TABLE visit_source (id INTEGER PRIMARY KEY, source INTEGER);"""
OLD_VISITS = """CREATE TABLE visits (id INTEGER PRIMARY KEY, url INTEGER, visit_time INTEGER,
    from_visit INTEGER, transition INTEGER);"""
DOWNLOADS = """CREATE TABLE downloads (id INTEGER PRIMARY KEY, target_path TEXT, start_time INTEGER,
    received_bytes INTEGER, state INTEGER, end_time INTEGER, opened INTEGER, referrer TEXT,
    tab_url TEXT);
    CREATE TABLE downloads_url_chains (id INTEGER, chain_index INTEGER, url TEXT);"""
SEARCHES = """CREATE TABLE keyword_search_terms (keyword_id INTEGER, url_id INTEGER, term TEXT,
    normalized_term TEXT);"""
Rows = Sequence[tuple[str, tuple[object, ...]]]


class Memory:
    def __init__(self, data: bytes) -> None:
        self.data = data

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def opened(schema: str, rows: Rows = ()) -> Database:
    connection: Any = apsw.Connection(":memory:")
    connection.execute(schema)
    for table, values in rows:
        connection.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(values))})", values)
    return open_database(Memory(connection.serialize("main")))


def test_visits() -> None:
    rows: Rows = [
        ("urls", (1, "https://a.example/", "A", 2, T)),
        ("urls", (2, b"\xff", None, "many", T)),
        ("visits", (1, 1, T, 0, 0x38000001, "")),
        ("visits", (2, 1, T + 1, 1, -0x58000000, "")),
        ("visits", (3, 2, "late", 1, None, "other-device")),
        ("visits", (4, 99, T, 0, 2, None)),
        ("visit_source", (1, 3)),
        ("visit_source", (2, 1)),
        ("visit_source", (4, 0)),
    ]
    with opened(URLS + VISITS, rows) as database:
        found = list(visits(database))
    assert [(v.id, v.url, v.title, v.visit_count, v.when, v.type, v.origin) for v in found] == [
        (1, "https://a.example/", "A", 2, T, "typed", "imported"),
        (2, "https://a.example/", "A", 2, T + 1, "link, server redirect", None),
        (3, None, None, None, None, None, "synced"),
        (4, None, None, None, T, "bookmark", "synced"),
    ]
    assert all(visit.state is RowState.LIVE for visit in found)


def test_visits_of_an_old_version() -> None:
    with opened(URLS + OLD_VISITS, [("visits", (1, 1, T, 0, 8))]) as database:
        (visit,) = visits(database)
    assert (visit.type, visit.origin) == ("reload", None)


@pytest.mark.parametrize("schema", ["CREATE TABLE x (y);", URLS, URLS + "CREATE TABLE visits (z);"])
def test_not_a_history(schema: str) -> None:
    with opened(schema) as database, pytest.raises(ParseError):
        list(visits(database))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, None),
        (0, "link"),
        (939_524_097, "typed"),
        (402_653_185, "typed"),
        (-1_476_395_007, "typed, server redirect"),
        (0x4000_0007, "form-submit, client redirect"),
        (0x0100_0008, "reload, back or forward"),
        (0x55, "85"),
    ],
)
def test_transition(number: int | None, text: str | None) -> None:
    assert transition(number) == text


def test_downloads() -> None:
    rows: Rows = [
        ("downloads", (1, r"C:\x.zip", T, 99, 1, T + 5, 1, "https://r.example/", "")),
        ("downloads", (2, "/home/a/y", 1_400_000_000, None, 4, 0, 0, "", "https://t.example/")),
        ("downloads", (3, None, "x", "y", 77, "z", None, None, None)),
        ("downloads_url_chains", (1, 1, "https://b.example/x")),
        ("downloads_url_chains", (1, 0, "https://a.example/x")),
        ("downloads_url_chains", (2, "first", "https://c.example/")),
    ]
    with opened(DOWNLOADS, rows) as database:
        one, two, three = downloads(database)
    assert one.chain == ("https://a.example/x", "https://b.example/x")
    assert (one.outcome, one.opened, one.length, one.ended) == ("complete", True, 99, T + 5)
    assert one.referrer == "https://r.example/"
    assert (two.outcome, two.opened, two.length, two.ended) == ("interrupted", False, None, None)
    assert (two.chain, two.referrer) == ((), "https://t.example/")
    assert (three.target, three.started, three.outcome, three.opened) == ("", None, "77", None)


def test_downloads_of_other_versions() -> None:
    short = "CREATE TABLE downloads (id INTEGER PRIMARY KEY, target_path TEXT, start_time INTEGER);"
    with opened(short, [("downloads", (1, "/x", 1_400_000_000))]) as database:
        (download,) = downloads(database)
    assert (download.outcome, download.referrer, download.chain) == (None, None, ())
    with opened("CREATE TABLE downloads (id, full_path, url);") as database:
        assert list(downloads(database)) == []


def test_too_many_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium, "URL_LIMIT", 2)
    links: Rows = [("downloads_url_chains", (1, index, "x")) for index in range(3)]
    with opened(DOWNLOADS, links) as database, pytest.raises(LimitError):
        list(downloads(database))


@pytest.mark.parametrize(("raw", "unit"), [(1_400_000_000, "s_unix"), (T, "webkit"), (0, "s_unix")])
def test_time_unit(raw: int, unit: str) -> None:
    assert time_unit(raw) == unit


def test_searches() -> None:
    rows: Rows = [
        ("urls", (1, "https://s.example/?q=ink", "ink", 1, T)),
        ("keyword_search_terms", (4, 1, "Ink", "ink")),
        ("keyword_search_terms", ("x", 9, "toner", "toner")),
        ("keyword_search_terms", (4, 1, None, None)),
    ]
    with opened(URLS + SEARCHES, rows) as database:
        one, two = searches(database)
    assert (one.field, one.text, one.engine, one.used) == ("search", "Ink", 4, T)
    assert one.url == "https://s.example/?q=ink"
    assert (two.text, two.engine, two.url, two.used) == ("toner", None, None, None)
    assert one.locator == "keyword_search_terms row 1"
    with opened(URLS) as database:
        assert list(searches(database)) == []


def test_shortcuts() -> None:
    schema = """CREATE TABLE omni_box_shortcuts (id TEXT PRIMARY KEY, text TEXT, url TEXT,
        last_access_time INTEGER, number_of_hits INTEGER);"""
    rows: Rows = [
        ("omni_box_shortcuts", ("a", "tor", "https://t.example/", T, 3)),
        ("omni_box_shortcuts", ("b", None, None, None, None)),
    ]
    with opened(schema, rows) as database:
        (typed,) = shortcuts(database)
    assert (typed.field, typed.text, typed.count, typed.used) == ("address-bar", "tor", 3, T)
    with opened(URLS) as database, pytest.raises(ParseError):
        list(shortcuts(database))


@pytest.mark.parametrize(
    "schema",
    [
        """CREATE TABLE autofill (name TEXT, value TEXT, value_lower TEXT, date_created INTEGER,
        date_last_used INTEGER, count INTEGER, PRIMARY KEY (name, value));""",
        """CREATE TABLE autocomplete (name TEXT, label TEXT, value TEXT, date_created INTEGER,
        date_last_used INTEGER, count INTEGER, PRIMARY KEY (name, label, value));""",
    ],
)
def test_form_entries(schema: str) -> None:
    table = schema.split()[2]
    with opened(schema, [(table, ("nick", "alicia", "alicia", 1_714_979_289, 0, 2))]) as database:
        (typed,) = form_entries(database)
    assert typed.field == "nick"
    assert typed.unit == "s_unix"
    assert (typed.text, typed.created, typed.used, typed.count) == (
        "alicia",
        1_714_979_289,
        None,
        2,
    )
    with opened(URLS) as database, pytest.raises(ParseError):
        list(form_entries(database))


def test_engines() -> None:
    schema = "CREATE TABLE keywords (id INTEGER PRIMARY KEY, short_name TEXT, keyword TEXT);"
    rows: Rows = [
        ("keywords", (1, "Bing", "bing.com")),
        ("keywords", (2, "", "x.example")),
        ("keywords", (3, None, None)),
    ]
    with opened(schema, rows) as database:
        assert engines(database) == {1: "Bing", 2: "x.example"}
    with opened(URLS) as database:
        assert engines(database) == {}
