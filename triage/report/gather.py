"""One pass over the findings: what is shown, how many there are, what happened on which day.

Memory is bounded by what is shown, not by what was found.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from triage.console.headlines import IMPORTANCE, Headline, account_name, headlines

Record: TypeAlias = dict[str, Any]
Thread: TypeAlias = tuple[str, str, str]  # service, own account, conversation

SHOWN = 1000
"""Findings of one kind that the report shows; the others are counted."""

MESSAGES = "chat.message"

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
        if len(self.kept) >= 2 * SHOWN:
            self.cut(SHOWN)

    def cut(self, most: int) -> None:
        """Keep the first `most`, in order."""
        self.kept.sort(key=order)
        del self.kept[most:]

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
    headlines: list[Headline] = field(default_factory=list)

    def kinds(self) -> set[str]:
        """Return the kinds that were found."""
        return {kind for kind, _, _ in self.groups}

    def count(self, kind: str) -> int:
        """Return how many findings of a kind there are."""
        return sum(group.count for group in self.groups.values() if group.kind == kind)


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
        result.by_account[account] += 1
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
    for groups in by_kind.values():
        left = SHOWN
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


def order(record: Record) -> tuple[int, str, list[str | int], str]:
    """Sort key: newest first, then without a UTC time by place."""
    source = record["source"]
    return (-moment(record), source["path"] or "", natural(source["locator"]), record["id"])


def moment(record: Record) -> int:
    """Return the newest UTC time as a number that sorts, 0 when there is none."""
    return max((_digits(time["utc"]) for time in record["times"] if time["utc"]), default=0)


def _digits(utc: str) -> int:
    whole, _, fraction = utc.rstrip("Z").partition(".")
    digits = "".join(char for char in whole if "0" <= char <= "9")[:14]
    return int((digits or "0") + (fraction[:9] if fraction.isdecimal() else "").ljust(9, "0"))


def natural(text: str | None) -> list[str | int]:
    """Sort key under which `line 9` comes before `line 10`."""
    parts = _NUMBERS.split((text or "")[:_LOCATOR])
    return [int(part) if number % 2 else part for number, part in enumerate(parts)]
