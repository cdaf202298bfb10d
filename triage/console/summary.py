"""What a person reads in ten seconds: what, whose, since and until when, how sure; what is locked.

On a terminal the text is fitted to its width; in a pipe and in the bundle every line is whole.
"""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console

from triage.console.cases import Cases, Matter
from triage.console.headlines import (
    IMPORTANCE,
    Headline,
    Record,
    account_name,
    first_of_each,
    headlines,
    latest,
)
from triage.console.paper import Paper, text_console
from triage.console.training import Training
from triage.console.words import reason, size, title_of
from triage.findings import KINDS
from triage.guidance import Guidance, Step
from triage.texts import say, word

_NOT_EXAMINED_SHOWN = 12
_OF_ONE_KIND = 6  # headlines
_ACCOUNTS_SHOWN = 12
_PLACES_SHOWN = 3  # of one case
_COLUMNS = ("account", "since", "until", "sure", "shows", "what")
_ONE_LINE = 120  # columns from which a headline has a line for itself


@dataclass(slots=True)
class _Machine:
    """What the system of one volume says about itself."""

    systems: set[str] = field(default_factory=set)
    zones: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    steps: int = 0  # of the clock
    furthest: str = ""  # the largest of them, in words
    seconds: int = 0  # of that one

    def step(self, record: Record) -> None:
        """Count a step of the clock, and remember the largest."""
        self.steps += 1
        seconds = abs(int(record["value"]["seconds"] or 0))  # it may be taken out
        if seconds > self.seconds or not self.furthest:
            when = next((time["utc"] for time in record["times"] if time["utc"]), None)
            told = record["summary"]
            self.seconds = seconds
            self.furthest = say("summary.step", what=told, when=when[:10]) if when else told


@dataclass(slots=True)
class _Tally:
    """What one pass over the findings gives: memory for what is shown, not for all of them."""

    machines: dict[str, _Machine] = field(default_factory=lambda: defaultdict(_Machine))
    kinds: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    accounts: Counter[str] = field(default_factory=Counter)
    telling: list[Record] = field(default_factory=list)
    lists: set[str] = field(default_factory=set)
    cases: Cases = field(default_factory=Cases)

    def add(self, record: Record) -> None:
        self.cases.add(record)
        kind, value, account = record["kind"], record["value"], account_name(record)
        self.kinds[kind][account] += 1
        self.accounts[account] += 1
        if value.get("indicator_list"):
            self.lists.add(str(value["indicator_list"]))
        if kind in IMPORTANCE:
            self.telling.append(record)
        elif kind == "system.os":
            self.machines[record["source"]["volume"]].systems.add(record["summary"])
        elif kind == "system.timezone":
            self.machines[record["source"]["volume"]].zones.add(value["zone_name"])
        elif kind == "system.clock-change":
            self.machines[record["source"]["volume"]].step(record)
        elif kind == "system.account" and not value.get("for_software"):
            self.machines[record["source"]["volume"]].accounts.add(value["name"])


def print_summary(
    console: Console,
    findings: Iterable[Record],
    coverage: Iterable[Record],
    problems: Iterable[Record],
    guidance: Guidance | None = None,
    *,
    training: Training | None = None,
) -> None:
    """Print the summary of one run. Each of the records is read once."""
    tally, looked = _Tally(), list(coverage)
    for record in findings:
        tally.add(record)
    paper = Paper(console)
    print_training(console, training)
    _machines(paper, tally)
    _not_examined(paper, looked)
    if guidance is not None:
        _what_to_do(paper, tally.cases.matters(guidance), guidance)
    _headlines(paper, tally)
    _counts(paper, tally)
    _not_found(paper, looked)
    if tally.lists:
        named = ", ".join(_list(name) for name in sorted(tally.lists))
        paper.line(say("summary.lists", lists=named), hang=2)
    codes = Counter(problem["code"] for problem in problems)
    if codes:
        told = ", ".join(
            say("problems.count", count=count, code=code) for code, count in sorted(codes.items())
        )
        paper.line(say("summary.problems", codes=told), style="yellow")


