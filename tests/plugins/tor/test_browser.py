"""Tor Browser: profiles, bridges, bookmarks, sites, and what must not leave them."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apsw
import lz4.block
import pytest

from plugins.tor import browser
from triage.api import (
    IndicatorOnion,
    ParseError,
    RowState,
    Sensitivity,
    Shows,
    TorBridge,
    WebBookmark,
    WebBrowser,
    WebDownload,
    WebSite,
    WebTab,
    WebVisit,
)
from triage.formats.onion import onion_address

Extract = Callable[..., Any]

DATA = "/home/alice/tor-browser/Browser/TorBrowser"
PROFILE = f"{DATA}/Data/Browser/profile.default"
PHONE = "/data/data/org.torproject.torbrowser"
FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"
SHOP = f"http://{onion_address(bytes(range(32)))}/"
MADE = 1_700_000_000_000_000  # us
COMPATIBILITY = b"""[Compatibility]
LastVersion=128.7.0_20250203120000/20250203120000
LastPlatformDir=C:\\Users\\alice\\Desktop\\Tor Browser\\Browser
LastTorBrowserVersion=14.0.5
"""
PREFS = f"""// Mozilla User Preferences
user_pref("browser.privatebrowsing.autostart", false);
user_pref("browser.security_level.security_slider", 1);
user_pref("toolkit.startup.last_success", 1700000100);
user_pref("app.update.lastUpdateTime.a", 1700000200);
user_pref("app.update.lastUpdateTime.b", 1700000300);
user_pref("gfx-shader-check.device-id", "0x1234");
user_pref("torbrowser.settings.bridges.enabled", true);
user_pref("torbrowser.settings.bridges.source", 2);
user_pref("torbrowser.settings.bridges.bridge_strings.0", "obfs4 192.0.2.3:9 {FINGERPRINT} cert=x");
user_pref("torbrowser.settings.bridges.bridge_strings.1", "");
user_pref("torbrowser.settings.bridges.bridge_strings.2", "nonsense");
"""
PLACES = """
CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url TEXT, title TEXT, visit_count INTEGER);
CREATE TABLE moz_bookmarks (id INTEGER PRIMARY KEY, type INTEGER, fk INTEGER, parent INTEGER,
  title TEXT, dateAdded INTEGER, lastModified INTEGER, guid TEXT);
CREATE TABLE moz_historyvisits (id INTEGER PRIMARY KEY, from_visit INTEGER, place_id INTEGER,
  visit_date INTEGER, visit_type INTEGER);
