"""What a person reads in ten seconds: what, whose, since and until when, how sure; what is locked.

On a terminal the text is fitted to its width; in a pipe and in the bundle every line is whole.
"""

from __future__ import annotations

import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from triage.console.headlines import (
    Headline,
    Record,
    account_name,
    first_of_each,
    headlines,
    latest,
)
from triage.console.safe import safe
from triage.console.words import reason, size
from triage.findings import KINDS

_NOT_EXAMINED_SHOWN = 12
_OF_ONE_KIND = 6  # headlines
_ACCOUNTS_SHOWN = 12
_ONE_LINE = 120  # columns from which a headline has a line for itself
_WIDEST_CELL = 60  # characters of a cell that others are lined up under
_NARROWEST = 20  # columns for the text of a line, however narrow the terminal
_LONGEST = 4000  # characters of one line of evidence text
_LONGEST_ON_TERMINAL = 500
_WIDTH_OF_TEXT = 1000
_ONION = re.compile(r"\b([a-z2-7]{10})[a-z2-7]{40}([a-z2-7]{6}\.onion)\b")


def print_summary(
    console: Console,
    findings: Sequence[Record],
    coverage: Sequence[Record],
    problems: Sequence[Record],
) -> None:
    """Print the summary of one run."""
    paper = _Paper(console)
    _machines(paper, findings)
    _not_examined(paper, coverage)
    _headlines(paper, findings)
    _counts(paper, findings)
    _not_found(paper, coverage)
    if problems:
        codes = Counter(problem["code"] for problem in problems)
        told = ", ".join(f"{count} × {code}" for code, count in sorted(codes.items()))
        paper.line(f"Problems: {told}", style="yellow")


def summary_text(
    findings: Sequence[Record], coverage: Sequence[Record], problems: Sequence[Record]
) -> str:
    """Return the summary as plain text, no line wrapped: the same for the same records."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=_WIDTH_OF_TEXT,
        force_terminal=False,
        color_system=None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    print_summary(console, findings, coverage, problems)
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


class _Paper:
    """Writes lines that are fitted to a terminal, and whole everywhere else."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.width = console.width if console.is_terminal else None  # None: wrap nothing

    def heading(self, text: str, style: str = "bold") -> None:
        self._console.print()
        self.line(text, style=style)

    def line(self, text: object, *, indent: int = 0, hang: int = 0, style: str = "") -> None:
        """Write a line of evidence or of ours; what is wrapped is indented by `hang` more."""
        self._write(" " * indent, self._shown(text), indent + hang, style)

    def columns(self, rows: Sequence[tuple[str, ...]]) -> None:
        """Write rows, indented; the last cell takes the room that is left."""
        shown = [
            [*(safe(_clipped(cell)) for cell in row[:-1]), self._shown(row[-1])] for row in rows
        ]
        widths = [max(map(cell_len, column)) for column in list(zip(*shown, strict=True))[:-1]]
        for *cells, last in shown:
            head = "  " + "".join(
                f"{cell}{' ' * (width - cell_len(cell))}  "
                for cell, width in zip(cells, widths, strict=True)
            )
            self._write(head, last, cell_len(head), "")

    def _shown(self, value: object) -> str:
        text, most = str(value), _LONGEST if self.width is None else _LONGEST_ON_TERMINAL
        if len(text) <= most:
            return safe(text)
        return f"{safe(text[:most])}… (cut: {len(text):,} characters)"

    def _write(self, head: str, text: str, hang: int, style: str) -> None:
        if self.width is None:
            self._console.print(Text((head + text).rstrip()), soft_wrap=True)
            return
        shown = Text(_ONION.sub(r"\1…\2", text))
        room = max(self.width - max(cell_len(head), hang), _NARROWEST)
        for number, part in enumerate(shown.wrap(self._console, room) or [Text()]):
            part.rstrip()
            line = Text(head if number == 0 else " " * hang, style=style) + part
            line.stylize(style)
            line.rstrip()
            self._console.print(line, soft_wrap=True)


def _clipped(text: str) -> str:
    return text if len(text) <= _WIDEST_CELL else f"{text[: _WIDEST_CELL - 1]}…"


