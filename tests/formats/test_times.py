from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from triage.formats.times import UNITS, from_text, nanoseconds, rfc3339, utc

if TYPE_CHECKING:
    from triage.formats.times import Unit

DOS = (44 << 9 | 2 << 5 | 21) << 16 | 8 << 11 | 15 << 5 | 7


@pytest.mark.parametrize(
    ("unit", "raw", "expected"),
    [
        ("s_unix", 1708503300, "2024-02-21T08:15:00Z"),
        ("s_unix", "1708503300", "2024-02-21T08:15:00Z"),
        ("s_unix", 1708503300.25, "2024-02-21T08:15:00.25Z"),
        ("s_unix", -1, "1969-12-31T23:59:59Z"),
        ("s_unix", -62135596800, "0001-01-01T00:00:00Z"),
        ("s_unix", -62135596801, None),
        ("s_unix", 253402300799, "9999-12-31T23:59:59Z"),
        ("s_unix", 253402300800, None),
        ("ms_unix", 1708503300000, "2024-02-21T08:15:00Z"),
        ("ms_unix", 1708503300120, "2024-02-21T08:15:00.12Z"),
        ("ms_unix", -1, "1969-12-31T23:59:59.999Z"),
        ("us_unix", 1708503300000001, "2024-02-21T08:15:00.000001Z"),
        ("ns_unix", 1708503300000000001, "2024-02-21T08:15:00.000000001Z"),
        ("ns_unix", 2**63 - 1, "2262-04-11T23:47:16.854775807Z"),
        ("ns_unix", -(2**63), "1677-09-21T00:12:43.145224192Z"),
        ("ns_unix", 2**64 - 1, "2554-07-21T23:34:33.709551615Z"),
        ("filetime", 133529769000000000, "2024-02-21T08:15:00Z"),
        ("filetime", 133529769000000001, "2024-02-21T08:15:00.0000001Z"),
        ("filetime", 1, "1601-01-01T00:00:00.0000001Z"),
        ("filetime", 2650467743999999999, "9999-12-31T23:59:59.9999999Z"),
        ("filetime", 0x7FFFFFFFFFFFFFFF, None),
        ("filetime", 2**64 - 1, None),
        ("webkit", 13352976900000000, "2024-02-21T08:15:00Z"),
        ("webkit", 11644473600000000, "1970-01-01T00:00:00Z"),
        ("cocoa", 730196100, "2024-02-21T08:15:00Z"),
        ("cocoa_ns", 730196100_000000001, "2024-02-21T08:15:00.000000001Z"),
        ("cocoa", "730196100.123456", "2024-02-21T08:15:00.123456Z"),
        ("cocoa", "-978307200", "1970-01-01T00:00:00Z"),
        ("cocoa", -63113904000.0, "0001-01-01T00:00:00Z"),
        ("cocoa", -63114076800.0, None),  # "distant past"
        ("cocoa", "7.301961E8", "2024-02-21T08:15:00Z"),
        ("dos", DOS, "2024-02-21T08:15:14Z"),
        ("dos", 0x00210000, "1980-01-01T00:00:00Z"),
        ("dos", 0xFFFFFFFF, None),
        ("dos", 2**32, None),
        ("dos", -1, None),
        ("ole", "45343.34375", "2024-02-21T08:15:00Z"),
        ("ole", 45343.34375, "2024-02-21T08:15:00Z"),
        ("ole", 45343 + 1 / 3, "2024-02-21T08:00:00Z"),
        ("ole", "-1.25", "1899-12-29T06:00:00Z"),
        ("ole", 1, "1899-12-31T00:00:00Z"),
        ("ole", "1e99", None),
        ("text", "2024-02-21 08:15:00", "2024-02-21T08:15:00Z"),
        ("text", 5, None),
    ],
)
def test_known_moments(unit: Unit, raw: float | str, expected: str | None) -> None:
    assert utc(raw, unit) == expected


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(
    "raw", [0, "0", 0.0, "", "now", "1e999", "nan", float("inf"), "0x10", "٣", "1" * 41, 2**200]
)
def test_unset_or_senseless_values_have_no_utc(unit: Unit, raw: float | str) -> None:
    assert utc(raw, unit) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-21", "2024-02-21T00:00:00Z"),
        ("2024-02-21T08:15", "2024-02-21T08:15:00Z"),
        ("2024-02-21T08:15:00Z", "2024-02-21T08:15:00Z"),
        ("2024-02-21 08:15:00 UTC", "2024-02-21T08:15:00Z"),
        (" 2024-02-21T15:15:00+07:00\n", "2024-02-21T08:15:00Z"),
        ("2024-02-21T04:45:00.5-0330", "2024-02-21T08:15:00.5Z"),
        ("2024-02-21T08:15:00,1234567891", "2024-02-21T08:15:00.123456789Z"),
        ("1970-01-01 00:00:00", "1970-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00+01:00", None),
        ("0000-00-00 00:00:00", None),
        ("2024-02-30", None),
        ("2024-02-21T25:00:00", None),
        ("2024-02-21T08:15:60Z", None),
        ("21.02.2024", None),
        ("2024-02-21T08:15:00Zjunk", None),
        ("", None),
    ],
)
def test_texts(text: str, expected: str | None) -> None:
    value = from_text(text)
    assert (None if value is None else rfc3339(value)) == expected


@pytest.mark.parametrize(
    ("unit", "scale", "zero"),
    [
        ("s_unix", 1, 1970),
        ("ms_unix", 10**3, 1970),
        ("us_unix", 10**6, 1970),
        ("filetime", 10**7, 1601),
        ("webkit", 10**6, 1601),
        ("cocoa", 1, 2001),
    ],
)
def test_units_agree_with_the_calendar(unit: Unit, scale: int, zero: int) -> None:
    epoch = datetime(zero, 1, 1, tzinfo=UTC)
    for days in range(-60_000, 400_000, 7919):
        if days:
            moment = epoch + timedelta(days=days, seconds=days % 86_400)
            raw = (days * 86_400 + days % 86_400) * scale
            assert utc(raw, unit) == f"{moment:%Y-%m-%dT%H:%M:%S}Z"


@pytest.mark.parametrize("unit", ["ms_unix", "us_unix", "ns_unix", "filetime", "webkit"])
def test_order_is_kept_and_nothing_is_lost(unit: Unit) -> None:
    raws = [10**17 + step for step in range(-5, 6)]
    values = [nanoseconds(raw, unit) for raw in raws]
    if None in values:
        assert set(values) == {None}
        return
    steps = {after - before for before, after in pairwise(values) if after and before}
    assert len(steps) == 1
    assert min(steps) >= 1
