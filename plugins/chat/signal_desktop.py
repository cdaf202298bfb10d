"""Signal Desktop: whether its store opens, and the account, contacts, groups, messages in it.

Written from published descriptions of Signal Desktop's store and from what DLEAPP reads, and
tested with databases that were made after them: the schema was not compared with the program's own
sources, and there was no sample of it. The store is SQLCipher 4 with a raw key. Up to version 7.15
(July 2024), and later on Linux without a keyring, the key stands in clear in `config.json`; else
the operating system wraps it: then the store opens with what the examiner gave (`_signal_store`),
else it stays closed. A clear key is used only where the profile says `decrypt: found`.

Read are the columns that the schema has, old (`sourceUuid`, attachments in JSON) and new
(`sourceServiceId`, the tables `message_attachments` and `callsHistory`). `sent_at` is the sender's
clock. Attachments are hashed, those that newer versions encrypt as they were sent. Not read:
reactions, edits, quotes, stories, stickers; keys and tokens in the table `items` are not touched.

References: signalapp/Signal-Desktop; abrignoni/DLEAPP, `signalAccount.py`, `signalMessages.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from ._rows import TEXT_LIMIT, first, frame, member, moment, number, place, rows, text, written

_NAMES: Final = "Signal{, Beta,-*}"
_HOMES: Final = (
    f"**/AppData/Roaming/{_NAMES}",  # Windows; a profile of its own is `Signal-NAME`
    f"**/Library/Application Support/{_NAMES}",  # macOS
    f"**/.config/{_NAMES}",  # Linux, and Snap below its own folder
    f"**/org.signal.Signal/config/{_NAMES}",  # Flatpak
    f"**/{_NAMES}",  # a copy of the folder, anywhere
)
_APPLICATION: Final = "signal-desktop"
_SERVICE: Final = "signal"
_KEYCHAIN_NAME: Final = "Signal"
_DIRECTIONS: Final = {"outgoing": True, "incoming": False}
_CALL_NOTICE: Final = "call-history"  # a message that stands for a row of `callsHistory`


@extractor(
    name="chat.signal-desktop.profile",
    paths=tuple(f"{home}/config.json" for home in _HOMES),
    yields=(ChatProfile,),
    holds_secret=True,
)
def profile(artifact: Artifact) -> Iterator[ChatProfile]:
    """Read what stands between us and the store: where its key is, and whether it fits."""
    found = store.read(artifact, name=_KEYCHAIN_NAME)
    database = artifact.resolve(store.DATABASE)
    if found is None:
        if database is None:
            return
        found = store.Store(
            key=None,
            opened_by=None,
            protection=Protection.ENCRYPTED,
            needed="the key: config.json holds none",
        )
    counts: dict[str, int] = {}
    opened_by = None
    if database is not None and found.key is not None and (found.given or artifact.may_decrypt):
        counts = _counts(artifact, database)
        opened_by = found.opened_by if counts else None
    yield ChatProfile(
        shows=Shows.USED if database is not None else Shows.PRESENT,
        confidence=Confidence.CONFIRMED if opened_by else Confidence.PROBABLE,
        checks=store.OPENED if opened_by else (),
        times=written("store_last_written", database) if database is not None else (),
        protection=found.protection,
        application=_APPLICATION,
        profile=artifact.path.rpartition("/")[0],
        conversations=counts.get("conversations"),
        messages=counts.get("messages"),
        attachments=sum(1 for _ in artifact.find("attachments.noindex/*/*")),
        opened_by=opened_by,
        needed_to_open=found.needed,
    )


def _counts(config: Artifact, database: Artifact) -> dict[str, int]:
    """Count current rows; nothing when the key does not open the store."""
    try:
        with store.opened(database, name=_KEYCHAIN_NAME) as found:
            content = found.database if found else None
            return {
                table: number(next(content.select(f"SELECT count(*) AS n FROM {table}"))["n"]) or 0  # noqa: S608 - one of two names
                for table in ("conversations", "messages")
                if content and table in content.tables()
            }
    except (ParseError, EvidenceError):
        config.problem("the key in config.json does not open the store")
        return {}


@dataclass(slots=True)
class _Peer:
    """A conversation: with whom, and what it is called."""

    identifier: str
    name: str | None


@dataclass(slots=True)
class _Own:
    """The account of the store, and its conversations by each of their ids."""

    protection: Protection
    account: str | None = None
    peers: dict[str, _Peer] = field(default_factory=dict)
    hashes: Hashes = field(default_factory=Hashes)

    def frame(self, row: Row, table: str) -> dict[str, Any]:
        """Return what the findings of a row share."""
        return frame(row, table, protection=self.protection, checks=store.OPENED)

    def peer(self, key: str | None) -> _Peer:
        """Return a conversation; one that is not stored is called by what named it."""
        return self.peers.get(key or "") or _Peer(key or "?", None)


@extractor(
    name="chat.signal-desktop.messages",
    paths=tuple(f"{home}/{store.DATABASE}" for home in _HOMES),
    yields=(ChatProfile, ChatAccount, ChatContact, ChatGroup, ChatMessage, ChatAttachment),
    holds_secret=True,
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Read account, contacts, groups, messages, calls and attachments of a store that opens."""
    if alone := store.alone(artifact, application=_APPLICATION):
        yield alone
    with store.opened(artifact, name=_KEYCHAIN_NAME) as found:
        if found is None:
            return
        database = found.database
        if not database.has({"conversations": {"id"}, "messages": {"id"}}):
            raise ParseError("not a store of Signal")
        own = _Own(found.protection)
        yield from _account(artifact, database, own)
        yield from _conversations(artifact, database, own)
        calls = "callsHistory" in database.tables()
        sent: dict[str, ChatMessage] = {}
        yield from _messages(artifact, database, own, sent, calls=calls)
        yield from _calls(database, own)
        yield from _attachments(artifact, database, sent, own.hashes)


