"""Times of OpenPGP files as findings carry them."""

from __future__ import annotations

from triage.api import Artifact, Time, Unit, Zone
from triage.formats.times import from_text, rfc3339, utc


def seconds(event: str, raw: int | None) -> tuple[Time, ...]:
    """Return the time that stands as seconds since 1970; none when it is not set."""
    text = utc(raw, "s_unix") if raw else None
    if text is None:
        return ()
    return (Time(event=event, utc=text, raw=str(raw), unit=Unit.S_UNIX, zone=Zone.UTC),)


def basic_iso(event: str, raw: str | None) -> tuple[Time, ...]:
    """Return the UTC time that GnuPG writes as `20240221T081500`."""
    if not raw or len(raw) != 15 or raw[8] != "T":  # noqa: PLR2004 - the form above
        return ()
    day, clock = raw[:8], raw[9:]
    text = f"{day[:4]}-{day[4:6]}-{day[6:]} {clock[:2]}:{clock[2:4]}:{clock[4:]}"
    when = from_text(text)
    if when is None:
        return ()
    return (Time(event=event, utc=rfc3339(when), raw=raw, unit=Unit.TEXT, zone=Zone.UTC),)


def modified(event: str, artifact: Artifact) -> tuple[Time, ...]:
    """Return the modification time of a file, nanoseconds since 1970 as the file system has it."""
    found = artifact.entry.times
    if found.modified is None:
        return ()
    zone = Zone.UTC if found.zone == "utc" else Zone.LOCAL
    text = rfc3339(found.modified) if zone is Zone.UTC else None
    return (Time(event=event, utc=text, raw=str(found.modified), unit=Unit.NS_UNIX, zone=zone),)
