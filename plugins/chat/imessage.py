"""Messages of Apple, on macOS and iOS: people, groups, messages and SMS, attachments.

Written from published descriptions of `chat.db` and `sms.db`, and tested with databases made after
them: there was no sample of either. Times count seconds since 2001 UTC, since macOS 10.13 and iOS
11 nanoseconds. Since macOS 13 many messages have their text only in `attributedBody`, an archive of
NSAttributedString; its string is taken, nothing else of it. Not read: reactions as such, edits,
what was recently deleted, calls.

References: abrignoni/iLEAPP, `sms.py`; mvt, `mvt/ios/modules/mixed/sms.py`; plaso, `imessage.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    ChatAttachment,
    ChatContact,
    ChatGroup,
    ChatMessage,
    ChatProfile,
    Confidence,
    Finding,
    ParseError,
    Protection,
    Shows,
    SqliteSchema,
    Unit,
    extractor,
)
from triage.formats.sqlite import Database, Row

from ._attachments import Hashes
from ._plain import Store
from ._rows import TEXT_LIMIT, first, moment, number, rows, written

_SCHEMA: Final = {
    "message": {"guid", "text", "handle_id", "date", "is_from_me"},
    "handle": {"id"},
    "chat_message_join": {"chat_id", "message_id"},
}
_SERVICE: Final = "imessage"
_SECONDS_LAST: Final = 10_000_000_000  # larger numbers are nanoseconds
_STRING: Final = b"NSString"
_STRING_FOLLOWS: Final = b"+"
_LENGTHS: Final = {0x81: 2, 0x82: 4}  # of a length, little-endian; else it is the byte itself


@extractor(
    name="chat.imessage.messages",
    paths=(
        "**/Library/Messages/chat.db",  # macOS
        "**/mobile/Library/SMS/sms.db",  # iOS
    ),
    content=(SqliteSchema(_SCHEMA),),
    yields=(ChatProfile, ChatContact, ChatGroup, ChatMessage, ChatAttachment),
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Read people, groups, messages and what they carried."""
    with artifact.sqlite() as database:
        if not database.has(_SCHEMA):
            raise ParseError("not a store of Messages")
        (counted,) = database.select("SELECT count(*) AS n FROM message")
        count = number(counted["n"]) or 0
        yield ChatProfile(
            shows=Shows.USED if count else Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            times=written("store_last_written", artifact),
            protection=Protection.PLAIN,
            application="messages-apple",
            profile=artifact.path.rpartition("/")[0],
            messages=count,
        )
        yield from _content(Store(artifact, database, _SERVICE))


def _content(store: Store) -> Iterator[Finding]:
    people: dict[int | None, str] = {}
    for row in store.rows("handle", "ROWID", "id", "service"):
        who = first(row, "id")
        if who is None:
            continue
        people[number(row.values.get("ROWID"))] = who
        yield ChatContact(
            **store.shared(row, "handle"),
            shows=Shows.PRESENT,
            identifier=who,
            group=first(row, "service"),
            phone=who if who.startswith("+") else None,
        )
    chats: dict[int | None, str] = {}
    members: dict[int | None, list[str]] = {}
    for row in store.rows("chat_handle_join", "chat_id", "handle_id"):
        if who := people.get(number(row.values.get("handle_id"))):
            members.setdefault(number(row.values.get("chat_id")), []).append(who)
    for row in store.rows("chat", "ROWID", "chat_identifier", "display_name", "guid", "style"):
        key, chat = number(row.values.get("ROWID")), first(row, "chat_identifier", "guid")
        if chat is None:
            continue
        chats[key] = chat
        name = first(row, "display_name")
        if name:
            store.names[chat] = name
        if len(members.get(key, ())) > 1 or name:
            yield ChatGroup(
                **store.shared(row, "chat"),
                shows=Shows.PRESENT,
                identifier=chat,
                name=name,
                members=tuple(dict.fromkeys(members.get(key, ())))[:1000],
            )
    places = {
        number(row.values.get("message_id")): chats.get(number(row.values.get("chat_id")))
        for row in rows(store.database, "chat_message_join", ("chat_id", "message_id"))
    }
    yield from _messages(store, people, places)


