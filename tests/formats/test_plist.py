from __future__ import annotations

import plistlib
import struct
from datetime import datetime
from typing import Any

import pytest

from triage.errors import LimitError, ParseError
from triage.formats import plist

VALUE: dict[str, Any] = {
    "text": "é",
    "number": -(2**63),
    "big": 2**64 - 1,
    "real": 1.5,
    "yes": True,
    "data": b"\x00\xff",
    "when": datetime(2024, 2, 21, 8, 15),  # noqa: DTZ001 - plistlib gives naive UTC
    "list": [1, [2, {"deep": "x" * 300}]],
    "empty": [],
}
FORMATS = [plistlib.FMT_XML, plistlib.FMT_BINARY]


@pytest.mark.parametrize("form", FORMATS)
def test_both_formats_give_the_same_value(form: plistlib.PlistFormat) -> None:
    assert plist.parse(plistlib.dumps(VALUE, fmt=form)) == VALUE


def test_keyed_archives_keep_their_references() -> None:
    data = plistlib.dumps({"$top": plistlib.UID(3)}, fmt=plistlib.FMT_BINARY)
    assert plist.parse(data) == {"$top": plistlib.UID(3)}


@pytest.mark.parametrize("form", FORMATS)
def test_truncations_and_flips_are_our_errors(form: plistlib.PlistFormat) -> None:
    data = plistlib.dumps(VALUE, fmt=form)
    for cut in range(len(data) - 10):
        with pytest.raises(ParseError):
            plist.parse(data[:cut])
    unread = 0
    for place in range(len(data)):
        changed = bytearray(data)
        for mask in (0xFF, 0x01, 0x10):
            changed[place] = data[place] ^ mask
            try:
                plist.parse(bytes(changed))
            except (ParseError, LimitError):
                unread += 1
    assert unread > 0


def binary(*objects: bytes, top: int = 0) -> bytes:
    """Return a binary list of these encoded objects, with references of one byte."""
    body, offsets = b"bplist00", []
    for item in objects:
        offsets.append(len(body))
        body += item
    table = b"".join(struct.pack(">H", offset) for offset in offsets)
    return body + table + struct.pack(">6xBBQQQ", 2, 1, len(objects), top, len(body))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"bplist00",
        b"\xff" * 100,
        b"<plist><dict></plist>",
        b"<plist><integer>" + b"9" * 5000 + b"</integer></plist>",
        b"<plist><integer>x</integer></plist>",
        b"<plist><date>yesterday</date></plist>",
        b"<plist><key>k</key></plist>",
        b'<!DOCTYPE plist [<!ENTITY a "b">]><plist><string>&a;</string></plist>',
        binary(b"\xd1\x01\x02", b"\xa0", b"\x09"),  # a key that is a list
        binary(b"\x33" + struct.pack(">d", 1e300)),  # a date beyond the calendar
        binary(b"\x33" + struct.pack(">d", float("nan"))),
        binary(b"\xa1\x05"),  # a reference outside the table
        binary(b"\x5f\x13" + b"\xff" * 8),  # a string of 2**64 - 1 bytes
        binary(b"\xa0", top=9),
        b"bplist00" + struct.pack(">6xBBQQQ", 1, 1, 2**40, 0, 8),
        b"bplist00" + struct.pack(">6xBBQQQ", 0, 1, 2**40, 0, 8),
        b"bplist00" + struct.pack(">6xBBQQQ", 8, 0, 1, 0, 8),
    ],
)
def test_damaged_lists(data: bytes) -> None:
    with pytest.raises(ParseError):
        plist.parse(data)


def test_overlapping_objects_are_refused() -> None:
    shared = b"\x4f\x11\x40\x00" + bytes(0x4000)  # 16 KiB, claimed by every object
    count = 200
    body = b"bplist00" + shared
    table = struct.pack(">H", 8) * count
    data = body + table + struct.pack(">6xBBQQQ", 2, 1, count, 0, len(body))
    with pytest.raises(ParseError, match="overlap"):
        plist.parse(data)


def test_a_list_that_contains_itself() -> None:
    with pytest.raises(LimitError, match="deeper"):
        plist.parse(binary(b"\xa1\x00"))


def test_doubling_references_do_not_explode() -> None:
    doubled = [b"\xa2" + bytes([level + 1, level + 1]) for level in range(60)]
    with pytest.raises(LimitError, match="values"):
        plist.parse(binary(*doubled, b"\x09"))


@pytest.mark.parametrize("depth", [200, 100_000])
def test_deep_lists(depth: int) -> None:
    data = b"<plist>" + b"<array>" * depth + b"</array>" * depth + b"</plist>"
    with pytest.raises(LimitError, match="deeper"):
        plist.parse(data)


def test_size_is_limited() -> None:
    with pytest.raises(LimitError, match="larger"):
        plist.parse(plistlib.dumps(VALUE), limit=100)
