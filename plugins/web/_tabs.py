"""Findings about the tabs of saved sessions."""

from __future__ import annotations

from triage.api import Confidence, Shows, Time, WebInput, WebTab

from ._addresses import judge
from ._typed import typed


def tab(
    *,
    url: str,
    title: str | None,
    place: str,
    current: bool,
    closed: bool,
    times: tuple[Time, ...],
    container: str | None = None,
    referrer: str | None = None,
) -> WebTab:
    """Return a finding about one page in the history of a tab."""
    known = judge(url)
    return WebTab(
        url=url,
        page_title=title,
        tab_state="closed" if closed else "open",
        current=current,
        container=container,
        referrer=referrer,
        category=known.category,
        indicator=known.indicator,
        shows=known.shows(Shows.USED),
        confidence=Confidence.PROBABLE,
        checks=known.checks,
        locator=place,
        times=times,
    )


def typed_in(field: str, text: str, url: str | None, place: str) -> WebInput:
    """Return a finding about what a form field of a tab held, withheld when it looks secret."""
    return typed(field=field, text=text, url=url, locator=f"{place}, {field}")
