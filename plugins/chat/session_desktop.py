"""Session Desktop: whether its store opens, and the account, contacts, groups, messages in it.

Written from descriptions of Session Desktop 1.11 to 1.17 and tested with databases made after them:
the schema was not compared with the program's sources, and there was no sample of it. The store is
that of Signal Desktop, from which it was forked, and its key stands in clear in `config.json`
unless the user set a password, which can be given. The key is used only where the profile says
`decrypt: found`. The recovery phrase can be made from what lies in the store; neither is read.
Attachments are opened for their hash with the key that the store holds for them.

References: session-foundation/session-desktop.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatAttachment,
    ChatContact,
    ChatGroup,
    ChatMessage,
    ChatProfile,
    Confidence,
    EvidenceError,
    Finding,
    ParseError,
    Protection,
    Shows,
    Unit,
    extractor,
)
from triage.formats import json
from triage.formats.sqlite import Database, Row

from . import _signal_store as store
from ._attachments import Hashes
from ._rows import TEXT_LIMIT, first, frame, member, moment, number, rows, text, written

_NAMES: Final = "{Session,session-desktop}"
_HOMES: Final = (
    f"**/AppData/Roaming/{_NAMES}",  # Windows
    f"**/Library/Application Support/{_NAMES}",  # macOS
    f"**/.config/{_NAMES}",  # Linux, and Snap below its own folder
    f"**/network.loki.Session/config/{_NAMES}",  # Flatpak
    f"**/{_NAMES}",  # a copy of the folder, anywhere
)
_APPLICATION: Final = "session-desktop"
_SERVICE: Final = "session"
_NAME: Final = "Session"
_MOST: Final = 100  # attachments of one message
_DIRECTIONS: Final = {"outgoing": True, "incoming": False}


@extractor(
    name="chat.session-desktop.profile",
    paths=tuple(f"{home}/config.json" for home in _HOMES),
    yields=(ChatProfile,),
    holds_secret=True,
)
def profile(artifact: Artifact) -> Iterator[ChatProfile]:
    """Read what stands between us and the store: its key in clear, or a password."""
    found = store.read(artifact, name=_NAME)
    if found is None:
        return
    database = artifact.resolve(store.DATABASE)
    messages: int | None = None
    if database is not None and found.key is not None:
        try:
            with store.opened(database, name=_NAME) as content:
                if content is not None:
                    sql = "SELECT count(*) AS n FROM messages"
                    messages = number(next(content.database.select(sql))["n"])
        except (ParseError, EvidenceError):
            artifact.problem("the key in config.json does not open the store")
    is_open = messages is not None
    yield ChatProfile(
        shows=Shows.USED if database is not None else Shows.PRESENT,
        confidence=Confidence.CONFIRMED if is_open else Confidence.PROBABLE,
        checks=store.OPENED if is_open else (),
        times=written("store_last_written", database) if database is not None else (),
        protection=found.protection,
        application=_APPLICATION,
        profile=artifact.path.rpartition("/")[0],
        messages=messages,
        attachments=sum(1 for _ in artifact.find("attachments.noindex/*/*")),
        opened_by=found.opened_by if is_open else None,
        needed_to_open=found.needed,
    )


@extractor(
    name="chat.session-desktop.messages",
    paths=tuple(f"{home}/{store.DATABASE}" for home in _HOMES),
    yields=(ChatProfile, ChatAccount, ChatContact, ChatGroup, ChatMessage, ChatAttachment),
    holds_secret=True,
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Read account, contacts, groups and messages of a store that opens."""
    if alone := store.alone(artifact, application=_APPLICATION):
        yield alone
    with store.opened(artifact, name=_NAME) as found:
        if found is None:
            return
        database = found.database
        if not database.has({"conversations": {"id"}, "messages": {"id", "conversationId"}}):
            raise ParseError("not a store of Session")
        own = _own(database)
        if own is not None:
            yield ChatAccount(
                shows=Shows.USED,
                confidence=Confidence.CONFIRMED,
                checks=store.OPENED,
                locator="items number_id",
                protection=found.protection,
                service=_SERVICE,
                identifier=own,
                application=_APPLICATION,
            )
        yield from _Session(artifact, database, found.protection, own).content()