def summary_text(
    findings: Iterable[Record],
    coverage: Iterable[Record],
    problems: Iterable[Record],
    guidance: Guidance | None = None,
    *,
    training: Training | None = None,
) -> str:
    """Return the summary as plain text, no line wrapped: the same for the same records."""
    stream = io.StringIO()
    print_summary(text_console(stream), findings, coverage, problems, guidance, training=training)
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def print_training(console: Console, training: Training | None) -> None:
    """Print the mark of a practice image, where there is one."""
    if training is not None:
        told = say("summary.training", scenario=training.scenario, notice=training.notice)
        Paper(console).line(told, hang=2, style="bold reverse")


def _list(name: str) -> str:
    """Return the name of an indicator list and the day it is of."""
    name, _, day = name.rpartition(" ")
    return say("summary.list", name=name, day=day) if name else day


def _machines(paper: Paper, tally: _Tally) -> None:
    for volume, machine in sorted(tally.machines.items()):
        label, empty = f"{volume}  ", " " * (cell_len(volume) + 2)
        accounts = [
            name
            for _, name in sorted((-tally.accounts[f"{n} ({volume})"], n) for n in machine.accounts)
        ]
        shown = ", ".join(accounts[:_ACCOUNTS_SHOWN])
        lines = sorted(machine.systems)
        lines += [say("summary.zone", zone=zone) for zone in sorted(machine.zones)]
        if len(accounts) > _ACCOUNTS_SHOWN:
            more = len(accounts) - _ACCOUNTS_SHOWN
            lines.append(say("summary.accounts_more", names=shown, count=more))
        elif shown:
            lines.append(say("summary.accounts", names=shown))
        if machine.steps:
            lines.append(say("summary.clock", count=machine.steps, step=machine.furthest))
        for number, line in enumerate(lines):
            head = empty if number else label
            paper.line(f"{head}{line}", hang=cell_len(head))


def _not_examined(paper: Paper, coverage: Sequence[Record]) -> None:
    counting = [line for line in coverage if line["counts"]]
    if not counting:
        return
    paper.heading(say("summary.not_examined"), style="bold red")
    ordered = sorted(counting, key=not_examined_order)
    paper.columns(
        [(place_of(line), _why(line)) for line in ordered[:_NOT_EXAMINED_SHOWN]],
    )
    if len(counting) > _NOT_EXAMINED_SHOWN:
        paper.line(say("summary.more", count=len(counting) - _NOT_EXAMINED_SHOWN), indent=2)


def not_examined_order(line: Record) -> tuple[bool, bool, bool]:
    """Sort key of coverage lines: locked volumes first, then volumes, then the rest as it is."""
    volume = line["step"] == "volume"
    locked = str(line["reason"]).startswith("locked")
    return not (volume and locked), not volume, line["step"] != "media"


def place_of(line: Record) -> str:
    """Return what a coverage line is about: a volume, a path in it, or the step itself."""
    place = ":".join(str(line[key]) for key in ("volume", "path") if line.get(key))
    return place or word("step_name", line.get("name") or line["step"])


def _why(line: Record) -> str:
    told = reason(line["reason"])
    if line.get("length") is not None:
        told += f", {size(int(line['length']))}"
    if line["step"] in ("media", "directory"):
        told = f"{word('step_name', line['step'])}: {told}"
    return told


