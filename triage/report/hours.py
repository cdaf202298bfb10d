"""Activity by hour of the day: when, around the clock, each account and family has its events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from triage.report.families import rank
from triage.texts import word

HOURS = 24
_LANES_SHOWN = 40
_STRENGTHS = 4  # shades of a cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The events of one hour; `strength` 0 when there are none, else 1 to 4."""

    hour: int
    events: int
    strength: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HourLane:
    """One account and family, from 00 to 23 hours UTC."""

    account: str
    family: str
    cells: tuple[Cell, ...]


def by_hour(hours: Mapping[tuple[str, str], Counter[int]]) -> tuple[HourLane, ...]:
    """Turn counts by hour of the UTC day into lanes, shades relative to the lane's own busiest."""
    names = sorted(
        (lane for lane, counts in hours.items() if counts.total()),
        key=lambda lane: (lane[0], rank(lane[1])),
    )
    return tuple(_lane(name, hours[name]) for name in names[:_LANES_SHOWN])


def _lane(name: tuple[str, str], counts: Counter[int]) -> HourLane:
    account, family = name
    most = max(counts.values())
    return HourLane(
        account=account,
        family=word("family", family),
        cells=tuple(
            Cell(
                hour=hour,
                events=counts[hour],
                strength=-(-counts[hour] * _STRENGTHS // most),
            )
            for hour in range(HOURS)
        ),
    )
