"""What the parts of a scan told, merged: one finding for one thing in one file or kind of space."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import msgspec

from triage.engine import messages as m
from triage.engine.results import BAD, Statement
from triage.engine.scan.sightings import PLACES
from triage.findings import KINDS, Confidence, Finding, Sensitivity, WalletAddress
from triage.model import ByteRun

Place: TypeAlias = tuple[int, str | None, int | None, tuple[str, ...]]
"""Volume, allocation, row, names inside of an archive; in a file the allocation is None."""

_SAME_AS: Final = {WalletAddress.kind: "indicator.crypto-address"}  # the same fields tell them


@dataclass(slots=True)
class Told:
    """One thing in one place."""

    finding: Finding
    first: int
    runs: tuple[ByteRun, ...]
    count: int
    bad: bool

    def add(self, other: Told) -> None:
        """Add the same thing from another part; the order does not matter."""
        self.count += other.count
        self.bad |= other.bad
        self.runs = _first(self.runs + other.runs)
        if other.first < self.first:
            self.finding, self.first = other.finding, other.first

    def whole(self) -> Finding:
        """Return the finding with what all parts told."""
        finding = self.finding
        if hasattr(finding, "entries"):
            finding = replace(finding, entries=self.count)  # type: ignore[call-arg]  # it has
        return replace(finding, checks=(*finding.checks, BAD)) if self.bad else finding


@dataclass(slots=True)
class Tally:
    """Everything that was told. `media` bounds places; None: they are not on one."""

    media: int | None
    told: dict[Place, dict[bytes, Told]] = field(default_factory=dict)
    more: Counter[Place] = field(default_factory=Counter)
    """Places of things that are not listed."""

    def add(self, place: Place, reply: m.Sighted) -> None:
        """Take what a worker saw."""
        finding: Finding = msgspec.convert(reply.found.finding, KINDS[reply.found.kind])
        told = Told(
            finding=finding,
            first=reply.first,
            runs=_first(run for run in reply.runs if self._is_there(run)),
            count=reply.count,
            bad=reply.bad,
        )
        key = _key(finding.kind, finding)
        secret = finding.sensitivity is Sensitivity.SECRET
        if secret and finding.confidence is not Confidence.POSSIBLE:
            # Nobody compares their values: each is its own. Those that chance makes, word lists
            # and tables of frequent characters, are one finding with a count.
            key += str(reply.first).encode()
        known = self.told.setdefault(place, {}).setdefault(key, told)
        if known is not told:
            known.add(told)

    def _is_there(self, run: ByteRun) -> bool:
        place = run.image_offset
        low = run.length > 0 and (place is None or place >= 0)
        return low and (place is None or self.media is None or place < self.media)

    def leave_out(self, statements: Iterable[Statement]) -> int:
        """Drop what extractors told of the same files; return of how many things."""
        dropped = 0
        for statement in statements:
            if statement.match is None:
                continue
            known = self.told.get((statement.match.volume, None, statement.match.row, ()))
            if not known:  # nearly all: a finding is unpacked each time
                continue
            kind = _SAME_AS.get(statement.kind.kind, statement.kind.kind)
            if known.pop(_key(kind, statement.finding), None):
                dropped += 1
        return dropped

    def limit(self, in_file: int, in_space: int) -> None:
        """Keep the first of each place, count the others."""
        for place, known in self.told.items():
            most = in_file if place[2] is not None else in_space
            if len(known) > most:
                ordered = sorted(known.items(), key=lambda item: (item[1].first, item[0]))
                self.told[place] = dict(ordered[:most])
                self.more[place] += sum(told.count for _, told in ordered[most:])

    def places(self) -> Iterator[tuple[Place, Iterable[Told]]]:
        """Yield what was told of each place."""
        for place, known in self.told.items():
            yield place, known.values()


def _key(kind: str, finding: Finding) -> bytes:
    names = KINDS[kind].identity
    values = [kind, *(getattr(finding, name) for name in names)]
    return msgspec.json.encode(values)


def _first(runs: Iterable[ByteRun]) -> tuple[ByteRun, ...]:
    ordered = sorted(runs, key=lambda run: (run.file_offset, run.image_offset or 0, run.length))
    return tuple(ordered[:PLACES])
