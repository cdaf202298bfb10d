from __future__ import annotations

import random
import struct

import pytest

from triage.errors import LimitError, ParseError
from triage.formats.structured_clone import (
    DEPTH_LIMIT,
    BlobIndex,
    CryptoKey,
    Date,
    Value,
    parse,
)

HEAD = b"\xff\x0f"
ENVELOPE = b"\xff\x15\xfe" + bytes(12)


def number(value: float) -> bytes:
    return struct.pack("<d", value)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"_", None),
        (b"0", None),
        (b"T", True),
        (b"I\x53", -42),
        (b"U\x80\x01", 128),
        (b"N" + number(1.5), 1.5),
        (b"Z\x03\x05", -5),
        (b'"\x02\xe9\xe8', "éè"),
        (b"\0c\x04\x61\0\xac\x20", "a€"),
        (b"S\x03\xe2\x82\xac", "€"),
        (b"D" + number(1e12), Date(1e12)),
        (b'o"\x01aI\x02{\x01', {"a": 1}),
        (b"oI\x06T{\x01", {"3": True}),
        (b"A\x02I\x02-$\x00\x02", [1, None]),
        (b'a\x09I\x06"\x01x@\x01\x09', {"3": "x"}),
        (b';"\x01kT:\x02', [["k", True]]),
        (b"'I\x02I\x04,\x02", [1, 2]),
        (b'R"\x01a\x03', "/a/"),
        (b"B\x03abc", b"abc"),
        (b"~\x02\x08ab", b"ab"),
        (b"B\x04abcdVB\x01\x02\x00", b"bc"),
        (b"y", True),
        (b"n" + number(7), 7.0),
        (b's"\x01b', "b"),
        (b'rTm"\x03bad.', {"name": "TypeError", "message": "bad"}),
        (b"\\i\x02", BlobIndex(2)),
        (b"\\K\x01\x03\x10\x0f\x10" + bytes(16), CryptoKey(16)),
        (b"\\#\x00\x02\x03\x04abcd", {"width": 2, "height": 3}),
        (b"?\x00T", True),
    ],
)
def test_values(body: bytes, expected: Value) -> None:
    assert parse(HEAD + body) == expected
    assert parse(ENVELOPE + HEAD + body) == expected


def test_references_and_cycles() -> None:
    found = parse(HEAD + b'o"\x01ao"\x01kT{\x01"\x01b^\x01"\x01c^\x00{\x03')
    assert found == {"a": {"k": True}, "b": {"k": True}, "c": None}


def test_what_stood_for_the_browser_before_it_had_a_tag() -> None:
    assert parse(b"\xff\x09e\x03") == BlobIndex(3)
    with pytest.raises(ParseError):
        parse(b"\xff\x0de\x03")


def test_a_view_before_it_had_flags() -> None:
    assert parse(b"\xff\x0dB\x04abcdVB\x01\x02") == b"bc"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"o{\x00", id="no version"),
        pytest.param(b"\xff\x7fT", id="a version to come"),
        pytest.param(HEAD, id="no value"),
        pytest.param(HEAD + b'"\x05ab', id="text past the end"),
        pytest.param(HEAD + b"A\xff\xff\xff\xff\x0f", id="four billion members"),
        pytest.param(HEAD + b"B\xff\xff\xff\xff\x0f", id="four billion bytes"),
        pytest.param(HEAD + b'o"\x01aT{\x02', id="a property too few"),
        pytest.param(HEAD + b"oTT{\x01", id="a property without a name"),
        pytest.param(HEAD + b"^\x07", id="a reference to nothing"),
        pytest.param(HEAD + b"U" + b"\xff" * 11, id="a number without end"),
        pytest.param(HEAD + b"\\\x01", id="an object that is not known"),
        pytest.param(HEAD + b";T:\x01", id="half a pair"),
    ],
)
def test_damage(data: bytes) -> None:
    with pytest.raises(ParseError):
        parse(data)


def test_depth_is_bounded() -> None:
    with pytest.raises(LimitError):
        parse(HEAD + b"A\x01" * (DEPTH_LIMIT + 1) + b"T")


def test_every_flip_is_survived() -> None:
    data = (
        HEAD
        + b'o"\x01aA\x02I\x02T$\x00\x02"\x01bD'
        + number(1e12)
        + b'"\x01cB\x02xyVB\x00\x02\x00{\x03'
    )
    parse(data)
    choose = random.Random(3)  # noqa: S311 - to repeat it
    for _ in range(2000):
        changed = bytearray(data)
        changed[choose.randrange(len(data))] = choose.randrange(256)
        try:
            parse(bytes(changed[: choose.randrange(len(data) + 1)]))
        except (ParseError, LimitError):
            continue
