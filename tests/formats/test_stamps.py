from __future__ import annotations

from dataclasses import dataclass

import pytest

from triage.api import Allocation, Entry, EntryType, EvidencePath, FileTimes, Unit, Zone
from triage.formats.stamps import days_text, modified, stamp, utc_text, zoned_text


@dataclass(frozen=True)
class Lying:
    entry: Entry


def lying(times: FileTimes) -> Lying:
    return Lying(
        Entry(
            volume="p1",
            path=EvidencePath("/a"),
            address="5",
            type=EntryType.FILE,
            size=1,
            times=times,
            allocation=Allocation(name=True, metadata=True),
        )
    )


@pytest.mark.parametrize(
    ("raw", "unit", "utc"),
    [
        (1708503300, Unit.S_UNIX, "2024-02-21T08:15:00Z"),
        ("1708503300", Unit.S_UNIX, "2024-02-21T08:15:00Z"),
        (1708503300000, "ms_unix", "2024-02-21T08:15:00Z"),
        (19774, Unit.DAYS_UNIX, "2024-02-21T00:00:00Z"),
    ],
)
def test_a_number_becomes_a_time(raw: object, unit: Unit | str, utc: str) -> None:
    (time,) = stamp("made", raw, unit)
    assert (time.event, time.utc, time.raw, time.zone) == ("made", utc, str(raw), Zone.UTC)


@pytest.mark.parametrize("raw", [None, 0, "", True, b"1", [], 2**63, -(2**63)])
def test_what_is_no_time_gives_none(raw: object) -> None:
    assert stamp("made", raw, Unit.S_UNIX) == ()


def test_a_file_systems_local_time_is_not_converted() -> None:
    when = 1_708_503_300_000_000_000
    (utc,) = modified("written", lying(FileTimes(modified=when)))
    (local,) = modified("written", lying(FileTimes(modified=when, zone="local")))
    assert (utc.utc, utc.zone) == ("2024-02-21T08:15:00Z", Zone.UTC)
    assert (local.utc, local.zone, local.raw) == (None, Zone.LOCAL, str(when))
    assert modified("written", None) == ()
    assert modified("written", lying(FileTimes())) == ()


@pytest.mark.parametrize(
    ("raw", "minutes", "utc", "told"),
    [
        ("2024-02-21 08:15:00", 0, "2024-02-21T08:15:00Z", "2024-02-21 08:15:00"),
        ("20240221T081500", 0, "2024-02-21T08:15:00Z", "20240221T081500"),
        ("2024-02-21 08:15:00", -20, "2024-02-21T07:55:00Z", "2024-02-21 08:15:00 - 20 min"),
        ("2024-02-21 08:15:00", 1440, "2024-02-22T08:15:00Z", "2024-02-21 08:15:00 + 1440 min"),
    ],
)
def test_text_that_means_utc(raw: str, minutes: int, utc: str, told: str) -> None:
    (time,) = utc_text("made", raw, minutes=minutes)
    assert (time.utc, time.raw, time.zone) == (utc, told, Zone.UTC)


@pytest.mark.parametrize("raw", [None, "", "yesterday", "20241399T990000", "9" * 500])
def test_text_that_is_no_time(raw: str | None) -> None:
    assert utc_text("made", raw) == ()


def test_a_zone_is_believed_and_never_invented() -> None:
    assert zoned_text("a", "2024-02-21T08:15:00+02:00")[0].utc == "2024-02-21T06:15:00Z"
    assert zoned_text("a", "2024-02-21T08:15:00-0730")[0].utc == "2024-02-21T15:45:00Z"
    (local,) = zoned_text("a", "2024-02-21T08:15:00")
    assert (local.utc, local.zone) == (None, Zone.LOCAL)
    assert days_text("a", "19774")[0].utc == "2024-02-21T00:00:00Z"
    assert days_text("a", "-1") == days_text("a", "9" * 12) == ()
