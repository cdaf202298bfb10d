"""Times of operating systems as findings carry them."""

from __future__ import annotations

from typing import cast

from triage.api import Time, Unit, Zone
from triage.formats import times

_DAY = 86_400 * 10**9  # nanoseconds


def stamp(event: str, raw: float | str | None, unit: Unit) -> tuple[Time, ...]:
    """Return a UTC time; none when the value is not set, never, or out of range."""
    if raw is None or unit is Unit.DAYS_UNIX:
        return ()
    text = times.utc(raw, cast("times.Unit", unit.value))
    if text is None:
        return ()
    return (Time(event=event, utc=text, raw=str(raw), unit=unit, zone=Zone.UTC),)


def day(event: str, raw: str) -> tuple[Time, ...]:
    """Return a day that stands as a decimal number of days since 1970-01-01."""
    text = raw.strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or not int(text):  # noqa: PLR2004 - far beyond year 9999
        return ()
    when = times.rfc3339(int(text) * _DAY)
    if when is None:
        return ()
    return (Time(event=event, utc=when, raw=text, unit=Unit.DAYS_UNIX, zone=Zone.UTC),)
