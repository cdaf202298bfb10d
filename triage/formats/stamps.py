"""Raw times of files and fields as the times that findings carry."""

from __future__ import annotations

from typing import Protocol, cast

from triage.findings import Time, Unit, Zone
from triage.formats import times
from triage.model import Entry

_DAY = 86_400 * 10**9  # nanoseconds


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


def modified(event: str, artifact: HasEntry | None) -> tuple[Time, ...]:
    """Return the modification time of a file, nanoseconds since 1970 as the file system has it."""
    found = artifact.entry.times if artifact else None
    if found is None or found.modified is None:
        return ()
    zone = Zone.UTC if found.zone == "utc" else Zone.LOCAL
    utc = times.rfc3339(found.modified) if zone is Zone.UTC else None
    return (Time(event=event, utc=utc, raw=str(found.modified), unit=Unit.NS_UNIX, zone=zone),)
