"""imo, TeleGuard, TextNow, Zangi and Burner on Android: accounts, contacts, messages in clear.

Written from what ALEAPP reads of the databases, and tested with databases made after it: there was
no sample of any. imo counts nanoseconds; which of its types is sent is ALEAPP's reading (1
received, 2 sent), and so are those of Burner; that Zangi's `isIncoming` tells direction is its name
alone. TeleGuard keeps its private key in the same database: it is withheld. Not read: media, posts
of channels, drafts.

References: abrignoni/ALEAPP, `imo.py`, `teleguard.py`, `textnow.py`, `zangichats.py`, `burner.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatContact,
    ChatGroup,
    ChatMessage,
    ChatProfile,
    Finding,
    LimitError,
    ParseError,
    Shows,
    SqliteSchema,
    Unit,
    extractor,
)
from triage.formats import json

from ._plain import Store, read
from ._rows import first, frame, member, moment, number, rows, text

_IMO: Final = {"messages": {"buid", "last_message", "timestamp", "message_type"}}
_IMO_ACCOUNT: Final = {"account": {"uid", "name"}}
_TELEGUARD: Final = {
    "messages": {"createDate", "sender", "receiver", "content", "chatId"},
    "service": {"id", "data"},
}
_TEXTNOW: Final = {"messages": {"contact_value", "message_direction", "message_text", "date"}}
_ZANGI: Final = {
    "message": {"chatWith", "msgId", "message_msg", "isIncoming", "date"},
    "user_profile": {"id", "first_name"},
}
_BURNER: Final = {
    "messages": {"contact_phone_number", "direction", "message", "date_created"},
    "burners": {"phone_number_id", "expiration_date"},
}
_BURNER_CALL: Final = 1
_WAYS: Final = {1: False, 2: True}
_TEXTNOW_CALLS: Final = {100, 102}


@extractor(
    name="chat.imo.account",
    paths=("**/com.imo.android.imous/databases/accountdb.db",),  # Android
    yields=(ChatAccount,),
    holds_secret=True,
)
def imo_account(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the id and name of the account."""
    with artifact.sqlite() as database:
        if not database.has(_IMO_ACCOUNT):
            raise ParseError("not the account of imo")
        for row in rows(database, "account", ("uid", "name")):
            uid = first(row, "uid")
            if uid is not None:
                yield ChatAccount(
                    **frame(row, "account"),
                    shows=Shows.USED,
                    service="imo",
                    identifier=uid,
                    application="imo-android",
                    display_name=first(row, "name"),
                )


@extractor(
    name="chat.imo.messages",
    paths=("**/com.imo.android.imous/databases/imofriends.db",),  # Android
    content=(SqliteSchema(_IMO),),
    yields=(ChatProfile, ChatContact, ChatMessage),
)
def imo(artifact: Artifact) -> Iterator[Finding]:
    """Read contacts and messages of imo."""
    yield from read(artifact, "imo-android", _IMO, _imo, counted=("messages", "buid"))


def _imo(store: Store) -> Iterator[Finding]:
    for row in store.rows("friends", "buid", "name", "display", "phone"):
        identifier, name = first(row, "buid"), first(row, "name", "display")
        if identifier is None:
            continue
        yield ChatContact(
            **store.known(row, "friends", identifier, name),
            alias=name,
            phone=first(row, "phone"),
        )
    for row in store.rows("messages", "buid", "last_message", "timestamp", "message_type"):
        peer = first(row, "buid") or "?"
        mine = _WAYS.get(number(row.values.get("message_type")) or 0)
        yield store.message(
            row,
            "messages",
            peer,
            None if mine else peer,
            at=row.values.get("timestamp"),
            mine=mine,
            said=first(row, "last_message"),
            unit=Unit.NS_UNIX,
        )


@extractor(
    name="chat.teleguard.messages",
    # Android; the program is written with Flutter
    paths=("**/ch.swisscows.messenger.teleguardapp/app_flutter/teleguard_database.db",),
    content=(SqliteSchema(_TELEGUARD),),
    yields=(ChatProfile, ChatAccount, ChatContact, ChatMessage),
    holds_secret=True,
)
def teleguard(artifact: Artifact) -> Iterator[Finding]:
    """Read account, contacts and messages of TeleGuard."""
    counted = ("messages", "chatId")
    yield from read(artifact, "teleguard-android", _TELEGUARD, _teleguard, counted=counted)


def _teleguard(store: Store) -> Iterator[Finding]:
    for row in store.rows("service", "id", "data"):
        if first(row, "id") != "user":
            continue
        try:
            about = json.parse(first(row, "data") or "null")
        except (ParseError, LimitError):
            continue
        own = text(member(about, "serverId"))
        if own is None:
            continue
        store.own = own
        yield ChatAccount(
            **frame(row, "service"),
            shows=Shows.USED,
            service=store.service,
            identifier=own,
            application="teleguard-android",
            display_name=text(member(about, "alias")),
        )
    for row in store.rows("contacts", "serverId", "alias"):
        identifier, name = first(row, "serverId"), first(row, "alias")
        if identifier is None:
            continue
        yield ChatContact(
            **store.known(row, "contacts", identifier, name),
            alias=name,
        )
    for row in store.rows("messages", "createDate", "type", "sender", "content", "chatId"):
        sender, kind = first(row, "sender"), first(row, "type")
        known = store.own is not None and sender is not None
        yield store.message(
            row,
            "messages",
            first(row, "chatId") or str(row.values.get("chatId")),
            sender,
            at=row.values.get("createDate"),
            mine=sender == store.own if known else None,
            said=first(row, "content"),
            kind={"CALL": "call", "SERVICE": "notice"}.get(kind or ""),
        )