def _machines(paper: _Paper, findings: Sequence[Record]) -> None:
    told: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    busy = Counter(account_name(record) for record in findings if record["account"])
    for record in findings:
        about, value = told[record["source"]["volume"]], record["value"]
        if record["kind"] == "system.os":
            about["system"].append(record["summary"])
        elif record["kind"] == "system.timezone":
            about["zone"].append(value["zone_name"])
        elif record["kind"] == "system.account" and not value.get("for_software"):
            about["accounts"].append(value["name"])
    for volume, about in sorted(told.items()):
        label, empty = f"{volume}  ", " " * (cell_len(volume) + 2)
        accounts = [
            name
            for _, name in sorted((-busy[f"{n} ({volume})"], n) for n in set(about["accounts"]))
        ]
        shown = ", ".join(accounts[:_ACCOUNTS_SHOWN])
        if len(accounts) > _ACCOUNTS_SHOWN:
            shown += f" and {len(accounts) - _ACCOUNTS_SHOWN} more"
        lines = sorted(set(about["system"]))
        lines += [f"time zone {zone}" for zone in sorted(set(about["zone"]))]
        lines += [f"accounts {shown}"] if shown else []
        for number, line in enumerate(lines):
            head = empty if number else label
            paper.line(f"{head}{line}", hang=cell_len(head))


def _not_examined(paper: _Paper, coverage: Sequence[Record]) -> None:
    counting = [line for line in coverage if line["counts"]]
    if not counting:
        return
    paper.heading("NOT EXAMINED", style="bold red")
    ordered = sorted(counting, key=not_examined_order)
    paper.columns(
        [(place_of(line), _why(line)) for line in ordered[:_NOT_EXAMINED_SHOWN]],
    )
    if len(counting) > _NOT_EXAMINED_SHOWN:
        paper.line(f"… and {len(counting) - _NOT_EXAMINED_SHOWN} more: see the report", indent=2)


def not_examined_order(line: Record) -> tuple[bool, bool, bool]:
    """Sort key of coverage lines: locked volumes first, then volumes, then the rest as it is."""
    volume = line["step"] == "volume"
    locked = str(line["reason"]).startswith("locked")
    return not (volume and locked), not volume, line["step"] != "media"


def place_of(line: Record) -> str:
    """Return what a coverage line is about: a volume, a path in it, or the step itself."""
    place = ":".join(str(line[key]) for key in ("volume", "path") if line.get(key))
    return place or str(line.get("name") or line["step"]).replace("_", " ")


def _why(line: Record) -> str:
    told = reason(line["reason"])
    if line.get("length") is not None:
        told += f", {size(int(line['length']))}"
    if line["step"] in ("media", "directory"):
        told = f"{line['step']}: {told}"
    return told


def _headlines(paper: _Paper, findings: Sequence[Record]) -> None:
    lines = headlines(findings)
    if not lines:
        return
    paper.heading("FOUND")
    rows: list[tuple[str, ...]] = [("account", "since", "until", "sure", "shows", "what")]
    for part in first_of_each(lines, _OF_ONE_KIND):
        if isinstance(part, tuple):
            rows += [_cells(line) for line in part]
            title = KINDS[part[0].kind].title if part[0].kind in KINDS else part[0].kind
        elif part:
            rows.append(("", "", "", "", "", f"… and {part} more under “{title}”: see the report"))
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
    yield account if account != "–" else "no account"
    if since == "–":
        yield "no date"
    else:
        yield since if since == until else f"{since} to {until}"
    yield sure
    yield shows


def _counts(paper: _Paper, findings: Sequence[Record]) -> None:
    by_kind: dict[str, Counter[str]] = defaultdict(Counter)
    for record in findings:
        by_kind[record["kind"]][account_name(record)] += 1
    order = {kind: number for number, kind in enumerate(KINDS)}
    kinds = sorted(by_kind, key=lambda kind: (order.get(kind, len(order)), kind))
    paper.heading("ALL FINDINGS")
    if not kinds:
        paper.line("Nothing was found by these checks. That is not a clean bill of health.")
        return
    paper.columns(
        [
            (
                f"{sum(by_kind[kind].values()):,}",
                KINDS[kind].title if kind in KINDS else kind,
                ", ".join(
                    f"{name} {count:,}"
                    for name, count in sorted(by_kind[kind].items())
                    if name != "–"
                ),
            )
            for kind in kinds
        ]
    )


def _not_found(paper: _Paper, coverage: Sequence[Record]) -> None:
    found: dict[str, bool] = defaultdict(bool)
    for line in coverage:
        if line["step"] == "pattern":
            program = ".".join(line["extractor"].split(".")[:2])
            found[program] |= line["outcome"] == "found"
    absent = sorted(program for program, there in found.items() if not there)
    if absent:
        paper.line(
            f"Looked for and not found by these checks: {', '.join(absent)}",
            hang=2,
        )


__all__ = ["account_name", "latest", "print_summary", "summary_text"]
