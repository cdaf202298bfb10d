"""Values, messages and keys of Postbox; what is damaged."""

from __future__ import annotations

import random
import struct
from contextlib import suppress

import pytest

from triage.errors import ParseError
from triage.formats import postbox


def fields(*parts: bytes) -> bytes:
    inner = b"".join(parts)
    return b"\1_\5" + struct.pack("<ii", 7, len(inner)) + inner


LIST = b"\1l\x0c" + struct.pack("<i", 2) + struct.pack("<i", 1) + b"a" + struct.pack("<i", 0)
OBJECTS = b"\1o\x08" + struct.pack("<iii", 1, 7, 0)
MESSAGE = (
    b"\0" + bytes(8) + b"\x3f" + bytes(36) + struct.pack("<II", 4, 0) + b"\x3f" + bytes(36)
    + struct.pack("<i", 0) * 2 + bytes(4) + b"\1" + struct.pack("<q", 5) + struct.pack("<i", 2)
    + b"hi" + struct.pack("<iii", 0, 0, 0)
)  # fmt: skip
KEY = struct.pack(">qiii", 5, 0, 1_717_200_000, 9)


@pytest.mark.parametrize(
    ("data", "seed", "expected"),
    [(b"", 0, 0), (b"", 1, 0x514E28B7), (b"test", 0, 0xBA6BD213), (b"\xff" * 4, 0, 0x76293B50)],
)
def test_murmur3(data: bytes, seed: int, expected: int) -> None:
    assert postbox.murmur3(data, seed) == expected


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (b"\1a\0" + struct.pack("<i", -3), {"a": -3}),
        (b"\1a\2\1", {"a": True}),
        (b"\1a\3" + struct.pack("<d", 1.5), {"a": 1.5}),
        (b"\1a\x0b", {"a": None}),
        (b"\1a\x0a" + struct.pack("<i", 1) + b"\xff", {"a": b"\xff"}),
        (b"\1a\4" + struct.pack("<i", 1) + b"\xff", {"a": "\udcff"}),
        (LIST, {"l": ["a", ""]}),
        (OBJECTS, {"o": [{}]}),
        (b"\1a\x07" + struct.pack("<iq", 1, -1), {"a": [-1]}),
    ],
)
def test_values(part: bytes, expected: dict[str, object]) -> None:
    assert postbox.decode(fields(part)) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\1x\0" + bytes(4),  # no root
        fields(b"\1a\x20"),  # an unknown type
        fields(b"\1a\x06\xff\xff\xff\x7f"),  # a list of two thousand million
        fields(b"\1a\4\xff\xff\xff\xff"),  # a negative length
        fields(b"\1a\5" + bytes(2)),
        b"\xff",
    ],
)
def test_damaged_values(data: bytes) -> None:
    with pytest.raises(ParseError):
        postbox.decode(data)


def test_depth_is_bounded() -> None:
    data = b""
    for _ in range(200):
        data = fields(data)
    with pytest.raises(ParseError, match="deeper"):
        postbox.decode(data)


def test_a_message_with_all_its_parts() -> None:
    found = postbox.message(KEY, MESSAGE)
    assert found is not None
    assert (found.peer, found.author, found.text, found.incoming) == (5, 5, "hi", True)
    assert (found.seconds, found.number, found.media) == (1_717_200_000, 9, 0)
    assert postbox.message(KEY, b"\1") is None
    with pytest.raises(ParseError):
        postbox.message(KEY[:-1], MESSAGE)


def test_cut_and_changed_messages_raise_or_read() -> None:
    for length in range(len(MESSAGE) - 4):
        with pytest.raises(ParseError):
            postbox.message(KEY, MESSAGE[:length])
    random_ = random.Random(5)  # noqa: S311 - repeatable
    for _ in range(2000):
        changed = bytearray(MESSAGE)
        changed[random_.randrange(len(changed))] = random_.randrange(256)
        with suppress(ParseError):
            postbox.message(KEY, bytes(changed))


@pytest.mark.parametrize(
    ("peer", "name", "group"),
    [
        (1002, "1002", False),
        (1 << 35 | 0x2A05F201, str(1 << 32 | 0x2A05F201), False),
        (1 << 32 | 77, "-77", True),
        (2 << 32 | 88, "-10088", True),
        (3 << 32 | 5, "secret 5", False),
        (-1, "-1", False),
    ],
)
def test_peers(peer: int, name: str, *, group: bool) -> None:
    assert (postbox.dialog(peer), postbox.is_group(peer)) == (name, group)


def test_a_key_of_another_length_is_none() -> None:
    with pytest.raises(ParseError):
        postbox.key_of(b"", b"1234")
    assert postbox.key_of(bytes(64), b"1234") is None
