"""Messages as conversations that a person can read on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from rich.console import Console
from rich.text import Text

from triage.console.headlines import account_name, marks
from triage.console.safe import safe
from triage.console.words import notes_on, sender_of

Record = dict[str, Any]

_ID = 14  # characters of an id that `show` prints
_INDENT = " " * 2


@dataclass(slots=True, kw_only=True)
class _Talk:
    service: str
    own_account: str
    name: str
    owner: str
    messages: list[tuple[str, int, Record]] = field(default_factory=list)  # time, order, record

    def latest(self) -> str:
        return max((when for when, _, _ in self.messages), default="")


def print_conversations(console: Console, messages: Iterable[Record]) -> int:
    """Print messages by conversation, the largest and latest first; return how many there are.

    Within a conversation they stand in the order of time, those without a UTC time at the end.
    """
    talks: dict[tuple[str, str, str, str], _Talk] = {}
    for order, record in enumerate(messages):
        value, owner = record["value"], account_name(record)
        key = (owner, value["service"], value.get("own_account") or "", value["conversation"])
        talk = talks.setdefault(
            key, _Talk(owner=owner, service=key[1], own_account=key[2], name=key[3])
        )
        talk.messages.append((_when(record), order, record))
    ordered = sorted(talks.values(), key=lambda talk: talk.latest(), reverse=True)
    ordered.sort(key=lambda talk: len(talk.messages), reverse=True)
    for talk in ordered:
        _print(console, talk)
    return len(ordered)


def _when(record: Record) -> str:
    return min((time["utc"] for time in record["times"] if time["utc"]), default="")


def _print(console: Console, talk: _Talk) -> None:
    names = (record["value"].get("conversation_name") for _, _, record in talk.messages)
    title = next(filter(None, names), None)
    told = [f"{len(talk.messages):,} message{'' if len(talk.messages) == 1 else 's'}", talk.service]
    if title and title != talk.name:
        told.append(talk.name)
    if talk.own_account:
        told.append(f"account {talk.own_account}")
    if talk.owner != "–":
        told.append(f"of {talk.owner}")
    console.print(
        Text(safe(title or talk.name), style="bold")
        + Text(safe(f"  {' · '.join(told)}"), "not bold")
    )
    dated = sorted((each for each in talk.messages if each[0]), key=itemgetter(0, 1))
    for when, _, record in (*dated, *(each for each in talk.messages if not each[0])):
        _line(console, when, record)
    console.print()


def _line(console: Console, when: str, record: Record) -> None:
    value = record["value"]
    raw = next((time["raw"] for time in record["times"]), "")
    stamp = f"{when[:19].replace('T', ' ')}Z" if when else f"{raw or 'not dated'} (zone not told)"
    arrow = {True: "→", False: "←"}.get(value.get("outgoing"), " ")
    sender = sender_of(value)
    first, *rest = (safe(line) for line in str(value["text"]).split("\n"))
    aside = "".join(f" [{safe(note)}]" for note in (*notes_on(value), *marks(record)))
    line = f"{_INDENT}{record['id'][:_ID]}  {safe(stamp)} {arrow} {safe(sender)}: {first}{aside}"
    console.print(Text(line), soft_wrap=True)
    for each in rest:
        console.print(Text(f"{_INDENT * 2}{each}"), soft_wrap=True)
