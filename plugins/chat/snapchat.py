"""Snapchat on Android: friends, conversations, and the text of messages.

Written from what ALEAPP reads of the databases, and tested with databases made after it: there was
no sample of any. Since about 2021 messages lie in `arroyo.db`, a message of Protocol Buffers each;
of the kinds of content only text (1) is read. `main.db` has people: those that the account added
have a time, all others were only shown to it. Not read: snaps, memories, older versions' messages.

References: abrignoni/ALEAPP, `snapchat.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatContact,
    ChatMessage,
    ChatProfile,
    Confidence,
    EvidenceError,
    Finding,
    ParseError,
    Shows,
    SqliteSchema,
    Unit,
    extractor,
)
from triage.formats import protobuf, xml

from ._plain import Store, read
from ._rows import first, moment, number

_APP: Final = "**/com.snapchat.android"
_PREFS_LIMIT: Final = 1 << 20
_ARROYO: Final = {
    "conversation_message": {"client_conversation_id", "sender_id", "message_content"}
}
_FRIENDS: Final = {"Friend": {"userId", "username", "addedTimestamp"}}
_TEXT: Final = 1  # of content_type


@extractor(
    name="chat.snapchat.messages",
    paths=(f"{_APP}/databases/arroyo.db",),  # Android, since about 2021
    content=(SqliteSchema(_ARROYO),),
    yields=(ChatProfile, ChatAccount, ChatMessage),
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Read the text of messages, with the names that the app knows."""
    table = "conversation_message"
    yield from read(
        artifact, "snapchat-android", _ARROYO, _messages, counted=(table, "client_conversation_id")
    )


def _messages(store: Store) -> Iterator[Finding]:
    store.own = _own(store.artifact)
    _names(store)
    if store.own:
        yield ChatAccount(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            service=store.service,
            identifier=store.own,
            application="snapchat-android",
            display_name=store.names.get(store.own),
        )
    _name_conversations(store)
    table = "conversation_message"
    columns = ("client_conversation_id", "sender_id", "content_type", "creation_timestamp")
    for row in store.rows(table, *columns, "message_content"):
        content, sender = row.values.get("message_content"), first(row, "sender_id")
        kind = number(row.values.get("content_type"))
        yield store.message(
            row,
            table,
            first(row, "client_conversation_id") or "?",
            sender,
            at=row.values.get("creation_timestamp"),
            mine=None if store.own is None or sender is None else sender == store.own,
            said=_text(content) if kind == _TEXT and isinstance(content, bytes) else None,
            kind=None if kind == _TEXT else f"content of type {kind}",
        )


def _name_conversations(store: Store) -> None:
    """Call a conversation with one other person after them."""
    others: dict[str, set[str]] = {}
    for row in store.rows("conversation_message", "client_conversation_id", "sender_id"):
        chat, sender = first(row, "client_conversation_id"), first(row, "sender_id")
        if chat and sender and sender != store.own:
            others.setdefault(chat, set()).add(sender)
    for chat, people in others.items():
        name = store.names.get(next(iter(people))) if len(people) == 1 else None
        if name:
            store.names[chat] = name


def _text(content: bytes) -> str | None:
    """Return the text of a message: field 4, 4, 2, 1."""
    try:
        found: protobuf.Message | None = protobuf.parse(content)
    except ParseError:
        return None
    for field in (4, 4, 2):
        found = found.message(field) if found else None
    return found.text(1) if found else None


def _own(artifact: Artifact) -> str | None:
    """Return who is logged in, from the settings of the session."""
    settings = artifact.resolve("../shared_prefs/user_session_shared_pref.xml")
    if settings is None:
        return None
    try:
        root = xml.parse(settings.read(_PREFS_LIMIT))
    except (ParseError, EvidenceError):
        return None
    settings.withhold()  # a token of the session stands there
    ids = (each.text for each in root.iter("string") if each.get("name") == "key_user_id")
    return next(filter(None, ids), None)


def _names(store: Store) -> None:
    """Learn the names of people from the database beside this one."""
    people = store.artifact.sibling("main.db")
    if people is None:
        return
    try:
        with people.sqlite() as database:
            if database.has(_FRIENDS):
                for row in Store(people, database, store.service).rows("Friend", *_COLUMNS):
                    key, name = first(row, "userId"), first(row, "displayName", "username")
                    if key and name:
                        store.names[key] = name
    except ParseError:
        store.artifact.problem("the names in main.db cannot be read")


_COLUMNS: Final = ("userId", "username", "displayName", "addedTimestamp", "phone")


@extractor(
    name="chat.snapchat.contacts",
    paths=(f"{_APP}/databases/main.db",),  # Android
    content=(SqliteSchema(_FRIENDS),),
    yields=(ChatContact,),
)
def contacts(artifact: Artifact) -> Iterator[ChatContact]:
    """Read the people that the account added, and when."""
    with artifact.sqlite() as database:
        if not database.has(_FRIENDS):
            raise ParseError("not the people of Snapchat")
        store = Store(artifact, database, "snapchat", own=_own(artifact))
        for row in store.rows("Friend", *_COLUMNS):
            identifier, added = first(row, "userId"), number(row.values.get("addedTimestamp"))
            if identifier is None or not added or added < 0:
                continue
            yield ChatContact(
                **store.shared(row, "Friend"),
                shows=Shows.PRESENT,
                times=moment("added", added, Unit.MS_UNIX),
                identifier=identifier,
                alias=first(row, "displayName"),
                handle=first(row, "username"),
                phone=first(row, "phone"),
            )
