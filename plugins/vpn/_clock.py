"""Times of VPN programs' logs and files as findings carry them."""

from __future__ import annotations

from triage.api import Time, Unit, Zone
from triage.formats.times import from_text, rfc3339


def local(event: str, raw: str | None) -> tuple[Time, ...]:
    """Return a time of a log that says no zone: what the machine's clock showed."""
    if not raw:
        return ()
    return (Time(event=event, utc=None, raw=raw[:60], unit=Unit.TEXT, zone=Zone.LOCAL),)


def text(event: str, raw: str | None) -> tuple[Time, ...]:
    """Return the time of an ISO 8601 text that ends in Z or an offset, else a local one."""
    if raw and (raw.rstrip().endswith("Z") or "+" in raw[10:]):
        when = from_text(raw)
        if when is not None:
            utc = rfc3339(when)
            return (Time(event=event, utc=utc, raw=raw[:60], unit=Unit.TEXT, zone=Zone.UTC),)
    return local(event, raw)