CREATE TABLE moz_anno_attributes (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE moz_annos (id INTEGER PRIMARY KEY, place_id INTEGER, anno_attribute_id INTEGER,
  content TEXT, dateAdded INTEGER);
"""


Rows = Sequence[tuple[str, tuple[object, ...]]]


def fill(connection: Any, rows: Rows) -> None:
    for table, values in rows:
        marks = ",".join("?" * len(values))
        connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608 - our own


def database(rows: Rows, *, schema: str = PLACES) -> bytes:
    connection = apsw.Connection(":memory:")
    connection.execute(schema)
    fill(connection, rows)
    return bytes(connection.serialize("main"))


def places(*rows: tuple[str, tuple[object, ...]]) -> bytes:
    roots = [
        ("moz_bookmarks", (1, 2, None, 0, "", MADE, MADE, "root________")),
        ("moz_bookmarks", (2, 2, None, 1, "toolbar", MADE, MADE, "toolbar_____")),
    ]
    return database([*roots, *rows])


def bookmark(number: int, url: str, added: int) -> list[tuple[str, tuple[object, ...]]]:
    return [
        ("moz_places", (number, url, f"Title {number}", 1)),
        ("moz_bookmarks", (number + 10, 1, number, 2, f"B{number}", added, added, "g")),
    ]


def profile(**changes: bytes) -> dict[str, bytes]:
    files = {
        "compatibility.ini": COMPATIBILITY,
        "prefs.js": PREFS.encode(),
        "times.json": b'{"created": 1700000000000, "firstUse": 1700000050000}',
        **changes,
    }
    return {f"{PROFILE}/{name}": data for name, data in files.items()}


def test_profile(extract: Extract) -> None:
    add_ons = {
        "addons": [
            {"id": "{73a6fe31-595d-460b-a920-fcc0f8843232}", "location": "app-profile"},
            {"id": "theme@mozilla.org", "location": "app-builtin"},
            {"id": "wallet@example.org", "location": "app-profile"},
            {"id": 5},
            "odd",
        ]
    }
    updates = (
        b'<updates xmlns="http://www.mozilla.org/2005/app-update">'
        b'<update displayVersion="14.0.5" previousAppVersion="14.0.4" installDate="1700000400000"/>'
        b'<update appVersion="14.0.4" previousAppVersion="13.5" installDate="1690000000000"/>'
        b'<update appVersion="9" installDate="soon"/></updates>'
    )
    tree = {
        **profile(**{"extensions.json": json.dumps(add_ons).encode(), "places.sqlite": places()}),
        f"{DATA}/UpdateInfo/updates.xml": updates,
    }
    found = extract(browser.browser, tree)
    assert found.problems == []
    (told,) = found.of(WebBrowser)
    assert (told.browser, told.profile, told.version) == ("tor-browser", PROFILE, "14.0.5")
    assert told.install_path == r"C:\Users\alice\Desktop\Tor Browser\Browser"
    assert (told.security_level, told.history_kept, told.bridges_enabled) == ("safest", True, True)
    assert told.versions_seen == ("13.5", "14.0.4", "14.0.5")
    assert told.add_ons == ("wallet@example.org",)
    assert told.device_ids == ("gfx-shader-check.device-id=0x1234",)
    assert told.deviations == (
        "browser.privatebrowsing.autostart=false",
        "browser.security_level.security_slider=1",
        "torbrowser.settings.bridges.enabled=true",
        "torbrowser.settings.bridges.source=2",
    )
    assert [(time.event, time.utc) for time in told.times] == [
        ("profile_created", "2023-11-14T22:13:20Z"),
        ("first_used", "2023-11-14T22:14:10Z"),
        ("started", "2023-11-14T22:15:00Z"),
        ("timer_ran", "2023-11-14T22:18:20Z"),
        ("updated", "2023-07-22T04:26:40Z"),
        ("updated", "2023-11-14T22:20:00Z"),
    ]


def test_update_logs_tell_zone_and_earlier_places(extract: Extract) -> None:
    logs = f"{DATA}/UpdateInfo/updates"
    tree = {
        f"{PROFILE}/prefs.js": b'user_pref("a", 1);\n',
        f"{logs}/last-update.log": b"2024-02-21 15:15:00+0700: performing update\r\n"
        b"INSTALLATION DIRECTORY E:\\Tools\\Tor Browser\\Browser\r\n",
        f"{logs}/backup-update.log": b"INSTALLATION DIRECTORY /old\nno time\n\xff",
    }
    (told,) = extract(browser.browser, tree).findings
    assert told.earlier_paths == ("E:\\Tools\\Tor Browser\\Browser", "/old")
    assert told.utc_offset_minutes == 7 * 60
    assert ("update_logged", "2024-02-21T08:15:00Z") in {(t.event, t.utc) for t in told.times}


def test_shipped_date_is_not_a_date(extract: Extract) -> None:
    tree = profile(
        **{"times.json": b'{"created": 946684800000, "firstUse": null}', "prefs.js": b""}
    )
    (told,) = extract(browser.browser, tree).findings
    assert told.times == ()
    assert (told.security_level, told.history_kept) == (None, None)


def test_profile_known_by_its_settings_or_bookmarks_alone(extract: Extract) -> None:
    tree = {f"{PROFILE}/prefs.js": b'user_pref("extensions.lastTorBrowserVersion", "12.5");'}
    (told,) = extract(browser.browser, tree).findings
    assert (told.version, told.security_level, told.history_kept) == ("12.5", "standard", False)
    (told,) = extract(
        browser.browser,
        {
            f"{PROFILE}/places.sqlite": b"",
            "/home/alice/tor-browser/Browser/tbb_version.json": b'{"version":"13.0"}',
        },
    ).findings
    assert (told.version, told.shows) == ("13.0", Shows.PRESENT)


def test_proxy_password_stays_inside(extract: Extract) -> None:
    text = (
        'user_pref("torbrowser.settings.proxy.address", "192.0.2.9");\n'
        'user_pref("torbrowser.settings.proxy.password", "hunter2");\n'
    )
    (told,) = extract(browser.browser, profile(**{"prefs.js": text.encode()})).findings
    assert told.sensitivity is Sensitivity.SECRET
    assert [told.secret] == ["hunter2"]
    assert "torbrowser.settings.proxy.password=[withheld]" in told.deviations
    assert "hunter2" not in repr(told)
    assert "hunter2" not in str(told.value())


def test_damaged_neighbours_are_problems(extract: Extract) -> None:
    tree = {
        **profile(**{"times.json": b"{", "extensions.json": b"[]", "prefs.js": b"user_pref(1);\n"}),
        f"{DATA}/UpdateInfo/updates.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><updates>&b;</updates>',
    }
    found = extract(browser.browser, tree)
    assert len(found.findings) == 1
    assert [problem.partition(":")[0].rpartition("/")[2] for problem in found.problems] == [
        "prefs.js",
        "updates.xml",
        "times.json",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/home/alice/.mozilla/firefox/x.default/prefs.js",
        "/Users/bob/AppData/Roaming/Mozilla/Firefox/Profiles/x.default/prefs.js",
        "/home/alice/TorBrowser/prefs.js",
    ],
)
def test_other_browsers_are_passed_over(extract: Extract, path: str) -> None:
    assert extract(browser.browser, {path: PREFS.encode()}).findings == []
    assert extract(browser.bridges, {path: PREFS.encode()}).findings == []


@pytest.mark.parametrize(
    "folder",
    [
        PROFILE,
        "/Users/bob/Library/Application Support/TorBrowser-Data/Browser/a1b2.default",
        f"{PHONE}_alpha/files/mozilla/x.default",
        "/home/amnesia/.tor-browser/profile.default",
    ],
)
def test_bridges_of_each_layout(extract: Extract, folder: str) -> None:
    found = extract(browser.bridges, {f"{folder}/prefs.js": PREFS.encode()})
    (bridge,) = found.of(TorBridge)
    assert (bridge.transport, bridge.address, bridge.fingerprint) == (
        "obfs4",
        "192.0.2.3:9",
        FINGERPRINT,
    )
    assert (bridge.source, bridge.enabled) == ("user", True)
    assert bridge.locator == "torbrowser.settings.bridges.bridge_strings.0"
    assert found.problems == [
        "torbrowser.settings.bridges.bridge_strings.2: not a bridge line",
    ]


def test_bookmarks_and_history(extract: Extract) -> None:
    data = places(
        *bookmark(1, SHOP, MADE + 10**12),
        *bookmark(2, "https://www.mozilla.org/about/", MADE + 5),
        *bookmark(3, "https://www.torproject.org/", MADE + 10**12),
        ("moz_bookmarks", (90, 1, 999, 2, "dangling", 1, 1, "g")),
        ("moz_historyvisits", (5, 0, 1, MADE, 2)),
        ("moz_anno_attributes", (1, "downloads/destinationFileURI")),
        ("moz_anno_attributes", (2, "downloads/metaData")),
        ("moz_annos", (1, 1, 1, "file:///C:/Users/alice/a%20b.zip", MADE)),
        ("moz_annos", (2, 1, 2, '{"state":1,"endTime":1700000000000,"fileSize":7}', 1)),
    )
    found = extract(browser.places, {f"{PROFILE}/places.sqlite": data})
    shop, tor, about = found.of(WebBookmark)
    assert (shop.url, shop.page_title, shop.folder) == (SHOP, "B1", "toolbar")
    assert (shop.shipped, about.shipped, tor.shipped) == (False, True, False)
    assert (shop.checks, tor.checks) == (("onion-checksum",), ())
    assert (shop.row, shop.locator) == (RowState.LIVE, "moz_bookmarks id 11")
    assert [(time.event, time.utc) for time in about.times] == [
        ("added", "2023-11-14T22:13:20.000005Z")
    ]
    (visit,) = found.of(WebVisit)
    assert (visit.url, visit.visit_type, visit.visited_raw) == (SHOP, "typed", str(MADE))
    (download,) = found.of(WebDownload)
    assert (download.target, download.length) == ("C:/Users/alice/a b.zip", 7)
    assert [time.event for time in download.times] == ["started", "ended"]
    assert found.problems == ["id 90: a bookmark without an address"]


def test_what_stands_only_in_the_log(extract: Extract, tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    connection = apsw.Connection(str(path))
    connection.execute(PLACES)
    fill(connection, bookmark(1, SHOP, MADE))
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    fill(connection, bookmark(2, "https://new.example/", MADE))
    connection.execute("UPDATE moz_bookmarks SET title='renamed' WHERE id=11")
    tree = {
        f"{PROFILE}/places.sqlite": path.read_bytes(),
        f"{PROFILE}/places.sqlite-wal": (tmp_path / "places.sqlite-wal").read_bytes(),
    }
    connection.close()
    found = extract(browser.places, tree).of(WebBookmark)
    assert [(mark.page_title, mark.row) for mark in found] == [
        ("renamed", RowState.WAL),
        ("B1", RowState.SUPERSEDED),
        ("B2", RowState.WAL),
    ]


def test_phone_keeps_milliseconds(extract: Extract) -> None:
    data = places(*bookmark(1, SHOP, MADE // 1000))
    (mark,) = extract(browser.places, {f"{PHONE}/files/places.sqlite": data}).of(WebBookmark)
    assert (mark.times[0].utc, mark.times[0].unit) == ("2023-11-14T22:13:20Z", "ms_unix")


@pytest.mark.parametrize("data", [b"", b"SQLite format 3\0" + bytes(84), b"\xff" * 4096])
def test_damaged_database(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(browser.places, {f"{PROFILE}/places.sqlite": data})


def test_another_schema(extract: Extract) -> None:
    other = database([], schema="CREATE TABLE moz_places (id INTEGER)")
    with pytest.raises(ParseError):
        extract(browser.places, {f"{PROFILE}/places.sqlite": other})


def test_backup_keeps_deleted_bookmarks(extract: Extract) -> None:
    text = json.dumps(
        {
            "dateAdded": MADE,
            "children": [
                {
                    "title": "toolbar",
                    "children": [
                        {"uri": SHOP, "title": "Shop", "dateAdded": MADE},
                        {"uri": "", "title": "empty"},
                        {"uri": "https://www.mozilla.org/x", "dateAdded": MADE},
                    ],
                }
            ],
        }
    ).encode()
    packed = (
        b"mozLz40\0" + struct.pack("<I", len(text)) + lz4.block.compress(text, store_size=False)
    )
    folder = f"{PROFILE}/bookmarkbackups"
    for name, data in (("bookmarks-a.jsonlz4", packed), ("bookmarks-a.json", text)):
        found = extract(browser.backups, {f"{folder}/{name}": data})
        shop, shipped = found.of(WebBookmark)
        assert (shop.url, shop.folder, shop.row, shop.shipped) == (SHOP, "toolbar", None, False)
        assert shipped.shipped is True
        assert found.problems == ["bookmark 2: a bookmark without an address"]


@pytest.mark.parametrize("data", [b"", b"mozLz40\0\xff\xff\xff\x7f", b"mozLz40\0\1\0\0\0x"])
def test_damaged_backup(extract: Extract, data: bytes) -> None:
    with pytest.raises((ParseError, OSError)):
        extract(browser.backups, {f"{PROFILE}/bookmarkbackups/bookmarks-x.jsonlz4": data})


def test_hosts_that_asked_for_https(extract: Extract) -> None:
    text = (
        "shop.example:HSTS\t3\t19676\t1710000000000,1,0,2\n"
        "aus1.torproject.org:HSTS\t1\t19676\t1710000000000,1,0,2\nbroken line\n"
    )
    found = extract(
        browser.site_security, {f"{PROFILE}/SiteSecurityServiceState.txt": text.encode()}
    )
    shop, own = found.of(WebSite)
    assert (shop.host, shop.trace, shop.by_browser, shop.locator) == (
        "shop.example",
        "hsts",
        False,
        "line 1",
    )
    assert [(time.event, time.utc, time.unit) for time in shop.times] == [
        ("accessed", "2023-11-15T00:00:00Z", "days_unix"),
        ("expires", "2024-03-09T16:00:00Z", "ms_unix"),
    ]
    assert own.by_browser is True
    assert found.problems == ["1 damaged entries"]


COOKIES = """CREATE TABLE moz_cookies (id INTEGER PRIMARY KEY, name TEXT, value TEXT, host TEXT,
  creationTime INTEGER, lastAccessed INTEGER);"""
PERMISSIONS = """CREATE TABLE moz_perms (id INTEGER PRIMARY KEY, origin TEXT, type TEXT,
  modificationTime INTEGER);"""
SETTINGS = """CREATE TABLE groups (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE settings (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE prefs (id INTEGER PRIMARY KEY, groupID INTEGER, settingID INTEGER, timestamp REAL);"""
ICONS = "CREATE TABLE moz_pages_w_icons (id INTEGER PRIMARY KEY, page_url TEXT);"
STORAGE = "CREATE TABLE webappsstore2 (originKey TEXT, value TEXT);"
SITES = [
    (
        "cookies.sqlite",
        COOKIES,
        [
            ("moz_cookies", (1, "s", "topsecret", ".shop.example", MADE + 9, MADE)),
            ("moz_cookies", (2, "t", "topsecret", "shop.example", MADE, MADE + 9)),
            ("moz_cookies", (3, "t", "x", None, "odd", b"\0")),
        ],
        ("cookie", 2, None, ["created", "accessed"]),
    ),
    (
        "permissions.sqlite",
        PERMISSIONS,
        [
            ("moz_perms", (1, "https://shop.example", "popup", 1_700_000_000_000)),
            ("moz_perms", (2, "https://shop.example^x=1", "camera", 1_700_000_000_001)),
            ("moz_perms", (3, "https://[broken", "camera", 1)),
        ],
        ("permission", 2, "camera, popup", ["modified"]),
    ),
    (
        "content-prefs.sqlite",
        SETTINGS,
        [
            ("groups", (1, "shop.example")),
            ("settings", (1, "browser.content.full-zoom")),
            ("prefs", (1, 1, 1, 1_700_000_000.5)),
        ],
        ("setting", 1, "browser.content.full-zoom", ["modified"]),
    ),
    (
        "favicons.sqlite",
        ICONS,
        [("moz_pages_w_icons", (1, "https://shop.example/a"))],
        ("favicon", 1, "https://shop.example/a", []),
    ),
    (
        "webappsstore.sqlite",
        STORAGE,
        [("webappsstore2", ("elpmaxe.pohs.:https:443", "topsecret"))],
        ("storage", 1, None, []),
    ),
]


@pytest.mark.parametrize(("name", "schema", "rows", "expected"), SITES)
def test_sites(
    extract: Extract,
    name: str,
    schema: str,
    rows: Rows,
    expected: tuple[str, int, str | None, list[str]],
) -> None:
    data = database(rows, schema=schema)
    found = extract(browser.site_databases, {f"{PROFILE}/{name}": data})
    (site,) = found.of(WebSite)
    assert site.host == "shop.example"
    assert (site.trace, site.entries, site.detail, [time.event for time in site.times]) == expected
    assert site.row is RowState.LIVE
    assert "topsecret" not in repr(found)


@pytest.mark.parametrize("name", [site[0] for site in SITES])
@pytest.mark.parametrize("empty", [True, False])
def test_sites_of_another_schema(extract: Extract, name: str, empty: bool) -> None:
    data = b"" if empty else database([])
    with pytest.raises(ParseError):
        extract(browser.site_databases, {f"{PROFILE}/{name}": data})


@pytest.mark.parametrize(
    ("folder", "host"),
    [
        ("https+++shop.example", "shop.example"),
        ("http+++shop.example+8080^partitionKey=%28http%2Cx%29", "shop.example"),
        ("https+++[2001:db8::1]+443", "[2001:db8::1]"),
        ("moz-extension+++0a1b", None),
        ("nonsense", None),
    ],
)
def test_storage_folders(extract: Extract, folder: str, host: str | None) -> None:
    path = f"{PROFILE}/storage/default/{folder}/.metadata-v2"
    found = extract(browser.storage, {path: struct.pack(">q", MADE) + b"\0" * 9})
    assert [(site.host, site.trace) for site in found.findings] == (
        [(host, "storage")] if host else []
    )
    if host:
        assert found.findings[0].times[0].utc == "2023-11-14T22:13:20Z"
        assert extract(browser.storage, {path: b"\0\1"}).findings[0].times == ()


def test_saved_session_and_forms(extract: Extract) -> None:
    tab = {"entries": [{"url": SHOP, "title": "Shop"}], "index": 1, "lastAccessed": MADE // 1000}
    value = json.dumps({"windows": [{"tabs": [tab]}]}).encode()
    tree = {f"{PROFILE}/sessionstore-backups/previous.js": value}
    found = extract(browser.sessions, tree)
    (shown,) = found.of(WebTab)
    assert (shown.url, shown.shows, shown.times[0].utc) == (
        SHOP,
        Shows.DESTINATION,
        "2023-11-14T22:13:20Z",
    )
    assert [onion.where for onion in found.of(IndicatorOnion)] == [("tab",)]


def test_saved_logins_show_hosts_only(extract: Extract) -> None:
    rows = [
        {"hostname": "https://shop.example", "encryptedPassword": "topsecret", "timeCreated": 17},
        {"hostname": 5},
        "odd",
    ]
    data = json.dumps({"logins": rows}).encode()
    found = extract(browser.logins, {f"{PROFILE}/logins.json": data})
    (site,) = found.findings
    assert (site.host, site.trace, site.times[0].utc) == (
        "shop.example",
        "login",
        "1970-01-01T00:00:00.017Z",
    )
    assert len(found.problems) == 2
    assert "topsecret" not in repr(found)
    with pytest.raises(ParseError):
        extract(browser.logins, {f"{PROFILE}/logins.json": b"[]"})


def test_phone(extract: Extract) -> None:
    text = (
        '<map><long name="pref_key_last_browse_activity_time" value="1700000000000"/>'
        '<int name="pref_key_times_app_opened" value="41"/>'
        '<int name="pref_key_open_private_tabs_count" value="x"/><string name="a">b</string></map>'
    )
    path = f"{PHONE}/shared_prefs/fenix_preferences.xml"
    (told,) = extract(browser.android, {path: text.encode()}).findings
    assert (told.profile, told.opened_count, told.open_private_tabs) == (PHONE, 41, None)
    assert (told.times[0].event, told.times[0].utc) == ("last_browsed", "2023-11-14T22:13:20Z")
    for data in (b"", b"<a/>", b"ABX\0"):
        with pytest.raises(ParseError):
            extract(browser.android, {path: data})


def test_real_databases_of_firefox(extract: Extract) -> None:
    folder = os.environ.get("TRIAGE_SAMPLES")
    if not folder:
        pytest.skip("TRIAGE_SAMPLES is not set")
    data = (Path(folder) / "firefox" / "places.sqlite").read_bytes()
    found = extract(browser.places, {f"{PROFILE}/places.sqlite": data})
    assert len(found.of(WebBookmark)) == 91
    (visit,) = found.of(WebVisit)
    assert (visit.url, visit.times[0].utc) == (
        "http://news.google.com/",
        "2011-07-01T11:16:21.371935Z",
    )
    data = (Path(folder) / "firefox" / "cookies.sqlite").read_bytes()
    found = extract(browser.site_databases, {f"{PROFILE}/cookies.sqlite": data})
    assert "login.wikimedia.org" in {site.host for site in found.of(WebSite)}
