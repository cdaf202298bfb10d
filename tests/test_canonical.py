from __future__ import annotations

import base64
import io
import itertools
import json
import random
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any

import pytest

from triage import canonical
from triage.errors import ParseError


class Word(StrEnum):
    A = "a"


class Number(IntEnum):
    ONE = 1


class Bytes(Enum):
    X = b"\x00"


@dataclass(frozen=True, slots=True)
class Source:
    path: str
    path_raw: str | None = None


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (None, b"null"),
        ([True, False], b"[true,false]"),
        ({"b": 1, "a": (2, 3)}, b'{"a":[2,3],"b":1}'),
        ({"é": "ü", "e": "\u2028"}, '{"e":"\u2028","é":"ü"}'.encode()),
        ('a"\\\n\r\t\x00\x1f\x7f', b'"a\\"\\\\\\n\\r\\t\\u0000\\u001f\x7f"'),
        (b"\x00\xff", b'"AP8="'),
        ({3, 1, 2}, b"[1,2,3]"),
        (frozenset(("b", "a")), b'["a","b"]'),
        ([Word.A, Number.ONE, Bytes.X], b'["a",1,"AA=="]'),
        ({Word.A: 1}, b'{"a":1}'),
        (Source(path="/a"), b'{"path":"/a","path_raw":null}'),
        (2**53, b"9007199254740992"),
        (2**53 + 1, b'"9007199254740993"'),
        (-(2**53), b"-9007199254740992"),
        (-(2**53) - 1, b'"-9007199254740993"'),
        (10**100, b'"1' + b"0" * 100 + b'"'),
    ],
)
def test_one_value_has_one_form(value: Any, encoded: bytes) -> None:
    assert canonical.encode(value) == encoded
    assert canonical.line(value) == encoded + b"\n"


def test_keys_are_in_the_order_of_code_points_not_of_utf_16() -> None:
    encoded = canonical.encode({"\U0001f600": 1, "\uffff": 2})
    assert encoded == '{"\uffff":2,"\U0001f600":1}'.encode()


@pytest.mark.parametrize(
    "value",
    [
        0.0,
        1.5,
        float("nan"),
        float("inf"),
        [[1.0]],
        {"a": {"b": 1e300}},
        Decimal(1),
        1j,
        object(),
        {1: "a"},
        {None: 1},
        {b"a": 1},
        {("a",): 1},
        int,
    ],
)
def test_what_has_no_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical.encode(value)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"/home/\xff\xfe", "/home/\\xff\\xfe"),
        (b"caf\xe9.txt", "caf\\xe9.txt"),
        ("é\U0001f600".encode() + b"\x80", "é\U0001f600\\x80"),
    ],
)
def test_undecodable_bytes_are_shown_and_kept(raw: bytes, shown: str) -> None:
    path = raw.decode("utf-8", "surrogateescape")
    assert canonical.jsonable(Source(path=path)) == {"path": shown, "path_raw": b64(raw)}
    assert canonical.raw_bytes(path) == raw


def test_lone_surrogates_of_utf_16_are_shown_and_kept() -> None:
    value = canonical.jsonable({"name": "a\ud800b\udfff"})
    assert value == {"name": "a\\ud800b\\udfff", "name_raw": b64(b"a\xed\xa0\x80b\xed\xbf\xbf")}


@pytest.mark.parametrize("items", [*itertools.permutations([("p", "\udcff"), ("p_raw", "x")])])
def test_no_field_hides_the_exact_bytes(items: tuple[tuple[str, str], ...]) -> None:
    assert canonical.jsonable(dict(items)) == {"p": "\\xff", "p_raw": b64(b"\xff")}


def test_a_key_that_is_no_unicode_is_escaped() -> None:
    assert canonical.encode({"\udcff": 1}) == b'{"\\\\xff":1}'


def test_items_of_a_list_are_escaped_without_a_twin() -> None:
    assert canonical.jsonable({"names": ["\udcff"]}) == {"names": ["\\xff"]}


ALPHABET = ["a", "é", "\u2028", "\U0001f600", "\x00", '"', "\\", "\ud800", "\udcff", "\udfff", "\n"]


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - to be repeatable, not secret


def some(chance: random.Random, depth: int = 0) -> Any:
    text = "".join(chance.choices(ALPHABET, k=chance.randrange(4)))
    kind = chance.randrange(8 if depth < 4 else 5)
    if kind == 5:
        return [some(chance, depth + 1) for _ in range(chance.randrange(4))]
    if kind > 5:
        return {text + str(n): some(chance, depth + 1) for n in range(chance.randrange(4))}
    return [
        None,
        chance.random() < 0.5,
        chance.randrange(-(2**60), 2**60),
        text,
        text.encode("utf-8", "ignore"),
    ][kind]


@pytest.mark.parametrize("seed", range(200))
def test_any_value_has_a_form_that_is_stable(seed: int) -> None:
    value = some(seeded(seed))
    encoded = canonical.encode(value)
    decoded = canonical.decode(encoded)
    assert canonical.encode(decoded) == encoded
    assert json.loads(encoded) == decoded == canonical.jsonable(value)
    assert b"\n" not in encoded


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_insertion_does_not_matter(seed: int) -> None:
    chance = seeded(seed)
    items = [("".join(chance.choices(ALPHABET, k=3)), n) for n in range(10)]
    items = list(dict(items).items())
    expected = canonical.encode(dict(items))
    chance.shuffle(items)
    assert canonical.encode(dict(items)) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" 1",
        b"1 ",
        b"1\n",
        b"01",
        b"-0",
        b"1.0",
        b"1e3",
        b"NaN",
        b"Infinity",
        b"9007199254740993",
        b"-9007199254740993",
        b"1" * 5000,
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b"[1, 2]",
        b'"\\u00e9"',
        b'"\\/"',
        b'"\\ud800"',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b'\xef\xbb\xbf"a"',
        '"a"'.encode("utf-16"),
        b'"a',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_only_the_canonical_form_is_read(data: bytes) -> None:
    with pytest.raises(ParseError):
        canonical.decode(data)


def test_lines_are_read_one_by_one() -> None:
    data = canonical.line({"a": "\u2028\x85\r"}) + canonical.line(2)
    assert b"".join(canonical.lines(io.BytesIO(data))) == data
    assert len(list(canonical.lines(io.BytesIO(data)))) == 2
    assert list(canonical.lines(io.BytesIO(b""))) == []


@pytest.mark.parametrize(
    ("data", "where"),
    [(b"1\n2", "line 2"), (b"12345678\n", "line 1"), (b"1\n\n12345678", "line 3")],
)
def test_lines_are_bounded_and_whole(data: bytes, where: str) -> None:
    with pytest.raises(ParseError, match=where):
        list(canonical.lines(io.BytesIO(data), limit=8))
    assert list(canonical.lines(io.BytesIO(b"1234567\n"), limit=8)) == [b"1234567\n"]
