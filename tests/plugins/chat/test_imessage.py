"""The string of an archived NSAttributedString."""

from __future__ import annotations

import random

import pytest

from plugins.chat.imessage import attributed

HEAD = b"\x04\x0bstreamtyped\x84\x84\x08NSString\x01\x94\x84\x01+"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (HEAD + b"\x02hi\x86", "hi"),
        (HEAD + b"\x81\x2c\x01" + b"x" * 300 + b"\x86", "x" * 300),
        (HEAD + b"\x82\x2c\x01\0\0" + b"x" * 300, "x" * 300),
        (HEAD + b"\x03\xc3\xa9!", "é!"),
        (HEAD + b"\x02\xff!", "\udcff!"),
        (HEAD + b"\x82\xff\xff\xff\x7fx", None),  # longer than what is there
        (HEAD + b"\x05hi", None),
        (HEAD, None),
        (HEAD[:-1] + b"?" * 40 + b"+\x02hi", None),  # too far away
        (b"", None),
        (b"NSString", None),
    ],
)
def test_the_string(body: bytes, expected: str | None) -> None:
    assert attributed(body) == expected


def test_garbage_never_raises() -> None:
    random_ = random.Random(9)  # noqa: S311 - repeatable
    for length in range(300):
        attributed(HEAD + random_.randbytes(length))
