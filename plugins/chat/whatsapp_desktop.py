"""WhatsApp on computers: messages on macOS, presence and received files on Windows.

Written from the Core Data schema of `ChatStorage.sqlite` (the same on macOS and iOS, as DLEAPP and
iLEAPP read it) and, for Windows, from the layout that ZAPiXDESK describes; tested with files made
after them: there was no sample of either. On Windows the databases of the Store app (2022 on) are
encrypted with keys that DPAPI and the machine hold, and stay closed; files received lie in clear
in `shared/transfers` and are counted. The Electron program before it kept no bodies in clear.
WhatsApp Web in a browser is not read.

References: abrignoni/DLEAPP, `whatsapp.py`; abrignoni/iLEAPP; kraftdenker/ZAPiXDESK.
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
from triage.formats.sqlite import Database

from ._attachments import Hashes
from ._rows import TEXT_LIMIT, first, frame, moment, number, rows, written
from ._whatsapp import GROUP, SERVICE

_APPLICATION: Final = "whatsapp-desktop"
_PACKAGE: Final = "**/Packages/5319275A.WhatsAppDesktop_*"  # Microsoft Store
_SCHEMA: Final = {
    "ZWAMESSAGE": {"Z_PK", "ZMESSAGEDATE", "ZTEXT", "ZISFROMME", "ZCHATSESSION"},
    "ZWACHATSESSION": {"Z_PK", "ZCONTACTJID"},
}
_SYSTEM: Final = 6  # message type of a notice
_TYPES: Final = {
    1: "image",
    2: "video",
    3: "audio",
    4: "contact",
    5: "location",
    _SYSTEM: "system",
    8: "document",
    10: "missed call",
    11: "gif",
    14: "deleted",
    15: "sticker",
    59: "call",
}


@extractor(
    name="chat.whatsapp-desktop.windows",
    paths=(
        f"{_PACKAGE}/LocalState/session.db",  # Windows, 2022 on, both generations of the app
        f"{_PACKAGE}/LocalCache/Roaming/WhatsApp/Preferences",  # Windows, Electron from the Store
        "**/AppData/Roaming/WhatsApp/Preferences",  # Windows, Electron, to 2023
    ),
    yields=(ChatProfile,),
)
def windows(artifact: Artifact) -> Iterator[ChatProfile]:
    """Tell that the program kept data here, and how many received files lie in clear."""
    store = artifact.entry.name.casefold() == "session.db"
    if not store and not artifact.folder("Local Storage"):
        return
    yield ChatProfile(
        shows=Shows.USED if store else Shows.EXECUTED,
        confidence=Confidence.PROBABLE,
        times=written("store_last_written" if store else "settings_last_written", artifact),
        protection=Protection.DPAPI if store else Protection.ENCRYPTED,
        application=_APPLICATION,
        profile=artifact.path.rpartition("/")[0],
        attachments=sum(1 for _ in artifact.find("shared/transfers/*/*")),
        needed_to_open=(
            "the DPAPI keys of this Windows account, and the machine's offline device id"
            if store
            else "the telephone: message bodies were not kept in clear"
        ),
    )


@extractor(
    name="chat.whatsapp-desktop.messages",
    paths=(
        # macOS (Group Containers) and iOS (Shared/AppGroup under a number: by the file's name)
        "**/group.net.whatsapp.WhatsApp.shared/ChatStorage.sqlite",
        "**/Shared/AppGroup/*/ChatStorage.sqlite",
    ),
    content=(SqliteSchema(_SCHEMA),),
    yields=(ChatProfile, ChatContact, ChatGroup, ChatMessage, ChatAttachment),
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Read the message store of macOS and iOS: chats, messages, media."""
    with artifact.sqlite() as database:
        if not database.has(_SCHEMA):
            raise ParseError("not a message store of WhatsApp")
        counted = {
            table: number(next(database.select(f"SELECT count(*) AS n FROM {table}"))["n"])  # noqa: S608 - one of two
            for table in ("ZWAMESSAGE", "ZWACHATSESSION")
        }
        yield ChatProfile(
            shows=Shows.USED if counted["ZWAMESSAGE"] else Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            times=written("store_last_written", artifact),
            protection=Protection.PLAIN,
            application=_APPLICATION,
            profile=artifact.path.rpartition("/")[0],
            conversations=counted["ZWACHATSESSION"],
            messages=counted["ZWAMESSAGE"],
        )
        yield from _content(artifact, database)


