from __future__ import annotations

import json
from typing import Any

import pytest

from triage.errors import LimitError, ParseError
from triage.formats.chromium_profile import (
    at,
    bookmarks,
    checksum_holds,
    extension_name,
    extensions,
    is_extension_id,
    number,
    text,
)

KEY = "nkbihfbeogaeaoehlefnkodbefgpgknn"

# A file that Chromium 156 wrote, without what is not read.
REAL: dict[str, Any] = json.loads("""
{"checksum": "2ecc0385a1b40070d44a7aa9f561025f", "roots": {
 "bookmark_bar": {"children": [{"children": [
   {"date_added": "13440076434124216", "date_last_used": "0", "id": "6", "name": "Two",
    "type": "url", "url": "http://127.0.0.1:8765/two.html"}],
   "date_added": "13440076434103609", "id": "5", "name": "Printers \\u00e9", "type": "folder"}],
  "id": "1", "name": "Bookmarks bar", "type": "folder"},
 "other": {"children": [
   {"date_added": "13440076434127175", "id": "7", "name": "Index", "type": "url",
    "url": "http://127.0.0.1:8765/index.html?a=1&b=%3C2%3E"}],
  "id": "2", "name": "Other bookmarks", "type": "folder"},
 "synced": {"children": [], "id": "3", "name": "Mobile bookmarks", "type": "folder"}},
 "version": 1}""")


def test_bookmarks_of_the_real_browser() -> None:
    one, two = bookmarks(REAL)
    assert (one.title, one.folder, one.added, one.used) == (
        "Two",
        "Bookmarks bar/Printers é",
        13_440_076_434_124_216,
        None,
    )
    assert (two.position, two.folder) == (2, "Other bookmarks")
    assert checksum_holds(REAL) is True


def test_a_changed_bookmark_does_not_fit_its_checksum() -> None:
    changed = json.loads(json.dumps(REAL).replace("two.html", "three.html"))
    assert checksum_holds(changed) is False
    del changed["checksum"]
    assert checksum_holds(changed) is None


@pytest.mark.parametrize("value", [None, [], {}, {"roots": []}, {"roots": None}])
def test_not_bookmarks(value: Any) -> None:
    with pytest.raises(ParseError):
        list(bookmarks(value))


def test_hostile_bookmarks() -> None:
    odd: Any = {
        "roots": {
            "bookmark_bar": {
                "children": [5, None, {"url": 5}, {"url": "x", "name": 5, "date_added": -1}, {}]
            },
            "other": "none",
        },
        "checksum": "x",
    }
    (bookmark,) = bookmarks(odd)
    assert (bookmark.url, bookmark.title, bookmark.folder, bookmark.added) == ("x", None, "", -1)
    assert checksum_holds(odd) is False
    deep: Any = {"url": "x"}
    for _ in range(100):
        deep = {"name": "f", "children": [deep]}
    with pytest.raises(LimitError):
        list(bookmarks({"roots": {"other": deep}}))
    wide: Any = {"name": "n" * 6000, "children": [{"name": "n" * 6000, "children": []}]}
    with pytest.raises(LimitError):
        list(bookmarks({"roots": {"other": wide}}))


def test_lone_surrogates_are_survived() -> None:
    odd = json.loads(json.dumps(REAL).replace("Two", "\\ud800"))
    assert checksum_holds(odd) is False
    assert next(bookmarks(odd)).title == "\ud800"


def test_extensions() -> None:
    preferences: Any = {
        "extensions": {
            "settings": {
                KEY: {
                    "first_install_time": "13440075615431767",
                    "manifest": {"name": "Wallet", "version": "1.2"},
                    "location": 1,
                },
                "a" * 32: {"location": 5},
                "b" * 32: {"was_installed_by_default": True, "manifest": None},
                "c" * 32: None,
                "not an id": {"location": 1},
            }
        }
    }
    one, two, three = extensions(preferences)
    assert (one.id, one.by_browser, one.name) == ("a" * 32, True, None)
    assert two.by_browser
    assert (three.name, three.version, three.by_browser) == ("Wallet", "1.2", False)
    assert three.installed == 13_440_075_615_431_767
    assert list(extensions({"extensions": {"settings": []}})) == []
    assert list(extensions(None)) == []


@pytest.mark.parametrize(
    ("manifest", "messages", "name"),
    [
        ({"name": "Wallet"}, None, "Wallet"),
        ({"name": "__MSG_appName__"}, {"APPNAME": {"message": "Wallet"}}, "Wallet"),
        ({"name": "__MSG_appName__"}, {"other": {"message": "x"}}, "__MSG_appName__"),
        ({"name": "__MSG_appName__"}, {"appName": "x"}, "__MSG_appName__"),
        ({"name": "__MSG_appName__"}, [], "__MSG_appName__"),
        ({"name": 5}, None, None),
        ([], None, None),
    ],
)
def test_extension_name(manifest: Any, messages: Any, name: str | None) -> None:
    assert extension_name(manifest, messages) == name


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("13440075615431767", 13_440_075_615_431_767),
        (5, 5),
        ("0", None),
        (0, None),
        ("-5", None),
        ("1" * 30, None),
        ("٣", None),
        (True, None),
        (1.5, None),
        (None, None),
    ],
)
def test_number(value: Any, expected: int | None) -> None:
    assert number(value) == expected


def test_at_and_text() -> None:
    assert at({"a": {"b": 1}}, "a", "b") == 1
    assert at({"a": [1]}, "a", "b") is None
    assert at(None, "a") is None
    assert (text("x"), text(""), text(5)) == ("x", None, None)


def test_is_extension_id() -> None:
    assert is_extension_id(KEY)
    assert not is_extension_id(KEY[:-1])
    assert not is_extension_id("z" * 32)
