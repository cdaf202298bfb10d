"""What was looked at and what was not: one line for each thing the profile asks for.

Three answers, never two. `counts` says whether a `not_examined` makes the run incomplete.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from triage.canonical import encode


class Outcome(StrEnum):
    """The answer for one pattern, volume, file or step."""

    FOUND = "found"
    ABSENT = "absent"
    NOT_EXAMINED = "not_examined"
    OUT_OF_SCOPE = "out_of_scope"
    NOT_SELECTED = "not_selected"
    WITHHELD_SECRET = "withheld_secret"  # noqa: S105 - a word, not a password


@dataclass(slots=True)
class Coverage:
    """Collects lines; the order in which they come does not matter."""

    _lines: dict[bytes, dict[str, Any]] = field(default_factory=dict)

    def add(
        self,
        step: str,
        outcome: Outcome,
        *,
        reason: str | None = None,
        counts: bool = False,
        **about: Any,
    ) -> None:
        """Add a line; `about` says what about: volume, extractor, pattern, path, bytes."""
        line = {
            "step": step,
            "outcome": outcome.value,
            "reason": reason,
            "counts": counts and outcome is Outcome.NOT_EXAMINED,
            **about,
        }
        self._lines[encode(line)] = line

    @property
    def incomplete(self) -> bool:
        """Whether something that was asked for could not be examined."""
        return any(line["counts"] for line in self._lines.values())

    def lines(self) -> Iterable[dict[str, Any]]:
        """Return the lines, sorted."""
        return [self._lines[key] for key in sorted(self._lines)]
