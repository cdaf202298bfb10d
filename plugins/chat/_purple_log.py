"""Conversation logs of libpurple and of Gaim before it: one file, its messages, their times.

From `log.c` and the "old logger" plugin of Pidgin 2. The file name has the local date and time at
which the conversation began, and since 2.0 the offset from UTC: `2026-11-23.164432+0100CET.html`.
Lines carry the time of day in the format of the user's language, and a date only when they were
logged late. Colours tell who wrote: blue #16569E this side, red #A82F2F the other.

What the format does not tell is guessed no further than this: a time of day that falls back by
more than six hours is of the next day, so a conversation that is silent for a day is dated too
early after that; daylight saving that begins meanwhile is missed. In plain text a notice with a
colon looks like a message, and in both formats a message can imitate the line of another.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from triage.formats.times import utc

SENT, RECEIVED = "#16569e", "#a82f2f"
_NOTICES: Final = {"", "#ff0000", "#000000"}  # errors are red, notices of the old logger black
_SECONDS_BACK = 6 * 3600
_YEARS: Final = range(1990, 2100)

_NAME = re.compile(
    r"(\d{4}-\d\d-\d\d)\.(\d\d)(\d\d)(\d\d)([+-]\d{4})?.*\.(?:html?|txt)", re.ASCII | re.IGNORECASE
)
_OLD_START = re.compile(
    r"---- New Conversation @ \w{3} (\w{3}) +(\d{1,2}) (\d\d:\d\d:\d\d) (\d{4}) ----", re.ASCII
)
_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"
_HTML_LINE = re.compile(
    r"\s*(?P<tags>(?:<(?:font|span)\b[^<>]{0,200}>\s*){1,3})"
    r"\((?P<time>[^()<>]{1,60})\)(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_TEXT_LINE = re.compile(r"\((?P<time>[^()]{1,60})\) (?P<rest>.*)", re.DOTALL)
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
_BOLD = re.compile(
    r"(?:</?(?:font|span)\b[^<>]*>|\s)*<b>(?P<who>.*?)</b>(?P<body>.*)", re.IGNORECASE | re.DOTALL
)
_HEADING_END = re.compile(r"(?:\s|</h3>|<br>)*", re.IGNORECASE)  # matches anywhere
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z!][^<>]*>")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?(?:\s*([AaPp])\.?\s?[Mm])?")
_DOTTED = re.compile(r"(\d{1,2})\.(\d\d)\.(\d\d)(?!\d)")
_AUTO_REPLY = " <AUTO-REPLY>"
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """When a log begins: local time, and `+0100` if its offset from UTC is known."""

    moment: datetime
    offset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message. `raw` is a local time with its offset, or what stands there; never markup."""

    number: int  # of its first line in the file, from 1
    raw: str
    utc: str | None
    sender: str | None
    text: str
    outgoing: bool | None  # told by the colour


def start_of(name: str) -> Start | None:
    """Return what the name of a log file says, None when it is not the name of one."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    day, hour, minute, second, offset = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{hour}:{minute}:{second}")
    except ValueError:
        return None
    return Start(moment=moment, offset=offset or "")


class _Clock:
    """Follows the times of a log, line by line."""

    def __init__(self, start: Start) -> None:
        self.day = start.moment.date()
        self.last = _seconds(start.moment)
        self.offset = start.offset

    def read(self, text: str) -> tuple[str, str | None]:
        """Return the raw time and UTC of what stands in the brackets of a line."""
        clock, rest = _clock_of(text)
        if clock is None:
            return text, None
        if any(map(str.isdigit, rest)):
            day = self._dated(rest)
            if day is None:
                return text, None
        else:
            if clock + _SECONDS_BACK < self.last and self.day < date.max:
                self.day += timedelta(days=1)
            self.last, day = clock, self.day
        time_of_day = f"{clock // 3600:02}:{clock // 60 % 60:02}:{clock % 60:02}"
        raw = f"{day.isoformat()} {time_of_day}{self.offset}"
        return raw, utc(raw, "text") if self.offset else None

    def _dated(self, text: str) -> date | None:
        """Return the date that three numbers mean: their order depends on the user's language."""
        numbers = re.findall(r"\d{1,4}", text, re.ASCII)
        if len(numbers) != 3:  # noqa: PLR2004 - day, month, year
            return None
        first, second, third = map(int, numbers)
        orders = [(third, first, second), (third, second, first)]
        if len(numbers[0]) == 4:  # noqa: PLR2004 - a whole year
            orders = [(first, second, third)]
        days = set(filter(None, (_day(*order) for order in orders)))
        near = {day for day in days if abs(day - self.day) <= timedelta(days=1)}
        found = days if len(days) == 1 else near
        return found.pop() if len(found) == 1 else None