def _what_to_do(paper: Paper, matters: Sequence[Matter], guidance: Guidance) -> None:
    """Tell what must be done about cryptocurrency: one page, the most pressing case first."""
    if not matters:
        return
    paper.heading(say("summary.what_to_do"), style="bold red" if _urgent(matters) else "bold")
    for matter in matters:
        count = len(matter.places) + matter.left_out
        key = "summary.matter_urgent" if matter.advice.urgent else "summary.matter"
        told = say(key, title=matter.advice.title, count=count)
        paper.line(told, indent=2, hang=2, style="bold")
        for place in matter.places[:_PLACES_SHOWN]:
            whose = f" [{place.account}]" if place.account != "–" else ""
            marked = f" [{', '.join(place.marks)}]" if place.marks else ""
            more = say("summary.place_more", count=place.more) if place.more else ""
            told = f"{place.where}: {'; '.join(place.what)}{more}{whose}{marked}"
            paper.line(told, indent=4, hang=2)
        if count > _PLACES_SHOWN:
            paper.line(say("summary.more", count=count - _PLACES_SHOWN), indent=4)
        _steps(paper, matter.advice.steps)
    if _urgent(matters) or any(matter.case != "software-only" for matter in matters):
        paper.line(say("summary.always"), indent=2, style="bold")
        _steps(paper, guidance.always)
    told = say("summary.guidance", name=guidance.name, date=guidance.date)
    paper.line(told, indent=2, hang=2)


def _urgent(matters: Iterable[Matter]) -> bool:
    return any(matter.advice.urgent for matter in matters)


def _steps(paper: Paper, steps: Iterable[Step]) -> None:
    for number, step in enumerate(steps, 1):
        paper.line(f"{number}. {step.text}", indent=4, hang=3)


def _headlines(paper: Paper, tally: _Tally) -> None:
    lines = headlines(tally.telling)
    if not lines:
        return
    paper.heading(say("summary.found"))
    rows = [tuple(say(f"summary.{name}") for name in _COLUMNS)]
    for part in first_of_each(lines, _OF_ONE_KIND):
        if isinstance(part, tuple):
            rows += [_cells(line) for line in part]
            title = title_of(part[0].kind)
        elif part:
            more = say("summary.more_of_kind", count=part, title=title)
            rows.append(("", "", "", "", "", more))
    if paper.width is None or paper.width >= _ONE_LINE:
        paper.columns(rows)
        return
    for row in rows[1:]:
        *about, what = row
        paper.line(what, indent=2, hang=2, style="bold")
        told = " · ".join(_spoken(*about))
        if told:
            paper.line(told, indent=4)


def _cells(line: Headline) -> tuple[str, ...]:
    shows = line.shows if line.protection is None else f"{line.shows}, {line.protection}"
    times = f" (×{len(line.ids)})" if len(line.ids) > 1 else ""
    marked = f" [{', '.join(line.marks)}]" if line.marks else ""
    return (
        line.account,
        line.since or "–",
        line.until or "–",
        line.confidence,
        shows,
        f"{line.what}{times}{marked}",
    )


def _spoken(account: str, since: str, until: str, sure: str, shows: str) -> Iterator[str]:
    if not sure:
        return
    yield account if account != "–" else say("common.no_account")
    if since == "–":
        yield say("summary.no_date")
    else:
        yield since if since == until else say("common.range", first=since, last=until)
    yield sure
    yield shows


def _counts(paper: Paper, tally: _Tally) -> None:
    by_kind = tally.kinds
    order = {kind: number for number, kind in enumerate(KINDS)}
    kinds = sorted(by_kind, key=lambda kind: (order.get(kind, len(order)), kind))
    paper.heading(say("summary.all"))
    if not kinds:
        paper.line(say("summary.nothing"))
        return
    paper.columns(
        [
            (
                f"{sum(by_kind[kind].values()):,}",
                title_of(kind),
                ", ".join(
                    f"{name} {count:,}"
                    for name, count in sorted(by_kind[kind].items())
                    if name != "–"
                ),
            )
            for kind in kinds
        ]
    )


def _not_found(paper: Paper, coverage: Sequence[Record]) -> None:
    absent: dict[str, bool] = defaultdict(lambda: True)  # not: found, or cut short
    for line in coverage:
        if line["step"] in ("pattern", "content"):
            program = ".".join(line["extractor"].split(".")[:2])
            absent[program] &= line["outcome"] == "absent"
    if programs := sorted(program for program in absent if absent[program]):
        paper.line(say("summary.absent", programs=", ".join(programs)), hang=2)


__all__ = ["account_name", "latest", "print_summary", "summary_text"]
