"""The content scan as the run sees it: parts given out, answers checked and noted, merged.

What a finished part said is noted in the journal, and results are made from that alone; which parts
there are follows from the index and from what lies where, so a run that goes on has the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

import msgspec

from triage.engine import messages as m
from triage.engine.journal import Extraction, Journal, Key, Unscanned
from triage.engine.losses import Losses
from triage.engine.options import BUDGET, Observer
from triage.engine.pool import Pool, Task
from triage.engine.results import SCAN, Results, checked_finding, word
from triage.engine.scan import brought
from triage.engine.scan.outcome import Outcomes, VolumeOutcome
from triage.engine.scan.sightings import BROUGHT, KINDS
from triage.engine.scan.space import Space, closed
from triage.engine.scan.statements import Writer
from triage.engine.scan.tally import Tally
from triage.engine.terms import Terms
from triage.evidence.extents import Extents
from triage.evidence.free_space import FreeSpace
from triage.findings import Confidence, IndicatorHash, Shows
from triage.model import Volume
from triage.profile import Profile

_FILES_KEY: Final = f"{SCAN}.files"
_CHECK_KEY: Final = f"{SCAN}.check"
_SPACE_KEY: Final = f"{SCAN}.space"
_CHECK_SPACE_KEY: Final = f"{SCAN}.check-space"

_Part: TypeAlias = tuple[int, int]  # volume, number of the part


@dataclass(slots=True, kw_only=True)
class Scanner:
    """Scans one image."""

    pool: Pool
    volumes: Sequence[Volume]
    entries: Mapping[int, int]  # names in each walked volume
    media: int | None  # bytes; None: these are files, and there is nothing outside of them
    missing: Sequence[tuple[int, int]]
    profile: Profile
    terms: Terms
    results: Results
    journal: Journal
    observer: Observer
    out_of_time: Callable[[], bool]
    _outcomes: Outcomes = field(init=False)
    _tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        self._outcomes = Outcomes(self.profile.scan, {n: VolumeOutcome() for n in self.entries})
        self._tally = Tally(self.media)

    def scan(self) -> None:
        """Scan what the profile asks for; findings become statements, the rest coverage."""
        if self.profile.scan != "none":
            for number, outcome in self._outcomes.volumes.items():
                self._plan(number, outcome)
            self._parts("scan files", _FILES_KEY, self._task)
            if self.terms.checks_files:
                self._parts("check files", _CHECK_KEY, self._check_task)
            if self.profile.scan == "everything" and self.media is not None:
                for within in self._layers():
                    self._space(within)
            limits = self.profile.limits
            self._outcomes.repeated = self._tally.leave_out(self.results.statements)
            self._tally.limit(limits.scan_hits_per_file, limits.findings_per_artifact)
            Writer(self.pool, self.volumes, self.results).write(self._tally)
        self._outcomes.cover(self.results, self.volumes, self._tally, self.journal.unscanned)
        if self.profile.scan != "none":
            brought.cover(self.results, self.terms, self._outcomes, self._tally)

    @property
    def _scope(self) -> m.ScanScope:
        scope = self.profile.scope
        return m.ScanScope(exclude=scope.exclude_paths, accounts=scope.accounts)

    def _plan(self, number: int, outcome: VolumeOutcome) -> None:
        task = Task(request=m.PlanScan(volume=number, scope=self._scope))
        self.pool.complete(task)
        if task.failure is not None:
            outcome.unfinished = word(task.failure.code)
        for reply in task.replies:
            if isinstance(reply, m.Planned):
                outcome.planned = reply

    def _parts(
        self, phase: str, name: str, task_of: Callable[[_Part, m.Planned, Losses], Task | None]
    ) -> None:
        """Have the parts of all volumes looked at in one way."""
        planned = {n: o.planned for n, o in self._outcomes.volumes.items() if o.planned}
        self.observer.phase(phase, sum(plan.size for plan in planned.values()), "bytes")
        waiting = [(n, part) for n, plan in planned.items() for part in range(len(plan.parts))]
        losses = Losses(self.journal.unscanned, self._note)
        done = 0
        while waiting:
            asked: dict[int, _Part] = {}
            tasks = []
            for part in waiting:
                task = task_of(part, planned[part[0]], losses)
                if task and not self._known((name, *part), partial(self._take, part)):
                    tasks.append(task)
                    asked[id(task)] = part
            waiting = []
            for task in self.pool.run(tasks, stop=self.out_of_time):
                part = asked[id(task)]
                if losses.again(task, part):
                    waiting.append(part)
                    continue
                done += self._finish((name, *part), task, partial(self._take, part))
                self.observer.progress(done)
        self.journal.sync()

    def _check_task(self, part: _Part, planned: m.Planned, losses: Losses) -> Task | None:
        volume, number = part
        if planned.parts[number].at:
            return None  # a file is checked as a whole
        return Task(
            request=m.CheckFiles(
                volume=volume,
                scope=self._scope,
                part=planned.parts[number],
                algorithms=tuple(sorted(self.terms.digests)),
                avoid=losses.rows(volume),
            ),
            most_tries=1,
        )

    def _task(self, part: _Part, planned: m.Planned, losses: Losses) -> Task:
        volume, number = part
        return Task(
            request=m.ScanFiles(
                volume=volume,
                scope=self._scope,
                part=planned.parts[number],
                avoid=losses.rows(volume),
            ),
            most_tries=1,  # counted here
        )

    def _note(self, volume: int, row: int, reason: str) -> None:
        self.journal.note(Unscanned(volume=volume, row=row, reason=reason))
        self.journal.sync()

    def _layers(self) -> list[str | None]:
        """Return the layers that are scanned like media: None is the media itself.

        A snapshot is none: what is free in it is free in the live volume, or has been kept in a
        file there, its store.
        """
        live = (volume for volume in self.volumes if volume.snapshot_of is None)
        return list(dict.fromkeys((None, *(volume.within for volume in live))))

    def _size(self, within: str | None) -> int:
        """Return the bytes of the media or of a layer, all of which belongs to some volume."""
        if within is None:
            return self.media or 0
        ends = (v.offset + v.length for v in self.volumes if v.within == within)
        return max(ends, default=0)

    def _space(self, within: str | None) -> None:
        """Have scanned what lies outside of files, as far as the scope allows it."""
        scope = self.profile.scope
        here = {n for n, v in enumerate(self.volumes) if v.within == within}
        outcomes = {n: o for n, o in self._outcomes.volumes.items() if n in here}
        if scope.accounts:  # what lies in nobody's file is nobody's whom the scope names
            self._outcomes.space_out_of_scope = True
            return
        # Where not all files are known some may be the scope's to leave out: nothing is read then.
        unknown = [n for n, o in outcomes.items() if o.unfinished and scope.exclude_paths]
        space = Space.of(
            self.volumes,
            within=within,
            media=self._size(within),
            missing=self.missing if within is None else (),
            left_out=[*closed(self.volumes), *unknown],
            free={n: free for n, o in outcomes.items() if (free := _free(o.planned))},
            laid={n: outcome.laid for n, outcome in outcomes.items()},
        )
        self._outcomes.space_bytes = (self._outcomes.space_bytes or 0) + space.rest.size
        self._stretches("scan space", _SPACE_KEY, space, lambda one: one)
        if self.terms.rules is not None:
            self._stretches("check space", _CHECK_SPACE_KEY, space, _checking)

    def _stretches(
        self, phase: str, name: str, space: Space, request_of: Callable[[m.ScanSpace], m.AnyRequest]
    ) -> None:
        """Have what lies outside of files looked at in one way."""
        self.observer.phase(phase, space.rest.size, "bytes")
        take = partial(self._take_space, space)
        asked: dict[int, Key] = {}
        tasks = []
        for part in space.requests():
            # The key tells what is scanned: other stretches would be another part.
            digest = hashlib.sha256((space.within or "").encode() + part.stretches).digest()
            key = (name, part.first, int.from_bytes(digest[:6], "big"))
            if not self._known(key, take):
                tasks.append(Task(request=request_of(part)))
                asked[id(tasks[-1])] = key
        done = 0
        for task in self.pool.run(tasks, stop=self.out_of_time):
            done += self._finish(asked[id(task)], task, take)
            self.observer.progress(done)
        self.journal.sync()

    def _known(self, key: Key, take: Callable[[Extraction], None]) -> bool:
        """Take what an interrupted run has finished."""
        known = self.journal.extractions.pop(key, None)
        if known is not None:
            take(known)
        return known is not None

    def _finish(self, key: Key, task: Task, take: Callable[[Extraction], None]) -> int:
        """Check what a part said, note it, take it; return how many bytes were scanned."""
        done = Extraction()
        if not task.tries:
            done.failure = m.Failed(code=BUDGET, text="")
        elif task.failure is not None:
            done.failure = m.Failed(code=word(task.failure.code), text="")
        for reply in self._checked(task.replies):
            done.replies.append(reply)
        task.replies.clear()
        if done.failure is None:
            self.journal.artifact(key, done)
        take(done)
        sized = (m.Scanned, m.Checked)
        return sum(reply.size for reply in done.replies if isinstance(reply, sized))

    def _checked(self, replies: Iterable[m.AnyReply]) -> Iterable[m.SaidReply]:
        for reply in replies:
            if isinstance(reply, m.Sighted):
                found = checked_finding((*KINDS, *BROUGHT), reply.found)
                if isinstance(found, m.Found):
                    yield msgspec.structs.replace(reply, found=found)
                else:
                    self.results.problem(found.code, found.text)
            elif isinstance(reply, m.Digested):
                yield from self._on_list(reply)
            elif isinstance(reply, (m.Scanned, m.MoreSeen, m.Checked, m.Inside)):
                yield reply

    def _on_list(self, reply: m.Digested) -> Iterator[m.Sighted]:
        """Look digests up; what is on no list is forgotten."""
        for algorithm, digests in self.terms.digests.items():
            digest = reply.hashes.get(algorithm, "").lower()
            line = digests.line(digest)
            if line is not None:
                finding = IndicatorHash(
                    algorithm=algorithm,
                    digest=digest,
                    list_sha256=self.terms.origins["hashes"],
                    list_line=line,
                    shows=Shows.PRESENT,
                    confidence=Confidence.CONFIRMED,
                    checks=(algorithm,),
                )
                found = m.Found(kind=finding.kind, finding=msgspec.to_builtins(finding))
                yield m.Sighted(row=reply.row, first=0, count=1, runs=(), bad=False, found=found)

    def _take(self, part: _Part, done: Extraction) -> None:
        """Take the outcome of a part, fresh or from the journal: the same either way."""
        volume, outcome = part[0], self._outcomes.volumes[part[0]]
        if done.failure is not None:
            outcome.unfinished = done.failure.code
        for reply in done.replies:
            match reply:
                case m.Scanned():
                    within = self.volumes[volume].within
                    outcome.take(reply, None if self.media is None else self._size(within))
                case m.Checked():
                    outcome.check(reply)
                case m.Inside():
                    outcome.open(reply)
                case m.Sighted() if reply.row is not None:
                    self._tally.add((volume, None, reply.row, reply.member), reply)
                case m.MoreSeen() if reply.row is not None:
                    self._tally.more[volume, None, reply.row, reply.member] += reply.count
                case _:
                    pass

    def _take_space(self, space: Space, done: Extraction) -> None:
        outcomes = self._outcomes
        if done.failure is not None:
            outcomes.space_unfinished = done.failure.code
        for reply in done.replies:
            match reply:
                case m.Scanned():
                    outcomes.space_unread += reply.unread
                case m.Checked():
                    outcomes.space_unchecked["unreadable"] += reply.unread
                    outcomes.space_unchecked["rules_too_slow"] += reply.failed
                case m.Sighted():
                    self._tally.add((*space.owner(reply.first), ()), reply)
                case m.MoreSeen():
                    outcomes.space_more += reply.count
                case _:
                    pass


def _checking(part: m.ScanSpace) -> m.CheckSpace:
    return m.CheckSpace(
        within=part.within, stretches=part.stretches, first=part.first, last=part.last
    )


def _free(planned: m.Planned | None) -> FreeSpace | None:
    if planned is None or planned.free is None:
        return None
    free = Extents.unpacked(planned.free)
    return FreeSpace(free=free, unit=max(1, planned.unit), base=planned.base)
