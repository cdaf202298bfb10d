"""Conversations, Kik, Viber and LINE on Android: contacts, groups, messages in clear.

Written from what ALEAPP reads of the databases and from published descriptions, and tested with
databases made after them: there was no sample of any. Conversations stands for its forks as well
(Cheogram, blabber.im, monocles). A database that was moved or renamed is known by its schema.
Not read: media, calls, reactions, keys of OMEMO; of a saved password it is told that it is there.

References: abrignoni/ALEAPP, `kikMessages.py`, `Viber.py`, `line.py`; iNPUTmice/Conversations,
`DatabaseBackend.java`.
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
    Shows,
    SqliteSchema,
    extractor,
)
from triage.formats.sqlite import Row

from ._plain import Store, read
from ._rows import first, frame, number

_CONVERSATIONS: Final = {
    "messages": {"conversationUuid", "timeSent", "body"},
    "conversations": {"uuid", "contactJid"},
}
_KIK: Final = {"messagesTable": {"body", "partner_jid", "was_me", "timestamp"}}
_VIBER: Final = {"messages": {"msg_date", "body", "send_type", "conversation_id"}}
_LINE: Final = {"chat_history": {"chat_id", "from_mid", "content", "created_time"}}


@extractor(
    name="chat.conversations.messages",
    paths=(
        # Android: Conversations, Cheogram
        "**/{eu.siacs.conversations,com.cheogram.android}/databases/history",
        "**/{de.monocles.chat,de.pixart.messenger}/databases/history",  # its forks
    ),
    content=(SqliteSchema(_CONVERSATIONS),),
    yields=(ChatProfile, ChatAccount, ChatContact, ChatGroup, ChatMessage),
    holds_secret=True,
)
def conversations(artifact: Artifact) -> Iterator[Finding]:
    """Read accounts, contacts, rooms and messages of XMPP."""
    yield from read(
        artifact,
        "xmpp-android",
        _CONVERSATIONS,
        _conversations,
        counted=("messages", "conversationUuid"),
    )


def _conversations(store: Store) -> Iterator[Finding]:
    accounts: dict[str, str] = {}
    for row in store.rows("accounts", "uuid", "username", "server", "display_name"):
        key, user, server = first(row, "uuid"), first(row, "username"), first(row, "server")
        if key is None or user is None or server is None:
            continue
        accounts[key] = f"{user}@{server}"
        yield ChatAccount(
            **frame(row, "accounts"),
            shows=Shows.USED,
            service="xmpp",
            identifier=accounts[key],
            application="conversations-android",
            display_name=first(row, "display_name"),
            password_stored=_has_password(store, row),
            server=server,
        )
    yield from _xmpp_contacts(store, accounts)
    chats: dict[str, tuple[str, str | None]] = {}
    for row in store.rows("conversations", "uuid", "accountUuid", "contactJid", "name", "mode"):
        key, jid = first(row, "uuid"), first(row, "contactJid")
        if key is None or jid is None:
            continue
        store.own = accounts.get(first(row, "accountUuid") or "")
        chats[key] = jid, store.own
        if name := first(row, "name"):
            store.names.setdefault(jid, name)
        if number(row.values.get("mode")) == 1:  # a room
            yield ChatGroup(
                **store.shared(row, "conversations"),
                shows=Shows.PRESENT,
                identifier=jid,
                name=store.names.get(jid),
            )
    yield from _xmpp_messages(store, chats)


def _xmpp_contacts(store: Store, accounts: dict[str, str]) -> Iterator[ChatContact]:
    for row in store.rows("contacts", "accountUuid", "jid", "systemname", "servername"):
        jid, name = first(row, "jid"), first(row, "systemname", "servername")
        if jid is None:
            continue
        store.own = accounts.get(first(row, "accountUuid") or "")
        yield ChatContact(**store.known(row, "contacts", jid, name), alias=name)


def _xmpp_messages(store: Store, chats: dict[str, tuple[str, str | None]]) -> Iterator[ChatMessage]:
    columns = ("conversationUuid", "timeSent", "counterpart", "body", "status")
    for row in store.rows("messages", *columns):
        jid, store.own = chats.get(first(row, "conversationUuid") or "", ("?", None))
        status = number(row.values.get("status"))
        mine = None if status is None else status > 0  # 0: received
        yield store.message(
            row,
            "messages",
            jid,
            store.own if mine else first(row, "counterpart"),
            at=row.values.get("timeSent"),
            mine=mine,
            said=first(row, "body"),
        )


def _has_password(store: Store, row: Row) -> bool:
    if "password" not in store.database.columns("accounts"):
        return False
    sql = "SELECT count(*) AS n FROM accounts WHERE rowid = ? AND password <> ''"
    return any(number(found["n"]) for found in store.database.select(sql, (row.key,)))


@extractor(
    name="chat.kik.messages",
    paths=("**/kik.android/databases/*kikDatabase.db",),  # Android; before it the account's id
    content=(SqliteSchema(_KIK),),
    yields=(ChatProfile, ChatContact, ChatGroup, ChatMessage),
)
def kik(artifact: Artifact) -> Iterator[Finding]:
    """Read contacts, groups and messages of Kik."""
    yield from read(artifact, "kik-android", _KIK, _kik, counted=("messagesTable", "partner_jid"))


def _kik(store: Store) -> Iterator[Finding]:
    for row in store.rows("KIKcontactsTable", "jid", "display_name", "user_name", "is_blocked"):
        jid, name = first(row, "jid"), first(row, "display_name")
        if jid is None:
            continue
        shared = store.known(row, "KIKcontactsTable", jid, name)
        if "groups.kik.com" in jid:
            yield ChatGroup(**shared, name=name)
        else:
            blocked = number(row.values.get("is_blocked"))
            yield ChatContact(
                **shared,
                alias=name,
                handle=first(row, "user_name"),
                blocked=None if blocked is None else blocked == 1,
            )
    for row in store.rows("messagesTable", "body", "partner_jid", "bin_id", "was_me", "timestamp"):
        mine = number(row.values.get("was_me"))
        peer = first(row, "partner_jid")
        yield store.message(
            row,
            "messagesTable",
            first(row, "bin_id", "partner_jid") or "?",
            None if mine else peer,
            at=row.values.get("timestamp"),
            mine=None if mine is None else mine == 1,
            said=first(row, "body"),
        )


@extractor(
    name="chat.viber.messages",
    paths=("**/com.viber.voip/databases/viber_messages",),  # Android
    content=(SqliteSchema(_VIBER),),
    yields=(ChatProfile, ChatContact, ChatGroup, ChatMessage),
)
def viber(artifact: Artifact) -> Iterator[Finding]:
    """Read participants, groups and messages of Viber."""
    yield from read(
        artifact, "viber-android", _VIBER, _viber, counted=("messages", "conversation_id")
    )


def _viber(store: Store) -> Iterator[Finding]:
    people: dict[int, str] = {}
    for row in store.rows("participants_info", "_id", "number", "display_name", "contact_name"):
        key, phone = number(row.values.get("_id")), first(row, "number")
        name = first(row, "contact_name", "display_name")
        identifier = phone or name
        if key is None or identifier is None:
            continue
        people[key] = identifier
        yield ChatContact(
            **store.known(row, "participants_info", identifier, name),
            alias=name,
            phone=phone,
        )
    senders: dict[int, str] = {}
    for row in store.rows("participants", "_id", "participant_info_id"):
        key, info = number(row.values.get("_id")), number(row.values.get("participant_info_id"))
        if key is not None and info in people:
            senders[key] = people[info]
    for row in store.rows("conversations", "_id", "name", "conversation_type"):
        chat, name = str(row.values.get("_id")), first(row, "name")
        if name:
            store.names.setdefault(chat, name)
        if number(row.values.get("conversation_type")):  # 0: one to one
            yield ChatGroup(
                **store.shared(row, "conversations"),
                shows=Shows.PRESENT,
                identifier=chat,
                name=name,
            )
    columns = ("msg_date", "body", "send_type", "conversation_id", "participant_id")
    for row in store.rows("messages", *columns):
        sent = number(row.values.get("send_type"))
        yield store.message(
            row,
            "messages",
            str(row.values.get("conversation_id")),
            None if sent else senders.get(number(row.values.get("participant_id")) or 0),
            at=row.values.get("msg_date"),
            mine=None if sent is None else sent == 1,
            said=first(row, "body"),
        )


@extractor(
    name="chat.line.messages",
    paths=("**/jp.naver.line.android/databases/naver_line",),  # Android
    content=(SqliteSchema(_LINE),),
    yields=(ChatProfile, ChatContact, ChatGroup, ChatMessage),
)
def line(artifact: Artifact) -> Iterator[Finding]:
    """Read contacts, groups and messages of LINE."""
    yield from read(artifact, "line-android", _LINE, _line, counted=("chat_history", "chat_id"))


def _line(store: Store) -> Iterator[Finding]:
    for table, kind, key in (("contacts", ChatContact, "m_id"), ("groups", ChatGroup, "id")):
        for row in store.rows(table, key, "name", "server_name"):
            identifier, name = first(row, key), first(row, "name", "server_name")
            if identifier is None:
                continue
            shared = store.known(row, table, identifier, name)
            yield (
                ChatContact(**shared, alias=name)
                if kind is ChatContact
                else ChatGroup(**shared, name=name)
            )
    columns = ("chat_id", "from_mid", "content", "created_time", "type")
    for row in store.rows("chat_history", *columns):
        sender = first(row, "from_mid")
        yield store.message(
            row,
            "chat_history",
            first(row, "chat_id") or "?",
            sender,
            at=row.values.get("created_time"),
            mine=sender is None,
            said=first(row, "content"),
        )
