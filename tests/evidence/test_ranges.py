from __future__ import annotations

import pytest

from triage.evidence.ranges import Range, joined, touches


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([], ()),
        ([(0, 0)], ()),
        ([(5, 5), (0, 5)], ((0, 10),)),
        ([(0, 10), (2, 3)], ((0, 10),)),
        ([(0, 4), (5, 1)], ((0, 4), (5, 1))),
        ([(0, 4), (0, 4), (3, 9)], ((0, 12),)),
    ],
)
def test_joined(ranges: list[Range], expected: tuple[Range, ...]) -> None:
    assert joined(ranges) == expected


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [
        (0, 10, False),
        (0, 11, True),
        (10, 1, True),
        (19, 100, True),
        (20, 5, False),
        (29, 1, False),
        (25, 6, True),
        (30, 0, False),
        (0, 1000, True),
        (31, 10, False),
    ],
)
def test_touches(offset: int, length: int, *, expected: bool) -> None:
    assert touches(((10, 10), (30, 1)), offset, length) is expected
