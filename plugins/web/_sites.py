"""Findings about hosts that a browser kept something about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from triage.api import Confidence, RowState, Shows, Time, WebSite
from triage.formats.sites import Site
from triage.formats.stamps import stamp

from ._addresses import judge_host


def site(host: str, trace: str, *, by_browser: bool = False, **more: object) -> WebSite:
    """Return a finding about a host; `more` are further fields."""
    known = judge_host(host)
    return WebSite(
        host=host,
        trace=trace,
        by_browser=by_browser,
        category=known.category,
        indicator=known.indicator,
        shows=Shows.PRESENT if by_browser else known.shows(Shows.PRESENT),
        confidence=Confidence.PROBABLE,
        checks=known.checks,
        **more,  # type: ignore[arg-type] # checked by the callers' own types
    )


def site_findings(sites: Iterable[Site], makers: tuple[str, ...]) -> Iterator[WebSite]:
    """Yield what the tables of a file add up to, listed hosts first."""
    found = [_finding(known, by_maker(known.host, makers)) for known in sites]
    yield from (finding for finding in found if finding.shows is Shows.DESTINATION)
    yield from (finding for finding in found if finding.shows is not Shows.DESTINATION)


def _finding(known: Site, by_browser: bool) -> WebSite:
    times: tuple[Time, ...] = tuple(
        time for event, raw in known.times.items() for time in stamp(event, raw, known.unit)
    )
    return site(
        known.host,
        known.trace,
        by_browser=by_browser,
        detail=", ".join(sorted(known.details)) or None,
        entries=known.entries,
        row=RowState(known.state.value),
        times=times,
    )


def by_maker(host: str | None, makers: tuple[str, ...]) -> bool:
    """Whether a host belongs to who made the browser."""
    return host is not None and any(host == maker or host.endswith(f".{maker}") for maker in makers)
