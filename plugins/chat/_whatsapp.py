"""Rows of `msgstore.db` of WhatsApp on Android as findings, whatever file they came from.

Since 2021 messages stand in `message`, with chats and people by number; before, in `messages`, with
all in one row. A database may hold both: what `message` also has is not taken from `messages`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from triage.api import (
    Artifact,
    ChatAttachment,
    ChatGroup,
    ChatMessage,
    ParseError,
    Protection,
    Shows,
    Unit,
)
from triage.formats.sqlite import Database, Row

from ._attachments import Hashes
from ._rows import TEXT_LIMIT, first, frame, moment, number, rows

SERVICE: Final = "whatsapp"
GROUP: Final = "@g.us"

_APP = re.compile(
    r"(.*)/data/(?:data|user/(\d+))/(com\.whatsapp(?:\.w4b)?)/databases/", re.IGNORECASE | re.ASCII
)
_NO_MESSAGE: Final = "-1"  # key of a row that every database begins with
_TYPES: Final = {  # `message_type`, formerly `media_wa_type`; 0 is a text
    1: "image",
    2: "audio",
    3: "video",
    4: "contact",
    5: "location",
    7: "system",
    8: "call",
    9: "document",
    10: "missed call",
    13: "gif",
    14: "contacts",
    15: "deleted",
    16: "live location",
    20: "sticker",
    42: "view-once image",
    43: "view-once video",
}


@dataclass(slots=True)
class Store:
    """One database while it is read."""

    artifact: Artifact
    database: Database
    protection: Protection
    checks: tuple[str, ...] = ()
    jids: dict[int, str] = field(default_factory=dict)
    chats: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    sent: dict[int, ChatMessage] = field(default_factory=dict)
    keys: set[tuple[str, str]] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)  # from the contacts beside it

    def frame(self, row: Row, table: str) -> dict[str, Any]:
        """Return what the findings of a row share."""
        return frame(row, table, protection=self.protection, checks=self.checks)

    def rows(self, table: str, *columns: str, where: str | None = None) -> Iterator[Row]:
        """Yield the rows of a table, if it is there."""
        return rows(self.database, table, columns, where=where)

    def jid(self, value: object) -> str | None:
        """Return an address by its number."""
        key = number(value)
        return self.jids.get(key) if key is not None else None


def content(store: Store) -> Iterator[ChatGroup | ChatMessage | ChatAttachment]:
    """Yield groups, messages, attachments and calls. Raises ParseError for another schema."""
    modern = store.database.has({"message": {"chat_row_id", "timestamp"}, "chat": {"jid_row_id"}})
    old = store.database.has({"messages": {"key_remote_jid", "data", "timestamp"}})
    if not modern and not old:
        raise ParseError("not a message store of WhatsApp")
    _learn_names(store)
    if modern:
        yield from _directory(store)
        yield from _messages(store)
        yield from _media(store)
        yield from _calls(store)
    if old:
        yield from _old_messages(store)


def _learn_names(store: Store) -> None:
    """Learn what the contacts beside the messages call an address."""
    contacts = store.artifact.sibling("wa.db")
    if contacts is None:
        return
    try:
        with contacts.sqlite() as database:
            for row in rows(database, "wa_contacts", ("jid", "display_name", "wa_name")):
                jid, name = first(row, "jid"), first(row, "display_name", "wa_name")
                if jid and name:
                    store.names[jid] = name
    except ParseError:
        store.artifact.problem("the names in wa.db cannot be read")


def counts(database: Database) -> dict[str, int]:
    """Count current rows of messages and chats."""
    found: dict[str, int] = {}
    for table in ("message", "messages", "chat", "chat_list"):
        if table in database.tables() and database.columns(table):
            sql = f"SELECT count(*) AS n FROM {table} WHERE _id > 1"  # noqa: S608 - one of four
            if table in ("chat", "chat_list"):
                sql = sql.partition(" WHERE")[0]
            found[table] = number(next(database.select(sql))["n"]) or 0
    return {
        "messages": max(found.get("message", 0), found.get("messages", 0)),
        "conversations": max(found.get("chat", 0), found.get("chat_list", 0)),
    }


def _directory(store: Store) -> Iterator[ChatGroup]:
    """Learn the addresses and chats, and tell the groups."""
    for row in store.rows("jid", "_id", "raw_string", "user", "server"):
        key = number(row.values.get("_id"))
        user, server = first(row, "user"), first(row, "server")
        raw = first(row, "raw_string") or (f"{user}@{server}" if user and server else None)
        if key is not None and raw:
            store.jids.setdefault(key, raw)
    members: dict[int, list[str]] = {}
    for row in store.rows("group_participant_user", "group_jid_row_id", "user_jid_row_id"):
        group, who = number(row.values.get("group_jid_row_id")), row.values.get("user_jid_row_id")
        if group is not None and (address := store.jid(who)):
            members.setdefault(group, []).append(address)
    for row in store.rows("chat", "_id", "jid_row_id", "subject", "created_timestamp"):
        key, jid = number(row.values.get("_id")), number(row.values.get("jid_row_id"))
        address, name = store.jid(jid), first(row, "subject")
        if key is None or address is None:
            continue
        store.chats.setdefault(key, (address, name))
        if address.endswith(GROUP):
            yield ChatGroup(
                **store.frame(row, "chat"),
                shows=Shows.PRESENT,
                times=moment("created", row.values.get("created_timestamp"), Unit.MS_UNIX),
                service=SERVICE,
                own_account=None,
                identifier=address,
                name=name,
                members=tuple(sorted(set(members.get(jid or 0, []))))[:1000],
            )


def _messages(store: Store) -> Iterator[ChatMessage]:
    columns = ("_id", "chat_row_id", "from_me", "key_id", "sender_jid_row_id", "timestamp")
    for row in store.rows("message", *columns, "message_type", "text_data"):
        key = first(row, "key_id")
        if key == _NO_MESSAGE:
            continue
        at = number(row.values.get("chat_row_id"))
        chat, name = store.chats.get(at if at is not None else -1, (f"chat {at}", None))
        outgoing = _flag(row.values.get("from_me"))
        sender = store.jid(row.values.get("sender_jid_row_id"))
        if sender is None and outgoing is False and not chat.endswith(GROUP):
            sender = chat
        kind = number(row.values.get("message_type"))
        message = ChatMessage(
            **store.frame(row, "message"),
            shows=Shows.USED,
            times=moment("sent", row.values.get("timestamp"), Unit.MS_UNIX),
            service=SERVICE,
            own_account=None,
            conversation=chat,
            conversation_name=name or store.names.get(chat),
            sender=None if outgoing else sender,
            sender_name=None if outgoing else store.names.get(sender or ""),
            text=(first(row, "text_data") or "")[:TEXT_LIMIT],
            sent_raw=_raw(row.values.get("timestamp")),
            outgoing=outgoing,
            message_type=_type(kind),
        )
        yield message
        if (number_ := number(row.values.get("_id"))) is not None:
            store.sent[number_] = message
        if key:
            store.keys.add((chat, key))


def _media(store: Store) -> Iterator[ChatAttachment]:
    columns = ("message_row_id", "file_path", "file_size", "mime_type", "media_name")
    hashes, folders = Hashes(), _media_folders(store.artifact.path)
    for row in store.rows("message_media", *columns):
        key = number(row.values.get("message_row_id"))
        message = store.sent.get(key if key is not None else -1)
        if message is None:
            continue
        stored = first(row, "file_path")
        found = (store.artifact.resolve(f"{folder}/{stored}") for folder in folders)
        yield ChatAttachment(
            **store.frame(row, "message_media"),
            shows=Shows.PRESENT,
            times=message.times,
            service=SERVICE,
            own_account=None,
            conversation=message.conversation,
            sent_raw=message.sent_raw,
            file_name=first(row, "media_name"),
            stored_as=stored,
            media_type=first(row, "mime_type"),
            length=number(row.values.get("file_size")),
            outgoing=message.outgoing,
            **(hashes.facts(next(filter(None, found), None)) if stored and folders else {}),
        )


def _media_folders(path: str) -> tuple[str, ...]:
    """Return where the media of an app lie, which its database names `Media/…`."""
    found = _APP.match(path)
    if found is None:
        return ()
    shared = f"{found[1]}/data/media/{found[2] or 0}"
    return f"{shared}/Android/media/{found[3]}/WhatsApp", f"{shared}/WhatsApp"


def _calls(store: Store) -> Iterator[ChatMessage]:
    columns = ("jid_row_id", "from_me", "timestamp", "video_call", "duration")
    for row in store.rows("call_log", *columns):
        peer = store.jid(row.values.get("jid_row_id"))
        outgoing = _flag(row.values.get("from_me"))
        yield ChatMessage(
            **store.frame(row, "call_log"),
            shows=Shows.USED,
            times=moment("called", row.values.get("timestamp"), Unit.MS_UNIX),
            service=SERVICE,
            own_account=None,
            conversation=peer or "?",
            conversation_name=store.names.get(peer or ""),
            sender=peer if outgoing is False else None,
            sender_name=store.names.get(peer or "") if outgoing is False else None,
            text="video" if number(row.values.get("video_call")) else "voice",
            sent_raw=_raw(row.values.get("timestamp")),
            outgoing=outgoing,
            message_type="call",
            duration_s=number(row.values.get("duration")),
        )


def _old_messages(store: Store) -> Iterator[ChatMessage | ChatAttachment]:
    columns = ("key_remote_jid", "key_from_me", "key_id", "data", "timestamp", "media_wa_type")
    media = ("media_name", "media_caption", "media_mime_type", "media_size", "remote_resource")
    for row in store.rows("messages", *columns, *media):
        chat, key = first(row, "key_remote_jid"), first(row, "key_id")
        if chat is None or key == _NO_MESSAGE or (chat, key) in store.keys:
            continue
        outgoing = _flag(row.values.get("key_from_me"))
        kind = first(row, "media_wa_type") or ""
        sender = first(row, "remote_resource") or (None if chat.endswith(GROUP) else chat)
        is_media = bool(first(row, "media_mime_type", "media_name"))
        message = ChatMessage(
            **store.frame(row, "messages"),
            shows=Shows.USED,
            times=moment("sent", row.values.get("timestamp"), Unit.MS_UNIX),
            service=SERVICE,
            own_account=None,
            conversation=chat,
            conversation_name=store.names.get(chat),
            sender=None if outgoing else sender,
            sender_name=None if outgoing else store.names.get(sender or ""),
            text=(first(row, "data", "media_caption") or "")[:TEXT_LIMIT],
            sent_raw=_raw(row.values.get("timestamp")),
            outgoing=outgoing,
            message_type=_type(int(kind) if kind.isascii() and kind.isdigit() else None),
            attachments=1 if is_media else None,
        )
        yield message
        if is_media:
            yield ChatAttachment(
                **store.frame(row, "messages"),
                shows=Shows.PRESENT,
                times=message.times,
                service=SERVICE,
                own_account=None,
                conversation=chat,
                sent_raw=message.sent_raw,
                file_name=first(row, "media_name"),
                media_type=first(row, "media_mime_type"),
                length=number(row.values.get("media_size")),
                outgoing=outgoing,
            )


def _type(kind: int | None) -> str | None:
    """Return the kind of a message; None for a text."""
    return _TYPES.get(kind, f"type {kind}") if kind else None


def _flag(value: object) -> bool | None:
    found = number(value)
    return bool(found) if found is not None else None


def _raw(value: object) -> str | None:
    return None if value is None else str(value)[:40]
