# ruff: noqa: S608 - statements are built from literals of this file
"""The Firefox family: profiles, history, typed text, and what must not leave them."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest

from plugins.web import firefox
from triage.api import (
    EvidenceError,
    Extractor,
    IndicatorOnion,
    ParseError,
    RowState,
    Sensitivity,
    Shows,
    WebBookmark,
    WebBrowser,
    WebDownload,
    WebInput,
    WebSite,
    WebTab,
    WebVisit,
)
from triage.formats.indicators import WEB
from triage.formats.onion import onion_address

Extract = Callable[..., Any]
Rows = Sequence[tuple[str, tuple[object, ...]]]

PROFILE = "/home/alice/.mozilla/firefox/a1.default"
TREE = Path(__file__).parents[3] / "fixtures/web/firefox/windows/tree"
ONION = onion_address(bytes(range(32)))
MADE = 1_700_000_000_000_000  # us
PLACES = """
CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url TEXT, title TEXT, visit_count INTEGER);
CREATE TABLE moz_bookmarks (id INTEGER PRIMARY KEY, type INTEGER, fk INTEGER, parent INTEGER,
  title TEXT, dateAdded INTEGER, lastModified INTEGER, guid TEXT);
CREATE TABLE moz_historyvisits (id INTEGER PRIMARY KEY, from_visit INTEGER, place_id INTEGER,
  visit_date INTEGER, visit_type INTEGER);
