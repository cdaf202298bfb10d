from __future__ import annotations

import struct

import pytest

from triage.errors import LimitError, ParseError
from triage.formats import snss


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<i", len(data)) + data + bytes(-len(data) % 4)


def page(tab: int, entry: int, url: str, *, tail: bool = True) -> bytes:
    fields = struct.pack("<ii", tab, entry) + text(url)
    fields += struct.pack("<i", 3) + "Ünï".encode("utf-16-le") + b"\0\0"
    if tail:
        fields += text("state") + struct.pack("<ii", 1, 0) + text("https://from.example/")
        fields += struct.pack("<i", 0) + text(url) + struct.pack("<iq", 0, 13_359_466_089_000_000)
    return struct.pack("<I", len(fields)) + fields


def file(*commands: tuple[int, bytes], version: int = 3) -> bytes:
    parts = [struct.pack("<HB", len(data) + 1, number) + data for number, data in commands]
    return b"SNSS" + struct.pack("<i", version) + b"".join(parts)


def test_session() -> None:
    data = file(
        (6, page(1, 0, "https://a.example/")),
        (6, page(1, 1, "https://b.example/")),
        (6, page(2, 0, "https://c.example/")),
        (7, struct.pack("<ii", 1, 1)),
        (16, struct.pack("<i4xq", 2, 99)),
        (255, b""),
    )
    found = snss.pages(data, closed=False)
    assert [(p.url, p.current, p.closed, p.closed_at) for p in found.pages] == [
        ("https://a.example/", False, False, None),
        ("https://b.example/", True, False, None),
        ("https://c.example/", False, True, 99),
    ]
    first = found.pages[0]
    assert (first.title, first.referrer) == ("Ünï", "https://from.example/")
    assert (first.visited, found.damaged) == (13_359_466_089_000_000, 0)


def test_closed_tabs() -> None:
    data = file(
        (1, page(5, 0, "https://a.example/")), (4, struct.pack("<iiq", 5, 0, 77)), version=1
    )
    (found,) = snss.pages(data, closed=True).pages
    assert (found.current, found.closed, found.closed_at) == (True, True, 77)


def test_a_page_that_was_replaced_in_the_same_place_stays() -> None:
    data = file((6, page(1, 0, "https://a.example/")), (6, page(1, 0, "https://b.example/")))
    assert len(snss.pages(data, closed=False).pages) == 2


def test_older_pages_end_after_the_title() -> None:
    (found,) = snss.pages(
        file((6, page(1, 0, "https://a.example/", tail=False))), closed=False
    ).pages
    assert (found.title, found.visited) == ("Ünï", None)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a session"),
        (b"SNSS", "not a session"),
        (b"SQLite format 3\0", "not a session"),
        (file(version=5), "encrypted"),
        (file(version=9), "unknown version"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        snss.pages(data, closed=False)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xff\xff\xff",
        struct.pack("<Iii", 8, 1, 0),
        struct.pack("<Iiii", 12, 1, 0, -5),
        struct.pack("<Iiii", 12, 1, 0, 0x7FFFFFFF),
        struct.pack("<Iiiii", 16, 1, 0, 0, 0),
    ],
)
def test_damaged_commands_are_counted(payload: bytes) -> None:
    found = snss.pages(file((6, payload), (6, page(1, 0, "https://a.example/"))), closed=False)
    assert (len(found.pages), found.damaged) == (1, 1)


def test_every_cut_gives_a_beginning() -> None:
    data = file(*((6, page(1, entry, f"https://{entry}.example/")) for entry in range(3)))
    counts = [
        len(snss.pages(data[:length], closed=False).pages) for length in range(8, len(data) + 1)
    ]
    assert counts == sorted(counts)
    assert counts[-1] == 3


def test_pages_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snss, "PAGE_LIMIT", 2)
    data = file(*((6, page(1, entry, "https://a.example/")) for entry in range(3)))
    with pytest.raises(LimitError, match="more than 2 pages"):
        snss.pages(data, closed=False)
