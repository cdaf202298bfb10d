"""The summary of a batch as a page to print."""

from __future__ import annotations

from pathlib import PurePath

from triage import __version__
from triage.batch.summary import Summary
from triage.errors import ExitCode
from triage.report.standalone import standalone

_PASSED_OVER = 500  # files that the page names
_EXITS = {
    None: "",
    ExitCode.OK: "everything asked for was done",
    ExitCode.INCOMPLETE: "something was not examined",
    ExitCode.MISMATCH: "not what was acquired or sealed",
    ExitCode.FAILED: "could not be done",
    ExitCode.USAGE: "could not be done",
    ExitCode.INTERRUPTED: "interrupted",
}


def batch_page(summary: Summary) -> bytes:
    """Return the page: the same bytes for the same summary."""
    over = sorted(summary.passed_over, key=lambda one: (not one.counts, one.image))
    return standalone(
        "batch.html",
        {
            "summary": summary,
            "outcomes": summary.outcomes,
            "levels": summary.levels,
            "exits": _EXITS,
            "file_name": lambda path: PurePath(path).name,
            "passed_over": over[:_PASSED_OVER],
            "passed_over_more": len(over[_PASSED_OVER:]),
            "uncertain": sum(one.counts for one in over),
            "version": __version__,
        },
    )
