# ruff: noqa: S608 - statements are built from literals of this file
"""The Chromium family: profiles, history, bookmarks, typed text, and what must not leave them."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest

from plugins.web import chromium
from tests.formats.test_dpapi import GUID, SID, master_key_file
from tests.formats.test_dpapi import blob as dpapi_blob
from triage.api import (
    Credential,
    CredentialKind,
    EvidenceError,
    Extractor,
    IndicatorOnion,
    ParseError,
    Protection,
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

Extract = Callable[..., Any]
Rows = Sequence[tuple[str, tuple[object, ...]]]

TREE = Path(__file__).parents[3] / "fixtures/web/chromium/windows/tree"
PROFILE = "/home/alice/.config/chromium/Default"
T = 13_440_075_615_844_130
HISTORY = """
CREATE TABLE urls (id INTEGER PRIMARY KEY, url TEXT, title TEXT, visit_count INTEGER);
CREATE TABLE visits (id INTEGER PRIMARY KEY, url INTEGER, visit_time INTEGER, transition INTEGER);
"""
EXTRACTORS = [value for value in vars(chromium).values() if isinstance(value, Extractor)]


def database(schema: str, rows: Rows) -> bytes:
    connection: Any = apsw.Connection(":memory:")
    connection.execute(schema)
    for table, values in rows:
        connection.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(values))})", values)
    return bytes(connection.serialize("main"))


def history(*urls: str) -> bytes:
    rows: list[tuple[str, tuple[object, ...]]] = []
    for number, url in enumerate(urls, 1):
        rows.append(("urls", (number, url, None, 1)))
        rows.append(("visits", (number, number, T + number, 1)))
    return database(HISTORY, rows)


def fixture() -> dict[str, bytes]:
    return {
        f"/{path.relative_to(TREE)}": path.read_bytes()
        for path in sorted(TREE.rglob("*"))
        if path.is_file()
    }


def test_telling_visits_come_first(extract: Extract) -> None:
    data = history("https://news.example/", "https://dark.fail/", "https://pastebin.com/x")
    visits = extract(chromium.history, {f"{PROFILE}/History": data}).of(WebVisit)
    assert [visit.category for visit in visits] == ["onion-directory", "paste-site", None]
    assert [visit.shows for visit in visits] == [Shows.DESTINATION] * 2 + [Shows.USED]
    assert visits[0].times[0].utc == "2026-11-25T10:20:15.844132Z"
    assert visits[0].locator == "visits id 2"


def test_history_of_the_fixture(extract: Extract) -> None:
    found = extract(chromium.history, fixture())
    assert [(visit.visit_type, visit.visit_origin) for visit in found.of(WebVisit)] == [
        ("typed", None),
        ("link, server redirect", None),
        ("typed", "synced"),
        ("link", "imported"),
        ("generated", None),
    ]
    (download,) = found.of(WebDownload)
    assert (download.category, download.opened) == ("tor-software", True)
    assert len(download.url_chain) == 2
    (search,) = found.of(WebInput)
    assert (search.engine, search.text) == ("Microsoft Bing", "what is dread")
    assert len(found.of(IndicatorOnion)) == 2


def test_engine_names_are_not_needed(extract: Extract) -> None:
    tree = fixture()
    path = next(path for path in tree if path.endswith("Web Data"))
    tree[path] = b"SQLite format 3\x00 and nothing more"
    found = extract(chromium.history, tree)
    assert found.of(WebInput)[0].engine is None
    assert len(found.problems) == 1


@pytest.mark.parametrize(
    ("name", "url", "category"),
    [
        ("tor-browser-linux.tar.xz", "https://mirror.example/x", "tor-software"),
        ("x.exe", "https://mirror.example/torbrowser-install-12.exe", "tor-software"),
        ("Electrum-4.5.8.exe", "https://mirror.example/x", "wallet-software"),
        ("printer.zip", "https://mirror.example/x", None),
    ],
)
def test_downloads_are_known_by_name(
    extract: Extract, name: str, url: str, category: str | None
) -> None:
    schema = """CREATE TABLE downloads (id INTEGER PRIMARY KEY, target_path TEXT,
        start_time INTEGER); CREATE TABLE downloads_url_chains (id INTEGER, chain_index INTEGER,
        url TEXT);"""
    rows: Rows = [
        ("downloads", (1, rf"C:\Users\alice\{name}", 1_400_000_000)),
        ("downloads_url_chains", (1, 0, url)),
    ]
    data = database(HISTORY + schema, rows)
    (download,) = extract(chromium.history, {f"{PROFILE}/History": data}).of(WebDownload)
    assert download.category == category
    assert download.times[0].utc == "2014-05-13T16:53:20Z"


def test_profiles_of_the_fixture(extract: Extract) -> None:
    found = extract(chromium.browser, fixture())
    alice, bob, window = found.of(WebBrowser)
    assert (alice.browser, alice.profile_name) == ("chrome", "Alice")
    assert alice.add_ons == ("nkbihfbeogaeaoehlefnkodbefgpgknn MetaMask 11.15.1",)
    assert alice.signed_in_as == ("alice@mail.example",)
    assert "browsing_data_cleared" in {time.event for time in alice.times}
    assert bob.browser == "brave"
    assert {"core_p3a_metrics.tor_used=true", "tor-client-component=present"} <= set(bob.deviations)
    assert window.browser == "brave-tor-window"
    assert found.problems == []


@pytest.mark.parametrize(
    ("folder", "browser"),
    [
        ("Users/a/AppData/Local/Google/Chrome/User Data/Profile 3", "chrome"),
        ("Users/a/AppData/Local/Google/Chrome Beta/User Data/Default", "chrome"),
        ("Users/a/AppData/Local/Google/Chrome/User Data/Snapshots/99.0/Default", "chrome"),
        ("Users/a/AppData/Local/Microsoft/Edge/User Data/Default", "edge"),
        ("Users/a/AppData/Local/Vivaldi/User Data/Default", "vivaldi"),
        ("Users/a/AppData/Local/Yandex/YandexBrowser/User Data/Default", "yandex-browser"),
        ("Users/a/AppData/Roaming/Opera Software/Opera Stable", "opera"),
        ("Users/a/AppData/Roaming/Opera Software/Opera GX Stable/Default", "opera"),
        ("Users/a/AppData/Local/Epic Privacy Browser/User Data/Default", "chromium-based"),
        ("Users/a/Library/Application Support/Google/Chrome/Default", "chrome"),
        ("Users/a/Library/Application Support/Microsoft Edge/Default", "edge"),
        ("Users/a/Library/Application Support/BraveSoftware/Brave-Browser/Default", "brave"),
        ("Users/a/Library/Application Support/com.operasoftware.Opera", "opera"),
        ("home/a/.config/google-chrome/Default", "chrome"),
        ("home/a/.config/chromium/Default", "chromium"),
        ("home/a/snap/chromium/common/chromium/Default", "chromium"),
        ("home/a/.var/app/com.google.Chrome/config/google-chrome/Default", "chrome"),
        ("home/a/.config/BraveSoftware/Brave-Browser/Tor Profile", "brave-tor-window"),
        ("data/data/com.android.chrome/app_chrome/Default", "chrome"),
        ("data/user/10/com.brave.browser/app_chrome/Default", "brave"),
        ("data/data/com.sec.android.app.sbrowser/app_sbrowser/Default", "samsung-internet"),
        ("home/a/.config/discord", None),
        ("home/a/Documents/Default", None),
    ],
)
def test_where_profiles_are(extract: Extract, folder: str, browser: str | None) -> None:
    tree = {f"/{folder}/Preferences": b'{"profile": {"name": "x"}}'}
    found = extract(chromium.browser, tree)
    assert [finding.browser for finding in found.findings] == ([browser] if browser else [])
    tree = {f"/{folder}/History": history("https://a.example/")}
    assert len(extract(chromium.history, tree).findings) == (1 if browser else 0)


def test_preferences_of_another_program(extract: Extract) -> None:
    for content in (b"{}", b"[]", b'{"profile": 5}', b'{"font": {"name": "x"}}'):
        assert extract(chromium.browser, {f"{PROFILE}/Preferences": content}).findings == []


def test_a_history_without_preferences_is_a_profile(extract: Extract) -> None:
    (found,) = extract(chromium.browser, {f"{PROFILE}/History": history()}).findings
    assert (found.browser, found.history_kept) == ("chromium", None)
    broken = {f"{PROFILE}/History": history(), f"{PROFILE}/Preferences": b"{broken"}
    result = extract(chromium.browser, broken)
    assert len(result.findings) == 1
    assert len(result.problems) == 1


def test_bookmarks(extract: Extract) -> None:
    found = extract(chromium.bookmark_file, fixture())
    plain, market = found.of(WebBookmark)
    assert plain.checks == ("md5",)
    assert market.checks == ("onion-checksum", "md5")
    assert (market.shows, market.confidence) == (Shows.DESTINATION, "confirmed")
    path = next(path for path in fixture() if path.endswith("Default/Bookmarks"))
    changed = fixture()[path].replace(b"printers", b"scanners")
    other = extract(chromium.bookmark_file, {f"{PROFILE}/Bookmarks.bak": changed})
    assert other.problems == ["the bookmarks do not fit their checksum"]
    assert {bookmark.confidence for bookmark in other.of(WebBookmark)} == {"probable"}


def test_forms_withhold_what_looks_secret(extract: Extract) -> None:
    found = extract(chromium.forms, fixture())
    texts = {finding.field: finding.text for finding in found.of(WebInput)}
    assert texts == {"nickname": "alicia", "card": None}
    secret = next(finding for finding in found.findings if finding.text is None)
    assert secret.sensitivity is Sensitivity.SECRET
    assert "4111" not in repr(secret)


def test_typed_addresses(extract: Extract) -> None:
    guess, typed = extract(chromium.shortcuts, fixture()).of(WebInput)
    assert (typed.text, typed.category, typed.entries) == ("tor pro", "tor-software", 3)
    assert (guess.text, guess.url, guess.entries) == ("dre", "https://dread.example/", 3)


def test_tabs_of_saved_sessions(extract: Extract) -> None:
    found = extract(chromium.sessions, fixture())
    forum, news, parcel = found.of(WebTab)
    assert (forum.current, news.current, news.referrer) == (False, True, f"{forum.url[7:-1]}")
    assert (parcel.tab_state, [time.event for time in parcel.times]) == (
        "closed",
        ["visited", "closed"],
    )
    assert forum.shows is Shows.DESTINATION
    assert [onion.where for onion in found.of(IndicatorOnion)] == [("tab",)]


def test_sites_say_no_values(extract: Extract) -> None:
    found = extract(chromium.site_databases, fixture())
    assert {(site.host, site.trace) for site in found.of(WebSite)} == {
        ("parcel.example", "cookie"),
        ("changenow.io", "cookie"),
        ("forum.example", "login"),
        ("bank.example", "login-refused"),
    }
    assert "v10" not in repr(found)
    assert "alicia" not in repr(found)


def test_site_settings(extract: Extract) -> None:
    exceptions: dict[str, Any] = {
        "geolocation": {
            "https://a.example:443,*": {"last_modified": str(T)},
            "[*.]b.example,*": {},
            "https://[*.]c.example,*": 5,
            "chrome://settings/,*": {},
            "*": {},
        },
        "notifications": {"https://a.example:443,*": {"last_modified": "0"}},
        "odd": 5,
    }
    text = json.dumps({"profile": {"content_settings": {"exceptions": exceptions}}}).encode()
    found = extract(chromium.site_settings, {f"{PROFILE}/Preferences": text}).of(WebSite)
    assert [(site.host, site.detail) for site in found] == [
        ("a.example", "geolocation, notifications"),
        ("b.example", "geolocation"),
    ]
    assert found[0].times[0].raw == str(T)


def test_wrong_schema(extract: Extract) -> None:
    other = database("CREATE TABLE x (y);", [])
    for extractor, name in (
        (chromium.history, "History"),
        (chromium.shortcuts, "Shortcuts"),
        (chromium.forms, "Web Data"),
        (chromium.site_databases, "Cookies"),
    ):
        with pytest.raises(ParseError):
            extract(extractor, {f"{PROFILE}/{name}": other})


@pytest.mark.parametrize("extractor", EXTRACTORS, ids=lambda extractor: extractor.name)
def test_damage_is_survived(extract: Extract, extractor: Extractor) -> None:
    tree = {path: data for path, data in fixture().items() if "alice" in path}
    choose = random.Random(7)  # noqa: S311 - to repeat it
    for path, data in tree.items():
        flipped = bytearray(data)
        for _ in range(8):
            flipped[choose.randrange(len(data))] ^= 1 << choose.randrange(8)
        for changed in (data[: len(data) // 2], bytes(flipped), b"", b"\x00" * 64, b"[[[["):
            try:
                extract(extractor, tree | {path: changed})
            except (ParseError, EvidenceError):
                continue


def test_the_key_to_saved_passwords_opens_with_the_windows_password(extract: Extract) -> None:
    data = "/Users/alice/AppData/Local/Google/Chrome/User Data"
    key = base64.b64encode(b"DPAPI" + dpapi_blob(bytes(32))).decode()
    secret = hashlib.sha1("pw".encode("utf-16-le"), usedforsecurity=False).digest()
    protect = f"/Users/alice/AppData/Roaming/Microsoft/Protect/{SID}/{GUID}"
    tree = {
        f"{data}/Local State": json.dumps({"os_crypt": {"encrypted_key": key}}).encode(),
        f"{data}/Default/Preferences": b'{"profile": {"name": "x"}}',
        protect: master_key_file(secret),
    }
    password = Credential(number=3, kind=CredentialKind.PASSWORD, value=b"pw")
    (found,) = extract(chromium.browser, tree, given=(password,)).of(WebBrowser)
    assert found.key_protection is Protection.DPAPI
    assert found.key_opened_by == "the DPAPI master key that entry 3 of the credentials file opens"
    (closed,) = extract(chromium.browser, tree).of(WebBrowser)
    assert (closed.key_protection, closed.key_opened_by) == (Protection.DPAPI, None)
    tree[f"{data}/Local State"] = b'{"os_crypt": {"encrypted_key": "RFBBUElhYmM="}}'
    (odd,) = extract(chromium.browser, tree, given=(password,)).of(WebBrowser)
    assert odd.key_opened_by is None
