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

NAMED = 1_000
"""Devices that are compared with the volumes of the image."""

CLOCKS = 100
"""Steps of clocks that are pointed out; all of them are among the findings."""

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
        """Count a finding and keep it until the next cut."""
        self.count += 1
        self.kept.append(record)

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
    hours: dict[tuple[str, str], Counter[int]] = (
        field(  # (account, family) → hour of the UTC day → events that have a time of day
            default_factory=lambda: defaultdict(Counter)
        )
    )
    undated: int = 0  # events without a UTC time
    by_account: Counter[str] = field(default_factory=Counter)
    context: list[Record] = field(default_factory=list)  # systems, accounts, zones
    named: list[Record] = field(default_factory=list)  # devices by the number of their volume
    clocks: list[Record] = field(default_factory=list)  # steps of clocks, the first of them
    locked: list[Record] = field(default_factory=list)  # volumes closed to us
    lists: set[str] = field(default_factory=set)  # `name YYYY-MM-DD` of indicator lists
    headlines: list[Headline] = field(default_factory=list)
    cases: Cases = field(default_factory=Cases)  # of cryptocurrency

    _held: Counter[str] = field(default_factory=Counter)  # findings kept, by kind
    _room: dict[str, int] = field(default_factory=dict)  # that may be before the next cut

    def keep(self, record: Record, kind: str, account: str) -> None:
        """Add a finding to its group; what cannot be shown any more is dropped now and then."""
        thread = _thread(record) if kind == MESSAGES else None
        key = (kind, account, thread)
        if key not in self.groups:
            self.groups[key] = Group(kind=kind, account=account, thread=thread)
        self.groups[key].add(record)
        self._held[kind] += 1
        if self._held[kind] > self._room.setdefault(kind, 4 * shown_of(kind)):
            # Twice what may be shown: a share only becomes smaller when more comes.
            self._held[kind] = _share(self.of(kind), 2 * shown_of(kind), least=1)
            self._room[kind] = max(self._room[kind], 2 * self._held[kind])

    def cut(self) -> None:
        """Leave what is shown."""
        for kind in self._held:
            _share(self.of(kind), shown_of(kind))

    def of(self, kind: str) -> list[Group]:
        """Return the groups of a kind."""
        return [group for group in self.groups.values() if group.kind == kind]

    def date(self, record: Record, account: str) -> None:
        """Count the events of a finding by day and by hour."""
        lane = account, record["kind"].partition(".")[0]
        for time in record["times"]:
            if not time["utc"]:
                self.undated += 1
            elif time["event"] not in _PLANNED:
                self.days[lane][time["utc"][:10]] += 1
                if time["unit"] != "days_unix":
                    self.hours[lane][int(time["utc"][11:13])] += 1


def shown_of(kind: str) -> int:
    """Return how many findings of a kind the report shows."""
    return MESSAGES_SHOWN if kind == MESSAGES else SHOWN


def gather(findings: Iterable[Record]) -> Gathered:
    """Read all findings once, in the order of the bundle."""
    result = Gathered()
    telling = []
    for record in findings:
        kind, account = record["kind"], account_name(record)
        result.keep(record, kind, account)
        result.total += 1
        result.cases.add(record)
        result.by_account[account] += 1
        if record["value"].get("indicator_list"):
            result.lists.add(str(record["value"]["indicator_list"]))
        result.date(record, account)
        if kind in ("system.os", "system.account", "system.timezone"):
            result.context.append(record)
        elif kind == "system.clock-change" and len(result.clocks) < CLOCKS:
            result.clocks.append(record)
        elif kind == "system.usb" and record["value"].get("volume_serial"):
            result.named.extend([record] if len(result.named) < NAMED else ())
        elif kind == "encryption.volume":
            result.locked.append(record)
        if kind in IMPORTANCE:
            telling.append(record)
    result.headlines = headlines(telling)
    result.cut()
    return result


def _share(groups: Iterable[Group], most: int, *, least: int = 0) -> int:
    """Give each account and conversation its fair part of `most`; return how many that are."""
    left = most
    waiting = sorted(groups, key=lambda group: (group.count, group.account, group.thread or ()))
    for number, group in enumerate(waiting):
        group.cut(max(least, left // (len(waiting) - number)))
        left = max(0, left - len(group.kept))
    return sum(len(group.kept) for group in waiting)


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
