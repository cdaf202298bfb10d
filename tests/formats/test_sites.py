# ruff: noqa: S608 - statements are built from literals of this file
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import pytest

from triage.errors import LimitError, ParseError
from triage.formats import sites
from triage.formats.sites import CHROMIUM, MOZILLA, Site, host_in, read
from triage.formats.sqlite import open_database

Rows = Sequence[tuple[str, tuple[object, ...]]]


class Memory:
    def __init__(self, data: bytes) -> None:
        self.data = data

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def found(tables: Any, schema: str, rows: Rows) -> list[Site]:
    connection: Any = apsw.Connection(":memory:")
    connection.execute(schema)
    for table, values in rows:
        connection.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(values))})", values)
    with open_database(Memory(connection.serialize("main"))) as database:
        return list(read(database, tables))


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("shop.example", "shop.example"),
        (".Shop.example", "shop.example"),
        ("https://shop.example:8080/x", "shop.example"),
        ("https://shop.example^partitionKey=%28https%2Cx%29", "shop.example"),
        ("https://[2001:db8::1]:443,*", "2001:db8::1"),
        ("shop.example,*", "shop.example"),
        ("moz-extension://5b2c", ""),
        ("chrome://settings/,*", ""),
        ("android://hash@com.example/", ""),
        ("file:///home/alice", ""),
        ("/home/alice", ""),
        ("http://[broken", ""),
        ("", ""),
    ],
)
def test_host_in(text: str, host: str) -> None:
    assert host_in(text) == host


def test_host_in_a_reversed_key() -> None:
    assert host_in("elpmaxe.pohs.:https:443", reverse=True) == "shop.example"


def test_rows_of_a_host_add_up() -> None:
    schema = "CREATE TABLE moz_cookies (id INTEGER PRIMARY KEY, host TEXT, creationTime INTEGER,"
    rows: Rows = [
        ("moz_cookies", (1, ".shop.example", 50, 60)),
        ("moz_cookies", (2, "shop.example", 40, 55)),
        ("moz_cookies", (3, "a.example", 0, "never")),
        ("moz_cookies", (4, None, 1, 1)),
    ]
    one, two = found(MOZILLA["cookies.sqlite"], f"{schema} lastAccessed INTEGER);", rows)
    assert (one.host, one.times) == ("a.example", {})
    assert (two.host, two.entries) == ("shop.example", 2)
    assert two.times == {"created": 40, "accessed": 60}


def test_details_are_bounded() -> None:
    schema = "CREATE TABLE icon_mapping (id INTEGER PRIMARY KEY, page_url TEXT);"
    rows: Rows = [("icon_mapping", (i, f"https://a.example/{i}")) for i in range(50)]
    (site,) = found(CHROMIUM["favicons"], schema, rows)
    assert site.entries == 50
    assert len(site.details) == 20


def test_logins_and_those_refused() -> None:
    schema = """CREATE TABLE logins (origin_url TEXT, date_created INTEGER, date_last_used INTEGER,
        blacklisted_by_user INTEGER, password_value BLOB);"""
    rows: Rows = [
        ("logins", ("https://forum.example/x", 5, 0, 0, b"secret")),
        ("logins", ("https://bank.example/", 6, 0, 1, b"")),
    ]
    one, two = found(CHROMIUM["login data"], schema, rows)
    assert (one.host, one.trace, one.times) == ("forum.example", "login", {"created": 5})
    assert (two.host, two.trace) == ("bank.example", "login-refused")


def test_a_table_of_later_versions_may_be_missing() -> None:
    schema = """CREATE TABLE moz_perms (id INTEGER PRIMARY KEY, origin TEXT, type TEXT,
        modificationTime INTEGER);"""
    row = ("moz_perms", (1, "https://shop.example", "geo", 7))
    (site,) = found(MOZILLA["permissions.sqlite"], schema, [row])
    assert (site.trace, site.details, site.times) == ("permission", {"geo"}, {"modified": 7})


def test_columns_of_either_name() -> None:
    schema = "CREATE TABLE bounces (site TEXT PRIMARY KEY, last_user_interaction_time INTEGER);"
    (site,) = found(CHROMIUM["dips"], schema, [("bounces", ("shop.example", 9))])
    assert site.times == {"interacted": 9}


def test_content_preferences() -> None:
    schema = """CREATE TABLE groups (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE settings (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE prefs (id INTEGER PRIMARY KEY, groupID INTEGER, settingID INTEGER,
          value BLOB, timestamp REAL);"""
    rows: Rows = [
        ("groups", (1, "shop.example")),
        ("settings", (2, "browser.content.full-zoom")),
        ("prefs", (3, 1, 2, 1.5, 1714979289.5)),
    ]
    (site,) = found(MOZILLA["content-prefs.sqlite"], schema, rows)
    assert site.details == {"browser.content.full-zoom"}
    assert site.times == {"modified": 1_714_979_289}


@pytest.mark.parametrize("name", sorted(MOZILLA))
def test_no_such_table_in_mozilla(name: str) -> None:
    with pytest.raises(ParseError):
        found(MOZILLA[name], "CREATE TABLE x (y);", [])


@pytest.mark.parametrize("name", sorted(CHROMIUM))
def test_no_such_table_in_chromium(name: str) -> None:
    with pytest.raises(ParseError):
        found(CHROMIUM[name], "CREATE TABLE x (y);", [])


def test_too_many_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "HOST_LIMIT", 2)
    schema = "CREATE TABLE top_sites (url TEXT PRIMARY KEY);"
    rows: Rows = [("top_sites", (f"https://{n}.example/",)) for n in "abc"]
    with pytest.raises(LimitError):
        found(CHROMIUM["top sites"], schema, rows)
