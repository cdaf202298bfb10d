"""Newsboat: the feeds that an account follows.

Written from: the manual of Newsboat 2.30, section "The urls file"; tested on files of our own.
Not read: the article cache, `cache.db`. Reference: newsboat(1).
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import Artifact, Confidence, Shows, WebSite, extractor


@extractor(
    name="web.newsboat.feeds",
    paths=(
        "**/.newsboat/urls",  # 2.10 and later, Linux and macOS
        "**/.config/newsboat/urls",  # the XDG layout, Linux
    ),
    yields=(WebSite,),
)
def feeds(artifact: Artifact) -> Iterator[WebSite]:
    """List the hosts whose feeds are followed."""
    for number, line in enumerate(artifact.text().splitlines(), 1):
        address = line.split(" ", 1)[0]
        if not address.startswith(("http://", "https://")):
            continue  # comments, blank lines, queries over other feeds
        host = address.split("/")[2]
        if not host:
            artifact.problem("an address without a host", locator=f"line {number}")
            continue
        yield WebSite(
            host=host,
            trace="feed",
            locator=f"line {number}",
            shows=Shows.DESTINATION,
            confidence=Confidence.PROBABLE,
        )