"""
FORMS = """CREATE TABLE moz_formhistory (id INTEGER PRIMARY KEY, fieldname TEXT, value TEXT,
  timesUsed INTEGER, firstUsed INTEGER, lastUsed INTEGER);"""
# A test vector of BIP 39.
VECTOR = "ozone drill grab fiber curtain grace pudding thank cruise elder eight picnic"
EXTRACTORS = [value for value in vars(firefox).values() if isinstance(value, Extractor)]


def database(schema: str, rows: Rows) -> bytes:
    connection: Any = apsw.Connection(":memory:")
    connection.execute(schema)
    for table, values in rows:
        connection.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(values))})", values)
    return bytes(connection.serialize("main"))


def history(*pages: tuple[str, str | None]) -> bytes:
    rows: list[tuple[str, tuple[object, ...]]] = [
        ("moz_bookmarks", (1, 2, None, 0, "", MADE, MADE, "root________")),
    ]
    for number, (url, title) in enumerate(pages, 1):
        rows.append(("moz_places", (number, url, title, 1)))
        rows.append(("moz_historyvisits", (number, 0, number, MADE + number, 1)))
    return database(PLACES, rows)


def fixture() -> dict[str, bytes]:
    return {
        f"/{path.relative_to(TREE)}": path.read_bytes()
        for path in sorted(TREE.rglob("*"))
        if path.is_file()
    }


def test_telling_visits_come_first(extract: Extract) -> None:
    pages = [(f"https://news.example/{n}", None) for n in range(3)]
    data = history(*pages, ("https://tor.taxi/", "Taxi"), (f"http://{ONION}/x", "Shop"))
    found = extract(firefox.places, {f"{PROFILE}/places.sqlite": data})
    kinds = [type(finding) for finding in found.findings]
    assert kinds == [IndicatorOnion, *[WebVisit] * 5]
    visits = found.of(WebVisit)
    assert [visit.category for visit in visits[:2]] == ["onion-directory", "onion-service"]
    assert [visit.shows for visit in visits] == [Shows.DESTINATION] * 2 + [Shows.USED] * 3
    assert visits[1].checks == ("onion-checksum",)
    assert visits[0].indicator == "tor.taxi"
    assert visits[0].times[0].utc == "2023-11-14T22:13:20.000004Z"


def test_every_visit_is_told_once(extract: Extract) -> None:
    pages = [(f"https://{'dark.fail' if n % 7 == 0 else 'a.example'}/{n}", None) for n in range(99)]
    found = extract(firefox.places, {f"{PROFILE}/places.sqlite": history(*pages)})
    assert sorted(visit.url for visit in found.of(WebVisit)) == sorted(url for url, _ in pages)
    assert found.problems == []


def test_onions_are_gathered_from_gateways_and_titles(extract: Extract) -> None:
    data = history(
        (f"https://{ONION.removesuffix('.onion')}.onion.ly/", None),
        ("https://forum.example/", f"new mirror {ONION}"),
        ("https://forum.example/2", f"typo {'a' * 56}.onion"),
        ("http://expyuzz4wqqyqhjn.onion/", None),
    )
    found = extract(firefox.places, {f"{PROFILE}/places.sqlite": data})
    new, old = found.of(IndicatorOnion)
    assert (new.onion, new.onion_version, new.checksum_ok, new.entries) == (ONION, 3, True, 2)
    assert new.where == ("visit",)
    assert (old.onion_version, old.checksum_ok, old.confidence) == (2, False, "possible")


def test_searches_are_counted(extract: Extract) -> None:
    url = "https://www.google.com/search?q=printer+ink"
    data = history((url, None), (f"{url}&start=10", None), ("https://ahmia.fi/search/?q=ink", None))
    found = extract(firefox.places, {f"{PROFILE}/places.sqlite": data})
    first, second = found.of(WebInput)
    assert (first.engine, first.text, first.category) == ("ahmia.fi", "ink", "onion-search")
    assert (second.text, second.entries, second.url) == ("printer ink", 2, url)
    assert [time.event for time in second.times] == ["first_visited", "visited"]


def test_rows_in_the_log_and_rows_it_replaced(extract: Extract) -> None:
    found = extract(firefox.places, fixture())
    states = {bookmark.page_title: bookmark.row for bookmark in found.of(WebBookmark)}
    assert states == {"Get Help": RowState.LIVE, "Fixture Forum": RowState.WAL}


def test_download_and_bookmarks_of_the_fixture(extract: Extract) -> None:
    found = extract(firefox.places, fixture())
    (download,) = found.of(WebDownload)
    assert download.target == "C:/Users/alice/Downloads/tor-browser-x.exe"
    assert (download.outcome, download.category) == ("complete", "tor-software")
    assert {b.page_title: b.shipped for b in found.of(WebBookmark)} == {
        "Get Help": True,
        "Fixture Forum": False,
    }


def test_profile_of_the_fixture(extract: Extract) -> None:
    found = extract(firefox.browser, fixture())
    alice, bob = found.of(WebBrowser)
    assert (alice.browser, alice.profile_name, alice.version) == (
        "firefox",
        "default-release",
        "115.10.0",
    )
    assert alice.history_kept is True
    assert alice.signed_in_as == ("alice@mail.example",)
    assert alice.indicator_list == str(WEB)
    assert (bob.browser, bob.history_kept) == ("librewolf", False)


def test_one_finding_a_profile(extract: Extract) -> None:
    tree = {
        f"{PROFILE}/prefs.js": b'user_pref("a", 1);',
        f"{PROFILE}/places.sqlite": history(),
    }
    assert len(extract(firefox.browser, tree).findings) == 1
    tree[f"{PROFILE}/signedInUser.json"] = b'{"accountData": {"email": "a@b.example"}}'
    tree[f"{PROFILE}/times.json"] = b"{broken"
    found = extract(firefox.browser, tree)
    assert found.of(WebBrowser)[0].signed_in_as == ("a@b.example",)
    assert len(found.problems) == 1


@pytest.mark.parametrize(
    ("path", "browser"),
    [
        ("/Users/a/AppData/Roaming/Mozilla/Firefox/Profiles/x.default/prefs.js", "firefox"),
        ("/Users/a/Library/Application Support/Firefox/Profiles/x/prefs.js", "firefox"),
        ("/home/a/snap/firefox/common/.mozilla/firefox/x/prefs.js", "firefox"),
        ("/home/a/.var/app/org.mozilla.firefox/.mozilla/firefox/x/prefs.js", "firefox"),
        ("/home/a/.config/mozilla/firefox/x/prefs.js", "firefox"),
        ("/Users/a/Desktop/Old Firefox Data/x.default/prefs.js", "firefox"),
        ("/home/a/.librewolf/x.default/prefs.js", "librewolf"),
        ("/home/a/.waterfox/x.default/prefs.js", "waterfox"),
        (
            "/home/a/mullvad-browser/Browser/MullvadBrowser/Data/Browser/profile.default/prefs.js",
            "mullvad-browser",
        ),
        ("/home/a/.mullvad-browser/x/y.default/prefs.js", "mullvad-browser"),
        ("/data/data/org.mozilla.firefox/files/mozilla/x.default/prefs.js", "firefox"),
        ("/data/user/10/org.mozilla.focus/files/mozilla/x.default/prefs.js", "firefox-focus"),
        ("/home/a/tor/Browser/TorBrowser/Data/Browser/profile.default/prefs.js", None),
        ("/home/amnesia/.mozilla/firefox/bookmarks/prefs.js", None),
        ("/home/a/.thunderbird/x.default/prefs.js", None),
        ("/home/a/Documents/prefs.js", None),
    ],
)
def test_where_profiles_are(extract: Extract, path: str, browser: str | None) -> None:
    found = extract(firefox.browser, {path: b'user_pref("a.b", true);\n'})
    assert [finding.browser for finding in found.findings] == ([browser] if browser else [])


@pytest.mark.parametrize(
    ("field", "text", "withheld"),
    [
        ("searchbar-history", "printer paper", False),
        ("nickname", "alicia", False),
        ("new_password", "hunter2", True),
        ("cardnumber", "1", True),
        ("amount", "4111 1111 1111 1111", True),
        ("amount", "4111 1111 1111 1112", False),
        ("notes", VECTOR, True),
        ("notes", "5KJvsngHeMpm884wtkJNzQGaCErckhHJBGFsvd3VyK5qMZXj3hS", True),
        ("spinach", "green", False),
    ],
)
def test_form_history(extract: Extract, field: str, text: str, *, withheld: bool) -> None:
    data = database(FORMS, [("moz_formhistory", (1, field, text, 2, MADE, MADE + 1))])
    (finding,) = extract(firefox.form_history, {f"{PROFILE}/formhistory.sqlite": data}).findings
    assert finding.text == (None if withheld else text)
    assert finding.withheld_characters == (len(text) if withheld else None)
    assert (finding.sensitivity is Sensitivity.SECRET) is withheld
    assert finding.secret == (text if withheld else None)
    assert text not in finding.summary() or not withheld


def test_form_entries_that_are_none(extract: Extract) -> None:
    data = database(FORMS, [("moz_formhistory", (1, None, b"\x00", "x", "y", None))])
    found = extract(firefox.form_history, {f"{PROFILE}/formhistory.sqlite": data})
    assert found.findings == []
    assert len(found.problems) == 1


def test_saved_session(extract: Extract) -> None:
    found = extract(firefox.sessions, fixture())
    assert [(tab.tab_state, tab.current, tab.container) for tab in found.of(WebTab)] == [
        ("open", True, "Trade"),
        ("open", True, "Trade"),
        ("closed", True, "Trade"),
    ]
    assert {onion.onion for onion in found.of(IndicatorOnion)} <= {
        tab.url.split("/")[2].removesuffix(".ly") for tab in found.of(WebTab)
    }
    name, password = found.of(WebInput)
    assert (name.text, password.text, password.withheld_characters) == ("alicia", None, 19)
    (cookie,) = found.of(WebSite)
    assert (cookie.host, cookie.trace, cookie.entries) == ("parcel.example", "session-cookie", 2)
    assert "not-a-real-token" not in repr(found)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[" * 5000, b"mozLz40\0\xff\xff\xff\xff", b"mozLz40\0"]
)
def test_damaged_session(extract: Extract, data: bytes) -> None:
    with pytest.raises((ParseError, EvidenceError)):
        extract(firefox.sessions, {f"{PROFILE}/sessionstore.jsonlz4": data})


def test_sites_say_no_values(extract: Extract) -> None:
    found = extract(firefox.site_databases, fixture())
    assert {(site.host, site.category) for site in found.of(WebSite)} == {
        ("mail.proton.me", "privacy-mail"),
        ("parcel.example", None),
    }
    assert found.findings[0].host == "mail.proton.me"
    assert "not-a-real-token" not in repr(found)
    assert firefox.site_databases.holds_secret


def test_storage_and_security(extract: Extract) -> None:
    sites = extract(firefox.storage, fixture()).of(WebSite)
    assert [(site.host, site.trace) for site in sites] == [("shop.example", "storage")]
    odd = f"{PROFILE}/storage/default/moz-extension+++5b2c/.metadata-v2"
    assert extract(firefox.storage, {odd: b""}).findings == []
    hosts = [site.host for site in extract(firefox.site_security, fixture()).of(WebSite)]
    assert hosts == ["parcel.example", "ahmia.fi"]
    damaged = extract(
        firefox.site_security, {f"{PROFILE}/SiteSecurityServiceState.bin": b"\x01" * 300}
    )
    assert damaged.findings == []
    assert damaged.problems == ["2 damaged entries"]


def test_logins(extract: Extract) -> None:
    rows = [{"hostname": "https://a.example", "timeCreated": 1}, {"hostname": "none"}, 5]
    data = json.dumps({"logins": rows}).encode()
    found = extract(firefox.logins, {f"{PROFILE}/logins.json": data})
    assert [site.host for site in found.of(WebSite)] == ["a.example"]
    assert len(found.problems) == 2
    with pytest.raises(ParseError):
        extract(firefox.logins, {f"{PROFILE}/logins.json": b'{"logins": 5}'})


def test_wrong_schema(extract: Extract) -> None:
    other = database("CREATE TABLE x (y);", [])
    for extractor, name in (
        (firefox.places, "places.sqlite"),
        (firefox.form_history, "formhistory.sqlite"),
        (firefox.site_databases, "cookies.sqlite"),
    ):
        with pytest.raises(ParseError):
            extract(extractor, {f"{PROFILE}/{name}": other})


def test_hostile_rows(extract: Extract) -> None:
    rows: Rows = [
        ("moz_places", (1, "http://[broken", b"\xff", "x")),
        ("moz_places", (2, "javascript:alert(1)", "<b>", 1)),
        ("moz_places", (3, "data:text/html," + "a" * 100_000, None, 1)),
        ("moz_places", (4, None, None, None)),
        *[("moz_historyvisits", (n, 0, n, 9**19, 1)) for n in range(1, 6)],
        ("moz_bookmarks", (1, 1, 9, 1, "loop", "x", None, None)),
    ]
    found = extract(firefox.places, {f"{PROFILE}/places.sqlite": database(PLACES, rows)})
    assert len(found.of(WebVisit)) == 3
    assert len(found.problems) == 3
    assert all(not visit.times for visit in found.of(WebVisit))


def damaged(tree: dict[str, bytes]) -> Iterator[dict[str, bytes]]:
    """Yield the tree with one file cut, flipped, emptied or replaced, for each file."""
    choose = random.Random(7)  # noqa: S311 - to repeat it
    for path, data in tree.items():
        flipped = bytearray(data)
        for _ in range(8):
            flipped[choose.randrange(len(data))] ^= 1 << choose.randrange(8)
        for changed in (data[: len(data) // 2], bytes(flipped), b"", b"\x00" * 64, b"garbage\n"):
            yield tree | {path: changed}


@pytest.mark.parametrize("extractor", EXTRACTORS, ids=lambda extractor: extractor.name)
def test_damage_is_survived(extract: Extract, extractor: Extractor) -> None:
    tree = {path: data for path, data in fixture().items() if "alice" in path}
    for changed in damaged(tree):
        try:
            extract(extractor, changed)
        except (ParseError, EvidenceError):
            continue


def test_databases_of_a_real_browser(extract: Extract) -> None:
    folder = os.environ.get("TRIAGE_SAMPLES")
    if not folder:
        pytest.skip("TRIAGE_SAMPLES is not set")
    sample = Path(folder) / "firefox"
    data = (sample / "places.sqlite").read_bytes()
    found = extract(firefox.places, {f"{PROFILE}/places.sqlite": data})
    assert len(found.of(WebBookmark)) == 91
    (visit,) = found.of(WebVisit)
    assert (visit.url, visit.times[0].utc) == (
        "http://news.google.com/",
        "2011-07-01T11:16:21.371935Z",
    )
    data = (sample / "cookies.sqlite").read_bytes()
    hosts = extract(firefox.site_databases, {f"{PROFILE}/cookies.sqlite": data}).of(WebSite)
    assert {site.host: site.entries for site in hosts}["youtube.com"] == 6
    assert len(hosts) == 5
    assert all({time.event for time in site.times} == {"created", "accessed"} for site in hosts)
