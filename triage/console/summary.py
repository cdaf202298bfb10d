"""What a person reads in ten seconds: what, whose, since when, how sure; locked; not examined."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from triage.console.output import table
from triage.console.safe import safe
from triage.findings import KINDS

Record = dict[str, Any]

_NOT_EXAMINED_SHOWN = 12
_HEADLINES = (
    "tor.onion-service",
    "tor.onion-auth",
    "tor.client",
    "web.browser",
    "wallet.file",
    "wallet.secret",
    "chat.profile",
    "chat.account",
)
_DETAIL_SHOWN = 25  # lines of the headline table


def account_name(record: Record) -> str:
    """Return the account a finding belongs to, with its volume if it has an account."""
    account = record.get("account")
    if not account:
        return "–"
    return f"{account['name']} ({account['volume']})"


def latest(record: Record) -> str:
    """Return the newest UTC time of a finding, to the second."""
    times = [time["utc"] for time in record["times"] if time["utc"]]
    return max(times)[:19] + "Z" if times else ""


def print_summary(
    console: Console,
    findings: Sequence[Record],
    coverage: Sequence[Record],
    problems: Sequence[Record],
) -> None:
    """Print the summary of one run."""
    systems = [r for r in findings if r["kind"] == "system.os"]
    people = [r for r in findings if r["kind"] == "system.account" and not r["value"]["service"]]
    for record in systems:
        console.print(Text(f"{record['source']['volume']}: {safe(record['summary'])}"))
    if people:
        names = sorted({f"{r['value']['name']} ({r['source']['volume']})" for r in people})
        console.print(Text("accounts: " + safe(", ".join(names))))
    _not_examined(console, coverage)
    _headlines(console, findings)
    _counts(console, findings)
    if problems:
        codes = Counter(problem["code"] for problem in problems)
        told = ", ".join(f"{count} × {code}" for code, count in sorted(codes.items()))
        console.print(Text(f"problems: {told}", style="yellow"))


def _not_examined(console: Console, coverage: Sequence[Record]) -> None:
    lines = [line for line in coverage if line["outcome"] == "not_examined"]
    counting = [line for line in lines if line["counts"]]
    if counting:
        console.print(Text("\nNot examined", style="bold red"))
        for line in counting[:_NOT_EXAMINED_SHOWN]:
            place = "".join(filter(None, (line.get("volume"), line.get("path"))))
            console.print(Text(f"  {line['step']} {safe(place)}: {safe(line['reason'])}"))
        if len(counting) > _NOT_EXAMINED_SHOWN:
            console.print(Text(f"  … and {len(counting) - _NOT_EXAMINED_SHOWN} more"))


def _headlines(console: Console, findings: Sequence[Record]) -> None:
    chosen = [r for kind in _HEADLINES for r in findings if r["kind"] == kind]
    if not chosen:
        return
    console.print()
    rows = [
        (
            r["summary"],
            account_name(r),
            latest(r),
            r["shows"],
            r["protection"] or "",
            r["confidence"],
        )
        for r in chosen[:_DETAIL_SHOWN]
    ]
    columns = ("what", "account", "last dated", "shows", "protection", "confidence")
    console.print(table(None, columns, rows))
    if len(chosen) > _DETAIL_SHOWN:
        console.print(Text(f"… and {len(chosen) - _DETAIL_SHOWN} more: see the report"))


def _counts(console: Console, findings: Sequence[Record]) -> None:
    by_kind: dict[str, Counter[str]] = defaultdict(Counter)
    for record in findings:
        by_kind[record["kind"]][account_name(record)] += 1
    rows = [
        (
            KINDS[kind].title if kind in KINDS else kind,
            sum(by_kind[kind].values()),
            ", ".join(f"{name} {count}" for name, count in sorted(by_kind[kind].items())),
        )
        for kind in sorted(by_kind, key=list(KINDS).index)
    ]
    console.print()
    if rows:
        console.print(table(None, ("findings", "number", "by account"), rows))
    else:
        console.print(
            Text("Nothing was found by these checks. That is not a clean bill of health.")
        )
