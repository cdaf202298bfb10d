"""Session Desktop: whether its store opens, and the account, contacts, groups, messages in it.

Written from descriptions of Session Desktop 1.11 to 1.17 and tested with databases made after
them: the schema was not compared with the program's sources, and there was no sample of it. The
store is that of Signal Desktop, from which it was forked, and its key stands in clear in
`config.json` unless the user set a password. It is opened only where the profile says `decrypt:
found`. The recovery phrase can be made from what lies in the store; neither is read. Attachments
are counted.

References: session-foundation/session-desktop.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from triage.api import (
    Artifact,
    ChatAccount,
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
from ._rows import TEXT_LIMIT, first, frame, member, moment, number, rows, text, written

_NAMES: Final = "{Session,session-desktop}"
_HOMES: Final = (
    f"**/AppData/Roaming/{_NAMES}",  # Windows
    f"**/Library/Application Support/{_NAMES}",  # macOS
    f"**/.config/{_NAMES}",  # Linux, and Snap below its own folder
    f"**/network.loki.Session/config/{_NAMES}",  # Flatpak
)
_APPLICATION: Final = "session-desktop"
_SERVICE: Final = "session"
_NAME: Final = "Session"
_OPENED: Final = ("key opens the database",)
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
                    messages = number(next(content.select(sql))["n"])
        except (ParseError, EvidenceError):
            artifact.problem("the key in config.json does not open the store")
    is_open = messages is not None
    yield ChatProfile(
        shows=Shows.USED if database is not None else Shows.PRESENT,
        confidence=Confidence.CONFIRMED if is_open else Confidence.PROBABLE,
        checks=_OPENED if is_open else (),
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
    yields=(ChatAccount, ChatContact, ChatGroup, ChatMessage),
    holds_secret=True,
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Read account, contacts, groups and messages of a store that opens."""
    with store.opened(artifact, name=_NAME) as database:
        if database is None:
            return
        if not database.has({"conversations": {"id"}, "messages": {"id", "conversationId"}}):
            raise ParseError("not a store of Session")
        own = _own(database)
        if own is not None:
            yield ChatAccount(
                shows=Shows.USED,
                confidence=Confidence.CONFIRMED,
                checks=_OPENED,
                locator="items number_id",
                protection=Protection.KEY_ON_IMAGE,
                service=_SERVICE,
                identifier=own,
                application=_APPLICATION,
            )
        names: dict[str, str] = {}
        yield from _conversations(database, own, names)
        yield from _messages(database, own, names)


def _own(database: Database) -> str | None:
    """Return the own Account ID; nothing else of this table, which holds keys, is asked for."""
    for row in rows(database, "items", ("json",), where="id = 'number_id'"):
        try:
            value = member(json.parse(first(row, "json") or "null"), "value")
        except ParseError:
            continue
        if (known := text(value)) is not None:
            return known.partition(".")[0]
    return None


def _frame(row: Row, table: str) -> dict[str, Any]:
    return frame(row, table, protection=Protection.KEY_ON_IMAGE, checks=_OPENED)


_CONVERSATION: Final = ("id", "type", "nickname", "displayNameInProfile", "active_at", "isBlocked")


def _conversations(
    database: Database, own: str | None, names: dict[str, str]
) -> Iterator[ChatContact | ChatGroup]:
    for row in rows(database, "conversations", _CONVERSATION):
        key, name = first(row, "id"), first(row, "nickname", "displayNameInProfile")
        if key is None:
            continue
        if name:
            names.setdefault(key, name)
        if key == own:
            continue
        shared = _frame(row, "conversations") | {
            "shows": Shows.PRESENT,
            "times": moment("last_active", row.values.get("active_at"), Unit.MS_UNIX),
            "service": _SERVICE,
            "own_account": own,
            "identifier": key,
        }
        if row.values.get("type") == "private":
            yield ChatContact(**shared, alias=name)
        else:
            yield ChatGroup(**shared, name=name)


_MESSAGE: Final = (
    *("conversationId", "type", "body", "sent_at", "source", "hasAttachments", "expireTimer"),
)


def _messages(database: Database, own: str | None, names: dict[str, str]) -> Iterator[ChatMessage]:
    for row in rows(database, "messages", _MESSAGE):
        chat, raw = first(row, "conversationId") or "?", row.values.get("sent_at")
        outgoing = _DIRECTIONS.get(first(row, "type") or "")
        sender = own if outgoing else first(row, "source")
        yield ChatMessage(
            **_frame(row, "messages"),
            shows=Shows.USED,
            times=moment("sent", raw, Unit.MS_UNIX),
            service=_SERVICE,
            own_account=own,
            conversation=chat,
            conversation_name=names.get(chat),
            sender=sender,
            sender_name=names.get(sender or ""),
            text=(first(row, "body") or "")[:TEXT_LIMIT],
            sent_raw=None if raw is None else str(raw)[:40],
            outgoing=outgoing,
            message_type=None if outgoing is not None else first(row, "type"),
            attachments=number(row.values.get("hasAttachments")) or None,
            expires_after_s=number(row.values.get("expireTimer")) or None,
        )
