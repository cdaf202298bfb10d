"""Times as wallets store them."""

from __future__ import annotations

from triage.api import Time, Unit, Zone
from triage.formats.times import utc


def seconds(event: str, when: int) -> Time:
    """Return a time in seconds since 1970, UTC."""
    return Time(
        event=event, utc=utc(when, "s_unix"), raw=str(when), unit=Unit.S_UNIX, zone=Zone.UTC
    )


def milliseconds(event: str, when: int) -> Time:
    """Return a time in milliseconds since 1970, UTC."""
    return Time(
        event=event, utc=utc(when, "ms_unix"), raw=str(when), unit=Unit.MS_UNIX, zone=Zone.UTC
    )


def iso(event: str, text: str) -> Time:
    """Return a time that is written as text and means UTC."""
    return Time(event=event, utc=utc(text, "text"), raw=text, unit=Unit.TEXT, zone=Zone.UTC)
