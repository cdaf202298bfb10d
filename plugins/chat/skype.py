"""Skype 3 to 7: account, contacts, messages, calls and transfers of `main.db`.

Written from the schema of a real database of Skype 6 (2013) and tested with it. Message bodies are
small pieces of XML: their text is told. Skype 8 and later, which keep other stores, `chatsync` and
voice messages are not read. A time after 2100 is given raw: the program stored such.

References: log2timeline/plaso, `parsers/sqlite_plugins/skype.py`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any, Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatAttachment,
    ChatContact,
    ChatMessage,
    ChatProfile,
    Confidence,
    Finding,
    ParseError,
    Protection,
    Shows,
    SqliteSchema,
    Time,
    Unit,
    Zone,
    extractor,
)
from triage.formats.sqlite import Database

from ._rows import TEXT_LIMIT, first, frame, moment, number, rows, written

_SERVICE: Final = "skype"
_APPLICATION: Final = "skype"
_LATEST: Final = 4_102_444_800  # 2100-01-01, seconds since 1970
_TEXT: Final = 61
_TYPES: Final = {
    30: "call begun",
    39: "call ended",
    50: "contact request",
    51: "contact accepted",
    53: "blocked",
    60: "action",
    63: "contacts",
    64: "sms",
    68: "file",
    70: "video message",
    201: "file",
}
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_SMS = re.compile(r'<sms alt="([^"]{0,10000})"')


@extractor(
    name="chat.skype.messages",
    paths=(
        "**/AppData/Roaming/Skype/*/main.db",  # Windows
        "**/Library/Application Support/Skype/*/main.db",  # macOS
        "**/.Skype/*/main.db",  # Linux
    ),
    content=(SqliteSchema({"Accounts": {"skypename"}, "Messages": {"author", "body_xml"}}),),
    yields=(ChatProfile, ChatAccount, ChatContact, ChatMessage, ChatAttachment),
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Read the account, its contacts, messages, calls and transfers."""
    with artifact.sqlite() as database:
        if not database.has({"Accounts": {"skypename"}, "Messages": {"author", "body_xml"}}):
            raise ParseError("not a database of Skype")
        count = number(next(database.select("SELECT count(*) AS n FROM Messages"))["n"]) or 0
        yield ChatProfile(
            shows=Shows.USED if count else Shows.EXECUTED,
            confidence=Confidence.PROBABLE,
            times=written("store_last_written", artifact),
            protection=Protection.PLAIN,
            application=_APPLICATION,
            profile=artifact.path.rpartition("/")[0],
            messages=count,
        )
        own: str | None = None
        columns = ("skypename", "liveid_membername", "fullname", "phone_mobile")
        for row in rows(database, "Accounts", columns):
            name = first(row, "skypename", "liveid_membername")
            own = own or name
            if name:
                yield ChatAccount(
                    **frame(row, "Accounts"),
                    shows=Shows.USED,
                    service=_SERVICE,
                    identifier=name,
                    application=_APPLICATION,
                    display_name=first(row, "fullname"),
                    phone=first(row, "phone_mobile"),
                )
        yield from _contacts(database, own)
        yield from _messages(database, own)


def _contacts(database: Database, own: str | None) -> Iterator[ChatContact]:
    columns = ("skypename", "pstnnumber", "displayname", "fullname", "phone_mobile", "isblocked")
    for row in rows(database, "Contacts", columns):
        name = first(row, "skypename", "pstnnumber")
        blocked = number(row.values.get("isblocked"))
        if name:
            yield ChatContact(
                **frame(row, "Contacts"),
                shows=Shows.PRESENT,
                service=_SERVICE,
                own_account=own,
                identifier=name,
                alias=first(row, "displayname", "fullname"),
                phone=first(row, "phone_mobile", "pstnnumber"),
                blocked=bool(blocked) if blocked is not None else None,
            )


_MESSAGE: Final = (
    *("convo_id", "chatname", "author", "from_dispname", "timestamp", "type", "body_xml"),
)
_CALL: Final = ("begin_timestamp", "host_identity", "is_incoming", "duration", "conv_dbid")
_TRANSFER: Final = ("partner_handle", "starttime", "filename", "filepath", "filesize", "convo_id")


def _messages(database: Database, own: str | None) -> Iterator[ChatMessage | ChatAttachment]:
    chats: dict[int | None, tuple[str, str | None]] = {}
    for row in rows(database, "Conversations", ("id", "identity", "displayname")):
        if (identity := first(row, "identity")) is not None:
            key = number(row.values.get("id"))
            chats.setdefault(key, (identity, first(row, "displayname")))

    def common(convo: object, event: str, raw: object) -> dict[str, Any]:
        chat, name = chats.get(number(convo), (None, None))
        return {
            "times": _time(event, raw),
            "service": _SERVICE,
            "own_account": own,
            "conversation": chat or "?",
            "sent_raw": None if raw is None else str(raw)[:40],
        } | ({"conversation_name": name} if event != "transferred" else {})

    for row in rows(database, "Messages", _MESSAGE):
        shared = common(row.values.get("convo_id"), "sent", row.values.get("timestamp"))
        if shared["conversation"] == "?":
            shared["conversation"] = first(row, "chatname") or "?"
        author, kind = first(row, "author"), number(row.values.get("type"))
        yield ChatMessage(
            **frame(row, "Messages"),
            **shared,
            shows=Shows.USED,
            sender=author,
            sender_name=first(row, "from_dispname"),
            text=_words(first(row, "body_xml") or "")[:TEXT_LIMIT],
            outgoing=author == own if author and own else None,
            message_type=_TYPES.get(kind, f"type {kind}") if kind != _TEXT and kind else None,
        )
    for row in rows(database, "Calls", _CALL):
        incoming = number(row.values.get("is_incoming"))
        shared = common(row.values.get("conv_dbid"), "called", row.values.get("begin_timestamp"))
        yield ChatMessage(
            **frame(row, "Calls"),
            **shared,
            shows=Shows.USED,
            sender=first(row, "host_identity"),
            text="",
            outgoing=not incoming if incoming is not None else None,
            message_type="call",
            duration_s=number(row.values.get("duration")),
        )
    for row in rows(database, "Transfers", _TRANSFER):
        shared = common(row.values.get("convo_id"), "transferred", row.values.get("starttime"))
        if shared["conversation"] == "?":
            shared["conversation"] = first(row, "partner_handle") or "?"
        size = first(row, "filesize") or ""
        yield ChatAttachment(
            **frame(row, "Transfers"),
            **shared,
            shows=Shows.PRESENT,
            file_name=first(row, "filename"),
            stored_as=first(row, "filepath"),
            length=int(size) if size.isascii() and size.isdigit() and len(size) < 16 else None,  # noqa: PLR2004 - digits
        )


def _time(event: str, raw: object) -> tuple[Time, ...]:
    seconds = number(raw)
    if seconds is None or seconds <= _LATEST:
        return moment(event, raw, Unit.S_UNIX)
    return (Time(event=event, utc=None, raw=str(raw), unit=Unit.S_UNIX, zone=Zone.UTC),)


def _words(body: str) -> str:
    """Return the text of a body; of a short message the text that was sent, once."""
    sms = _SMS.match(body)
    return html.unescape(_TAG.sub("", sms[1] if sms else body)).strip()
