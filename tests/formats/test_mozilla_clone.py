"""Values of Firefox's IndexedDB; the bytes are from Firefox ESR 153."""

from __future__ import annotations

import struct

import pytest

from triage.errors import LimitError, ParseError
from triage.formats.mozilla_clone import key_text, parse


def words(*pairs: tuple[int, int]) -> bytes:
    return b"".join(struct.pack("<II", data, tag) for data, tag in pairs)


HEADER = (3, 0xFFF10000)
END = (0, 0xFFFF0013)
OBJECT = (0, 0xFFFF0008)


@pytest.mark.parametrize(
    ("pairs", "value"),
    [
        pytest.param([HEADER, (0, 0xFFFF0000)], None, id="null"),
        pytest.param([HEADER, (1, 0xFFFF0002)], True, id="boolean"),
        pytest.param([HEADER, (0xFFFFFFFE, 0xFFFF0003)], -2, id="negative"),
        pytest.param([HEADER, (0, 0x400C0000)], 3.5, id="double"),
        pytest.param([(1, 0xFFFF0003)], 1, id="before the header came"),
        pytest.param([HEADER, (0, 0xFFFF0005), (0, 0x408F4000)], 1000.0, id="date"),
        pytest.param([HEADER, OBJECT, END], {}, id="empty object"),
        pytest.param(
            [HEADER, (2, 0xFFFF0007), (0, 0xFFFF0003), (7, 0xFFFF0003), END], [7], id="array"
        ),
        pytest.param(
            [HEADER, (0, 0xFFFF0012), (5, 0xFFFF0003), (6, 0xFFFF0003), END], [5, 6], id="set"
        ),
        pytest.param(
            [HEADER, (0, 0xFFFF0011), (5, 0xFFFF0003), (6, 0xFFFF0003), END], {"5": 6}, id="map"
        ),
    ],
)
def test_parse(pairs: list[tuple[int, int]], value: object) -> None:
    assert parse(words(*pairs)) == value


def test_texts_are_padded_to_words_in_either_width() -> None:
    latin = words(HEADER, (1 << 31 | 5, 0xFFFF0004)) + b"K\xf6nig\0\0\0"
    wide = words(HEADER, (1, 0xFFFF0004)) + "€".encode("utf-16-le").ljust(8, b"\0")
    assert (parse(latin), parse(wide)) == ("König", "€")


def test_a_reference_is_the_object_itself() -> None:
    found = parse(
        words(HEADER, (2, 0xFFFF0007), (0, 0xFFFF0003), OBJECT, END)
        + words((1, 0xFFFF0003), (1, 0xFFFF000D), END)
    )
    assert found == [{}, {}]
    assert found[0] is found[1]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(words(HEADER), id="no value"),
        pytest.param(words(HEADER, OBJECT), id="object without an end"),
        pytest.param(words(HEADER, (1 << 31 | 9, 0xFFFF0004)), id="text without bytes"),
        pytest.param(words(HEADER, (0x7FFFFFFF, 0xFFFF0004)), id="text of four gigabytes"),
        pytest.param(words(HEADER, (3, 0xFFFF000D)), id="reference to nothing"),
        pytest.param(words(HEADER, (0, 0xFFFF8005)), id="a file of the browser"),
        pytest.param(words(HEADER, (0, 0xFFFF0005)), id="date cut off"),
    ],
)
def test_damage_is_a_parse_error(data: bytes) -> None:
    with pytest.raises(ParseError):
        parse(data)


def test_depth_is_limited() -> None:
    nested = words(HEADER) + words((1, 0xFFFF0007), (0, 0xFFFF0003)) * 1000
    with pytest.raises(LimitError):
        parse(nested)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        pytest.param(b"0ebub", "data", id="ASCII"),
        pytest.param(b"0l\x80jz\xa0-\x80`", "kéy€ß", id="two bytes"),
        pytest.param(b"\x10\xc0\0\0\0\0\0\0\0", None, id="a number"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"0\xc0", "\x00", id="three bytes, cut off"),
    ],
)
def test_keys(raw: bytes, text: str | None) -> None:
    assert key_text(raw) == text
