from __future__ import annotations

import pytest

from triage.training.ratio import Ratio


@pytest.mark.parametrize(
    ("part", "whole", "permille", "interval"),
    [
        (0, 0, None, None),
        (0, 10, 0, (0, 278)),  # the well-known 27.8 % of nothing in ten
        (10, 10, 1000, (722, 1000)),
        (81, 263, 307, (255, 367)),  # Newcombe, Statistics in Medicine 17 (1998): 0.2553 to 0.3662
        (15, 148, 101, (62, 161)),  # the same table: 0.0624 to 0.1605
        (1, 29, 34, (6, 172)),  # 0.0061 to 0.1718
        (999, 1000, 999, (994, 1000)),
    ],
)
def test_interval(
    part: int, whole: int, permille: int | None, interval: tuple[int, int] | None
) -> None:
    ratio = Ratio(part=part, whole=whole)
    assert (ratio.permille, ratio.interval) == (permille, interval)


def test_all_but_one_is_never_all() -> None:
    assert str(Ratio(part=1999, whole=2000)) == "1,999 of 2,000 (99.9 %)"
    assert str(Ratio(part=0, whole=0)) == "0 of 0"
