"""The summary of a batch as a page to print."""

from __future__ import annotations

from pathlib import PurePath

from triage import __version__
from triage.batch.summary import Summary
from triage.report.templating import policy_hash, rendered
from triage.texts import spoken

_PASSED_OVER = 500  # files that the page names


def batch_page(summary: Summary) -> bytes:
    """Return the page: the same bytes for the same summary."""
    over = sorted(summary.passed_over, key=lambda one: (not one.counts, one.image))
    return rendered(
        "batch.html",
        {
            "summary": summary,
            "outcomes": summary.outcomes,
            "levels": summary.levels,
            "file_name": lambda path: PurePath(path).name,
            "passed_over": over[:_PASSED_OVER],
            "passed_over_more": len(over[_PASSED_OVER:]),
            "uncertain": sum(one.counts for one in over),
            "tool": f"disk-triage {__version__}",
            "language": spoken().tag,
            "style_hash": policy_hash("many.css"),
        },
    )
