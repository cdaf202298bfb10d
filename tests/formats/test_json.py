from __future__ import annotations

import pytest

from triage.errors import LimitError, ParseError
from triage.formats import json


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a": [1, -2, true, null, "\\u00e9"]}', {"a": [1, -2, True, None, "é"]}),
        ('"é"', "é"),
        ("[1]".encode("utf-16"), [1]),
        (b'"\\ud83d"', "\ud83d"),
        (b"[" * 500 + b"]" * 500, ...),
    ],
)
def test_values(data: bytes | str, expected: object) -> None:
    value = json.parse(data)
    assert value == expected or expected is ...


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b"[NaN]",
        b"[-Infinity]",
        b"\xff\xfe\xff",
        b'"\xff"',
        b"1" * 5000,
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b"[1] rest",
    ],
)
def test_what_is_not_json(data: bytes) -> None:
    with pytest.raises(ParseError):
        json.parse(data)


def test_size_is_limited() -> None:
    with pytest.raises(LimitError):
        json.parse(b"[1, 2]", limit=5)
