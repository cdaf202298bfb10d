"""The summary of a batch as JSON and CSV: drives by priority, and what was passed over."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from triage import __version__, canonical
from triage.batch.drives import Drive
from triage.batch.tables import csv_bytes

COLUMNS = (
    "priority",
    "points",
    "reasons",
    "case",
    "exhibit",
    "bundle",
    "image",
    "outcome",
    "exit_code",
    "findings",
    "systems",
    "accounts",
    "headlines",
    "locked",
    "not_examined",
    "image_hash",
    "sha256",
    "seal_code",
    "problem",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """A file in a folder that was not taken; `counts`: it may hold evidence."""

    image: str
    reason: str
    counts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One batch. `written` is the UTC time; `ranking` names the weights."""

    written: str
    ranking: str
    drives: tuple[Drive, ...]
    passed_over: tuple[PassedOver, ...]
    exit_code: int

    @property
    def outcomes(self) -> Counter[str]:
        """How many drives have which outcome."""
        return Counter(drive.outcome for drive in self.drives)

    @property
    def levels(self) -> Counter[str]:
        """How many drives have which priority."""
        return Counter(drive.priority.level for drive in self.drives)


def summary_json(summary: Summary) -> bytes:
    """Return the summary as one JSON document."""
    value: Any = canonical.jsonable(
        {"tool": {"name": "disk-triage", "version": __version__}, **asdict(summary)}
    )
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def summary_csv(summary: Summary) -> bytes:
    """Return one line a drive."""
    return csv_bytes(COLUMNS, (_row(drive) for drive in summary.drives))


def _row(drive: Drive) -> Sequence[object]:
    return (
        drive.priority.level,
        drive.priority.points,
        " | ".join(f"{reason.points}: {reason.words}" for reason in drive.priority.reasons),
        drive.case,
        drive.exhibit,
        drive.bundle,
        drive.image,
        drive.outcome,
        drive.exit_code,
        drive.findings,
        " | ".join(drive.systems),
        " | ".join(drive.accounts),
        " | ".join(line.what for line in drive.headlines),
        " | ".join(drive.locked),
        drive.not_examined,
        drive.image_hash,
        drive.sha256,
        drive.seal_code,
        drive.problem,
    )
