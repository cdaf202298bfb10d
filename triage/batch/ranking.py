"""How urgent a drive is, in points with their reasons: weights of a file, no judgement of ours.

The same findings and weights give the same points; no clock and no other drive plays a part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from triage.console.headlines import IMPORTANCE, SHOWS, Headline
from triage.errors import ProfileError, UsageError
from triage.findings import KINDS, Confidence

_SHIPPED = "_ranking.yaml"
_MOST = 10_000  # of any number in the file
_QUOTED = 120  # characters of a headline in a reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """Points for the first, for each further one, and how many further ones count."""

    points: int
    each: int = 0
    most: int = 0

    def of(self, count: int) -> int:
        """Return the points for so many."""
        return self.points + self.each * min(count - 1, self.most) if count else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The weights of one file; percentages by word."""

    name: str
    date: str
    kinds: Mapping[str, Weight]
    confidence: Mapping[str, int]
    shows: Mapping[str, int]
    deleted: int
    locked: Weight
    not_opened: int
    mismatch: int
    high: int
    medium: int

    def __str__(self) -> str:
        return f"{self.name} {self.date}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a drive has so many of its points."""

    points: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """Points, the word for them (high, medium, low), and the reasons, the heaviest first."""

    points: int
    level: str
    reasons: tuple[Reason, ...]


def rank(
    ranking: Ranking,
    headlines: Iterable[Headline],
    *,
    locked: int = 0,
    mismatch: bool = False,
    not_opened: bool = False,
) -> Priority:
    """Add up the points of one drive. `headlines` are all of its headlines, in their order."""
    reasons = []
    for kind, same in groupby(headlines, key=lambda line: line.kind):
        lines = tuple(same)
        if kind in ranking.kinds:
            points = ranking.kinds[kind].of(len(lines)) * _percent(ranking, lines) // 100
            title = KINDS[kind].title if kind in KINDS else kind
            first = lines[0].what
            shown = first if len(first) <= _QUOTED else f"{first[:_QUOTED]}…"
            reasons.append(Reason(points=points, words=f"{title}: {len(lines)}, first “{shown}”"))
    if locked:
        words = f"{locked} locked volume{'' if locked == 1 else 's'}: not examined"
        reasons.append(Reason(points=ranking.locked.of(locked), words=words))
    if mismatch:
        reasons.append(
            Reason(points=ranking.mismatch, words="the image hash is not the acquisition hash")
        )
    if not_opened:
        reasons.append(Reason(points=ranking.not_opened, words="not examined at all: see why"))
    reasons = [reason for reason in reasons if reason.points]
    points = sum(reason.points for reason in reasons)
    level = "high" if points >= ranking.high else "medium" if points >= ranking.medium else "low"
    ordered = sorted(reasons, key=lambda reason: (-reason.points, reason.words))
    return Priority(points=points, level=level, reasons=tuple(ordered))


def _percent(ranking: Ranking, lines: Iterable[Headline]) -> int:
    return max(
        ranking.confidence.get(line.confidence, 0)
        * ranking.shows.get(line.shows, 0)
        * (ranking.deleted if line.marks else 100)
        // 10_000
        for line in lines
    )


def load_ranking(path: Path | None = None) -> Ranking:
    """Read the shipped weights, or those of a file. Raises ProfileError that names the key."""
    if path is None:
        text = files("triage.profiles").joinpath(_SHIPPED).read_text(encoding="utf-8")
        return parse_ranking(text, where="ranking")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError("cannot be read as UTF-8 text", where=str(path)) from None
    return parse_ranking(text, where=str(path))


def parse_ranking(text: str, *, where: str) -> Ranking:
    """Read weights, strictly: every key must be there, and no other. Raises ProfileError."""
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f" line {mark.line + 1}" if mark else ""
        raise ProfileError("not YAML", where=f"{where}{at}") from None
    given = _mapping(value, where)
    known = {*Ranking.__dataclass_fields__, "version"}
    _exactly(given, known, where)
    if given["version"] != 1:
        raise ProfileError("must be 1", where=f"{where}.version")
    kinds = _mapping(given["kinds"], f"{where}.kinds")
    for kind in kinds:
        if kind not in IMPORTANCE:
            raise ProfileError("not a kind that makes headlines", where=f"{where}.kinds.{kind}")
    ranking = Ranking(
        name=str(given["name"]),
        date=str(given["date"]),
        kinds={kind: _weight(item, f"{where}.kinds.{kind}") for kind, item in kinds.items()},
        confidence=_percents(given, "confidence", [word.value for word in Confidence], where),
        shows=_percents(given, "shows", SHOWS, where),
        deleted=_number(given["deleted"], f"{where}.deleted"),
        locked=_weight(given["locked"], f"{where}.locked"),
        not_opened=_number(given["not_opened"], f"{where}.not_opened"),
        mismatch=_number(given["mismatch"], f"{where}.mismatch"),
        high=_number(given["high"], f"{where}.high"),
        medium=_number(given["medium"], f"{where}.medium"),
    )
    if ranking.medium > ranking.high:
        raise ProfileError("must not be more than `high`", where=f"{where}.medium")
    return ranking


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ProfileError("must be a mapping", where=where)
    return value


def _exactly(given: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    known = set(known)
    for key in given:
        if key not in known:
            raise ProfileError("unknown key", where=f"{where}.{key}")
    for key in sorted(known - set(given)):
        raise ProfileError("is missing", where=f"{where}.{key}")


def _number(value: Any, where: str) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ProfileError(f"must be a whole number from 0 to {_MOST}", where=where)
    return value


def _weight(value: Any, where: str) -> Weight:
    given = _mapping(value, where)
    _exactly(given, ("points", "each", "most"), where)
    return Weight(**{key: _number(item, f"{where}.{key}") for key, item in given.items()})


def _percents(
    given: Mapping[str, Any], key: str, words: Iterable[str], where: str
) -> dict[str, int]:
    here = f"{where}.{key}"
    mapping = _mapping(given[key], here)
    _exactly(mapping, words, here)
    return {word: _number(item, f"{here}.{word}") for word, item in mapping.items()}