def _content(artifact: Artifact, database: Database) -> Iterator[Finding]:
    members: dict[int, tuple[str, str | None]] = {}
    of_chat: dict[int, list[str]] = {}
    columns = ("Z_PK", "ZMEMBERJID", "ZCONTACTNAME", "ZCHATSESSION")
    for row in rows(database, "ZWAGROUPMEMBER", columns):
        key, jid = number(row.values.get("Z_PK")), first(row, "ZMEMBERJID")
        if key is not None and jid:
            members.setdefault(key, (jid, first(row, "ZCONTACTNAME")))
            of_chat.setdefault(number(row.values.get("ZCHATSESSION")) or 0, []).append(jid)
    chats: dict[int, tuple[str, str | None]] = {}
    columns = ("Z_PK", "ZCONTACTJID", "ZPARTNERNAME", "ZLASTMESSAGEDATE")
    for row in rows(database, "ZWACHATSESSION", columns):
        key, jid = number(row.values.get("Z_PK")), first(row, "ZCONTACTJID")
        if key is None or jid is None:
            continue
        name = first(row, "ZPARTNERNAME")
        chats.setdefault(key, (jid, name))
        shared = frame(row, "ZWACHATSESSION") | {
            "times": moment("last_message", row.values.get("ZLASTMESSAGEDATE"), Unit.COCOA)
        }
        if jid.endswith(GROUP):
            yield ChatGroup(
                **shared,
                shows=Shows.PRESENT,
                service=SERVICE,
                own_account=None,
                identifier=jid,
                name=name,
                members=tuple(sorted(set(of_chat.get(key, []))))[:1000],
            )
        else:
            yield ChatContact(
                **shared,
                shows=Shows.PRESENT,
                service=SERVICE,
                own_account=None,
                identifier=jid,
                alias=name,
            )
    yield from _messages(artifact, database, chats, members)


_MESSAGE: Final = (
    *("Z_PK", "ZMESSAGEDATE", "ZTEXT", "ZISFROMME", "ZMESSAGETYPE", "ZCHATSESSION"),
    *("ZGROUPMEMBER", "ZMEDIAITEM"),
)
_MEDIA: Final = ("ZMESSAGE", "ZMEDIALOCALPATH", "ZFILESIZE", "ZTITLE")


def _messages(
    artifact: Artifact,
    database: Database,
    chats: dict[int, tuple[str, str | None]],
    members: dict[int, tuple[str, str | None]],
) -> Iterator[ChatMessage | ChatAttachment]:
    sent: dict[int, ChatMessage] = {}
    for row in rows(database, "ZWAMESSAGE", _MESSAGE):
        session = number(row.values.get("ZCHATSESSION"))
        chat, name = chats.get(session or 0, (f"chat {session}", None))
        kind = number(row.values.get("ZMESSAGETYPE"))
        own = number(row.values.get("ZISFROMME"))
        # Notices carry a direction that means nothing.
        outgoing = None if kind == _SYSTEM or own is None else bool(own)
        member = members.get(number(row.values.get("ZGROUPMEMBER")) or 0)
        sender, sender_name = None, None
        if outgoing is False:
            sender, sender_name = member or ((None, None) if chat.endswith(GROUP) else (chat, name))
        message = ChatMessage(
            **frame(row, "ZWAMESSAGE"),
            shows=Shows.USED,
            times=moment("sent", row.values.get("ZMESSAGEDATE"), Unit.COCOA),
            service=SERVICE,
            own_account=None,
            conversation=chat,
            conversation_name=name,
            sender=sender,
            sender_name=sender_name,
            text=(first(row, "ZTEXT") or "")[:TEXT_LIMIT],
            sent_raw=str(row.values.get("ZMESSAGEDATE"))[:40],
            outgoing=outgoing,
            message_type=_TYPES.get(kind, f"type {kind}") if kind else None,
            attachments=1 if number(row.values.get("ZMEDIAITEM")) else None,
        )
        yield message
        key = number(row.values.get("Z_PK"))
        if key is not None and message.attachments:
            sent[key] = message
    hashes = Hashes()
    for row in rows(database, "ZWAMEDIAITEM", _MEDIA):
        found = sent.get(number(row.values.get("ZMESSAGE")) or 0)
        stored = first(row, "ZMEDIALOCALPATH")
        if found is None or stored is None:
            continue
        yield ChatAttachment(
            **frame(row, "ZWAMEDIAITEM"),
            shows=Shows.PRESENT,
            times=found.times,
            service=SERVICE,
            own_account=None,
            conversation=found.conversation,
            sent_raw=found.sent_raw,
            file_name=first(row, "ZTITLE"),
            stored_as=stored,
            length=number(row.values.get("ZFILESIZE")),
            outgoing=found.outgoing,
            **hashes.facts(artifact.resolve(f"Message/{stored}")),
        )
