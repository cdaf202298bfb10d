"""What an export of Telegram Desktop holds: chats and their messages, from JSON or HTML.

JSON gives ids, a local time and, since 2021, seconds since 1970. HTML gives names only, and a local
time with, in newer versions, its offset from UTC; a message that is `joined` is of the same sender
as the one before.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from triage.api import Time, Unit, Zone
from triage.formats.json import Json
from triage.formats.times import utc

from ._rows import member, moment, number, text

_MESSAGE = re.compile(r'<div class="message (?:default|service)([^"]{0,80})" id="message-?(\d+)">')
_TITLE = re.compile(
    r'<div class="page_header">.{0,2000}?<div class="text bold">\s*(.{1,500}?)\s*</div>', re.DOTALL
)
_DATE = re.compile(r'<div class="pull_right date details" title="([^"]{10,60})">')
_FROM = re.compile(r'<div class="from_name">\s*([^<]{1,500}?)\s*(?:<|$)')
_TEXT: Final = '<div class="text">'
_HEAD: Final = 1 << 16  # characters in which the title stands
_MEDIA = re.compile(r'<a class="[^"]{0,200}" href="([^"]{1,500})"')
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_WHEN = re.compile(r"(\d\d)\.(\d\d)\.(\d{4}) (\d\d:\d\d:\d\d)(?: UTC([+-]\d\d:\d\d))?", re.ASCII)
_MEDIA_FIELDS: Final = ("photo", "file")
_PERSON: Final = re.compile(r"user(\d{1,19})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; `sender` is an id, of HTML a name."""

    id: str
    sent: tuple[Time, ...]
    sender: str | None
    sender_name: str | None
    text: str
    action: str | None  # of a service message: create_group, phone_call …
    duration_s: int | None
    media: str | None  # path in the export, or why it was left out
    media_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """One chat. `messages` is read as it is asked for."""

    id: str
    name: str | None
    kind: str | None  # personal_chat, private_group, public_channel …
    messages: Iterator[Message]

    @property
    def personal(self) -> bool:
        """Whether it is with one other."""
        return self.kind in {"personal_chat", "bot_chat", "saved_messages"}


def chats(export: Json) -> Iterator[Chat]:
    """Yield the chats of a parsed `result.json`; none when it is no export."""
    listed = [export]
    for part in ("chats", "left_chats"):
        found = member(member(export, part), "list")
        listed += found if isinstance(found, list) else []
    for each in listed:
        messages = member(each, "messages")
        if isinstance(messages, list) and number(member(each, "id")) is not None:
            yield Chat(
                id=str(member(each, "id")),
                name=text(member(each, "name")),
                kind=text(member(each, "type")),
                messages=_messages(messages),
            )


def _messages(listed: list[Json]) -> Iterator[Message]:
    for each in listed:
        if number(member(each, "id")) is None or text(member(each, "date")) is None:
            continue
        media = (text(member(each, name)) for name in _MEDIA_FIELDS)
        yield Message(
            id=str(member(each, "id")),
            sent=_sent(each),
            sender=person(member(each, "from_id") or member(each, "actor_id")),
            sender_name=text(member(each, "from")) or text(member(each, "actor")),
            text=_plain(member(each, "text")),
            action=text(member(each, "action")),
            duration_s=number(member(each, "duration_seconds")),
            media=next(filter(None, media), None),
            media_type=text(member(each, "mime_type")) or text(member(each, "media_type")),
        )


def person(value: Json) -> str | None:
    """Return the id of a person without the word in front, of a channel with it."""
    known = text(value)
    found = _PERSON.fullmatch(known) if known else None
    return found[1] if found else known


def _sent(message: Json) -> tuple[Time, ...]:
    seconds = text(member(message, "date_unixtime"))
    if seconds and seconds.isascii() and seconds.isdigit():
        return moment("sent", seconds, Unit.S_UNIX)
    local = text(member(message, "date")) or ""
    return (Time(event="sent", utc=None, raw=local[:40], unit=Unit.TEXT, zone=Zone.LOCAL),)


def _plain(value: Json) -> str:
    """Return the text of a message: one piece, or many with their kinds."""
    pieces = value if isinstance(value, list) else [value]
    texts = (each if isinstance(each, str) else member(each, "text") for each in pieces)
    return "".join(each for each in texts if isinstance(each, str))


def page(source: str) -> tuple[str | None, Iterator[Message]] | None:
    """Return the name of the chat of a `messages.html` and its messages; None when it is none."""
    starts = [*_MESSAGE.finditer(source)]
    title = _TITLE.search(source, 0, _HEAD)
    if title is None or not starts:
        return None
    return _words(title[1]), _page_messages(source, starts)


def _page_messages(source: str, starts: list[re.Match[str]]) -> Iterator[Message]:
    sender: str | None = None
    ends = [*(each.start() for each in starts[1:]), len(source)]
    for start, end in zip(starts, ends, strict=True):
        chunk = source[start.end() : end]
        date = _DATE.search(chunk)
        if date is None:
            continue  # a line between days, or a notice
        named = _FROM.search(chunk)
        if "joined" not in start[1]:
            sender = _words(named[1]) if named else None
        media = _MEDIA.search(chunk)
        _, _, said = chunk.partition(_TEXT)
        yield Message(
            id=start[2],
            sent=(_page_time(html.unescape(date[1])),),
            sender=None,
            sender_name=sender,
            text=_words(said.partition("</div>")[0]),
            action=None,
            duration_s=None,
            media=html.unescape(media[1]) if media else None,
            media_type=None,
        )


def _page_time(raw: str) -> Time:
    found = _WHEN.fullmatch(raw)
    if found is None:
        return Time(event="sent", utc=None, raw=raw, unit=Unit.TEXT, zone=Zone.UNKNOWN)
    day, month, year, clock, offset = found.groups()
    plain = f"{year}-{month}-{day} {clock}{offset or ''}"
    if offset is None:
        return Time(event="sent", utc=None, raw=plain, unit=Unit.TEXT, zone=Zone.LOCAL)
    return Time(event="sent", utc=utc(plain, "text"), raw=plain, unit=Unit.TEXT, zone=Zone.UTC)


def _words(markup: str) -> str:
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", markup))).strip()
