"""Times of tor's and Tor Browser's files as findings carry them."""

from __future__ import annotations

from typing import cast

from triage.api import Artifact, Time, Unit, Zone
from triage.formats import times
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


def modified(event: str, artifact: Artifact | None) -> tuple[Time, ...]:
    """Return the modification time of a file, nanoseconds since 1970 as the file system has it."""
    found = artifact.entry.times if artifact else None
    if found is None or found.modified is None:
        return ()
    zone = Zone.UTC if found.zone == "utc" else Zone.LOCAL
    utc = rfc3339(found.modified) if zone is Zone.UTC else None
    return (Time(event=event, utc=utc, raw=str(found.modified), unit=Unit.NS_UNIX, zone=zone),)


def stamp(event: str, raw: int | None, unit: Unit) -> tuple[Time, ...]:
    """Return a UTC time from a number; none when it is not set or out of range."""
    if unit is Unit.DAYS_UNIX:
        text = rfc3339(raw * _DAY) if raw else None
    else:
        text = times.utc(raw, cast("times.Unit", unit.value)) if raw else None
    if text is None:
        return ()
    return (Time(event=event, utc=text, raw=str(raw), unit=unit, zone=Zone.UTC),)
