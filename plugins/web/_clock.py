"""Times of browsers as findings carry them."""

from __future__ import annotations

from typing import cast

from triage.api import Time, Unit, Zone
from triage.formats import times
from triage.formats.times import rfc3339

_DAY = 86_400 * 10**9  # nanoseconds


def stamp(event: str, raw: float | None, unit: Unit | str) -> tuple[Time, ...]:
    """Return a UTC time from a number; none when it is not set or out of range."""
    if not raw:
        return ()
    if unit == Unit.DAYS_UNIX:
        text = rfc3339(int(raw) * _DAY)
    else:
        text = times.utc(raw, cast("times.Unit", str(unit)))
    if text is None:
        return ()
    return (Time(event=event, utc=text, raw=str(raw), unit=Unit(unit), zone=Zone.UTC),)
