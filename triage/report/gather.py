"""One pass over the findings: what is shown, how many there are, what happened on which day.

Memory is bounded by what is shown, not by what was found.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from triage.console.cases import Cases
from triage.console.headlines import IMPORTANCE, Headline, account_name, headlines

Record: TypeAlias = dict[str, Any]
Thread: TypeAlias = tuple[str, str, str]  # service, own account, conversation

MESSAGES = "chat.message"
SHOWN = 500
"""Findings of one kind that the report shows; the others are counted."""

MESSAGES_SHOWN = 2000
"""Messages that the report shows: a conversation in pieces is of little use."""

_PLANNED = frozenset({"expires"})  # dates that were set, not reached: no activity
_NUMBERS = re.compile("([0-9]+)")
_LOCATOR = 80  # characters of a locator that decide about order


@dataclass(slots=True, kw_only=True)
class Group:
    """Findings of one kind and account; messages: of one conversation. The newest are kept."""

    kind: str
    account: str
    thread: Thread | None
    count: int = 0
    kept: list[Record] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Count a finding, and keep it if it is among the first."""
        self.count += 1
        self.kept.append(record)
        if len(self.kept) >= 2 * shown_of(self.kind):
            self.cut(shown_of(self.kind))

    def cut(self, most: int) -> None:
        """Keep the first `most`, in order."""
        self.kept = newest_first(self.kept)[:most]

    @property
    def left_out(self) -> int:
        """Findings that are not shown."""
        return self.count - len(self.kept)


@dataclass(slots=True, kw_only=True)
class Gathered:
    """What one pass over the findings gives."""

    total: int = 0
    groups: dict[tuple[str, str, Thread | None], Group] = field(default_factory=dict)
    days: dict[tuple[str, str], Counter[str]] = (
        field(  # (account, family) → UTC day → events, without dates of expiry
            default_factory=lambda: defaultdict(Counter)
        )
    )
    undated: int = 0  # events without a UTC time
    by_account: Counter[str] = field(default_factory=Counter)
    context: list[Record] = field(default_factory=list)  # systems, accounts, zones
    locked: list[Record] = field(default_factory=list)  # volumes closed to us
    lists: set[str] = field(default_factory=set)  # `name YYYY-MM-DD` of indicator lists
    headlines: list[Headline] = field(default_factory=list)
    cases: Cases = field(default_factory=Cases)  # of cryptocurrency


def shown_of(kind: str) -> int:
    """Return how many findings of a kind the report shows."""
    return MESSAGES_SHOWN if kind == MESSAGES else SHOWN


def gather(findings: Iterable[Record]) -> Gathered:
    """Read all findings once, in the order of the bundle."""
    result = Gathered()
    telling = []
    for record in findings:
        kind, account = record["kind"], account_name(record)
        thread = _thread(record) if kind == MESSAGES else None
        key = (kind, account, thread)
        if key not in result.groups:
            result.groups[key] = Group(kind=kind, account=account, thread=thread)
        result.groups[key].add(record)
        result.total += 1
        result.cases.add(record)
        result.by_account[account] += 1
        if record["value"].get("indicator_list"):
            result.lists.add(str(record["value"]["indicator_list"]))
        days = result.days[account, kind.partition(".")[0]]
        for time in record["times"]:
            if time["utc"]:
                if time["event"] not in _PLANNED:
                    days[time["utc"][:10]] += 1
            else:
                result.undated += 1
        if kind in ("system.os", "system.account", "system.timezone"):
            result.context.append(record)
        elif kind == "encryption.volume":
            result.locked.append(record)
        if kind in IMPORTANCE:
            telling.append(record)
    result.headlines = headlines(telling)
    _share(result)
    return result


def _share(result: Gathered) -> None:
    """Give each account and conversation its fair part of what a kind may show."""
    by_kind: dict[str, list[Group]] = defaultdict(list)
    for group in result.groups.values():
        by_kind[group.kind].append(group)
    for kind, groups in by_kind.items():
        left = shown_of(kind)
        waiting = sorted(groups, key=lambda group: (group.count, group.account, group.thread or ()))
        for number, group in enumerate(waiting):
            group.cut(left // (len(waiting) - number))
            left -= len(group.kept)


def _thread(record: Record) -> Thread:
    value = record["value"]
    return (
        str(value["service"]),
        str(value.get("own_account") or ""),
        str(value["conversation"]),
    )


def newest_first(records: Iterable[Record]) -> list[Record]:
    """Return records by their newest UTC time; equal ones, and those without, by place."""
    return sorted(sorted(records, key=position), key=newest, reverse=True)


def newest(record: Record) -> str:
    """Return the newest UTC time in a form that sorts, empty when there is none."""
    times = record["times"]
    return max((time["utc"].removesuffix("Z") for time in times if time["utc"]), default="")


def position(record: Record) -> tuple[str, list[str | int], str]:
    """Sort key: path, position in the file, id."""
    source = record["source"]
    return source["path"] or "", natural(source["locator"]), record["id"]


def natural(text: str | None) -> list[str | int]:
    """Sort key under which `line 9` comes before `line 10`."""
    parts = _NUMBERS.split((text or "")[:_LOCATOR])
    return [int(part) if number % 2 else part for number, part in enumerate(parts)]
