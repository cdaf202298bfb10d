"""Element and Riot: account, rooms, messages in clear of the desktop program and of browsers.

Written from matrix-js-sdk (`src/store/indexeddb-local-backend.ts`), element-desktop and
matrix-react-sdk, and tested with storage made after them: there was no sample of a real account.
The store of the last synchronisation holds the state of each room and its latest events. Encrypted
events are counted; their keys lie in a store of their own under a key that the operating system
keeps. That an access token is there is told, never the token. Not read: the search index
(`EventStore`), key backups, Element X.

References: https://spec.matrix.org; Schipper et al., DFRWS EU 2021.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatAttachment,
    ChatGroup,
    ChatMessage,
    ChatProfile,
    Confidence,
    Finding,
    Protection,
    Shows,
    extractor,
)

from ._chromium_app import Found, homes, indexed, level, member, profile_of, raw, stored, when
from ._rows import TEXT_LIMIT, number, text

_HOMES: Final = homes("{Element,Riot,SchildiChat}{,-*, Nightly}", flatpak="im.riot.Riot")
_SITES: Final = (
    "vector_vector_0",  # the program, all systems
    "https_app.element.io_0",  # Element Web in a browser
    "https_{develop.element.io,riot.im}_0",  # its test version; before 2020
)
_SERVICE: Final = "matrix"
_APPLICATION: Final = "element"
_SITE: Final = re.compile(r"^(?:vector|https?)://")
_ACCOUNT: Final = ("mx_user_id", "mx_device_id", "mx_hs_url")
_SYNC: Final = re.compile(r"^matrix-js-sdk:(?!crypto|:)")
_CRYPTO: Final = re.compile(rb"m\0a\0t\0r\0i\0x\0-\0(?:j\0s\0-\0s\0d\0k\0:\0c\0r|s\0d\0k\0-\0c\0r)")
_CHECK: Final = ("LevelDB checksums",)
_NEEDED: Final = "for encrypted messages: the key of the crypto store, kept by the operating system"
_MEMBERS: Final = 1000
_FILES: Final = {"m.image", "m.file", "m.video", "m.audio"}


@extractor(
    name="chat.element.account",
    paths=tuple(f"{home}/Local Storage/leveldb/CURRENT" for home in _HOMES),
    yields=(ChatAccount,),
    holds_secret=True,
)
def account(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the account, its home server and the id of this device."""
    versions: list[dict[str, str]] = [{}]
    for item in stored(artifact, _SITE):
        if item.key not in _ACCOUNT or not item.value:
            continue
        place = next((each for each in versions if item.key not in each), None)
        if place is None:
            versions.append(place := {})
        place[item.key] = item.value
    told: set[str] = set()
    for number_, values in enumerate(versions[:10]):
        identifier = text(values.get("mx_user_id"))
        if identifier is None or identifier in told:
            continue
        told.add(identifier)
        yield ChatAccount(
            shows=Shows.USED,
            confidence=Confidence.CONFIRMED,
            checks=_CHECK,
            locator="mx_user_id" if not number_ else f"mx_user_id, version {number_} back",
            protection=Protection.PLAIN,
            service=_SERVICE,
            identifier=identifier,
            application=_APPLICATION,
            server=text(values.get("mx_hs_url")),
            linked_device=text(values.get("mx_device_id")),
        )


@dataclass(slots=True)
class _Seen:
    """What was told, and how much there is."""

    own: str | None = None
    rooms: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    encrypted: int = 0
    crypto: bool = False


@extractor(
    name="chat.element.messages",
    paths=tuple(f"**/IndexedDB/{site}.indexeddb.leveldb/CURRENT" for site in _SITES),
    yields=(ChatProfile, ChatGroup, ChatMessage, ChatAttachment),
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Read rooms, their members and their latest events; encrypted ones are counted."""
    seen = _Seen()
    found = False
    contents = level(artifact)
    for record in indexed(
        artifact, contents, lambda database, store: bool(_SYNC.match(database)) and store == "sync"
    ):
        found = True
        for kind in ("join", "leave"):
            rooms = member(record.value, "roomsData", kind)
            for identifier, room in rooms.items() if isinstance(rooms, dict) else ():
                yield from _room(record, identifier, room, seen)
    seen.crypto = any(_CRYPTO.search(record.key) for record in contents.records)
    if not found and not seen.crypto:
        return
    yield profile_of(
        artifact,
        _APPLICATION,
        protection=Protection.ENCRYPTED if seen.encrypted else Protection.PLAIN,
        conversations=len(seen.rooms),
        messages=len(seen.events),
        needed_to_open=_NEEDED if seen.crypto or seen.encrypted else None,
    )


def _events(room: Any, *path: str) -> list[Any]:
    events = member(room, *path, "events")
    return events[:100_000] if isinstance(events, list) else []


def _room(record: Found, identifier: str, room: Any, seen: _Seen) -> Iterator[Finding]:
    names: dict[str, str | None] = {}
    title: str | None = None
    for event in _events(room, "state") + _events(room, "timeline"):
        kind, content = member(event, "type"), member(event, "content")
        if kind == "m.room.member" and member(content, "membership") in {"join", "invite"}:
            who = text(member(event, "state_key"))
            if who:
                names[who] = text(member(content, "displayname"))
        elif kind == "m.room.name":
            title = text(member(content, "name")) or title
    if identifier not in seen.rooms:
        seen.rooms.add(identifier)
        yield ChatGroup(
            **_frame(record, identifier),
            shows=Shows.PRESENT,
            service=_SERVICE,
            own_account=None,
            identifier=identifier,
            name=title,
            members=tuple(names)[:_MEMBERS],
        )
    for event in _events(room, "timeline"):
        shared = _frame(record, text(member(event, "event_id")) or "") | {
            "conversation": identifier,
            "conversation_name": title,
        }
        yield from _event(event, shared, names, seen)


def _frame(record: Found, what: str) -> dict[str, Any]:
    locator = f"{record.frame['locator']}, {what}"
    return record.frame | {"locator": locator}


def _event(
    event: Any, shared: dict[str, Any], names: dict[str, str | None], seen: _Seen
) -> Iterator[ChatMessage | ChatAttachment]:
    kind, identifier = member(event, "type"), text(member(event, "event_id"))
    if kind not in {"m.room.message", "m.room.encrypted"} or not identifier:
        return
    if identifier in seen.events:
        return
    seen.events.add(identifier)
    seen.encrypted += kind == "m.room.encrypted"
    content, at = member(event, "content"), member(event, "origin_server_ts")
    sender = text(member(event, "sender"))
    shared |= {
        "service": _SERVICE,
        "own_account": None,
        "sent_raw": raw(at),
        "times": when("sent", at),
    }
    form = text(member(content, "msgtype"))
    name = text(member(content, "body"))
    yield ChatMessage(
        **shared,
        shows=Shows.USED,
        sender=sender,
        sender_name=names.get(sender or ""),
        text=(name or "")[:TEXT_LIMIT],
        message_type="encrypted" if kind == "m.room.encrypted" else None,
        attachments=1 if form in _FILES else None,
    )
    if form in _FILES:
        del shared["conversation_name"]
        url = text(member(content, "url")) or text(member(content, "file", "url"))
        yield ChatAttachment(
            **shared,
            shows=Shows.PRESENT,
            file_name=name,
            stored_as=url,
            media_type=text(member(content, "info", "mimetype")),
            length=number(member(content, "info", "size")),
        )
