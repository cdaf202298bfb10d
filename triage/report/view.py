"""Findings as a reader sees them: rows under the evidence file that they come from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triage.console.headlines import marks
from triage.console.words import notes_on, sender_of, size
from triage.report.gather import Record, newest, newest_first, position
from triage.report.inert import LONGEST
from triage.texts import say, word

_COINS = {"BTC": 8, "LTC": 8, "BCH": 8, "DOGE": 8, "DASH": 8, "XMR": 12}  # decimal places
_LIST_SHOWN = 20  # items of one list in a value
_LINES_SHOWN = 200  # of one message


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One dated event. `utc` is for reading: `2024-02-21 08:15:00`, None when not converted."""

    event: str
    utc: str | None
    raw: str
    unit: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One finding."""

    id: str
    summary: str
    fields: tuple[tuple[str, str], ...]
    times: tuple[Moment, ...]
    newest: str  # UTC time, for the reader's own sorting; empty when there is none
    shows: str
    confidence: str
    checks: tuple[str, ...]
    protection: str | None
    secret: bool
    marks: tuple[str, ...]
    locator: str | None
    byte_runs: tuple[str, ...]
    also_in: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where findings stand: a file, or a volume where `path` is None."""

    volume: str
    filesystem: str | None
    path: str | None
    path_raw: str | None
    within: str | None
    address: str | None
    allocation: str | None
    live: bool
    file: str | None  # key in files.jsonl


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Findings that one extractor read from one place."""

    place: Place
    extractor: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message of a conversation."""

    row: Row
    sender: str
    sender_id: str | None  # beside a name, where it is told first
    direction: str  # sent, received, or empty when not told
    text: tuple[str, ...]  # its lines
    notes: tuple[str, ...]
    place: int  # number of its source, from 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Messages in time order; those without a UTC time in the order of their file."""

    service: str
    own_account: str
    name: str  # its id
    title: str | None  # what the program shows for it
    count: int
    latest: str  # UTC time of its newest message, empty when none is dated
    places: tuple[Place, ...]
    dated: tuple[Line, ...]
    undated: tuple[Line, ...]
    left_out: int


def sections(records: Iterable[Record]) -> tuple[Section, ...]:
    """Group findings by place and extractor; where the newest finding is comes first."""
    found: dict[tuple[Place, str], list[Row]] = {}
    for record in newest_first(records):
        extractor = record["extractor"]
        key = (place_of(record), f"{extractor['name']} {extractor['version']}")
        found.setdefault(key, []).append(row(record))
    return tuple(
        Section(place=place, extractor=extractor, rows=tuple(rows))
        for (place, extractor), rows in found.items()
    )


def conversation(
    thread: tuple[str, str, str], count: int, records: Sequence[Record]
) -> Conversation:
    """Put the messages of one conversation in order."""
    dated = [record for record in records if newest(record)]
    dated.sort(key=lambda record: (newest(record), *position(record)))
    undated = sorted((record for record in records if not newest(record)), key=position)
    places: dict[Place, int] = {}
    lines = []
    named: set[tuple[str, object]] = set()
    for record in (*dated, *undated):
        number = places.setdefault(place_of(record), len(places) + 1)
        lines.append(_line(record, number, named))
    service, own_account, name = thread
    return Conversation(
        service=service,
        own_account=own_account,
        name=name,
        title=next(filter(None, (r["value"].get("conversation_name") for r in records)), None),
        count=count,
        latest=newest(dated[-1]) if dated else "",
        places=tuple(places),
        dated=tuple(lines[: len(dated)]),
        undated=tuple(lines[len(dated) :]),
        left_out=count - len(records),
    )


def _line(record: Record, number: int, named: set[tuple[str, object]]) -> Line:
    value = record["value"]
    sender, identifier = sender_of(value), value.get("sender")
    told = identifier is None or identifier == sender or (sender, identifier) in named
    named.add((sender, identifier))
    outgoing = value.get("outgoing")
    whole = str(value["text"])
    text = whole[:LONGEST].split("\n")[:_LINES_SHOWN]
    if len("\n".join(text)) < len(whole):
        text.append(say("common.message_cut", count=len(whole)))
    return Line(
        row=row(record),
        sender=sender,
        sender_id=None if told else str(identifier),
        direction="" if outgoing is None else "sent" if outgoing else "received",
        text=tuple(text),
        notes=notes_on(value),
        place=number,
    )


