"""Times of these programs' files as findings carry them."""

from __future__ import annotations

from typing import Literal

from triage.api import Artifact, Time, Unit, Zone
from triage.formats.times import rfc3339, utc


def number(event: str, raw: object, unit: Literal["s_unix", "ms_unix"]) -> tuple[Time, ...]:
    """Return the UTC time that a number gives; none when it is not set or no number."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str) or not raw:
        return ()
    text = utc(raw, unit)
    if text is None:
        return ()
    return (Time(event=event, utc=text, raw=str(raw), unit=Unit(unit), zone=Zone.UTC),)


def modified(event: str, artifact: Artifact | None) -> tuple[Time, ...]:
    """Return the modification time of a file, nanoseconds since 1970 as the file system has it."""
    found = artifact.entry.times if artifact else None
    if found is None or found.modified is None:
        return ()
    zone = Zone.UTC if found.zone == "utc" else Zone.LOCAL
    text = rfc3339(found.modified) if zone is Zone.UTC else None
    return (Time(event=event, utc=text, raw=str(found.modified), unit=Unit.NS_UNIX, zone=zone),)
