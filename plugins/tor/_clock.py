"""Times of tor's and Tor Browser's files as findings carry them."""

from __future__ import annotations

from triage.api import Time, Unit, Zone
from triage.formats.times import from_text, rfc3339

_DAY = 86_400 * 10**9  # nanoseconds
_MINUTE = 60 * 10**9  # nanoseconds


def utc_text(event: str, raw: str | None) -> tuple[Time, ...]:
    """Return the time that tor wrote as UTC text; none when there is no such text."""
    when = from_text(raw or "")
    if raw is None or when is None:
        return ()
    return (Time(event=event, utc=rfc3339(when), raw=raw, unit=Unit.TEXT, zone=Zone.UTC),)


def minutes_before(event: str, raw: str | None, minutes: int) -> tuple[Time, ...]:
    """Return the time some minutes before a UTC text; `raw` then names both."""
    when = from_text(raw or "")
    utc = None if when is None else rfc3339(when - minutes * _MINUTE)
    if utc is None:
        return ()
    text = f"{raw} - {minutes} min"
    return (Time(event=event, utc=utc, raw=text, unit=Unit.TEXT, zone=Zone.UTC),)
