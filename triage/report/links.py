"""Links between bundles as a page."""

from __future__ import annotations

from pathlib import PurePath

from triage import __version__
from triage.batch.links import Links
from triage.report.templating import policy_hash, rendered
from triage.texts import spoken

_LINKS = 2000
_PLACES = 12
_PAIRS = 50


def links_page(links: Links) -> bytes:
    """Return the page: the same bytes for the same links."""
    pairs = links.pairs()
    first = {source.drive: source for source in reversed(links.sources)}
    return rendered(
        "links.html",
        {
            "links": links,
            "shown": links.links[:_LINKS],
            "more": len(links.links[_LINKS:]),
            "places": _PLACES,
            "pairs": [
                (first[one], first[two], types.total(), types.most_common(4))
                for one, two, types in pairs[:_PAIRS]
            ],
            "pairs_more": len(pairs[_PAIRS:]),
            "across": sum(len(link.cases) > 1 for link in links.links),
            "suppressed": sum(links.suppressed.values()),
            "file_name": lambda path: PurePath(path).name,
            "tool": f"disk-triage {__version__}",
            "language": spoken().tag,
            "style_hash": policy_hash("many.css"),
        },
    )
