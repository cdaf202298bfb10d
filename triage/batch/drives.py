"""One drive of a batch as the summary shows it: read from its bundle, in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.batch.ranking import Priority, Ranking, rank
from triage.batch.state import Event
from triage.bundle import Bundle
from triage.console.headlines import IMPORTANCE, Headline, headlines
from triage.console.summary import not_examined_order, place_of
from triage.console.words import reason
from triage.errors import AlteredError, ExitCode, TriageError

_HEADLINES = 12
_OF_A_KIND = 2
_PLACES = 8
_ACCOUNTS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """What a lab needs to know of one drive. `outcome`: finished, failed, or not run.

    Lists are cut to what fits on a page; `findings` and `not_examined` are the whole numbers.
    `problem` says why there is no bundle to read.
    """

    bundle: str
    image: str
    case: str | None
    exhibit: str | None
    outcome: str
    problem: str | None
    priority: Priority
    profile: str | None = None
    systems: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    headlines: tuple[Headline, ...] = ()
    more_headlines: int = 0
    locked: tuple[str, ...] = ()
    not_examined: int = 0
    places: tuple[str, ...] = ()
    findings: int = 0
    exit_code: int | None = None
    image_hash: str | None = None
    sha256: str | None = None
    seal_code: str | None = None


def read_drives(
    folder: Path,
    planned: Iterable[Event],
    ended: Mapping[str, Event],
    ranking: Ranking,
) -> list[Drive]:
    """Return the drives, the most pressing first; one that cannot be read says so itself."""
    drives = [
        read_drive(folder / plan["bundle"], plan, ended.get(plan["bundle"]), ranking)
        for plan in planned
    ]
    return sorted(drives, key=lambda drive: (-drive.priority.points, drive.bundle))


def read_drive(path: Path, plan: Event, event: Event | None, ranking: Ranking) -> Drive:
    """Return one drive; never raises for what stands in the bundle."""
    about: dict[str, Any] = {key: plan[key] for key in ("bundle", "image", "case", "exhibit")}
    if event is None:
        return Drive(**about, outcome="not run", problem="not run yet", priority=rank(ranking, ()))
    if event["event"] == "finished":
        try:
            with _well_formed():
                return _read(Bundle.open(path), about, event, ranking)
        except TriageError as error:
            event = {"exit_code": int(ExitCode.FAILED), "reason": str(error)}
    return Drive(
        **about,
        outcome="failed",
        problem=str(event.get("reason")),
        exit_code=event["exit_code"],
        priority=rank(ranking, (), not_opened=True),
    )


def _read(bundle: Bundle, about: dict[str, Any], event: Event, ranking: Ranking) -> Drive:
    run, telling, count = bundle.run, [], 0
    systems: set[str] = set()
    accounts: set[str] = set()
    for record in bundle.findings():
        count += 1
        kind = record["kind"]
        if kind in IMPORTANCE:
            telling.append(record)
        elif kind == "system.os":
            systems.add(record["summary"].removeprefix("operating system "))
        elif kind == "system.account" and not record["value"].get("for_software"):
            accounts.add(record["value"]["name"])
    lines = headlines(telling)
    gaps = sorted((line for line in bundle.coverage() if line["counts"]), key=not_examined_order)
    locked = [
        f"{line['volume']}: {reason(line['reason'])}"
        for line in gaps
        if line["step"] == "volume" and str(line["reason"]).startswith("locked")
    ]
    image = run["image"]
    shown = tuple(_first(lines))
    return Drive(
        **about,
        outcome="finished",
        problem=None,
        priority=rank(
            ranking, lines, locked=len(locked), mismatch=image["hash_verdict"] == "mismatch"
        ),
        profile=run["profile"]["name"],
        systems=tuple(sorted(systems)),
        accounts=tuple(sorted(accounts)[:_ACCOUNTS]),
        headlines=shown,
        more_headlines=len(lines) - len(shown),
        locked=tuple(locked),
        not_examined=len(gaps),
        places=tuple(f"{place_of(line)}: {reason(line['reason'])}" for line in gaps[:_PLACES]),
        findings=count,
        exit_code=event["exit_code"],
        image_hash=image["hash_verdict"],
        sha256=image["hashes"].get("sha256"),
        seal_code=event["seal_code"],
    )


def _first(lines: Iterable[Headline]) -> Iterator[Headline]:
    """Yield the first headlines, few of one kind, so that each kind has its place."""
    seen: dict[str, int] = {}
    shown = 0
    for line in lines:
        seen[line.kind] = seen.get(line.kind, 0) + 1
        if seen[line.kind] <= _OF_A_KIND and shown < _HEADLINES:
            shown += 1
            yield line


@contextmanager
def _well_formed() -> Iterator[None]:
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise AlteredError("a record is not of the format that bundles have") from error
