"""The tables of Signal on Android, from its database or from a backup of it.

Until version 6.5 (December 2022) messages stood in `sms` and `mms`, since then in `message`; what
columns are called changed too, so a value is asked for under all its names. The lowest five bits of
a message's type tell its direction.

Source: signalapp/Signal-Android, `database/MessageTypes.java`, `MessageTable`, `RecipientTable`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from triage.api import (
    ChatAttachment,
    ChatContact,
    ChatGroup,
    ChatMessage,
    Finding,
    Protection,
    Shows,
    Unit,
)
from triage.formats.signal_backup import Attachment
from triage.formats.sqlite import Row

from ._rows import TEXT_LIMIT, first, frame, moment, number, text

SERVICE: Final = "signal"
TABLES: Final = {
    *("recipient", "thread", "groups", "group_membership"),
    *("message", "sms", "mms", "attachment", "part"),
}

_BASE: Final = 0x1F
_OUTGOING: Final = frozenset({2, 11, *range(21, 27)})
_PLAIN: Final = frozenset(range(20, 27))
_NOTICE: Final = 0xF0000 | 0x400000 | 0xFF00  # groups, timers, ends of sessions, keys
_TYPES: Final = {
    1: "call, audio",
    2: "call, audio",
    3: "call, audio, missed",
    8: "call, video, missed",
    10: "call, video",
    11: "call, video",
    12: "call, group",
    27: "draft",
}
_MESSAGES: Final = ("message", "sms", "mms")
_COLUMNS: Final = (
    *("thread_id", "from_recipient_id", "recipient_id", "address", "type", "msg_box", "body"),
    *("date_sent", "date", "date_received", "expires_in"),
)
_WHO: Final = ("aci", "uuid", "e164", "phone", "username", "pni", "email", "group_id")
_NAMES: Final = (
    *("system_joined_name", "system_display_name", "profile_joined_name", "signal_profile_name"),
    *("profile_given_name",),
)

Rows = Callable[[str, Sequence[str]], Iterator[Row]]
"""Rows of a table with those of the columns that it has; none without it."""


@dataclass(slots=True, kw_only=True)
class Store:
    """A store while it is read: whom its numbers mean."""

    rows: Rows
    protection: Protection
    checks: tuple[str, ...]
    own: str | None = None
    inside: dict[int, Attachment] = field(default_factory=dict)  # of a backup, by row
    _people: dict[int, str] = field(default_factory=dict)  # recipient → identifier
    _names: dict[str, str] = field(default_factory=dict)
    _threads: dict[int, str] = field(default_factory=dict)
    _dates: dict[int, tuple[str, str | None, bool]] = field(default_factory=dict)  # of messages

    @property
    def conversations(self) -> int:
        """Threads, empty ones included."""
        return sum(1 for _ in self.rows("thread", ("_id",)))

    @property
    def messages(self) -> int:
        """Rows of messages, those of calls and notices included."""
        return sum(1 for table in _MESSAGES for _ in self.rows(table, ("_id",)))

    def content(self) -> Iterator[Finding]:
        """Yield contacts, groups, messages and what they carried."""
        recipients = list(self.rows("recipient", ("_id", *_WHO, *_NAMES, "blocked")))
        for row in recipients:
            key, who = number(row.values.get("_id")), first(row, *_WHO)
            if key is not None and who is not None:
                self._people[key] = who
                if name := first(row, *_NAMES):
                    self._names[who] = name
        titles = list(self.rows("groups", ("group_id", "recipient_id", "title", "members")))
        self._names |= {
            group: title
            for row in titles
            if (group := first(row, "group_id")) and (title := first(row, "title"))
        }
        for row in self.rows("thread", ("_id", "recipient_id", "thread_recipient_id")):
            key = number(row.values.get("_id"))
            with_whom = self._person(row, "recipient_id", "thread_recipient_id")
            if key is not None and with_whom is not None:
                self._threads[key] = with_whom
        self.own = self.own or self._self()
        for row in recipients:
            yield from self._contact(row)
        yield from self._groups(titles)
        for table in _MESSAGES:
            self._dates.clear()
            for row in self.rows(table, ("_id", *_COLUMNS)):
                yield self._message(row, table)
            if table != "sms":
                yield from self._attachments(table)

    def _shared(self, row: Row, table: str) -> dict[str, Any]:
        found = frame(row, table, protection=self.protection, checks=self.checks)
        return found | {"service": SERVICE, "own_account": self.own}

    def _person(self, row: Row, *columns: str) -> str | None:
        """Return whom the first of these columns that is set means; before 2020 a number itself."""
        for column in columns:
            value = row.values.get(column)
            key = number(int(value) if isinstance(value, str) and value.isdecimal() else value)
            found = self._people.get(key) if key is not None else text(value)
            if found is not None:
                return found
        return None

    def _self(self) -> str | None:
        """Return who wrote what was sent: only the newer table says it."""
        for row in self.rows("message", ("_id", "from_recipient_id", "type")):
            if (number(row.values.get("type")) or 0) & _BASE in _OUTGOING:
                return self._person(row, "from_recipient_id")
        return None

    def _contact(self, row: Row) -> Iterator[ChatContact]:
        who = first(row, *_WHO)
        if who is None or first(row, "group_id") or who == self.own:
            return
        blocked = number(row.values.get("blocked"))
        yield ChatContact(
            **self._shared(row, "recipient"),
            shows=Shows.PRESENT,
            identifier=who,
            alias=self._names.get(who),
            phone=first(row, "e164", "phone"),
            handle=first(row, "username"),
            blocked=None if blocked is None else blocked == 1,
        )

    def _groups(self, titles: list[Row]) -> Iterator[ChatGroup]:
        members: dict[str, list[str]] = {}
        for row in self.rows("group_membership", ("_id", "group_id", "recipient_id")):
            group, who = first(row, "group_id"), self._person(row, "recipient_id")
            if group is not None and who is not None:
                members.setdefault(group, []).append(who)
        for row in titles:
            group = first(row, "group_id")
            if group is None:
                continue
            # before the table of members: their numbers, between commas
            keys = (first(row, "members") or "").split(",")
            listed = [self._people.get(int(key)) if key.isdecimal() else None for key in keys]
            yield ChatGroup(
                **self._shared(row, "groups"),
                shows=Shows.PRESENT,
                identifier=group,
                name=first(row, "title"),
                members=tuple(members.get(group) or filter(None, listed)),
            )

    def _message(self, row: Row, table: str) -> ChatMessage:
        values = row.values
        kind = number(values.get("type" if table != "mms" else "msg_box")) or 0
        base = kind & _BASE
        mine = base in _OUTGOING if base in _TYPES or base in _PLAIN else None
        thread = self._threads.get(number(values.get("thread_id")) or 0)
        chat = thread or self._person(row, "recipient_id", "address") or "?"
        # In the older tables the one column names the other side, whoever wrote.
        said_by = self._person(row, "from_recipient_id", "recipient_id", "address")
        sender = said_by if table == "message" or not mine else self.own
        sent = number(values.get("date_sent" if table != "mms" else "date"))
        if sent is None:
            sent = number(values.get("date"))
        note = _TYPES.get(base) or (None if base in _PLAIN and not kind & _NOTICE else "notice")
        times = moment("sent", sent, Unit.MS_UNIX)
        received = values.get("date_received" if table != "sms" else "date")
        if mine is False:
            times += moment("received", number(received), Unit.MS_UNIX)
        key = number(values.get("_id"))
        if key is not None:
            self._dates[key] = chat, None if sent is None else str(sent), mine is True
        # A notice holds what the program made of it: Base64 of a message of its own.
        body = None if note == "notice" else first(row, "body")
        return ChatMessage(
            **self._shared(row, table),
            shows=Shows.USED,
            times=times,
            conversation=chat,
            conversation_name=self._names.get(chat),
            sender=sender,
            sender_name=self._names.get(sender or ""),
            text=(body or "")[:TEXT_LIMIT],
            sent_raw=None if sent is None else str(sent),
            outgoing=mine,
            message_type=note,
            expires_after_s=(number(values.get("expires_in")) or 0) // 1000 or None,
        )

    def _attachments(self, messages: str) -> Iterator[ChatAttachment]:
        table = "attachment" if messages == "message" else "part"
        columns = ("_id", "message_id", "mid", "content_type", "ct", "data_size", "file_name")
        for row in self.rows(table, (*columns, "data_file", "_data")):
            values = row.values
            about = number(values.get("message_id")) or number(values.get("mid")) or 0
            if about not in self._dates:
                continue
            chat, sent, mine = self._dates[about]
            inside = self.inside.get(number(values.get("_id")) or 0)
            stored = first(row, "data_file", "_data")
            yield ChatAttachment(
                **self._shared(row, table),
                shows=Shows.USED,
                conversation=chat,
                sent_raw=sent,
                file_name=first(row, "file_name"),
                stored_as=stored,
                media_type=first(row, "content_type", "ct"),
                length=inside.length if inside else number(values.get("data_size")),
                outgoing=mine,
                present=True if inside else None,
                content_sha256=inside.sha256 if inside else None,
            )
