"""Walking: the index of every readable volume, and what the patterns ask for.

A directory at which two workers were lost is left out, said to be, and the walk goes on without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from triage.engine import messages as m
from triage.engine.coverage import Outcome
from triage.engine.journal import Avoided, Journal, Listed
from triage.engine.options import BUDGET, Observer
from triage.engine.place import NOWHERE
from triage.engine.pool import LOST, Pool, Task
from triage.engine.results import Match, Results, word
from triage.errors import BundleError
from triage.evidence.patterns import PatternSet
from triage.model import EntryType, Volume, VolumeState
from triage.profile import Profile
from triage.registry import Registered

SNAPSHOTS = "snapshots"
"""Name of the step in coverage."""

_DEATHS = 2  # at one place, until it is left out
_MOST_AVOIDED = 16  # places of one volume
_PAGE = 4096  # indexes begin at multiples of it, so that they can be mapped
_NOTES = {
    "name_changed": "stored under a name that is no path inside the source",
    "duplicate_path": "stored more than once; the last one stands under its path",
    "data_after_end": "bytes follow the end of the archive",
    "notes_limit": "more like this",
}


@dataclass(slots=True, kw_only=True)
class Walker:
    """Walks the volumes of one image, one after the other."""

    pool: Pool
    opened: m.Opened
    selected: tuple[Registered, ...]
    profile: Profile
    results: Results
    journal: Journal
    observer: Observer
    out_of_time: Callable[[], bool]
    matches: list[Match] = field(default_factory=list)
    unchanged: list[Match] = field(default_factory=list)  # in snapshots: the live volume has them
    entries: dict[int, int] = field(default_factory=dict)  # names in each walked volume
    marks: list[str] = field(default_factory=list)  # of training images, see `engine.training`
    _end: int = 0  # of the indexes in the shared memory

    def walk(self, first: int = 0) -> list[Match]:
        """Return what the patterns ask for in the volumes from this one on.

        Everything else is coverage.
        """
        owners = [registered for registered in self.selected for _ in registered.extractor.paths]
        patterns = [path for registered in self.selected for path in registered.extractor.paths]
        excluded = PatternSet(self.profile.scope.exclude_paths)
        self.matches = []
        new = self.opened.volumes[first:]
        out = {first + number for number in left_out(new, self.profile, self.results)}
        for number, volume in enumerate(new, first):
            if volume.state is not VolumeState.FILESYSTEM or number in out:
                continue
            self.observer.phase(f"walk {volume.name}", None, "names")
            if self.out_of_time():
                self._unwalked(volume.name, BUDGET)
                continue
            task = self._listed(number)
            if task.failure is not None:
                self.results.problem(task.failure.code, task.failure.text, volume=volume.name)
                self._unwalked(volume.name, task.failure.code)
                continue
            counted = self._walked(number, task.replies, owners, excluded)
            for pattern, (registered, count) in enumerate(zip(owners, counted, strict=True)):
                self.results.coverage.add(
                    "pattern",
                    Outcome.FOUND if count else Outcome.ABSENT,
                    volume=volume.name,
                    extractor=registered.extractor.name,
                    pattern=patterns[pattern],
                    count=count,
                )
        return self.matches

    def _listed(self, number: int) -> Task:
        """Have one volume walked, without the places at which workers are lost."""
        avoid = dict(self.journal.avoided.get(number, {}))
        lost: Counter[int | None] = Counter()
        while True:
            task = Task(
                request=m.WalkVolume(
                    volume=number, at=self._end, avoid=tuple(sorted(avoid.items()))
                ),
                most_tries=1,  # counted here
                progress=self.observer.progress,
            )
            self.pool.complete(task)
            failure, place = task.failure, task.place
            if failure is None or failure.code not in LOST:
                return task
            lost[place] += 1
            if lost[place] >= _DEATHS:
                if place in (None, NOWHERE, *avoid) or len(avoid) >= _MOST_AVOIDED:
                    return task
                assert place is not None  # noqa: S101 - the line above looked
                avoid[place] = failure.code
                self.journal.note(Avoided(volume=number, address=place, reason=failure.code))
                self.journal.sync()
            elif lost.total() > _DEATHS * _MOST_AVOIDED:
                return task

    def _unwalked(self, volume: str, reason: str) -> None:
        if reason in (BUDGET, "worker_hung", "out_of_memory"):
            self.results.not_repeatable.add(f"{volume}: {reason}")
        self.results.coverage.add(
            "volume", Outcome.NOT_EXAMINED, reason=reason, counts=True, volume=volume
        )

    def _walked(
        self,
        number: int,
        replies: Iterable[m.AnyReply],
        owners: Sequence[Registered],
        excluded: PatternSet,
    ) -> list[int]:
        counted = [0] * len(owners)
        unchanged = 0
        for reply in replies:
            if isinstance(reply, m.Walked):
                self._same(number, reply.sha256)
                self._indexed(number, reply)
            elif isinstance(reply, m.Matched):
                unchanged += reply.unchanged
                self._matched(number, reply, owners, excluded, counted)
        volume = self.opened.volumes[number]
        if volume.snapshot_of is not None:
            self.results.coverage.add(
                "step", Outcome.FOUND, name=SNAPSHOTS, volume=volume.name, unchanged=unchanged
            )
        return counted

    def _same(self, number: int, sha256: str) -> None:
        """Demand that a run that goes on sees the names that it saw before."""
        known = self.journal.listed.get(number)
        if known is None:
            self.journal.note(Listed(volume=number, sha256=sha256))
        elif known != sha256:
            name = self.opened.volumes[number].name
            raise BundleError(
                f"--resume cannot continue: {name} does not list what it listed before"
            )

    def _indexed(self, number: int, reply: m.Walked) -> None:
        volume, results = self.opened.volumes[number].name, self.results
        self.pool.setup(
            m.Attach(volume=number, at=self._end, length=reply.length, places=reply.places)
        )
        self._end += reply.span + -reply.span % _PAGE
        self.entries[number] = reply.entries
        if reply.mark is not None:
            self.marks.append(reply.mark)
        results.coverage.add("volume", Outcome.FOUND, volume=volume, entries=reply.entries)
        for code, path, counts in reply.problems:
            reason = word(code)
            results.problem(reason, "walk", volume=volume, path=path)
            results.coverage.add(
                "directory",
                Outcome.NOT_EXAMINED,
                reason=reason,
                counts=counts,
                volume=volume,
                path=path,
            )
            if reason == "worker_hung":
                results.not_repeatable.add(f"{volume}{path}: {reason}")
        for code, path, stored in reply.notes:
            text = _NOTES.get(code, "noted")
            results.problem(word(code), text, volume=volume, path=path, locator=stored)
        results.bad_ranges.update(reply.bad)

    def _matched(
        self,
        number: int,
        reply: m.Matched,
        owners: Sequence[Registered],
        excluded: PatternSet,
        counted: list[int],
    ) -> None:
        entry, volume = reply.entry, self.opened.volumes[number].name
        about: dict[str, Any] = {
            "volume": volume,
            "path": entry.path,
            "address": entry.address,
        }
        wanted = {
            owners[pattern].extractor.name: owners[pattern]
            for pattern in reply.patterns
            if 0 <= pattern < len(owners)
        }
        for pattern in reply.patterns:
            if 0 <= pattern < len(counted):
                counted[pattern] += 1
        if excluded.matches(entry.path):
            self.results.coverage.add("artifact", Outcome.OUT_OF_SCOPE, **about)
            return
        if entry.type is not EntryType.FILE or entry.allocation.reused:
            reason = "metadata_reused" if entry.allocation.reused else "no_content"
            self.results.coverage.add(
                "artifact", Outcome.NOT_EXAMINED, reason=reason, counts=False, **about
            )
            return
        matches = self.unchanged if reply.unchanged else self.matches
        for name in sorted(wanted):
            matches.append(
                Match(registered=wanted[name], volume=number, row=reply.row, entry=entry)
            )


def left_out(volumes: Sequence[Volume], profile: Profile, results: Results) -> set[int]:
    """Return the snapshots that are not walked, and say so: all, or the oldest of many."""
    snapshots: dict[str, list[int]] = {}
    for number, volume in enumerate(volumes):
        if volume.snapshot_of is not None:
            snapshots.setdefault(volume.snapshot_of, []).append(number)
    asked = profile.snapshots != "none"
    most = profile.limits.snapshots if asked else 0
    out = {n for numbers in snapshots.values() for n in numbers[: max(0, len(numbers) - most)]}
    for number in out:
        results.coverage.add(
            "volume",
            Outcome.NOT_EXAMINED if asked else Outcome.NOT_SELECTED,
            reason="limit" if asked else "snapshot",
            counts=asked,
            volume=volumes[number].name,
        )
    return out