def _items(artifact: Artifact, database: Database) -> Iterator[tuple[str, object]]:
    """Yield the few settings that name the account; nothing else of this table is asked for."""
    wanted = "id IN ('uuid_id', 'number_id', 'device_name', 'blocked', 'blocked-uuids')"
    for row in rows(database, "items", ("id", "json"), where=wanted):
        name, raw = text(row.values.get("id")), text(row.values.get("json"))
        try:
            value = json.parse(raw or "null")
        except ParseError:
            artifact.problem("not JSON", locator=place("items", row))
            continue
        if name:
            yield name, member(value, "value") if isinstance(value, dict) else value


def _account(artifact: Artifact, database: Database, own: _Own) -> Iterator[ChatAccount]:
    items = dict(_items(artifact, database))
    service_id, phone = text(items.get("uuid_id")), text(items.get("number_id"))
    # What follows the last dot is the number of the device.
    service_id = service_id.partition(".")[0].casefold() if service_id else None
    phone = phone.partition(".")[0] if phone else None
    own.account = service_id or phone
    if own.account:
        yield ChatAccount(
            shows=Shows.USED,
            confidence=Confidence.CONFIRMED,
            checks=store.OPENED,
            locator="items uuid_id, number_id",
            protection=own.protection,
            service=_SERVICE,
            identifier=own.account,
            application=_APPLICATION,
            phone=phone,
            linked_device=text(items.get("device_name")),
        )


_CONVERSATION: Final = (
    *("id", "type", "name", "profileName", "profileFamilyName", "profileFullName"),
    *("e164", "serviceId", "uuid", "groupId", "members", "active_at"),
)


def _conversations(
    artifact: Artifact, database: Database, own: _Own
) -> Iterator[ChatContact | ChatGroup]:
    for row in rows(database, "conversations", _CONVERSATION):
        key = first(row, "id")
        service_id = first(row, "serviceId", "uuid")
        phone, group_id = first(row, "e164"), first(row, "groupId")
        is_group = row.values.get("type") == "group"
        name = first(row, "name", "profileFullName", "profileName")
        identifier = (group_id if is_group else service_id or phone) or key
        if identifier is None:
            artifact.problem("a conversation without an id", locator=place("conversations", row))
            continue
        peer = _Peer(identifier, name)
        for each in filter(None, (key, service_id, phone, group_id)):
            own.peers.setdefault(each, peer)
        if identifier == own.account:
            continue  # notes to oneself
        shared = own.frame(row, "conversations") | {
            "times": moment("last_active", row.values.get("active_at"), Unit.MS_UNIX)
        }
        if is_group:
            members = (text(row.values.get("members")) or "").split()
            yield ChatGroup(
                **shared,
                shows=Shows.PRESENT,
                service=_SERVICE,
                own_account=own.account,
                identifier=identifier,
                name=name,
                members=tuple(members[:1000]),
            )
        else:
            yield ChatContact(
                **shared,
                shows=Shows.PRESENT,
                service=_SERVICE,
                own_account=own.account,
                identifier=identifier,
                alias=name,
                phone=phone,
            )


_MESSAGE: Final = (
    *("id", "conversationId", "type", "body", "sent_at", "source", "sourceServiceId"),
    *("sourceUuid", "expireTimer", "hasAttachments", "json"),
)


