"""Workers lost at files: which file costs them, and when it is enough.

A part at which a worker was lost is tried again; a file at which two were lost is left out of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from triage.engine.pool import LOST, Task

Part: TypeAlias = tuple[int, int]
"""Volume, and which of its parts."""

_DEATHS = 2  # at one file, until it is left out
_MOST_LOST = 64  # files of one part; more is a worker that cannot read this volume at all


@dataclass(slots=True)
class Losses:
    """Counts them; `avoided` has volume → row → reason, `note` writes a new one down."""

    avoided: dict[int, dict[int, str]]
    note: Callable[[int, int, str], None]
    _lost: defaultdict[Part, Counter[int | None]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    def rows(self, volume: int) -> tuple[int, ...]:
        """Return the rows of a volume that are left out."""
        return tuple(sorted(self.avoided.get(volume, {})))

    def again(self, task: Task, part: Part) -> bool:
        """Whether a part is worth another try, with or without the file it failed at."""
        if task.failure is None or task.failure.code not in LOST:
            return False
        lost = self._lost[part]
        lost[task.place] += 1
        if lost[task.place] < _DEATHS:
            return True
        avoided = self.avoided.setdefault(part[0], {})
        if task.place is None or task.place < 0 or task.place in avoided:
            return False
        avoided[task.place] = task.failure.code
        self.note(part[0], task.place, task.failure.code)
        return len(lost) <= _MOST_LOST
