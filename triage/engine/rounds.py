"""Extracting, in two rounds: what tells about the system first, then everything else with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import msgspec

from triage.artifact import Fact
from triage.engine import messages as m
from triage.engine.accounts import Accounts
from triage.engine.coverage import Outcome
from triage.engine.journal import Extraction, Journal
from triage.engine.options import BUDGET, Observer
from triage.engine.pool import Pool, Task
from triage.engine.results import Match, Results
from triage.errors import BundleError
from triage.findings import Finding
from triage.model import Volume
from triage.profile import Scope

_Artifact: TypeAlias = tuple[str, int, str, str]
"""Extractor, number of the volume, path, address."""


def _artifact(match: Match, volume: int) -> _Artifact:
    return match.registered.extractor.name, volume, match.entry.path, match.entry.address


def _is_closed(reply: m.AnyReply) -> bool:
    """Whether an extractor says that it could not get into something."""
    if isinstance(reply, m.Trouble):
        return reply.code == "not_parsed"
    return isinstance(reply, m.Found) and bool(reply.finding.get("needed_to_open"))


@dataclass(slots=True, kw_only=True)
class Rounds:
    """Runs the extractors over what the walk found."""

    pool: Pool
    volumes: Sequence[Volume]
    scope: Scope
    results: Results
    journal: Journal
    observer: Observer
    out_of_time: Callable[[], bool]
    _closed: set[_Artifact] = field(default_factory=set)

    def context(self, matches: Sequence[Match]) -> Accounts:
        """Run the first round, tell every worker its facts, and return the accounts it found."""
        self._round("context", [match for match in matches if match.registered.extractor.context])
        facts = self._facts()
        accounts = Accounts(facts, self.volumes)
        self.pool.setup(
            m.Facts(
                facts=tuple(
                    m.FactMessage(
                        kind=fact.finding.kind,
                        finding=msgspec.to_builtins(fact.finding),
                        volume=fact.volume,
                        path=fact.path,
                    )
                    for fact in facts
                )
            )
        )
        return accounts

    def extract(self, matches: Sequence[Match], accounts: Accounts) -> None:
        """Run all other extractors."""
        others = [match for match in matches if not match.registered.extractor.context]
        self._round("extract", self._wanted(others, accounts))

    def repeat(self, unchanged: Sequence[Match], accounts: Accounts) -> None:
        """Extract again from snapshots what stayed closed in the live volume.

        The artifact is the same, but its key may lie beside it only there.
        """
        numbers = {volume.name: number for number, volume in enumerate(self.volumes)}
        again = []
        for match in unchanged:
            live = numbers.get(self.volumes[match.volume].snapshot_of or "", -1)
            if _artifact(match, live) in self._closed:
                again.append(replace(match, repeated=True))
        if again:
            self._round("extract", self._wanted(again, accounts))

    def _wanted(self, matches: Sequence[Match], accounts: Accounts) -> list[Match]:
        """Leave unread what belongs to accounts outside the scope."""
        names = {name.casefold() for name in self.scope.accounts}
        if not names:
            return list(matches)
        kept = []
        for match in matches:
            volume = self.volumes[match.volume].name
            account = accounts.of(volume, match.entry.path)
            if account and names & {account.name.casefold(), (account.id or "").casefold()}:
                kept.append(match)
            else:
                self.results.coverage.add(
                    "artifact",
                    Outcome.OUT_OF_SCOPE,
                    volume=volume,
                    path=match.entry.path,
                    extractor=match.registered.extractor.name,
                )
        return kept

    def _round(self, phase: str, matches: Sequence[Match]) -> None:
        self.observer.phase(phase, len(matches), "artifacts")
        left = [match for match in matches if not self._known(match)]
        tasks = [
            Task(request=m.Extract(extractor=name, volume=volume, row=row))
            for name, volume, row in (match.key for match in left)
        ]
        asked = {id(task): match for task, match in zip(tasks, left, strict=True)}
        finished = self.pool.run(tasks, stop=self.out_of_time)
        for done, task in enumerate(finished, len(matches) - len(left) + 1):
            match = asked[id(task)]
            if task.tries:
                extraction = self.results.checked(match, task.replies, task.failure)
                self.journal.artifact(match.key, extraction)
                self._take(match, extraction)
            else:
                self.results.failed(match, "budget", BUDGET)
                self.results.not_repeatable.add(BUDGET)
            task.replies.clear()
            self.observer.progress(done)
        self.journal.sync()

    def _known(self, match: Match) -> bool:
        """Take what an interrupted run has finished."""
        extraction = self.journal.extractions.pop(match.key, None)
        if extraction is None:
            return False
        try:
            self._take(match, extraction)
        except (msgspec.ValidationError, LookupError, TypeError) as error:
            raise BundleError("the journal holds what no run writes") from error
        return True

    def _take(self, match: Match, extraction: Extraction) -> None:
        if any(_is_closed(reply) for reply in extraction.replies):
            self._closed.add(_artifact(match, match.volume))
        self.results.take(match, extraction)

    def _facts(self) -> list[Fact[Finding]]:
        facts = [
            Fact(
                finding=statement.finding,
                volume=statement.volume.name,
                path=statement.match.entry.path,
            )
            for statement in self.results.statements
            if statement.kind.context and statement.match is not None
        ]
        return sorted(facts, key=lambda fact: (fact.volume, fact.path, repr(fact.finding)))
