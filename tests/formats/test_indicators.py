from __future__ import annotations

import pytest

from triage.errors import ProfileError
from triage.formats.indicators import WEB, load, parse

SMALL = """
name: small
version: 1
date: 2024-05-06
categories: {gateway: Shows onion services, software: Downloads, onion: Onion service}
groups:
  - category: gateway
    source: a book
    checked: 2024-05-05
    entries:
      gate.example: ""
      deep.gate.example: a part of it
      mirror.example/tor: the software
      mirror.example/tor/old: older ones
      "127.0.0.1:7657": a console
  - category: software
    source: a page
    checked: 2024-05-04
    entries: {"file:tor-browser*": Tor Browser, onion: any}
"""


@pytest.mark.parametrize(
    ("url", "pattern"),
    [
        ("https://gate.example/", "gate.example"),
        ("http://abc.gate.example:8080/x?y#z", "gate.example"),
        ("http://user:word@GATE.example", "gate.example"),
        ("https://x.deep.gate.example/", "deep.gate.example"),
        ("https://gate.example./", "gate.example"),
        ("https://notgate.example/", None),
        ("https://gate.example.evil.example/", None),
        ("https://mirror.example/", None),
        ("https://mirror.example/tor", "mirror.example/tor"),
        ("https://mirror.example/TOR/13", "mirror.example/tor"),
        ("https://mirror.example/tor?v=1", "mirror.example/tor"),
        ("https://mirror.example/tornado", None),
        ("https://mirror.example/tor/old/1", "mirror.example/tor/old"),
        ("http://127.0.0.1:7657/home", "127.0.0.1:7657"),
        ("http://127.0.0.1:80/home", None),
        ("http://whatever.onion/", "onion"),
        ("ftp://gate.example/file", "gate.example"),
        ("javascript:gate.example", None),
        ("file:///gate.example", None),
        ("gate.example", None),
        ("http://[gate.example", None),
        ("http://gate.example:99999/", None),
        ("", None),
    ],
)
def test_url(url: str, pattern: str | None) -> None:
    found = parse(SMALL, name="small").url(url)
    assert (found.pattern if found else None) == pattern


def test_host() -> None:
    small = parse(SMALL, name="small")
    found = small.host("WWW.Gate.example.")
    assert found is not None
    assert (found.category, found.source, found.checked) == ("gateway", "a book", "2024-05-05")
    assert small.host("mirror.example") is None
    assert small.host("") is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("tor-browser-linux.tar.xz", True),
        ("/home/alice/Downloads/Tor-Browser.exe", True),
        (r"C:\Users\alice\tor-browser.exe", True),
        ("/tor-browser/readme.txt", False),
        ("my tor-browser.exe", False),
    ],
)
def test_file(name: str, *, found: bool) -> None:
    assert (parse(SMALL, name="small").file(name) is not None) is found


def test_a_list_says_which_it_is() -> None:
    assert str(parse(SMALL, name="small")) == "small 2024-05-06"


