"""Which findings a person should read first, and in which order.

A headline is one or several findings that say the same thing about the same account.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from triage.texts import say, word

Record = dict[str, Any]

IMPORTANCE = (
    "wallet.secret",
    "indicator.crypto-secret",
    "tor.onion-service",
    "tor.onion-auth",
    "tor.circuit",
    "darknet.identity",
    "darknet.client",
    "wallet.file",
    "wallet.device",
    "wallet.exchange",
    "mail.remailer-client",
    "mail.remailer-message",
    "encryption.container",
    "tor.client",
    "program.executed",
    "program.removed",
    "pgp.key",
    "vpn.client",
    "chat.profile",
    "chat.account",
    "mail.account",
    "web.browser",
)
"""Kinds that make headlines, from what cannot wait to what can. Other kinds are counted only."""

SHOWS = ("credential", "destination", "used", "executed", "present")
"""The ladder from its top."""

_CONFIDENCE = ("confirmed", "probable", "possible")


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """One line. `since` and `until` are UTC dates or None; `ids` names the findings behind it."""

    kind: str
    what: str
    account: str
    since: str | None
    until: str | None
    confidence: str
    shows: str
    protection: str | None
    marks: tuple[str, ...]
    ids: tuple[str, ...]


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


def marks(record: Record) -> tuple[str, ...]:
    """Return what sets a finding apart from a live, allocated one, in words."""
    source = record["source"]
    allocation = source["allocation"]
    found = []
    if isinstance(allocation, str):
        found.append(word("allocation", allocation))
    elif allocation:
        if allocation["name"] != "allocated" or allocation["metadata"] != "allocated":
            found.append(say("mark.deleted"))
        if allocation["reused"]:
            found.append(say("mark.reused"))
    row = source.get("row")
    if row and row != "live":
        found.append(word("mark", row))
    return tuple(found)


def headlines(findings: Iterable[Record]) -> list[Headline]:
    """Return the headlines, the most pressing first; the same for the same findings."""
    return _ordered(_headline(r) for r in findings if r["kind"] in IMPORTANCE)


def first_of_each(lines: Iterable[Headline], most: int) -> Iterator[tuple[Headline, ...] | int]:
    """Yield, kind after kind, the first `most` headlines and then how many more there are."""
    for _, same in groupby(lines, key=lambda line: line.kind):
        kept = tuple(same)
        yield kept[:most]
        yield len(kept[most:])


def _headline(record: Record) -> Headline:
    dated = sorted(time["utc"][:10] for time in record["times"] if time["utc"])
    return Headline(
        kind=record["kind"],
        what=_what(record),
        account=account_name(record),
        since=dated[0] if dated else None,
        until=dated[-1] if dated else None,
        confidence=record["confidence"],
        shows=record["shows"],
        protection=record["protection"],
        marks=marks(record),
        ids=(record["id"],),
    )


_PROGRAMS = {"program.executed": "summary.ran", "program.removed": "summary.removed"}


def _what(record: Record) -> str:
    """Return the words of a headline; traces of one program make one, by whatever they show it."""
    told = _PROGRAMS.get(record["kind"])
    software = record["value"].get("software") if told else None
    return say(told, software=software) if told and software else str(record["summary"])


def _ordered(lines: Iterable[Headline]) -> list[Headline]:
    merged: dict[tuple[str, str, str], Headline] = {}
    for line in lines:
        key = (line.kind, line.what, line.account)
        merged[key] = _merged(merged[key], line) if key in merged else line
    by_date = sorted(merged.values(), key=lambda line: line.until or "", reverse=True)
    return sorted(by_date, key=_pressing)


def _merged(one: Headline, two: Headline) -> Headline:
    dated = [date for date in (one.since, one.until, two.since, two.until) if date]
    stronger = min(one, two, key=_strength)
    return replace(
        stronger,
        since=min(dated, default=None),
        until=max(dated, default=None),
        marks=one.marks if len(one.marks) <= len(two.marks) else two.marks,
        ids=(*one.ids, *two.ids),
    )


def _strength(line: Headline) -> tuple[int, int]:
    return _rank(SHOWS, line.shows), _rank(_CONFIDENCE, line.confidence)


def _pressing(line: Headline) -> tuple[int, bool, int, bool, str, str]:
    return (
        IMPORTANCE.index(line.kind),
        line.protection is None,  # only named, elsewhere
        _rank(SHOWS, line.shows),
        bool(line.marks),
        "" if line.until else "undated",
        "" if line.until else line.what,
    )


def _rank(words: tuple[str, ...], word: str) -> int:
    return words.index(word) if word in words else len(words)
