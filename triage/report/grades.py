"""Grades of an exercise as a page to print: one submission, or a class."""

from __future__ import annotations

from triage import __version__
from triage.report.templating import policy_hash, rendered
from triage.texts import spoken
from triage.training.classroom import Classroom
from triage.training.feedback import known_misses, lacking, other_missed, place_of
from triage.training.grading import in_points
from triage.training.ratio import percent
from triage.training.truth import commitment


def grades_page(room: Classroom) -> bytes:
    """Return the page: the same bytes for the same grades. It holds the answers."""
    return rendered(
        "grades.html",
        {
            "room": room,
            "truth": room.truth,
            "commitment": commitment(room.truth),
            "median": percent(room.median or 0),
            "points": in_points,
            "percent": lambda ratio: percent(ratio.permille or 0),
            "lacking": lambda grade: list(lacking(grade)),
            "others": lambda grade: list(other_missed(grade)),
            "known": lambda grade: list(known_misses(grade)),
            "place": place_of,
            "tool": f"disk-triage {__version__}",
            "language": spoken().tag,
            "style_hash": policy_hash("many.css"),
        },
    )
