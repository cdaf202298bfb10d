"""Raw times of files and fields as the times that findings carry."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Protocol, cast

from triage.findings import Time, Unit, Zone
from triage.formats import times
from triage.model import Entry

_DAY = 86_400 * 10**9  # nanoseconds
_MINUTE = 60 * 10**9  # nanoseconds
_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z?", re.ASCII)
_OFFSET = re.compile(r"\d[+-]\d\d:?\d\d\s*$")
_LONGEST = 60  # characters of a text that are kept as raw value


class HasEntry(Protocol):
    """An artifact, as far as its times matter."""

    @property
    def entry(self) -> Entry:
        """The file system's entry."""
        ...


def stamp(event: str, raw: object, unit: Unit | str) -> tuple[Time, ...]:
    """Return a UTC time from a number or a text of one; none when it is not set or out of range."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str) or not raw:
        return ()
    unit = Unit(unit)
    if unit is Unit.DAYS_UNIX:
        utc = times.rfc3339(int(raw) * _DAY)
    else:
        utc = times.utc(raw, cast("times.Unit", unit.value))
    if utc is None:
        return ()
    return (Time(event=event, utc=utc, raw=str(raw), unit=unit, zone=Zone.UTC),)


def utc_text(event: str, raw: str | None, *, minutes: int = 0) -> tuple[Time, ...]:
    """Return the time that a program wrote as UTC without saying so; none when it is no time.

    `2024-02-21 08:15:00` and GnuPG's `20240221T081500`. Moved by `minutes`, which `raw` then tells.
    """
    when = times.from_text(_BASIC.sub(r"\1-\2-\3 \4:\5:\6", raw.strip())) if raw else None
    utc = None if when is None else times.rfc3339(when + minutes * _MINUTE)
    if raw is None or utc is None:
        return ()
    text = f"{raw} {'-' if minutes < 0 else '+'} {abs(minutes)} min" if minutes else raw
    return (Time(event=event, utc=utc, raw=text, unit=Unit.TEXT, zone=Zone.UTC),)


def plist_date(event: str, raw: object) -> tuple[Time, ...]:
    """Return a date of a property list, which is UTC; none of what is no date."""
    return utc_text(event, raw.isoformat(sep=" ")) if isinstance(raw, datetime) else ()


def zoned_text(event: str, raw: str | None) -> tuple[Time, ...]:
    """Return the time of an ISO 8601 text that ends in Z or an offset, else a local one."""
    if raw and (raw.rstrip().endswith("Z") or _OFFSET.search(raw)):
        when = times.from_text(raw)
        utc = None if when is None else times.rfc3339(when)
        if utc is not None:
            return (Time(event=event, utc=utc, raw=raw[:_LONGEST], unit=Unit.TEXT, zone=Zone.UTC),)
    return local_text(event, raw)


def local_text(event: str, raw: str | None) -> tuple[Time, ...]:
    """Return a time of a log that says no zone: what the machine's clock showed."""
    if not raw:
        return ()
    return (Time(event=event, utc=None, raw=raw[:_LONGEST], unit=Unit.TEXT, zone=Zone.LOCAL),)


def days_text(event: str, raw: str) -> tuple[Time, ...]:
    """Return a day that stands as a decimal number of days since 1970-01-01."""
    text = raw.strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 9:  # noqa: PLR2004 - far beyond year 9999
        return ()
    return stamp(event, int(text), Unit.DAYS_UNIX)


def modified(event: str, artifact: HasEntry | None) -> tuple[Time, ...]:
    """Return the modification time of a file, nanoseconds since 1970 as the file system has it."""
    found = artifact.entry.times if artifact else None
    if found is None or found.modified is None:
        return ()
    zone = Zone.UTC if found.zone == "utc" else Zone.LOCAL
    utc = times.rfc3339(found.modified) if zone is Zone.UTC else None
    return (Time(event=event, utc=utc, raw=str(found.modified), unit=Unit.NS_UNIX, zone=zone),)