@extractor(
    name="chat.textnow.messages",
    paths=("**/com.enflick.android.TextNow/databases/textnow_data.db",),  # Android
    content=(SqliteSchema(_TEXTNOW),),
    yields=(ChatProfile, ChatContact, ChatGroup, ChatMessage),
)
def textnow(artifact: Artifact) -> Iterator[Finding]:
    """Read contacts, groups and messages of TextNow."""
    counted = ("messages", "contact_value")
    yield from read(artifact, "textnow-android", _TEXTNOW, _textnow, counted=counted)


def _textnow(store: Store) -> Iterator[Finding]:
    members: dict[str, list[str]] = {}
    for row in store.rows("group_members", "contact_value", "member_contact_value"):
        group, who = first(row, "contact_value"), first(row, "member_contact_value")
        if group and who:
            members.setdefault(group, []).append(who)
    for row in store.rows("contacts", "contact_value", "contact_name"):
        identifier, name = first(row, "contact_value"), first(row, "contact_name")
        if identifier is None:
            continue
        shared = store.known(row, "contacts", identifier, name)
        if identifier in members:
            yield ChatGroup(**shared, name=name, members=tuple(members[identifier]))
        else:
            yield ChatContact(**shared, alias=name)
    columns = ("contact_value", "message_direction", "message_text", "message_type", "date")
    for row in store.rows("messages", *columns):
        peer = first(row, "contact_value") or "?"
        mine = _WAYS.get(number(row.values.get("message_direction")) or 0)
        call = number(row.values.get("message_type")) in _TEXTNOW_CALLS
        yield store.message(
            row,
            "messages",
            peer,
            None if mine or peer in members else peer,
            at=row.values.get("date"),
            mine=mine,
            said=None if call else first(row, "message_text"),
            kind="call" if call else None,
        )


@extractor(
    name="chat.zangi.messages",
    paths=("**/com.beint.zangi/databases/*.db",),  # Android: named after the account's number
    content=(SqliteSchema(_ZANGI),),
    yields=(ChatProfile, ChatContact, ChatMessage),
)
def zangi(artifact: Artifact) -> Iterator[Finding]:
    """Read people and messages of Zangi."""
    with artifact.sqlite() as database:
        if not database.has(_ZANGI):
            return  # its settings, and what libraries keep
    yield from read(artifact, "zangi-android", _ZANGI, _zangi, counted=("message", "chatWith"))


def _zangi(store: Store) -> Iterator[Finding]:
    for row in store.rows("user_profile", "id", "first_name", "last_name"):
        identifier = first(row, "id")
        name = " ".join(filter(None, (first(row, "first_name"), first(row, "last_name")))) or None
        if identifier is None:
            continue
        yield ChatContact(
            **store.known(row, "user_profile", identifier, name),
            alias=name,
        )
    columns = ("date", "chatWith", "message_msg", "msgFrom", "isIncoming")
    for row in store.rows("message", *columns):
        incoming = number(row.values.get("isIncoming"))
        yield store.message(
            row,
            "message",
            first(row, "chatWith") or "?",
            first(row, "msgFrom"),
            at=row.values.get("date"),
            mine=None if incoming is None else not incoming,
            said=first(row, "message_msg"),
        )


@extractor(
    name="chat.burner.messages",
    paths=("**/com.adhoclabs.burner/databases/burners.db",),  # Android
    content=(SqliteSchema(_BURNER),),
    yields=(ChatProfile, ChatAccount, ChatContact, ChatMessage),
)
def burner(artifact: Artifact) -> Iterator[Finding]:
    """Read the numbers that were rented, contacts, messages and calls of Burner."""
    counted = ("messages", "contact_phone_number")
    yield from read(artifact, "burner-android", _BURNER, _burner, counted=counted)


def _burner(store: Store) -> Iterator[Finding]:
    rented = ("name", "phone_number_id", "date_created", "expiration_date")
    for row in store.rows("burners", *rented):
        own = first(row, "phone_number_id")
        if own is not None:
            yield ChatAccount(
                **frame(row, "burners"),
                shows=Shows.USED,
                times=(
                    *moment("created", row.values.get("date_created"), Unit.MS_UNIX),
                    *moment("expires", row.values.get("expiration_date"), Unit.MS_UNIX),
                ),
                service=store.service,
                identifier=own,
                application="burner-android",
                display_name=first(row, "name"),
                phone=own,
            )
    for row in store.rows("contacts", "name", "phone_number"):
        identifier, name = first(row, "phone_number"), first(row, "name")
        if identifier is None:
            continue
        yield ChatContact(
            **store.known(row, "contacts", identifier, name),
            alias=name,
            phone=identifier,
        )
    columns = ("date_created", "contact_phone_number", "direction", "message_type", "message")
    for row in store.rows("messages", *columns):
        peer = first(row, "contact_phone_number") or "?"
        mine = _WAYS.get(number(row.values.get("direction")) or 0)
        call = number(row.values.get("message_type")) == _BURNER_CALL
        yield store.message(
            row,
            "messages",
            peer,
            None if mine else peer,
            at=row.values.get("date_created"),
            mine=mine,
            said=first(row, "message"),
            kind="call" if call else None,
        )
