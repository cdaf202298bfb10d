from __future__ import annotations

import random

import numpy as np
import pytest

from triage.evidence.arrays import (
    Buffer,
    Names,
    distinct,
    gather_names,
    member,
    ragged,
    sort_names,
    text_of,
    unaligned,
)


def test_distinct_and_member() -> None:
    values = np.array([3, 1, 3, 2])
    assert distinct(values).tolist() == [1, 2, 3]
    assert distinct(values[:0]).tolist() == []
    assert member(values, np.array([3, 9, 2])).tolist() == [True, False, True, True]
    assert member(values, values[:0]).tolist() == [False] * 4


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ([97, 98], b"ab"),
        ([0xE9, 0x6F22], "é漢".encode()),
        ([0xD83D, 0xDE00], "😀".encode()),
        ([97, 0xDC00, 98], b"a^b"),
        ([97, 0xD800, 98, 99], b"a^c"),
        ([97, 0xD800], b"a"),
        ([97, 0, 98], b"a"),
        ([0], b""),
        ([97, 47, 98], rb"a\x2fb"),
        ([], b""),
    ],
)
def test_names_are_read_as_tsk_reads_them(units: list[int], expected: bytes) -> None:
    assert text_of(units) == expected


def test_names_come_back_from_the_pool() -> None:
    texts = ["a", "Größe", "漢字", "😀x", "x" * 255, "", "a/b", "\udc00", "z"]
    buffer = Buffer(4096)
    starts, lengths, at = [], [], 6
    for text in texts:
        units = text.encode("utf-16-le", "surrogatepass")
        buffer.bytes[at : at + len(units)] = np.frombuffer(units, dtype=np.uint8)
        starts.append(at)
        lengths.append(len(units) // 2)
        at += len(units) + 4
    names = Names()
    names.add(b"first/")
    offsets, sizes = names.add_utf16(buffer, np.array(starts), np.array(lengths))
    found = [names.get(*pair) for pair in zip(offsets.tolist(), sizes.tolist(), strict=True)]
    assert found == [t.encode() for t in texts[:6]] + [rb"a\x2fb", b"^", b"z"]
    same = names.equal((offsets, sizes), (offsets[::-1].copy(), sizes[::-1].copy()))
    assert same.tolist() == [False] * 4 + [True] + [False] * 4
    assert names.equal((offsets, sizes), (offsets, sizes)).all()


def test_numbers_at_any_offset() -> None:
    data = bytes(random.Random(1).randbytes(64))  # noqa: S311 - the same bytes every time
    buffer = Buffer(64)
    buffer.bytes[:64] = np.frombuffer(data, dtype=np.uint8)
    at = np.arange(56)
    expected = [int.from_bytes(data[place : place + 8], "little") for place in range(56)]
    assert unaligned(buffer.words64, at).tolist() == expected
    for size in range(9):
        short = unaligned(buffer.words64, at, np.full(56, size)).tolist()
        assert short == [number & (1 << 8 * size) - 1 for number in expected]
    assert buffer.u64(np.array([63])).tolist() == [data[63]]


def test_ragged_runs() -> None:
    starts, lengths = np.array([10, 0, 5, 7]), np.array([2, 0, 3, 1])
    assert ragged(starts, lengths).tolist() == [10, 11, 5, 6, 7, 7]
    assert ragged(starts[:0], lengths[:0]).tolist() == []


def test_names_are_sorted_like_bytes() -> None:
    chance = random.Random(2)  # noqa: S311 - the same names every time
    texts = [bytes(chance.choices(b"ab\xff0", k=chance.randrange(1, 30))) for _ in range(800)]
    texts += [b"a" * length for length in (7, 8, 9, 16, 300, 300, 299, 8, 8)]
    group = np.array([chance.randrange(3) for _ in texts])
    ties = np.array([chance.randrange(4) for _ in texts])
    names = Names()
    offsets, lengths = names.add(b"".join(text + b"/" for text in texts))
    order = sort_names(names.pool(), group, (offsets, lengths), lambda rows: ties[rows]).tolist()
    key = [(group[row], texts[row], ties[row]) for row in range(len(texts))]
    assert [key[row] for row in order] == sorted(key)
    assert sorted(order) == list(range(len(texts)))
    joined = gather_names(names.pool(), offsets[order], lengths[order])
    assert bytes(joined) == b"".join(texts[row] + b"/" for row in order)
