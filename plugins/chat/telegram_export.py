"""Exports of Telegram Desktop: whole chats in clear, as JSON or as pages.

Written from descriptions of what Telegram Desktop exports and tested with files made after them:
there was no sample. Found by the names that the program gives the folders (`ChatExport_DATE`,
`DataExport_DATE`); an export in a renamed folder is not found. Reads chats, messages, the account
and contacts of a full export. Not read: sessions, sites logged in to, stories and the files of
messages. Pages name senders without ids, and do not tell which side is whose.

References: telegramdesktop/tdesktop; core.telegram.org/import-export.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatAttachment,
    ChatContact,
    ChatExport,
    ChatGroup,
    ChatMessage,
    Confidence,
    Finding,
    Protection,
    Shows,
    extractor,
)
from triage.formats import json
from triage.formats.json import Json

from ._rows import TEXT_LIMIT, member, number, text
from ._telegram_export import Chat, Message, chats, page

_APPLICATION: Final = "telegram-desktop"
_SERVICE: Final = "telegram"
_LIMIT: Final = 128 << 20
_PAGE_LIMIT: Final = 32 << 20
_FOLDERS: Final = "**/{ChatExport,DataExport}_*"  # since 1.3.13 (2018), any OS


@extractor(
    name="chat.telegram-export.json",
    paths=(f"{_FOLDERS}/result.json",),
    yields=(ChatExport, ChatAccount, ChatContact, ChatGroup, ChatMessage, ChatAttachment),
)
def exported(artifact: Artifact) -> Iterator[Finding]:
    """Read an export as JSON: the chats in it, their messages, the account if it is there."""
    parsed = json.parse(artifact.read(_LIMIT), limit=_LIMIT)
    found = [*chats(parsed)]
    information = member(parsed, "personal_information")
    own = number(member(information, "user_id"))
    if not found and own is None:
        return
    account = str(own) if own is not None else None
    listed = [[*chat.messages] for chat in found]
    yield _export(
        artifact,
        "json",
        found[0].name if len(found) == 1 and own is None else None,
        len(found),
        sum(map(len, listed)),
    )
    if account is not None:
        yield from _account(account, information)
        yield from _contacts(parsed, account)
    for chat in found:
        if not chat.personal:
            yield ChatGroup(
                shows=Shows.USED,
                confidence=Confidence.PROBABLE,
                locator=f"chat {chat.id}",
                protection=Protection.PLAIN,
                service=_SERVICE,
                own_account=account,
                identifier=chat.id,
                name=chat.name,
            )
    for chat, messages in zip(found, listed, strict=True):
        for message in messages:
            yield from _message(chat, message, account)


@extractor(
    name="chat.telegram-export.html",
    paths=(f"{_FOLDERS}/messages*.html", f"{_FOLDERS}/chats/*/messages*.html"),
    yields=(ChatExport, ChatMessage, ChatAttachment),
)
def pages(artifact: Artifact) -> Iterator[Finding]:
    """Read a page of an exported chat: names, times as shown, texts."""
    found = page(artifact.text(_PAGE_LIMIT))
    if found is None:
        return
    name, messages = found
    listed = [*messages]
    yield _export(artifact, "html", name, 1, len(listed))
    chat = Chat(id=name or "?", name=name, kind=None, messages=iter(()))
    for message in listed:
        yield from _message(chat, message, None)


def _export(
    artifact: Artifact, form: str, name: str | None, conversations: int, messages: int
) -> ChatExport:
    return ChatExport(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        protection=Protection.PLAIN,
        application=_APPLICATION,
        path=artifact.path,
        export_format=form,
        name=name,
        conversations=conversations,
        messages=messages,
    )


def _account(account: str, information: Json) -> Iterator[ChatAccount]:
    names = (text(member(information, name)) for name in ("first_name", "last_name"))
    yield ChatAccount(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        locator="personal_information",
        protection=Protection.PLAIN,
        service=_SERVICE,
        identifier=account,
        application=_APPLICATION,
        display_name=" ".join(filter(None, names)) or None,
        phone=text(member(information, "phone_number")),
        handle=(text(member(information, "username")) or "").removeprefix("@") or None,
    )


def _contacts(parsed: Json, account: str) -> Iterator[ChatContact]:
    listed = member(member(parsed, "contacts"), "list")
    for position, each in enumerate(listed if isinstance(listed, list) else []):
        phone = text(member(each, "phone_number"))
        user_id = number(member(each, "user_id"))
        names = (text(member(each, name)) for name in ("first_name", "last_name"))
        identifier = str(user_id) if user_id else phone
        if identifier:
            yield ChatContact(
                shows=Shows.PRESENT,
                confidence=Confidence.PROBABLE,
                locator=f"contact {position}",
                protection=Protection.PLAIN,
                service=_SERVICE,
                own_account=account,
                identifier=identifier,
                alias=" ".join(filter(None, names)) or None,
                phone=phone,
            )


def _message(
    chat: Chat, message: Message, account: str | None
) -> Iterator[ChatMessage | ChatAttachment]:
    raw = message.sent[0].raw if message.sent else None
    outgoing = message.sender == account if account and message.sender else None
    locator = f"chat {chat.id}, message {message.id}"
    yield ChatMessage(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        locator=locator,
        times=message.sent,
        protection=Protection.PLAIN,
        service=_SERVICE,
        own_account=account,
        conversation=chat.id,
        conversation_name=chat.name,
        sender=message.sender,
        sender_name=message.sender_name,
        text=message.text[:TEXT_LIMIT],
        sent_raw=raw,
        outgoing=outgoing,
        message_type=message.action,
        attachments=1 if message.media else None,
        duration_s=message.duration_s,
    )
    if message.media:
        yield ChatAttachment(
            shows=Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            locator=locator,
            times=message.sent,
            protection=Protection.PLAIN,
            service=_SERVICE,
            own_account=account,
            conversation=chat.id,
            sent_raw=raw,
            stored_as=message.media,
            media_type=message.media_type,
            outgoing=outgoing,
        )
