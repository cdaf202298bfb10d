"""Viber on Windows, macOS and Linux: account, contacts, conversations, messages.

Written from published descriptions of the older databases, and tested with databases made after
them: there was no sample of any. The folder of an account is called after its number. Newer builds
are said to encrypt `viber.db`: then the profile alone is told. Not read: calls, media, stickers.

References: KAPE, `Targets/Apps/Viber.tkape`; tclahr/uac, `viber.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatContact,
    ChatGroup,
    ChatMessage,
    ChatProfile,
    Confidence,
    Finding,
    Protection,
    Shows,
    SqliteSchema,
    extractor,
)
from triage.formats.sqlite import HEAD, in_clear

from ._plain import Store, read
from ._rows import first, number, written

_SCHEMA: Final = {
    "Events": {"EventID", "TimeStamp", "Direction", "ChatID", "ContactID"},
    "Messages": {"EventID", "Body"},
}
_FOLDER = re.compile(r"/\.?ViberPC/(\d{5,15})/", re.IGNORECASE | re.ASCII)


@extractor(
    name="chat.viber-desktop.messages",
    paths=(
        "**/AppData/Roaming/ViberPC/*/viber.db",  # Windows
        "**/Application Support/ViberPC/*/viber.db",  # macOS
        "**/.ViberPC/*/viber.db",  # Linux
    ),
    content=(SqliteSchema(_SCHEMA),),
    yields=(ChatProfile, ChatAccount, ChatContact, ChatGroup, ChatMessage),
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Read the own number, contacts, groups and messages."""
    found = _FOLDER.search(artifact.path)
    own = f"+{found[1]}" if found else None
    if own:
        yield ChatAccount(
            shows=Shows.USED,
            confidence=Confidence.POSSIBLE,
            locator="name of the folder",
            service="viber",
            identifier=own,
            application="viber-desktop",
            phone=own,
        )
    if not in_clear(artifact.head(HEAD)):
        yield ChatProfile(
            shows=Shows.USED,
            confidence=Confidence.POSSIBLE,
            times=written("store_last_written", artifact),
            protection=Protection.ENCRYPTED,
            application="viber-desktop",
            profile=artifact.path.rpartition("/")[0],
            needed_to_open="the running program or its memory; the linked telephone",
        )
        return

    def content(store: Store) -> Iterator[Finding]:
        store.own = own
        return _content(store)

    yield from read(artifact, "viber-desktop", _SCHEMA, content, counted=("Events", "ChatID"))


def _content(store: Store) -> Iterator[Finding]:
    people: dict[int, str] = {}
    for row in store.rows("Contact", "ContactID", "Name", "ClientName", "Number"):
        key, phone = number(row.values.get("ContactID")), first(row, "Number")
        name = first(row, "Name", "ClientName")
        identifier = phone or name
        if key is None or identifier is None:
            continue
        people[key] = identifier
        if name:
            store.names[identifier] = name
        if identifier != store.own:
            yield ChatContact(
                **store.shared(row, "Contact"),
                shows=Shows.PRESENT,
                identifier=identifier,
                alias=name,
                phone=phone,
            )
    for row in store.rows("ChatInfo", "ChatID", "Name"):
        chat, name = number(row.values.get("ChatID")), first(row, "Name")
        if chat is not None and name:
            store.names.setdefault(f"chat {chat}", name)
            yield ChatGroup(
                **store.shared(row, "ChatInfo"),
                shows=Shows.PRESENT,
                identifier=f"chat {chat}",
                name=name,
            )
    # A message is an event and its text; events without one are calls and notices.
    sql = (
        "SELECT e.EventID AS id, e.TimeStamp AS at, e.Direction AS way, e.ChatID AS chat,"
        " e.ContactID AS who, m.Body AS body FROM Events e JOIN Messages m ON m.EventID = e.EventID"
    )
    for row in store.database.compare(sql, key="id"):
        way, who = number(row.values.get("way")), number(row.values.get("who"))
        mine = None if way is None else way == 1
        yield store.message(
            row,
            "Events",
            f"chat {number(row.values.get('chat'))}",
            store.own if mine else people.get(-1 if who is None else who),
            at=row.values.get("at"),
            mine=mine,
            said=first(row, "body"),
        )