def _day(year: int, month: int, day: int) -> date | None:
    if year < 100:  # noqa: PLR2004 - two digits
        year += 2000
    try:
        return date(year, month, day) if year in _YEARS else None
    except ValueError:
        return None


def _seconds(moment: datetime) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second


def _clock_of(text: str) -> tuple[int | None, str]:
    """Return the time of day in seconds, and the text without it."""
    # Where dots part the date too, the time stands last.
    found = _CLOCK.search(text) or next(reversed([*_DOTTED.finditer(text)]), None)
    if found is None:
        return None, text
    hour, minute, second = (int(part or 0) for part in found.groups()[:3])
    half = found[4] if found.re is _CLOCK else None
    if half:
        hour = hour % 12 + (12 if half in "Pp" else 0)
    if hour > 23 or minute > 59 or second > 60:  # noqa: PLR2004 - a clock
        return None, text
    return hour * 3600 + minute * 60 + min(second, 59), text[: found.start()] + text[found.end() :]


def messages(text: str, start: Start) -> Iterator[Line]:
    """Yield the messages of one log; notices (joins, topics, errors) are left out."""
    text = text.replace("\r\n", "\n")
    read = _html if text.lstrip()[:1] == "<" else _plain
    clock = _Clock(start)
    for number, chunk in _chunks(text, _HTML_LINE if read is _html else _TEXT_LINE):
        raw, when = clock.read(chunk["time"])
        if (found := read(chunk)) is not None:
            sender, body, outgoing = found
            yield Line(
                number=number, raw=raw, utc=when, sender=sender, text=body, outgoing=outgoing
            )


def old_messages(text: str) -> Iterator[Line]:
    """Yield the messages of a log that holds many conversations (Gaim before 0.73, old logger)."""
    headings = [*_OLD_START.finditer(text)]
    number, counted = 1, 0
    ends = [*(heading.start() for heading in headings[1:]), len(text)]
    for heading, end in zip(headings, ends, strict=False):  # no heading still has one end
        tags = _HEADING_END.match(text, heading.end())
        begin = tags.end() if tags else heading.end()
        number += text.count("\n", counted, begin)
        counted = begin
        start = _old_start(heading)
        if start is not None:
            for line in messages(text[begin:end], start):
                yield replace(line, number=number + line.number - 1)


def _old_start(found: re.Match[str]) -> Start | None:
    month, day, clock, year = found.groups()
    try:
        moment = datetime.fromisoformat(
            f"{year}-{_MONTHS.index(month) // 3 + 1:02}-{int(day):02}T{clock}"
        )
    except ValueError:
        return None
    return Start(moment=moment, offset="")


def _chunks(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, re.Match[str]]]:
    """Yield each logged line with the lines that continue it, matched."""
    held: list[str] = []
    first = 0
    for number, line in enumerate(text.split("\n"), 1):
        begins = pattern.match(line)
        if begins and _clock_of(begins["time"])[0] is not None:
            if held and (found := pattern.match("\n".join(held))):
                yield first, found
            held, first = [line], number
        elif held:
            held.append(line)
    if held and (found := pattern.match("\n".join(held))):
        yield first, found


def _html(chunk: re.Match[str]) -> tuple[str, str, bool | None] | None:
    """Return sender, text and direction of one logged line of HTML, None for a notice."""
    colours = _COLOUR.findall(chunk["tags"])
    colour = colours[0].lower() if colours else ""
    found = _BOLD.match(chunk["rest"])
    if colour in _NOTICES or found is None:
        return None
    who = plain_text(found["who"])
    if not who.startswith("***") and not who.endswith(":"):
        return None
    outgoing = {SENT: True, RECEIVED: False}.get(colour)
    return _name(who), plain_text(found["body"]), outgoing


def _plain(chunk: re.Match[str]) -> tuple[str | None, str, bool | None] | None:
    """Return sender, text and direction of one logged line of text, None for a notice."""
    rest = chunk["rest"].rstrip("\r\n")
    if rest.startswith("***"):
        return None, rest[3:], None  # where the name ends is not told
    who, colon, body = rest.partition(": ")
    if not colon or len(who) > _LONGEST_NAME or "\n" in who:
        return None
    return _name(who), body, None


def _name(who: str) -> str:
    return who.strip().removeprefix("***").removesuffix(":").removesuffix(_AUTO_REPLY).strip()


def plain_text(markup: str) -> str:
    """Return the text of a piece of HTML: tags dropped, breaks as newlines, entities decoded."""
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", markup))).strip()
