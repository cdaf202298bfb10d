"""Times of tor's own files: UTC text, and the modification time of small marker files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from triage.api import Artifact, Time, Unit, Zone

from ._state import moment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(when: datetime) -> str:
    """Return `2024-02-20T08:15:00Z`."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_text(event: str, raw: str | None) -> tuple[Time, ...]:
    """Return the time that tor wrote as UTC text; none when there is no such text."""
    when = moment(raw)
    if raw is None or when is None:
        return ()
    return (Time(event=event, utc=rfc3339(when), raw=raw, unit=Unit.TEXT, zone=Zone.UTC),)


def minutes_before(event: str, raw: str | None, minutes: int) -> tuple[Time, ...]:
    """Return the time some minutes before a UTC text; `raw` then names both."""
    when = moment(raw)
    if when is None:
        return ()
    try:
        earlier = when - timedelta(minutes=minutes)
    except OverflowError:
        return ()
    return (
        Time(
            event=event,
            utc=rfc3339(earlier),
            raw=f"{raw} - {minutes} min",
            unit=Unit.TEXT,
            zone=Zone.UTC,
        ),
    )


def modified(event: str, artifact: Artifact | None) -> tuple[Time, ...]:
    """Return the modification time of a file, nanoseconds since 1970 as the file system has it."""
    times = artifact.entry.times if artifact else None
    if times is None or times.modified is None:
        return ()
    zone = Zone.UTC if times.zone == "utc" else Zone.LOCAL
    utc = None
    if zone is Zone.UTC:
        try:
            utc = rfc3339(_EPOCH + timedelta(microseconds=times.modified // 1000))
        except OverflowError:
            return ()
    return (Time(event=event, utc=utc, raw=str(times.modified), unit=Unit.NS_UNIX, zone=zone),)