def _own(database: Database) -> str | None:
    """Return the own Account ID; of this table, which holds keys, little else is asked for."""
    known = text(_item(database, "number_id"))
    return known.partition(".")[0] if known else None


def _item(database: Database, name: str) -> json.Json:
    for row in rows(database, "items", ("id", "json")):
        if first(row, "id") == name:
            with suppress(ParseError):
                return member(json.parse(first(row, "json") or "null"), "value")
    return None


_CONVERSATION: Final = ("id", "type", "nickname", "displayNameInProfile", "active_at", "isBlocked")
_MESSAGE: Final = (
    *("conversationId", "type", "body", "sent_at", "source", "hasAttachments", "expireTimer"),
    "json",
)


@dataclass(slots=True)
class _Session:
    """A store while it is read, with the names that it has for ids."""

    artifact: Artifact
    database: Database
    protection: Protection
    own: str | None
    names: dict[str, str] = field(default_factory=dict)
    hashes: Hashes = field(default_factory=Hashes)

    def shared(self, row: Row, table: str) -> dict[str, Any]:
        """Return what the findings of a row share."""
        found = frame(row, table, protection=self.protection, checks=store.OPENED)
        return found | {"service": _SERVICE, "own_account": self.own}

    def content(self) -> Iterator[Finding]:
        """Yield contacts, groups, messages and what they carried."""
        yield from self._conversations()
        key = text(_item(self.database, "local_attachment_encrypted_key")) or ""
        for row in rows(self.database, "messages", _MESSAGE):
            message = self._message(row)
            yield message
            if message.attachments:
                yield from self._attachments(row, message, key)

    def _conversations(self) -> Iterator[ChatContact | ChatGroup]:
        for row in rows(self.database, "conversations", _CONVERSATION):
            key, name = first(row, "id"), first(row, "nickname", "displayNameInProfile")
            if key is None:
                continue
            if name:
                self.names.setdefault(key, name)
            if key == self.own:
                continue
            shared = self.shared(row, "conversations") | {
                "shows": Shows.PRESENT,
                "times": moment("last_active", row.values.get("active_at"), Unit.MS_UNIX),
                "identifier": key,
            }
            if row.values.get("type") == "private":
                yield ChatContact(**shared, alias=name)
            else:
                yield ChatGroup(**shared, name=name)

    def _message(self, row: Row) -> ChatMessage:
        chat, raw = first(row, "conversationId") or "?", row.values.get("sent_at")
        outgoing = _DIRECTIONS.get(first(row, "type") or "")
        sender = self.own if outgoing else first(row, "source")
        return ChatMessage(
            **self.shared(row, "messages"),
            shows=Shows.USED,
            times=moment("sent", raw, Unit.MS_UNIX),
            conversation=chat,
            conversation_name=self.names.get(chat),
            sender=sender,
            sender_name=self.names.get(sender or ""),
            text=(first(row, "body") or "")[:TEXT_LIMIT],
            sent_raw=None if raw is None else str(raw)[:40],
            outgoing=outgoing,
            message_type=None if outgoing is not None else first(row, "type"),
            attachments=number(row.values.get("hasAttachments")) or None,
            expires_after_s=number(row.values.get("expireTimer")) or None,
        )

    def _attachments(self, row: Row, message: ChatMessage, key: str) -> Iterator[ChatAttachment]:
        try:
            listed = member(json.parse(first(row, "json") or "null"), "attachments")
        except ParseError:
            return
        for position, each in enumerate(listed[:_MOST] if isinstance(listed, list) else ()):
            stored = text(member(each, "path"))
            file = self.artifact.resolve(f"../attachments.noindex/{stored}") if stored else None
            shared = self.shared(row, "messages")
            yield ChatAttachment(
                **shared | {"locator": f"{shared['locator']}, {position}"},
                shows=Shows.PRESENT,
                times=message.times,
                conversation=message.conversation,
                sent_raw=message.sent_raw,
                file_name=text(member(each, "fileName")),
                stored_as=stored,
                media_type=text(member(each, "contentType")),
                length=number(member(each, "size")),
                outgoing=message.outgoing,
                **(self.hashes.streamed(file, key) if stored else {}),
            )