def _messages(
    store: Store, people: dict[int | None, str], places: dict[int | None, str | None]
) -> Iterator[ChatMessage | ChatAttachment]:
    columns = ("ROWID", "text", "attributedBody", "handle_id", "date", "is_from_me", "service")
    files = _files(store.database)
    hashes = Hashes()
    kinds = ("item_type", "associated_message_type")
    for row in store.rows("message", *columns, "account", *kinds):
        key, mine = number(row.values.get("ROWID")), number(row.values.get("is_from_me"))
        peer = people.get(number(row.values.get("handle_id")))
        account = (first(row, "account") or "").partition(":")[
            2
        ] or None  # `E:` address, `P:` phone
        chat = places.get(key) or peer or "?"
        body = row.values.get("attributedBody")
        said = first(row, "text") or (attributed(body) if isinstance(body, bytes) else None)
        raw = number(row.values.get("date"))
        carried = files.get(key, [])
        notice = number(row.values.get("item_type")) or 0
        reaction = number(row.values.get("associated_message_type")) or 0
        message = ChatMessage(
            **store.shared(row, "message") | {"own_account": account},
            shows=Shows.USED,
            times=moment("sent", raw, _unit(raw)),
            conversation=chat,
            conversation_name=store.names.get(chat),
            sender=account if mine else peer,
            text=(said or "")[:TEXT_LIMIT],
            sent_raw=None if raw is None else str(raw),
            outgoing=None if mine is None else mine == 1,
            message_type="notice" if notice else "reaction" if reaction else _sms(row),
            attachments=len(carried) or None,
        )
        yield message
        for number_, each in carried:
            name = first(each, "filename") or ""
            # `~/Library/Messages/Attachments/…`, the home being two folders above the store
            stored = name.replace("~/Library/Messages/", "./", 1).replace("~/Library/SMS/", "./", 1)
            yield ChatAttachment(
                **store.shared(each, "attachment") | {"own_account": account},
                shows=Shows.PRESENT,
                conversation=chat,
                sent_raw=message.sent_raw,
                times=message.times,
                file_name=first(each, "transfer_name"),
                stored_as=name or f"attachment {number_}",
                media_type=first(each, "mime_type"),
                length=number(each.values.get("total_bytes")),
                outgoing=message.outgoing,
                **(hashes.facts(store.artifact.resolve(stored)) if name else {}),
            )


def _unit(raw: int | None) -> Unit:
    return Unit.COCOA_NS if abs(raw or 0) > _SECONDS_LAST else Unit.COCOA


def _sms(row: Row) -> str | None:
    return "SMS" if first(row, "service") == "SMS" else None


def _files(database: Database) -> dict[int | None, list[tuple[int | None, Row]]]:
    """Return the attachments of each message."""
    columns = ("ROWID", "filename", "mime_type", "transfer_name", "total_bytes")
    known = {number(row.values.get("ROWID")): row for row in rows(database, "attachment", columns)}
    found: dict[int | None, list[tuple[int | None, Row]]] = {}
    for row in rows(database, "message_attachment_join", ("message_id", "attachment_id")):
        key = number(row.values.get("attachment_id"))
        if key in known:
            message = number(row.values.get("message_id"))
            found.setdefault(message, []).append((key, known[key]))
    return found


def attributed(body: bytes) -> str | None:
    """Return the string of an archived NSAttributedString (`typedstream`), None without one."""
    at = body.find(_STRING)
    start = body.find(_STRING_FOLLOWS, at + len(_STRING), at + len(_STRING) + 16) + 1
    if at == -1 or start == 0 or start >= len(body):
        return None
    width = _LENGTHS.get(body[start], 0)
    length = int.from_bytes(body[start + 1 : start + 1 + width], "little") or body[start]
    first_byte = start + 1 + width
    data = body[first_byte : first_byte + length]
    return data.decode("utf-8", "surrogateescape") if len(data) == length else None