def _messages(
    artifact: Artifact,
    database: Database,
    own: _Own,
    sent: dict[str, ChatMessage],
    *,
    calls: bool,
) -> Iterator[ChatMessage | ChatAttachment]:
    in_json = "message_attachments" not in database.tables()
    columns = _MESSAGE if in_json else _MESSAGE[:-1]
    for row in rows(database, "messages", columns):
        kind = first(row, "type")
        if calls and kind == _CALL_NOTICE:
            continue
        peer = own.peer(first(row, "conversationId"))
        outgoing = _DIRECTIONS.get(kind or "")
        sender = own.account if outgoing else first(row, "sourceServiceId", "sourceUuid", "source")
        listed = _listed(row) if in_json else []
        message = ChatMessage(
            **own.frame(row, "messages"),
            shows=Shows.USED,
            times=moment("sent", row.values.get("sent_at"), Unit.MS_UNIX),
            service=_SERVICE,
            own_account=own.account,
            conversation=peer.identifier,
            conversation_name=peer.name,
            sender=sender,
            sender_name=own.peer(sender).name,
            text=(text(row.values.get("body")) or "")[:TEXT_LIMIT],
            sent_raw=_raw(row.values.get("sent_at")),
            outgoing=outgoing,
            message_type=None if outgoing is not None else kind,
            attachments=len(listed) or number(row.values.get("hasAttachments")) or None,
            expires_after_s=number(row.values.get("expireTimer")) or None,
        )
        yield message
        for position, each in enumerate(listed):
            where = f"{message.locator}, {position}"
            yield _attachment(artifact, message, each, where, own.hashes)
        key = first(row, "id")
        if key and not in_json and number(row.values.get("hasAttachments")):
            sent[key] = message


def _raw(value: object) -> str | None:
    return None if value is None else str(value)[:40]


def _listed(row: Row) -> list[json.Json]:
    """Return the attachments that old versions keep in the JSON of a message."""
    try:
        found = member(json.parse(text(row.values.get("json")) or "null"), "attachments")
    except ParseError:
        return []
    return found[:100] if isinstance(found, list) else []


def _attachment(
    artifact: Artifact, message: ChatMessage, values: json.Json, locator: str, hashes: Hashes
) -> ChatAttachment:
    stored = text(member(values, "path"))
    there = artifact.resolve(f"../attachments.noindex/{stored}") if stored else None
    keys, length = text(member(values, "localKey")), number(member(values, "size"))
    facts = hashes.opened(there, keys, length) if keys else hashes.facts(there)
    return ChatAttachment(
        shows=Shows.PRESENT,
        confidence=message.confidence,
        checks=message.checks,
        locator=locator,
        row=message.row,
        times=message.times,
        protection=message.protection,
        service=_SERVICE,
        own_account=message.own_account,
        conversation=message.conversation,
        sent_raw=message.sent_raw,
        file_name=text(member(values, "fileName")),
        stored_as=stored,
        media_type=text(member(values, "contentType")),
        length=length,
        outgoing=message.outgoing,
        **(facts if stored else {}),
    )


_ATTACHMENT: Final = ("messageId", "path", "size", "contentType", "fileName", "localKey")


def _attachments(
    artifact: Artifact, database: Database, sent: dict[str, ChatMessage], hashes: Hashes
) -> Iterator[ChatAttachment]:
    for row in rows(database, "message_attachments", _ATTACHMENT):
        message = sent.get(first(row, "messageId") or "")
        if message is None:
            continue
        values: dict[str, json.Json] = {
            "path": first(row, "path"),
            "size": number(row.values.get("size")),
            "contentType": first(row, "contentType"),
            "fileName": first(row, "fileName"),
            "localKey": first(row, "localKey"),
        }
        yield _attachment(artifact, message, values, place("message_attachments", row), hashes)


_CALL: Final = ("callId", "peerId", "ringerId", "mode", "type", "direction", "status", "timestamp")


def _calls(database: Database, own: _Own) -> Iterator[ChatMessage]:
    for row in rows(database, "callsHistory", _CALL):
        peer = own.peer(first(row, "peerId"))
        outgoing = {"Outgoing": True, "Incoming": False}.get(first(row, "direction") or "")
        told = (first(row, "mode"), first(row, "type"), first(row, "status"))
        sender = own.account if outgoing else first(row, "ringerId") or peer.identifier
        yield ChatMessage(
            **own.frame(row, "callsHistory"),
            shows=Shows.USED,
            times=moment("called", row.values.get("timestamp"), Unit.MS_UNIX),
            service=_SERVICE,
            own_account=own.account,
            conversation=peer.identifier,
            conversation_name=peer.name,
            sender=sender,
            sender_name=own.peer(sender).name,
            text=", ".join(filter(None, told)),
            sent_raw=_raw(row.values.get("timestamp")),
            outgoing=outgoing,
            message_type="call",
        )