def test_a_long_address_costs_little() -> None:
    small = parse(SMALL, name="small")
    assert small.url("http://" + "a." * 500_000 + "gate.example/") is None
    assert small.url("http://gate.example/" + "a" * 5_000_000) is not None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: small", "nam: small", "small.name"),
        ("version: 1", "version: one", "small.version"),
        ("version: 1", "version: 0", "small.version"),
        ("date: 2024-05-06", "date: yesterday", "small.date"),
        ("category: gateway", "category: gate", "small.groups[0].category"),
        ("source: a book", 'source: ""', "small.groups[0].source"),
        ("source: a book", "sauce: a book", "small.groups[0].sauce"),
        ("checked: 2024-05-05", "checked: 5", "small.groups[0].checked"),
        ("deep.gate.example: a part of it", "deep.gate.example: 5", "entries.deep.gate.example"),
        ("deep.gate.example:", "gate.example:", "small: line 12"),
        ("deep.gate.example:", "Deep.gate.example:", "entries.Deep.gate.example"),
        ("deep.gate.example:", '"https://gate.example/x":', "entries.https://gate.example/x"),
        ("deep.gate.example:", '"gate. example":', "entries.gate. example"),
        ("deep.gate.example:", "com:", "entries.com"),
        ("deep.gate.example:", "short.onion:", "entries.short.onion"),
        ("deep.gate.example:", f"{'a' * 56}.onion:", f"entries.{'a' * 56}.onion"),
        ("deep.gate.example:", '"file:*":', "entries.file:*"),
        ("deep.gate.example:", "onion:", "small: onion"),
        ("deep.gate.example:", "5:", "entries.5"),
        ("deep.gate.example:", "? [a, b]\n      :", "small: line 12"),
        ("groups:", "extra: 1\ngroups:", "small.extra"),
        ("groups:", "groups: none\nnothing:", "small.groups"),
        ("groups:", "groups: [", "small"),
        ("  - category: gateway", "  - 5\n  - category: gateway", "small.groups[0]"),
    ],
)
def test_errors_point_at_the_entry(old: str, new: str, message: str) -> None:
    assert old in SMALL
    with pytest.raises(ProfileError) as caught:
        parse(SMALL.replace(old, new, 1), name="small")
    assert message in str(caught.value)


def test_no_tags_of_python() -> None:
    with pytest.raises(ProfileError):
        parse("name: !!python/object/apply:os.getcwd []", name="small")


def test_the_list_that_is_shipped() -> None:
    assert len(WEB.entries) > 200
    assert {entry.category for entry in WEB.entries} == set(WEB.categories)
    assert all(entry.checked is None or entry.checked <= WEB.date for entry in WEB.entries)


def test_a_group_that_was_never_checked() -> None:
    found = parse(SMALL.replace("    checked: 2024-05-05\n", ""), name="small").host("gate.example")
    assert found is not None
    assert found.checked is None


@pytest.mark.parametrize(
    "url",
    [
        "https://www.google.com/search?q=torproject.org",
        "https://en.wikipedia.org/wiki/Tor_(network)",
        "https://onion.example/",
        "https://www.debian.org/",
        "https://github.com/",
        "https://proton.me/",
        "http://127.0.0.1:8888/tree",
    ],
)
def test_ordinary_addresses_are_on_no_list(url: str) -> None:
    assert WEB.url(url) is None


def test_a_known_service_is_told_from_any_other() -> None:
    host = next(e.pattern for e in WEB.entries if e.category == "known-onion-service")
    assert WEB.url(f"https://www.{host}/") is not None
    found = WEB.host(f"www.{host}")
    assert found is not None
    assert found.category == "known-onion-service"


IDS = """
name: ids
version: 1
date: 2026-11-25
categories: {thing: A thing}
groups:
  - category: thing
    source: a test
    entries:
      "extension:nkbihfbeogaeaoehlefnkodbefgpgknn": One
      "extension:webextension@metamask.io": Two
      "usb:2c97:*": Maker
      "usb:2c97:0001": Product
"""


def test_extensions_and_devices_are_looked_up_as_a_whole() -> None:
    known = parse(IDS, name="ids")
    notes = [
        known.extension("NKBIHFBEOGAEAOEHLEFNKODBEFGPGKNN"),
        known.extension("webextension@metamask.io"),
        known.extension("metamask.io"),
        known.usb(0x2C97, 1),
        known.usb(0x2C97, 0x1011),
        known.usb(0x2C98, 1),
    ]
    assert [note and note.note for note in notes] == ["One", "Two", None, "Product", "Maker", None]


@pytest.mark.parametrize(
    "pattern",
    ["extension:metamask", "extension:nkbihfbeogaeaoehlefnkodbefgpgknz", "usb:2c97", "usb:2C97:1"],
)
def test_ids_that_can_never_fit_are_refused(pattern: str) -> None:
    with pytest.raises(ProfileError):
        parse(IDS.replace("usb:2c97:0001", pattern), name="ids")


@pytest.mark.parametrize("name", ["wallet-extensions", "hardware-wallets"])
def test_shipped_lists_of_ids_load(name: str) -> None:
    assert load(name).entries
