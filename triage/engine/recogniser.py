"""Recognition by content: which files are an extractor's although their path does not say so.

One pass over the first bytes of every file the index has, between the two rounds: only then it is
known whose files the scope leaves out, and they are left unread. It is done again when a run is
resumed, like the walk; a file at which two workers were lost is left out, and said to be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from triage.content import ContentTest
from triage.engine import messages as m
from triage.engine.coverage import Outcome
from triage.engine.journal import Journal, Unlooked
from triage.engine.losses import Losses
from triage.engine.options import BUDGET, Observer
from triage.engine.pool import Pool, Task
from triage.engine.results import Match, Results, word
from triage.model import EntryType, Volume
from triage.profile import Profile
from triage.registry import Registered

STEP = "recognition_by_content"

_PART = 4096  # files looked at in one task
_MOST_SAID = 1000  # unread files of one volume that are named; the rest are counted


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What the parts of one volume gave."""

    examined: int = 0
    left_out: int = 0
    unfinished: str | None = None  # why some part was not looked at
    counted: Counter[int] = field(default_factory=Counter)  # by test
    recognised: list[m.Recognised] = field(default_factory=list)
    unread: list[m.Unread] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Recogniser:
    """Looks at the first bytes of the files of one image."""

    pool: Pool
    volumes: Sequence[Volume]
    entries: Mapping[int, int]  # names in each walked volume
    selected: tuple[Registered, ...]
    profile: Profile
    results: Results
    journal: Journal
    observer: Observer
    out_of_time: Callable[[], bool]

    def recognise(self, matches: Sequence[Match]) -> list[Match]:
        """Return what tests on content ask for and no path pattern of that extractor did."""
        owners = [entry for entry in self.selected for _ in entry.extractor.content]
        tests = [test for entry in self.selected for test in entry.extractor.content]
        if not tests or self.profile.depth == "quick":
            self.results.coverage.add("step", Outcome.NOT_SELECTED, name=STEP)
            return []
        known = {match.key for match in matches}
        found: list[Match] = []
        for volume, seen in self._looked().items():
            self._cover(volume, seen, owners, tests)
            for reply in sorted(seen.recognised, key=lambda reply: reply.row):
                found += self._matches(volume, reply, owners, known)
        return found

    def _looked(self) -> dict[int, _Seen]:
        """Have all parts looked at, those of a volume in any order."""
        seen: dict[int, _Seen] = {volume: _Seen() for volume in self.entries}
        waiting = [
            (volume, first) for volume in seen for first in range(0, self.entries[volume], _PART)
        ]
        self.observer.phase("recognise", sum(self.entries.values()), "names")
        done = 0
        losses = Losses(self.journal.unlooked, self._note)
        while waiting:
            tasks = {id(task): (task, part) for part in waiting for task in [self._task(*part)]}
            waiting = []
            running = [task for task, _ in tasks.values()]
            for task in self.pool.run(running, stop=self.out_of_time):
                _, part = tasks[id(task)]
                if losses.again(task, part):
                    waiting.append(part)
                    continue
                self._take(seen[part[0]], task)
                task.replies.clear()
                done += _PART
                self.observer.progress(min(done, sum(self.entries.values())))
        return seen

    def _task(self, volume: int, first: int) -> Task:
        scope = self.profile.scope
        return Task(
            request=m.Recognise(
                volume=volume,
                first=first,
                count=_PART,
                exclude=scope.exclude_paths,
                accounts=scope.accounts,
                avoid=tuple(sorted(self.journal.unlooked.get(volume, {}))),
            ),
            most_tries=1,  # counted here
        )

    def _note(self, volume: int, row: int, reason: str) -> None:
        self.journal.note(Unlooked(volume=volume, row=row, reason=reason))
        self.journal.sync()

    def _take(self, seen: _Seen, task: Task) -> None:
        if not task.tries:
            seen.unfinished = BUDGET
        elif task.failure is not None:
            seen.unfinished = word(task.failure.code)
        for reply in task.replies:
            if isinstance(reply, m.Looked):
                seen.examined += reply.examined
                seen.left_out = reply.left_out
            elif isinstance(reply, m.Recognised):
                seen.recognised.append(reply)
                seen.counted.update(reply.tests)
            elif isinstance(reply, m.Unread):
                seen.unread.append(reply)

    def _cover(
        self,
        number: int,
        seen: _Seen,
        owners: Sequence[Registered],
        tests: Sequence[ContentTest],
    ) -> None:
        """Say what was looked for on one volume, and what could not be looked at."""
        coverage, volume = self.results.coverage, self.volumes[number].name
        # What was not looked at to the end is not absent; the line of the step below counts.
        missed = Outcome.ABSENT if seen.unfinished is None else Outcome.NOT_EXAMINED
        for test, (owner, what) in enumerate(zip(owners, tests, strict=True)):
            count = seen.counted[test]
            coverage.add(
                "content",
                Outcome.FOUND if count else missed,
                reason=None if count else seen.unfinished,
                volume=volume,
                extractor=owner.extractor.name,
                test=str(what),
                count=count,
            )
        if seen.recognised or seen.unfinished is None:
            coverage.add(
                "step",
                Outcome.FOUND if seen.recognised else Outcome.ABSENT,
                name=STEP,
                volume=volume,
                count=seen.examined,
            )
        if seen.left_out:
            coverage.add(
                "step", Outcome.OUT_OF_SCOPE, name=STEP, volume=volume, count=seen.left_out
            )
        if seen.unfinished is not None:
            coverage.add(
                "step",
                Outcome.NOT_EXAMINED,
                reason=seen.unfinished,
                counts=True,
                name=STEP,
                volume=volume,
            )
            self.results.not_repeatable.add(f"{volume}: {STEP}: {seen.unfinished}")
        self._unread(number, seen)

    def _unread(self, number: int, seen: _Seen) -> None:
        """Name the files whose first bytes nobody could look at: what they are is not known."""
        volume = self.volumes[number].name
        for reply in sorted(seen.unread, key=lambda reply: reply.row)[:_MOST_SAID]:
            entry, code = reply.entry, word(reply.code)
            about = {"volume": volume, "path": entry.path, "address": entry.address}
            self.results.problem(code, STEP, **about)
        counting = Counter(
            word(reply.code) for reply in seen.unread if reply.entry.allocation.allocated
        )
        counting.update(self.journal.unlooked.get(number, {}).values())
        for code, count in counting.items():
            self.results.coverage.add(
                "step",
                Outcome.NOT_EXAMINED,
                reason=code,
                # Begins like a database and is none that can be read: that is an answer.
                counts=code != "not_parsed",
                name=STEP,
                volume=volume,
                count=count,
            )
        for row, code in sorted(self.journal.unlooked.get(number, {}).items()):
            self.results.problem(code, STEP, volume=volume, locator=f"row {row} of the index")
            if code == "worker_hung":
                self.results.not_repeatable.add(f"{volume}: row {row}: {code}")

    def _matches(
        self,
        number: int,
        reply: m.Recognised,
        owners: Sequence[Registered],
        known: set[tuple[str, int, int]],
    ) -> Iterator[Match]:
        entry = reply.entry
        if entry.type is not EntryType.FILE or entry.allocation.reused:
            return  # what no honest worker says
        wanted = {
            owners[test].extractor.name: owners[test]
            for test in reply.tests
            if 0 <= test < len(owners)
        }
        for name in sorted(wanted):
            match = Match(
                registered=wanted[name],
                volume=number,
                row=reply.row,
                entry=entry,
                by_content=True,
            )
            if match.key not in known:
                yield match
