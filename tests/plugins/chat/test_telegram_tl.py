"""Users and messages of Telegram on Android in versions old and new, and what is damaged."""

from __future__ import annotations

import random
import struct

import pytest

from plugins.chat._telegram_tl import Message, message, user

NOW = 1_717_200_000


def text(value: bytes) -> bytes:
    head = bytes((len(value),)) if len(value) < 254 else b"\xfe" + len(value).to_bytes(3, "little")
    out = head + value
    return out + bytes(-len(out) % 4)


def said(value: bytes, *, before: bytes = b"", flags: int = 0, constructor: int = 1) -> bytes:
    head = struct.pack("<IIi", constructor, flags, 5) + before
    return head + struct.pack("<i", NOW) + value + bytes(8)


@pytest.mark.parametrize(
    ("peer", "sender"),
    [
        (struct.pack("<Iq", 0x59511722, 1 << 33), 1 << 33),
        (struct.pack("<Iq", 0xA2A5371E, 77), -77),
        (struct.pack("<Ii", 0x9DB1BC6D, 1002), 1002),
        (struct.pack("<Ii", 0xBAD0E5BB, 77), -77),
        (struct.pack("<iIq", 9, 0x36C6019A, 77), -77),  # a second word of flags before it
        (struct.pack("<Iq", 0x12345678, 1), None),
    ],
)
def test_who_sent_a_message(peer: bytes, sender: int | None) -> None:
    data = said(text(b"hi"), before=peer, flags=0x100)
    assert message(data, NOW) == Message(text="hi", sender=sender, notice=False)
    assert message(said(text(b"hi"), before=peer), NOW).sender is None  # the flags say: not told


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (text(b""), ""),
        (text("naïve, two\nlines".encode()), "naïve, two\nlines"),
        (text(b"x" * 300), "x" * 300),
        (text(b"\xff\xfe"), ""),  # not UTF-8
        (text(b"a\x01b"), ""),  # an action, not a text
        (b"\xfe\xff\xff\xff", ""),  # 16 MiB that are not there
        (b"\x05a", ""),
    ],
)
def test_what_stands_behind_the_date(value: bytes, expected: str) -> None:
    assert message(said(value), NOW).text == expected


def test_an_unaligned_date_is_none() -> None:
    odd = b"\0" + struct.pack("<i", NOW) + b"\3bad" + bytes(3)
    assert message(said(text(b"good"), before=odd), NOW).text == "good"
    assert message(said(text(b"good")), NOW + 1).text == ""


def test_a_notice_has_no_text() -> None:
    assert message(said(text(b"no"), constructor=0x2B085862), NOW).notice


@pytest.mark.parametrize(
    ("head", "number"),
    [
        (struct.pack("<IIIqq", 0x215C4438, 0b11111, 0, 1 << 33, -1), 1 << 33),
        (struct.pack("<IIqq", 0x3FF6ECB0, 0b11111, 1002, -1), 1002),
        (struct.pack("<IIiq", 0x938458C1, 0b11111, 1002, -1), 1002),
        (struct.pack("<IIIq", 0x215C4438, 0b11110, 0, 1002), 1002),
    ],
)
def test_users_of_all_versions(head: bytes, number: int) -> None:
    found = user(head + text(b"Alice") + text(b"Example") + text(b"alice_x") + text(b"1555"))
    assert found is not None
    assert (found.id, found.first, found.handle, found.phone) == (
        number,
        "Alice",
        "alice_x",
        "1555",
    )


def test_garbage_is_nobody_and_never_raises() -> None:
    random_ = random.Random(3)  # noqa: S311 - repeatable
    for length in range(400):
        data = random_.randbytes(length)
        message(data, NOW)
        user(data)
    assert user(b"") is None
    assert user(struct.pack("<IIIq", 0x215C4438, 0b10, 0, 1) + text(b"\x01")) is None
