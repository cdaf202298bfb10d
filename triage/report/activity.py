"""Activity by day: how many dated events each account and family has, as lanes of a chart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from triage.report.families import rank
from triage.report.gather import Record
from triage.texts import say, word

WIDTH = 720  # units of the chart; a bin is at least one unit wide
LANE = 22
_BINS = 240
_LANES_SHOWN = 40
_DAYS_SHOWN = 60
_FIRST, _LAST = date(1990, 1, 1), date(2099, 12, 31)  # a clock outside says nothing of use
_STRENGTHS = 4  # shades of a bar


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """The range of days, in bins of equal length; `scale` is units of the chart for one day."""

    first: date
    last: date
    days_in_bin: int
    scale: float

    def bins(self, counts: Counter[date]) -> Counter[int]:
        """Return the events of each bin."""
        binned: Counter[int] = Counter()
        for day, count in counts.items():
            binned[(day - self.first).days // self.days_in_bin] += count
        return binned


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Events of some days: position and width in the chart, shade from 1 to 4."""

    x: str
    width: str
    strength: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One account and family."""

    account: str
    family: str
    events: int
    first: str
    last: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day with events: who, in which family, how many."""

    day: str
    events: int
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The chart: lanes over one range of days."""

    first: str
    last: str
    days_in_bin: int
    ticks: tuple[tuple[str, str], ...]  # position, label
    lanes: tuple[Lane, ...]
    lanes_left_out: int
    days: tuple[Day, ...]  # the newest
    days_left_out: int
    outside: int  # events before or after the years that the chart can have
    steps: tuple[tuple[str, str], ...]  # of clocks: position, what happened


def activity(
    days: Mapping[tuple[str, str], Counter[str]], clocks: Iterable[Record] = ()
) -> Activity | None:
    """Turn counts by UTC day into a chart; None when nothing is dated within its years.

    `clocks` are findings of steps of clocks, which the chart marks.
    """
    outside, kept = 0, {}
    for lane, counts in days.items():
        by_day: Counter[date] = Counter()
        for text, count in counts.items():
            day = _day(text)
            if day is None:
                outside += count
            else:
                by_day[day] += count
        if by_day:
            kept[lane] = by_day
    if not kept:
        return None
    axis = _axis(
        min(min(counts) for counts in kept.values()), max(max(counts) for counts in kept.values())
    )
    most = max(max(axis.bins(counts).values()) for counts in kept.values())
    names = sorted(kept, key=lambda lane: (lane[0], rank(lane[1])))
    lanes = tuple(_lane(name, kept[name], axis, most) for name in names[:_LANES_SHOWN])
    newest = sorted({day for counts in kept.values() for day in counts}, reverse=True)
    return Activity(
        first=axis.first.isoformat(),
        last=axis.last.isoformat(),
        days_in_bin=axis.days_in_bin,
        ticks=tuple(_ticks(axis)),
        lanes=lanes,
        lanes_left_out=len(names) - len(lanes),
        days=tuple(_told(day, kept, names) for day in newest[:_DAYS_SHOWN]),
        days_left_out=max(len(newest) - _DAYS_SHOWN, 0),
        outside=outside,
        steps=tuple(_steps(clocks, axis)),
    )


def _steps(clocks: Iterable[Record], axis: _Axis) -> Iterator[tuple[str, str]]:
    """Yield where a clock was moved, by each of the times before and after."""
    seen: set[tuple[str, str]] = set()
    for record in clocks:
        for time in record["times"]:
            day = _day(time["utc"][:10]) if time["utc"] else None
            if day is None or not axis.first <= day <= axis.last:
                continue
            x = f"{((day - axis.first).days + 0.5) * axis.scale:.2f}"
            told = x, say("activity.step", when=day, what=record["summary"])
            if told not in seen:
                seen.add(told)
                yield told


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if _FIRST <= day <= _LAST else None


def _axis(first: date, last: date) -> _Axis:
    span = (last - first).days + 1
    days_in_bin = -(-span // _BINS)
    scale = WIDTH / (days_in_bin * -(-span // days_in_bin))
    return _Axis(first=first, last=last, days_in_bin=days_in_bin, scale=scale)


def _lane(name: tuple[str, str], counts: Counter[date], axis: _Axis, most: int) -> Lane:
    width = max(axis.days_in_bin * axis.scale - 0.3, 1.5)
    bars = []
    for number, count in sorted(axis.bins(counts).items()):
        start = axis.first + timedelta(days=number * axis.days_in_bin)
        end = start + timedelta(days=axis.days_in_bin - 1)
        when = start.isoformat() if start == end else say("common.range", first=start, last=end)
        bars.append(
            Bar(
                x=f"{number * axis.days_in_bin * axis.scale:.2f}",
                width=f"{width:.2f}",
                strength=1
                + (_STRENGTHS - 1) * (count.bit_length() - 1) // max(most.bit_length(), 1),
                title=say("activity.bar", when=when, count=count),
            )
        )
    account, family = name
    return Lane(
        account=account,
        family=word("family", family),
        events=counts.total(),
        first=min(counts).isoformat(),
        last=max(counts).isoformat(),
        bars=tuple(bars),
    )


def _ticks(axis: _Axis) -> list[tuple[str, str]]:
    """Return at most a dozen marks at the beginning of years or months."""
    first, last = axis.first, axis.last
    months = (last.year - first.year) * 12 + last.month - first.month
    step = next((n for n in (1, 2, 3, 6, 12, 24, 60, 120) if months <= 10 * n), 240)
    ticks = []
    for number in range(first.year * 12 + first.month, last.year * 12 + last.month):
        if number % step:
            continue
        start = date(number // 12, number % 12 + 1, 1)
        label = f"{start.year}" if step >= 12 else start.isoformat()[:7]  # noqa: PLR2004 - a year
        ticks.append((f"{(start - first).days * axis.scale:.2f}", label))
    return ticks


def _told(
    day: date,
    kept: Mapping[tuple[str, str], Counter[date]],
    names: list[tuple[str, str]],
) -> Day:
    told = [(name, kept[name][day]) for name in names if day in kept[name]]
    return Day(
        day=day.isoformat(),
        events=sum(count for _, count in told),
        told=tuple(
            say(
                "activity.told",
                account=say("common.no_account") if account == "–" else account,
                family=word("family", family),
                count=count,
            )
            for (account, family), count in told
        ),
    )
