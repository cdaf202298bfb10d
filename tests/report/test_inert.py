from __future__ import annotations

import pytest
from markupsafe import Markup

from triage.report.inert import LONGEST, inert


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (True, "yes"),
        (False, "no"),
        (7, "7"),
        ("plain", "plain"),
        ("é ½ 文", "é ½ 文"),
        ("a\u202eb", "a\\u{202e}b"),
        ("a\x00\x1b\n", "a\\u{0}\\u{1b}\\u{a}"),
        ("\ud800", "\\u{d800}"),
        ("e\u0301\u0302", "e\u0301\u0302"),
        ("e" + "\u0301" * 6, "e" + "\u0301" * 4 + "\\u{301}" * 2),
        ("x" * LONGEST, "x" * LONGEST),
    ],
)
def test_values_become_visible_text(value: object, shown: str) -> None:
    assert inert(value) == shown


def test_long_text_is_cut_and_says_so() -> None:
    assert inert("x" * 5000).endswith("x… [cut here: 5,000 characters, whole in findings.jsonl]")


def test_only_our_own_markup_stays_markup() -> None:
    assert isinstance(inert(Markup("<b>")), Markup)
    assert not isinstance(inert("<b>"), Markup)
