"""Sets of bytes as extents: what they say is what sets of numbers say."""

from __future__ import annotations

import random

import numpy as np
import pytest

from triage.evidence.extents import Extents, from_flags


def extents(numbers: set[int]) -> Extents:
    places = np.array(sorted(numbers), dtype=np.int64)
    return Extents.of(places, places + 1)


def numbers(found: Extents) -> set[int]:
    return {place for start, end in found for place in range(start, end)}


def some(chance: random.Random) -> set[int]:
    return {n for n in range(60) if chance.random() < chance.choice((0.1, 0.5, 0.9))}


@pytest.mark.parametrize("seed", range(40))
def test_they_are_sets(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    one, two = some(chance), some(chance)
    if seed == 0:
        one = set()
    a, b = extents(one), extents(two)
    assert numbers(a | b) == one | two
    assert numbers(a & b) == one & two
    assert numbers(a - b) == one - two
    assert numbers(b - a) == two - one
    assert (a - b).size == len(one - two)
    assert numbers(a.within(10, 20)) == one & set(range(10, 20))
    assert {n for n in range(-1, 61) if a.hold(n)} == one
    for found in (a | b, a & b, a - b):  # neighbours are one
        assert all(found.starts[1:] > found.ends[:-1])
    assert numbers(Extents.unpacked(a.packed())) == one


def test_any_order_and_overlap() -> None:
    found = Extents.of(np.array([7, 0, 3, 9, 4]), np.array([8, 5, 4, 9, 6]))
    assert list(found) == [(0, 6), (7, 8)]
    assert list(Extents.none()) == list(Extents.one(4, 4)) == []


def test_what_is_packed_by_somebody_else_is_not_trusted() -> None:
    lies = np.array([[5, 9], [-3, 2], [8, 1], [7, 12]], dtype="<i8").tobytes()
    assert list(Extents.unpacked(lies + b"more")) == [(5, 12)]
    assert list(Extents.unpacked(b"")) == []


def test_flags_stand_for_units() -> None:
    flags = np.array([1, 1, 0, 0, 1], dtype=np.bool_)
    assert list(from_flags(flags, 512, 1000)) == [(1000, 2024), (3048, 3560)]
    assert list(from_flags(np.zeros(0, np.bool_), 512)) == []
