from __future__ import annotations

from collections import Counter

import pytest

from triage.report.activity import WIDTH, Activity, activity


def chart(*days: str, lane: tuple[str, str] = ("alice (p1)", "tor")) -> Activity:
    result = activity({lane: Counter(days)})
    assert result is not None
    return result


def test_a_day_is_a_bar_with_its_number() -> None:
    result = chart("2025-03-05", "2025-03-05", "2025-03-07")
    (lane,) = result.lanes
    assert (result.first, result.last, result.days_in_bin) == ("2025-03-05", "2025-03-07", 1)
    assert [bar.title for bar in lane.bars] == ["2025-03-05: 2 events", "2025-03-07: 1 event"]
    assert (lane.account, lane.family, lane.events) == ("alice (p1)", "Tor", 3)
    assert [(day.day, day.events) for day in result.days] == [("2025-03-07", 1), ("2025-03-05", 2)]


@pytest.mark.parametrize(
    "days",
    [
        ("2025-03-05",),
        ("2025-03-05", "2025-03-06"),
        ("1990-01-01", "2099-12-31"),
        ("2024-12-31", "2025-01-01"),
        ("2020-01-01", "2025-01-01"),
    ],
)
def test_bars_and_ticks_stay_inside(days: tuple[str, ...]) -> None:
    result = chart(*days)
    for lane in result.lanes:
        assert 1 <= len(lane.bars) <= 240
        for bar in lane.bars:
            assert 0 <= float(bar.x) < WIDTH
            assert float(bar.x) + float(bar.width) <= WIDTH + 2
            assert 1 <= bar.strength <= 4
    assert len(result.ticks) <= 12
    assert all(0 <= float(x) <= WIDTH for x, _ in result.ticks)


def test_clocks_that_cannot_be_right_are_counted_apart() -> None:
    result = chart("1601-01-01", "9999-12-31", "not a day", "2025-03-05")
    assert result.outside == 3
    assert (result.first, result.last) == ("2025-03-05", "2025-03-05")
    assert activity({("a", "tor"): Counter(["1601-01-01"])}) is None
    assert activity({}) is None


def test_lanes_are_by_account_then_family_and_limited() -> None:
    lanes = {
        (account, family): Counter(["2025-03-05"])
        for account in ("bob (p1)", "alice (p1)", "–")
        for family in ("wallet", "tor")
    }
    result = activity(lanes)
    assert result is not None
    assert [(lane.account, lane.family) for lane in result.lanes][:2] == [
        ("alice (p1)", "Tor"),
        ("alice (p1)", "Cryptocurrency"),
    ]
    assert "no account: Tor 1" in result.days[0].told
    many = activity({(f"a{n:03}", "tor"): Counter(["2025-03-05"]) for n in range(100)})
    assert many is not None
    assert (len(many.lanes), many.lanes_left_out) == (40, 60)


def test_days_in_numbers_are_limited() -> None:
    days = [f"2025-{month:02}-{day:02}" for month in (1, 3, 5) for day in range(1, 31)]
    result = chart(*days)
    assert (len(result.days), result.days_left_out) == (60, 30)


def test_where_a_clock_was_moved_is_marked() -> None:
    step = {
        "summary": "the clock went back by 1,800 seconds (event-log)",
        "times": [
            {"utc": "2025-03-06T07:00:00Z"},
            {"utc": "2025-03-06T06:30:00Z"},
            {"utc": "2031-01-01T00:00:00Z"},
            {"utc": None},
        ],
    }
    result = activity({("–", "tor"): Counter(("2025-03-05", "2025-03-08"))}, [step])
    assert result is not None
    told = "2025-03-06: the clock went back by 1,800 seconds (event-log)"
    assert result.steps == ((f"{1.5 * WIDTH / 4:.2f}", told),)
