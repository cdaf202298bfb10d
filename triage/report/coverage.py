"""The three answers: found, looked for and not found, could not look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from triage.console.summary import not_examined_order, place_of
from triage.console.words import reason, size
from triage.report.gather import Record
from triage.texts import say, word

_SHOWN = 500  # gaps that count
_EXAMPLES = 100  # of each reason that does not

_OUTCOMES = ("not_examined", "out_of_scope", "not_selected", "withheld_secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A volume that nothing could be looked for in, or only with a key."""

    id: str
    volume: str
    scheme: str
    state: str
    locked: bool
    opened: bool  # with a key: what is in it was looked at
    size: str
    offset: str | None
    label: str | None
    details: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that was not examined."""

    what: str
    place: str
    why: str
    extent: str | None
    extractor: str | None


@dataclass(slots=True, kw_only=True)
class Reason:
    """Gaps of one reason, as many as are shown, and how many there are."""

    outcome: str
    what: str
    why: str
    count: int = 0
    places: list[str] = field(default_factory=list)

    @property
    def left_out(self) -> int:
        """Places that are not shown."""
        return self.count - len(self.places)


@dataclass(slots=True, kw_only=True)
class Sought:
    """What one extractor looked for, and on which volumes its places were there."""

    extractor: str
    about: str
    found: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    failed: int = 0  # artifacts that were there and could not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """Coverage as a reader sees it."""

    gaps: tuple[Gap, ...]  # those that count, locked volumes first
    gap_count: int
    reasons: tuple[Reason, ...]  # what does not count
    sought: tuple[Sought, ...]
    walked: tuple[tuple[str, int], ...]  # volume, names in it


def closed(findings: Iterable[Record]) -> tuple[Closed, ...]:
    """Return the volumes closed to us, locked ones first, those that were opened last."""
    volumes = []
    for record in findings:
        value = record["value"]
        locator = record["source"]["locator"] or ""
        offset = locator.removeprefix("offset ")
        volumes.append(
            Closed(
                id=record["id"],
                volume=record["source"]["volume"],
                scheme=value["scheme"],
                state=value["state"],
                locked=value["state"] == "locked",
                opened=value["state"] == "opened",
                # None in a redacted bundle, where it was taken out.
                size="–" if value["length"] is None else size(int(value["length"])),
                offset=offset if offset != locator else None,
                label=value.get("label"),
                details=tuple((str(k), str(v)) for k, v in value["details"].items()),
            )
        )
    return tuple(
        sorted(volumes, key=lambda volume: (volume.opened, not volume.locked, volume.volume))
    )


def covered(coverage: Iterable[Record], extractors: Mapping[str, str]) -> Covered:
    """Read the coverage once. `extractors`: name → what it does, in one line."""
    counting: list[Record] = []
    reasons: dict[tuple[str, str, str], Reason] = {}
    patterns: dict[str, dict[str, bool]] = defaultdict(lambda: defaultdict(bool))
    cut: set[tuple[str, str]] = set()  # extractor, volume: content not looked at to the end
    failed: dict[str, int] = defaultdict(int)
    walked = []
    for line in coverage:
        step, outcome = line["step"], line["outcome"]
        if step == "artifact" and line["counts"] and line.get("extractor"):
            failed[line["extractor"]] += 1
        if line["counts"]:
            counting.append(line)
        elif step in ("pattern", "content"):
            patterns[line["extractor"]][line["volume"]] |= outcome == "found"
            if outcome == "not_examined":
                cut.add((line["extractor"], line["volume"]))
        elif step == "volume" and outcome == "found":
            walked.append((line["volume"], int(line["entries"])))
        elif outcome in _OUTCOMES:
            _count(reasons, line)
    ordered = sorted(counting, key=not_examined_order)
    return Covered(
        gaps=tuple(_gap(line) for line in ordered[:_SHOWN]),
        gap_count=len(counting),
        reasons=tuple(sorted(reasons.values(), key=lambda r: (r.outcome, r.what, r.why))),
        sought=tuple(
            Sought(
                extractor=name,
                about=extractors.get(name, ""),
                found=sorted(volume for volume, there in volumes.items() if there),
                absent=sorted(
                    volume
                    for volume, there in volumes.items()
                    if not there and (name, volume) not in cut
                ),
                failed=failed[name],
            )
            for name, volumes in sorted(patterns.items())
        ),
        walked=tuple(walked),
    )


def _count(reasons: dict[tuple[str, str, str], Reason], line: Record) -> None:
    step, outcome = line["step"], line["outcome"]
    why = reason(line["reason"]) if line["reason"] else ""
    found = reasons.setdefault(
        (outcome, step, why),
        Reason(
            outcome=word("outcome", outcome),
            what=say("unread.whole_steps") if step == "step" else word("step_name", step),
            why=why,
        ),
    )
    found.count += 1
    if len(found.places) < _EXAMPLES:
        name = line.get("name") or line.get("extractor") or line.get("kind")
        place = word("step", name) if name and not line.get("volume") else place_of(line)
        extent = _extent(line)
        found.places.append(
            say("size.with_extent", place=place, extent=extent) if extent else str(place)
        )


def _gap(line: Record) -> Gap:
    return Gap(
        what=line["step"].replace("_", " "),
        place=place_of(line),
        why=reason(line["reason"]),
        extent=_extent(line),
        extractor=line.get("extractor"),
    )


def _extent(line: Record) -> str | None:
    if line.get("length") is None:
        return None
    told = size(int(line["length"]))
    offset: Any = line.get("offset")
    return told if offset is None else say("size.at", size=told, offset=int(offset))
