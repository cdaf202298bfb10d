from __future__ import annotations

import pytest

from triage.batch.tables import csv_bytes


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        (None, ""),
        (7, "7"),
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        (' "@x', '"\' ""@x"'),
        ("\uff1dx", "'\uff1dx"),
        ("a;-1", "a;'-1"),
        ("a\nb\u202e", "a\\u{a}b\\u{202e}"),
    ],
)
def test_no_cell_is_a_formula_or_breaks_the_line(cell: object, line: str) -> None:
    assert csv_bytes(["x"], [[cell, "end"]]).decode() == f"x\r\n{line},end\r\n"


def test_a_long_cell_is_cut() -> None:
    assert len(csv_bytes(["x"], [["a" * 40_000]])) < 9000
