"""How far the scan came: for each volume, and for what lies outside of files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from triage.engine import messages as m
from triage.engine.coverage import Outcome
from triage.engine.results import Results
from triage.engine.scan.sightings import KINDS
from triage.engine.scan.space import Laid
from triage.engine.scan.tally import Tally
from triage.model import Volume

FILES, SPACE, ARCHIVES = "scan_files", "unallocated", "archives"
"""Names of the steps in coverage."""

_SAID: Final = 100  # places with too many things that are named


@dataclass(slots=True)
class VolumeOutcome:
    """The files of one volume."""

    planned: m.Planned | None = None
    unfinished: str | None = None  # why some part was not scanned
    laid: Laid = field(default_factory=Laid)
    files: int = 0
    bytes: int = 0
    unread: int = 0
    unread_deleted: int = 0
    overwritten: int = 0
    archives: int = 0
    members: int = 0
    inflated: int = 0
    unread_members: int = 0
    cut_archives: int = 0
    unchecked: Counter[str] = field(default_factory=Counter)  # files, by reason

    def check(self, reply: m.Checked) -> None:
        """Add a part of files that were checked as wholes."""
        self.unchecked["limit"] += reply.cut
        self.unchecked["unreadable"] += reply.unread
        self.unchecked["rules_too_slow"] += reply.failed

    def open(self, reply: m.Inside) -> None:
        """Add the archives of a part."""
        self.archives += reply.archives
        self.members += reply.members
        self.inflated += reply.size
        self.unread_members += reply.unread
        self.cut_archives += reply.cut

    def take(self, reply: m.Scanned, media: int | None) -> None:
        """Add a part."""
        self.files += reply.files
        self.bytes += reply.size
        self.unread += reply.unread
        self.unread_deleted += reply.unread_deleted
        self.overwritten += reply.overwritten
        if media is not None:
            self.laid.add(reply.laid, media)


@dataclass(slots=True)
class Outcomes:
    """All of it; `asked` is what the profile asks for."""

    asked: str
    volumes: dict[int, VolumeOutcome]
    repeated: int = 0  # things that extractors had told
    space_bytes: int | None = None
    space_unfinished: str | None = None
    space_out_of_scope: bool = False
    space_unread: int = 0
    space_more: int = 0
    space_unchecked: Counter[str] = field(default_factory=Counter)  # stretches, by reason

    def cover(
        self,
        results: Results,
        volumes: Sequence[Volume],
        tally: Tally,
        unscanned: Mapping[int, Mapping[int, str]],
    ) -> None:
        """Say what was looked for and where, and what could not be looked at."""
        if self.asked == "none":
            for name in (FILES, ARCHIVES):
                results.coverage.add("step", Outcome.NOT_SELECTED, name=name)
        for number, outcome in self.volumes.items():
            if self.asked != "none":
                self._files(results, number, volumes[number], outcome, tally)
                _archives(results, volumes[number].name, outcome)
            for row, code in sorted(unscanned.get(number, {}).items()):
                about = {"volume": volumes[number].name, "locator": f"row {row} of the index"}
                results.problem(code, FILES, **about)
                missed(results, FILES, code, counts=True, **about)
        self._space(results, volumes, tally)
        self._more(results, volumes, tally)

    def _files(
        self, results: Results, number: int, volume: Volume, outcome: VolumeOutcome, tally: Tally
    ) -> None:
        found: Counter[str] = Counter()
        for (of, allocation, *_), known in tally.places():
            if of == number and allocation is None:
                found.update(told.finding.kind for told in known)
        for kind in KINDS:
            answer(results, kind.kind, found[kind.kind], outcome.unfinished, volume=volume.name)
        about: dict[str, Any] = {"name": FILES, "volume": volume.name}
        if outcome.unfinished is None:
            results.coverage.add(
                "step",
                Outcome.FOUND if found else Outcome.ABSENT,
                count=outcome.files,
                bytes=outcome.bytes,
                overwritten=outcome.overwritten,
                **about,
            )
        else:
            code = outcome.unfinished
            missed(results, FILES, code, counts=True, volume=volume.name)
            results.not_repeatable.add(f"{volume.name}: {FILES}: {code}")
        planned = outcome.planned
        if planned is not None and planned.left_out:
            results.coverage.add("step", Outcome.OUT_OF_SCOPE, count=planned.left_out, **about)
        if planned is not None and planned.cut:
            missed(results, FILES, "limit", counts=True, volume=volume.name, count=planned.cut)
        for unread, counts in ((outcome.unread, True), (outcome.unread_deleted, False)):
            if unread:
                more = {"volume": volume.name, "bytes": unread}
                missed(results, FILES, "unreadable", counts=counts, **more)

    def _space(self, results: Results, volumes: Sequence[Volume], tally: Tally) -> None:
        if self.asked != "everything":
            results.coverage.add("step", Outcome.NOT_SELECTED, name=SPACE)
            return
        if self.space_out_of_scope:
            results.coverage.add("step", Outcome.OUT_OF_SCOPE, name=SPACE)
            return
        if self.space_bytes is None:  # files without a disk have no space between them
            return
        found: dict[tuple[int, str], Counter[str]] = {}
        for (number, allocation, *_), known in tally.places():
            if allocation is not None:
                place = found.setdefault((number, allocation), Counter())
                place.update(told.finding.kind for told in known)
        for (number, allocation), kinds in found.items():
            for kind, count in kinds.items():
                about = {"volume": volumes[number].name, "allocation": allocation or None}
                answer(results, kind, count, None, **about)
        if self.space_unfinished is None:
            results.coverage.add(
                "step",
                Outcome.FOUND if found else Outcome.ABSENT,
                name=SPACE,
                bytes=self.space_bytes,
            )
        else:
            missed(results, SPACE, self.space_unfinished, counts=True)
            results.not_repeatable.add(f"{SPACE}: {self.space_unfinished}")
        if self.space_unread:
            missed(results, SPACE, "unreadable", counts=False, bytes=self.space_unread)

    def _more(self, results: Results, volumes: Sequence[Volume], tally: Tally) -> None:
        """Say where there is more than is listed: it was looked at, so it does not count."""
        more = +tally.more
        for (number, allocation, row, _), count in more.most_common(_SAID):
            where = f"row {row} of the index" if row is not None else allocation
            text = f"{count} places of more things than are listed"
            results.problem("limit", text, volume=volumes[number].name, locator=where)
        total = more.total() + self.space_more
        if total:
            results.coverage.add(
                "scan", Outcome.FOUND, reason="limit", counts=False, name="not_listed", count=total
            )


def _archives(results: Results, volume: str, outcome: VolumeOutcome) -> None:
    if outcome.unfinished is None:
        results.coverage.add(
            "step",
            Outcome.FOUND if outcome.archives else Outcome.ABSENT,
            name=ARCHIVES,
            volume=volume,
            count=outcome.archives,
            members=outcome.members,
            bytes=outcome.inflated,
        )
    for count, reason in ((outcome.unread_members, "unreadable"), (outcome.cut_archives, "limit")):
        if count:
            missed(results, ARCHIVES, reason, counts=True, volume=volume, count=count)


def answer(results: Results, kind: str, count: int, unfinished: str | None, **about: Any) -> None:
    """Say whether something was found; where not all was looked at, nobody knows."""
    if count:
        results.coverage.add("scan", Outcome.FOUND, kind=kind, count=count, **about)
    elif unfinished is None:
        results.coverage.add("scan", Outcome.ABSENT, kind=kind, count=0, **about)
    else:
        results.coverage.add("scan", Outcome.NOT_EXAMINED, reason=unfinished, kind=kind, **about)


def missed(results: Results, step: str, code: str, *, counts: bool, **about: Any) -> None:
    """Say that some of a step was not done."""
    results.coverage.add(
        "step", Outcome.NOT_EXAMINED, reason=code, counts=counts, name=step, **about
    )
