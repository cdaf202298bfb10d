"""Times of operating systems as findings carry them."""

from __future__ import annotations

from triage.api import Time, Unit, Zone
from triage.formats import times

_DAY = 86_400 * 10**9  # nanoseconds


def day(event: str, raw: str) -> tuple[Time, ...]:
    """Return a day that stands as a decimal number of days since 1970-01-01."""
    text = raw.strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or not int(text):  # noqa: PLR2004 - far beyond year 9999
        return ()
    when = times.rfc3339(int(text) * _DAY)
    if when is None:
        return ()
    return (Time(event=event, utc=when, raw=text, unit=Unit.DAYS_UNIX, zone=Zone.UTC),)
