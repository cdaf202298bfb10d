"""The image hash: computed in one pass, compared with what the imager stored and what was told.

Three states for each stored digest, never two: `match`, `mismatch`, `no stored hash`. A match shows
that the copy equals what the acquirer recorded, not that the acquisition was right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from triage.engine import messages as m
from triage.engine.coverage import Outcome
from triage.engine.journal import Journal, MediaHashed
from triage.engine.pool import Pool, Task
from triage.engine.results import Results
from triage.errors import TriageError
from triage.evidence.ranges import joined
from triage.hashing import MEDIA_ALGORITHMS

NOT_FINISHED = "not finished"


@dataclass(slots=True, kw_only=True)
class MediaHash:
    """One hash of one media, from the task to the verdict."""

    stored: dict[str, str]
    expected: tuple[tuple[str, str], ...]
    selected: bool
    applicable: bool  # a folder has no media
    device: bool = False  # it has no checksums: what is bad could not be read
    journal: Journal
    hashes: dict[str, str] = field(default_factory=dict)
    bad: tuple[tuple[int, int], ...] = ()
    failure: str | None = None
    _task: Task | None = None

    def begin(self, pool: Pool) -> None:
        """Start hashing in a process of its own, unless that is done or there is nothing to do."""
        known = self.journal.media
        if known is not None:
            self.hashes, self.bad = known.hashes, known.bad
        elif self.selected and self.applicable and self._task is None:
            algorithms = {*MEDIA_ALGORITHMS, *(name for name, _ in self.expected)}
            self._task = Task(
                request=m.HashMedia(algorithms=tuple(sorted(algorithms))), ended=self._ended
            )
            try:
                pool.background(self._task)
            except TriageError as error:  # everything else can still be done
                self.failure, self._task = error.message, None

    def finish(self, pool: Pool, progress: Callable[[int], None]) -> None:
        """Wait for the digests."""
        if self.failure is None:
            self.begin(pool)
        if self._task is not None:
            self._task.progress = progress
            pool.finish(self._task)

    def _ended(self, task: Task) -> None:
        if task.failure is not None:
            self.failure = task.failure.text
        for reply in task.replies:
            if isinstance(reply, m.Hashed):
                self.hashes, self.bad = reply.hashes, reply.bad
                self.journal.note(
                    MediaHashed(hashes=reply.hashes, length=reply.length, bad=reply.bad)
                )

    def interrupted(self) -> None:
        """Hashing was broken off: everything else is complete."""
        if not self.hashes:
            self.failure = NOT_FINISHED

    @property
    def checks(self) -> list[dict[str, str]]:
        """Return each comparison: source, algorithm, result."""
        wanted = [("stored", name, value) for name, value in sorted(self.stored.items())]
        wanted += [("expected", name, value) for name, value in self.expected]
        return [
            {
                "source": source,
                "algorithm": name,
                "value": value,
                "result": self._compare(name, value),
            }
            for source, name, value in wanted
        ]

    def _compare(self, name: str, value: str) -> str:
        if name not in self.hashes:
            return "not compared"
        return "match" if self.hashes[name] == value.lower() else "mismatch"

    @property
    def mismatch(self) -> bool:
        """Whether the media is not what was acquired."""
        return any(check["result"] == "mismatch" for check in self.checks)

    @property
    def verdict(self) -> str:
        """Return the outcome in two or three words."""
        if not self.applicable:
            return "not applicable"
        if not self.selected:
            return "not selected"
        if self.failure or not self.hashes:
            return NOT_FINISHED
        if self.mismatch:
            return "mismatch"
        return "match" if self.checks else "no stored hash"

    def record(self) -> dict[str, Any]:
        """Return what `run.json` and the custody log say."""
        return {
            "hashes": self.hashes,
            "hash_verdict": self.verdict,
            "hash_checks": self.checks,
            "hash_failure": self.failure,
        }

    def cover(self, results: Results) -> None:
        """Add the outcome to coverage and problems."""
        verdict = self.verdict
        if verdict in ("not selected", "not applicable"):
            results.coverage.add("image_hash", Outcome.NOT_SELECTED, reason=verdict)
        elif verdict == NOT_FINISHED:
            results.coverage.add(
                "image_hash", Outcome.NOT_EXAMINED, reason="not_finished", counts=True
            )
            if self.failure and self.failure != NOT_FINISHED:
                results.problem("image_not_readable", "hashing could not be finished")
        else:
            results.coverage.add("image_hash", Outcome.FOUND, reason=verdict.replace(" ", "_"))
        if verdict == "mismatch":
            results.problem("image_hash_mismatch", "the media is not what was acquired")
        for offset, length in joined([*self.bad, *results.bad_ranges]):
            results.coverage.add(
                "media",
                Outcome.NOT_EXAMINED,
                reason="unreadable" if self.device else "bad_chunk",
                counts=True,
                offset=offset,
                length=length,
            )