def place_of(record: Record) -> Place:
    """Return where a finding stands."""
    source = record["source"]
    allocation = source["allocation"]
    if isinstance(allocation, Mapping):
        name, metadata = allocation["name"], allocation["metadata"]
        live = name == metadata == "allocated" and not allocation["reused"]
        told = word("allocation", name)
        if name != metadata:
            told = say("place.two_states", name=told, metadata=word("allocation", metadata))
        allocation = say("place.reused", state=told) if allocation["reused"] else told
    else:
        live = allocation is None
    within = source["within"]
    return Place(
        volume=source["volume"],
        filesystem=source["filesystem"],
        path=source["path"],
        path_raw=source.get("path_raw"),
        within=None if within is None else text_of(within),
        address=source["address"],
        allocation=allocation,
        live=live,
        file=source["file"],
    )


def row(record: Record) -> Row:
    """Return a finding as a reader sees it."""
    source = record["source"]
    protection = record["protection"]
    return Row(
        id=record["id"],
        summary=record["summary"],
        fields=fields_of(record),
        times=tuple(moment_of(time) for time in record["times"]),
        newest=newest(record),
        shows=record["shows"],
        confidence=record["confidence"],
        checks=tuple(record["checks"]),
        protection=None if protection is None else word("protection", protection),
        secret=record["sensitivity"] == "secret",
        marks=marks(record),
        locator=source["locator"],
        byte_runs=tuple(_run(run) for run in source["byte_runs"][:_LIST_SHOWN]),
        also_in=tuple(_elsewhere(other, source) for other in record["also_in"][:_LIST_SHOWN]),
    )


def _elsewhere(other: Mapping[str, Any], source: Mapping[str, Any]) -> str:
    """Return where else a finding stands, its path only where that is another."""
    volume, path, address = (other.get(name) for name in ("volume", "path", "address"))
    told = str(volume) if path == source["path"] else f"{volume}:{path}"
    if address is None or address == source["address"]:
        return told
    return f"{told} · {say('place.address', address=address)}"


def moment_of(time: Mapping[str, Any]) -> Moment:
    """Return an event with its words."""
    utc = time["utc"]
    return Moment(
        event=word("event", time["event"]),
        utc=None if utc is None else utc.replace("T", " ").removesuffix("Z"),
        raw=time["raw"],
        unit=word("unit", time["unit"]),
        zone=word("zone", time["zone"]),
    )


def fields_of(record: Record, without: Collection[str] = ()) -> tuple[tuple[str, str], ...]:
    """Return the typed fields that hold something which summary and times do not say already."""
    summary, value = record["summary"], record["value"]
    raw_times = {time["raw"] for time in record["times"]}
    shown = []
    for name, item in value.items():
        if item is None or item in ("", [], {}) or name in without:
            continue
        if isinstance(item, str) and (item in summary or item in raw_times):
            continue
        if isinstance(item, list) and all(isinstance(i, str) and i in summary for i in item):
            continue
        shown.append((word("field", name), _field(name, item, value)))
    return tuple(shown)


def _field(name: str, item: Any, value: Mapping[str, Any]) -> str:
    if name in ("recorded_balance", "delta"):
        return _amount(item, value)
    if name == "length" and isinstance(item, int):
        return size(item)
    return text_of(item)


def _amount(item: Any, value: Mapping[str, Any]) -> str:
    """Return an amount in the coin and in its smallest unit; both are exact."""
    coins = value.get("coins") or [value.get("coin")]
    places = _COINS.get(coins[0]) if len(coins) == 1 else None
    amount = int(item)
    if places is None:
        return say("place.smallest_unit", amount=amount)
    whole, rest = divmod(abs(amount), 10**places)
    sign = "-" if amount < 0 else "+" if "delta" in value else ""
    exact = say("place.smallest_unit", amount=amount)
    return f"{sign}{whole:,}.{rest:0{places}} {coins[0]} ({exact})"


def text_of(item: Any) -> str:
    """Return a JSON value as one line of text; long lists are cut, saying so."""
    if isinstance(item, Mapping):
        told = [f"{name} {text_of(part)}" for name, part in list(item.items())[:_LIST_SHOWN]]
        more = len(item) - len(told)
    elif isinstance(item, list):
        told = [text_of(part) for part in item[:_LIST_SHOWN]]
        more = len(item) - len(told)
    elif isinstance(item, int) and not isinstance(item, bool):
        return f"{item:,}" if abs(item) >= 10_000 else str(item)  # noqa: PLR2004 - a matter of taste
    elif isinstance(item, bool):
        return say("common.yes" if item else "common.no")
    else:
        return "–" if item is None else str(item)
    items = " · ".join(told)
    return say("common.list_cut", items=items, count=more) if more else items


def _run(run: Mapping[str, Any]) -> str:
    at = run["image_offset"]
    where = say("place.media_offset", offset=int(at)) if at is not None else None
    told = (where or say("place.not_on_media"), size(int(run["length"])))
    return ", ".join((*told, word("storage", run["storage"])))
