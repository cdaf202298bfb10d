"""Wire: this device, contacts, conversations and messages of the desktop program, in clear.

Written from what DLEAPP reads and from wire-webapp's records, and tested with storage made after
them: there was no sample of a real account. Messages lie decrypted in IndexedDB. Files that they
carry lie encrypted in caches; what is told of them comes from the message. Not read: the cookie
that keeps the session, keys, logs, the mobile programs.

References: abrignoni/DLEAPP, `wire*.py`; wireapp/wire-webapp, `src/script/storage`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatAttachment,
    ChatContact,
    ChatGroup,
    ChatMessage,
    ChatProfile,
    Finding,
    Shows,
    extractor,
)

from ._chromium_app import Found, indexed, level, member, profile_of, raw, same, when, whole
from ._rows import TEXT_LIMIT, number, text

_PATHS: Final = (
    # Wire for Windows, macOS, Linux and its web client in a browser; for one's own server as well
    "**/IndexedDB/https_{app.wire.com,wire-webapp*,webapp.*}_0.indexeddb.leveldb/CURRENT",
)
_SERVICE: Final = "wire"
_APPLICATION: Final = "wire"
_STORES: Final = ("clients", "users", "conversations", "events")
_ONE_TO_ONE: Final = 2  # type of a conversation; 0: a group, 1: with oneself, 3: a request


@extractor(
    name="chat.wire.messages",
    paths=_PATHS,
    yields=(ChatProfile, ChatAccount, ChatContact, ChatGroup, ChatMessage, ChatAttachment),
    holds_secret=True,
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Read account, device, contacts, conversations and messages."""
    own: dict[str, str] = {}  # database → account
    names: dict[str, str] = {}
    titles: dict[str, str] = {}
    count = 0
    chats: set[str] = set()
    told: set[tuple[str, ...]] = set()
    contents = level(artifact)
    for store in _STORES:
        for record in indexed(
            artifact,
            contents,
            _is(store),
        ):
            account = own.setdefault(record.database, _account(record.database))
            for finding in _READERS[store](record, account, names, titles):
                told_as = same(finding)
                if told_as in told:
                    continue
                told.add(told_as)
                if isinstance(finding, ChatMessage):
                    count += 1
                    chats.add(finding.conversation)
                yield finding
    if not own:
        return
    yield profile_of(
        artifact,
        _APPLICATION,
        accounts=len(set(own.values())),
        conversations=len(chats),
        messages=count,
    )


def _is(store: str) -> Callable[[str, str], bool]:
    return lambda database, name: database.startswith("wire@") and name == store


def _account(database: str) -> str:
    """Return the account in `wire@production@<account>@permanent`."""
    parts = database.split("@")
    return parts[2] if len(parts) > 2 else database  # noqa: PLR2004 - see above


def _clients(
    record: Found, account: str, _names: dict[str, str], _titles: dict[str, str]
) -> Iterator[Finding]:
    if member(record.value, "meta", "primary_key") != "local_identity":
        return
    model, label = text(member(record.value, "model")), text(member(record.value, "label"))
    at = member(record.value, "time")
    yield ChatAccount(
        **record.frame,
        shows=Shows.USED,
        times=when("device_registered", at),
        service=_SERVICE,
        identifier=account,
        application=_APPLICATION,
        linked_device=" ".join(filter(None, (model, label))) or None,
    )


def _users(
    record: Found, account: str, names: dict[str, str], _titles: dict[str, str]
) -> Iterator[Finding]:
    identifier = text(member(record.value, "id"))
    name = text(member(record.value, "name"))
    if identifier is None:
        return
    if name:
        names.setdefault(identifier, name)
    shared = record.frame | {"shows": Shows.PRESENT, "service": _SERVICE}
    handle = text(member(record.value, "handle"))
    if identifier == account:
        yield ChatAccount(
            **shared,
            identifier=identifier,
            application=_APPLICATION,
            display_name=name,
            handle=handle,
            email=text(member(record.value, "email")),
            phone=text(member(record.value, "phone")),
        )
    else:
        yield ChatContact(
            **shared, own_account=account, identifier=identifier, alias=name, handle=handle
        )


def _conversations(
    record: Found, account: str, names: dict[str, str], titles: dict[str, str]
) -> Iterator[Finding]:
    identifier = text(member(record.value, "id"))
    others = member(record.value, "others")
    members = tuple(filter(None, map(text, others[:1000]))) if isinstance(others, list) else ()
    if identifier is None:
        return
    name = text(member(record.value, "name")) or ", ".join(
        names[each] for each in members[:5] if each in names
    )
    if name:
        titles.setdefault(identifier, name)
    if number(whole(member(record.value, "type"))) == _ONE_TO_ONE and len(members) == 1:
        return
    yield ChatGroup(
        **record.frame,
        shows=Shows.PRESENT,
        times=when("last_active", member(record.value, "last_event_timestamp")),
        service=_SERVICE,
        own_account=account,
        identifier=identifier,
        name=name or None,
        members=members,
    )


def _events(
    record: Found, account: str, names: dict[str, str], titles: dict[str, str]
) -> Iterator[Finding]:
    kind = text(member(record.value, "type")) or ""
    chat, at = text(member(record.value, "conversation")), member(record.value, "time")
    sender, data = text(member(record.value, "from")), member(record.value, "data")
    said = text(member(data, "content")) or text(member(data, "text", "content")) or ""
    carries = kind == "conversation.asset-add"
    if chat is None or not (kind.startswith("conversation.") or carries):
        return
    shared = record.frame | {
        "times": when("sent", at),
        "service": _SERVICE,
        "own_account": account,
        "conversation": chat,
        "sent_raw": raw(at),
        "outgoing": sender == account if sender else None,
    }
    plain = kind in {"conversation.message-add", "conversation.asset-add"}
    expires = whole(member(record.value, "ephemeral_expires"))
    yield ChatMessage(
        **shared,
        shows=Shows.USED,
        conversation_name=titles.get(chat),
        sender=sender,
        sender_name=names.get(sender or ""),
        text=said[:TEXT_LIMIT],
        message_type=None if plain else kind.removeprefix("conversation."),
        attachments=1 if carries else None,
        expires_after_s=expires // 1000 if number(expires) and 0 < expires < 10**10 else None,
    )
    if carries:
        yield ChatAttachment(
            **shared,
            shows=Shows.PRESENT,
            file_name=text(member(data, "info", "name")),
            stored_as=text(member(data, "key")),
            media_type=text(member(data, "content_type")),
            length=number(whole(member(data, "content_length"))),
        )


_READERS: Final = {
    "clients": _clients,
    "users": _users,
    "conversations": _conversations,
    "events": _events,
}
