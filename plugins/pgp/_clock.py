"""Times of OpenPGP files as findings carry them."""

from __future__ import annotations

from triage.api import Time, Unit, Zone
from triage.formats.times import from_text, rfc3339


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
