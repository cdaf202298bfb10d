"""Microsoft Teams, and Skype 8 and later: people, conversations and messages kept in IndexedDB.

Written from public descriptions of the databases of Teams 1 (classic, Electron), Teams 2
(WebView2), both in browsers, and of Skype 8 for the desktop, and tested with storage made after
them: there was no sample of a real account. Bodies are HTML: their text is told. What is not kept
here lies with the provider. Not read: caches, cookies with tokens, logs, recordings.

References: A. Bilz, `alexbilz.com/post/2021-09-09-forensic-artifacts-microsoft-teams`; KAPE,
`Targets/Apps/{MicrosoftTeams,Skype}.tkape`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

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
from triage.formats import json

from ._chromium_app import (
    Found,
    indexed,
    level,
    member,
    parsed,
    plain,
    profile_of,
    raw,
    same,
    when,
    whole,
)
from ._rows import TEXT_LIMIT, number, text

_TEAMS: Final = (
    # Teams 1 (AppData/Roaming/Microsoft/Teams), Teams 2 (EBWebView of package MSTeams), browsers
    "**/IndexedDB/https_teams.{microsoft,live}.com_*.indexeddb.leveldb/CURRENT",
)
_SKYPE: Final = (
    # Skype 8 for the desktop: `Skype for Desktop/IndexedDB`
    "**/Skype for Desktop*/IndexedDB/*.indexeddb.leveldb/CURRENT",
    "**/IndexedDB/https_web.skype.com_*.indexeddb.leveldb/CURRENT",  # Skype in a browser
)
_DATABASE: Final = re.compile(r":([0-9a-f]{8}-[0-9a-f-]{27}):([0-9a-f]{8}-[0-9a-f-]{27})")
_SKYPE_DATABASE: Final = re.compile(r"^(?:s4l|skypexspaces)-(.{1,100})$")
_STORES: Final = (
    re.compile(r"profiles$|people$|profilecache\w*$|buddylist$"),
    re.compile(r"conversations\w*$"),
    re.compile(r"replychains$|messages\w*$"),
)
_PLAIN: Final = {"Text", "RichText", "RichText/Html"}
_MEMBERS: Final = 1000


@extractor(
    name="chat.teams.messages",
    paths=_TEAMS,
    yields=(ChatProfile, ChatAccount, ChatContact, ChatGroup, ChatMessage, ChatAttachment),
    holds_secret=True,
)
def teams(artifact: Artifact) -> Iterator[Finding]:
    """Read people, conversations and messages of Teams, old versions of them included."""
    yield from _read(artifact, "teams")


@extractor(
    name="chat.skype.desktop",
    paths=_SKYPE,
    yields=(ChatProfile, ChatAccount, ChatContact, ChatGroup, ChatMessage, ChatAttachment),
    holds_secret=True,
)
def skype(artifact: Artifact) -> Iterator[Finding]:
    """Read people, conversations and messages of Skype 8, old versions of them included."""
    yield from _read(artifact, "skype")


class _Names:
    """What is known of people and conversations, from stores read before."""

    def __init__(self) -> None:
        self.people: dict[str, str] = {}
        self.chats: dict[str, str] = {}
        self.own: set[str] = set()


def _read(artifact: Artifact, service: str) -> Iterator[Finding]:
    names = _Names()
    told: set[tuple[str, ...]] = set()
    chats: set[str] = set()
    messages = 0
    contents = level(artifact)
    for step, pattern in enumerate(_STORES):
        for record in indexed(
            artifact,
            contents,
            _fits(pattern),
        ):
            own = _own(record.database)
            shared = record.frame | {"service": service, "own_account": own}
            if own and own not in names.own:
                names.own.add(own)
                yield _account(record, service, own)
            reader = (_person, _conversation, _messages)[step]
            for finding in reader(record.value, shared, names):
                told_as = same(finding)
                if told_as in told:
                    continue
                told.add(told_as)
                if isinstance(finding, ChatMessage):
                    messages += 1
                    chats.add(finding.conversation)
                yield finding
    if not told and not names.own:
        return
    yield profile_of(
        artifact,
        service,
        accounts=len(names.own),
        conversations=len(chats),
        messages=messages,
    )


def _fits(pattern: re.Pattern[str]) -> Callable[[str, str], bool]:
    return lambda database, store: bool(pattern.search(store) and database)


def _own(database: str) -> str | None:
    """Return the account that the name of a database tells: tenant and user, or Skype's name."""
    if found := _DATABASE.search(database):
        return f"8:orgid:{found[2]}"
    found = _SKYPE_DATABASE.match(database)
    return f"8:{found[1]}" if found else None


def _account(record: Found, service: str, own: str) -> ChatAccount:
    found = _DATABASE.search(record.database)
    return ChatAccount(
        **record.frame | {"locator": f"database {record.database}"},
        shows=Shows.USED,
        service=service,
        identifier=own,
        application=service,
        server=f"tenant {found[1]}" if found else None,
    )


def _person(value: Any, shared: dict[str, Any], names: _Names) -> Iterator[Finding]:
    identifier = text(member(value, "mri")) or text(member(value, "id"))
    name = text(member(value, "displayName")) or text(member(value, "displayNameOverride"))
    if identifier is None:
        return
    if name:
        names.people.setdefault(identifier, name)
    if identifier == shared["own_account"]:
        return
    phones = member(value, "phones")
    phone = phones[0] if isinstance(phones, list) and phones else None
    yield ChatContact(
        **shared,
        shows=Shows.PRESENT,
        identifier=identifier,
        alias=name,
        handle=text(member(value, "userPrincipalName")) or text(member(value, "email")),
        phone=text(member(phone, "number")) or text(phone),
    )


def _conversation(value: Any, shared: dict[str, Any], names: _Names) -> Iterator[Finding]:
    identifier = text(member(value, "id")) or text(member(value, "conversationId"))
    if identifier is None:
        return
    properties = member(value, "threadProperties")
    title = text(member(properties, "topic")) or text(member(properties, "spaceThreadTopic"))
    title = title or text(member(value, "displayName")) or names.people.get(identifier)
    if title:
        names.chats.setdefault(identifier, title)
    if identifier in names.people or identifier.startswith(("8:", "48:", "28:")):
        return  # one person, notes, a bot
    listed = member(value, "members")
    listed = listed if isinstance(listed, list) else []
    members = filter(None, (text(member(each, "id")) or text(each) for each in listed[:_MEMBERS]))
    yield ChatGroup(
        **shared,
        shows=Shows.PRESENT,
        times=when("last_active", member(value, "lastMessageTimeUtc")),
        identifier=identifier,
        name=title,
        members=tuple(members),
    )


def _messages(value: Any, shared: dict[str, Any], names: _Names) -> Iterator[Finding]:
    held = member(value, "messageMap")
    listed = list(held.values()) if isinstance(held, dict) else member(value, "messages")
    for message in listed if isinstance(listed, list) else [value]:
        chat = text(member(message, "conversationId")) or text(member(value, "conversationId"))
        identifier = text(member(message, "id")) or text(member(message, "cuid"))
        kind = text(member(message, "messageType")) or text(member(message, "messagetype"))
        said = member(message, "content")
        if chat and kind and isinstance(said, str):
            located = f"{shared['locator']}, message {identifier}"
            more = {"locator": located, "conversation": chat}
            said = said if kind == "Text" else plain(said)
            yield from _message(message, kind, said, shared | more, names)


def _message(
    message: Any, kind: str, said: str, shared: dict[str, Any], names: _Names
) -> Iterator[Finding]:
    sender = text(member(message, "creator")) or text(member(message, "from"))
    sender = sender.rpartition("/")[2] if sender else None  # an address ends with the id
    at = next(
        filter(
            None,
            (
                member(message, name)
                for name in (
                    "originalArrivalTime",
                    "createdTime",
                    "composeTime",
                    "clientArrivalTime",
                )
            ),
        ),
        None,
    )
    mine = member(message, "isSentByCurrentUser")
    mine = mine if isinstance(mine, bool) else member(message, "_isMyMessage")
    own, chat = shared["own_account"], shared["conversation"]
    outgoing = mine if isinstance(mine, bool) else sender == own if own and sender else None
    files = _files(message)
    told = shared | {
        "sent_raw": raw(at),
        "times": when("sent", at),
        "outgoing": outgoing,
    }
    shown = text(member(message, "imDisplayName")) or text(member(message, "imdisplayname"))
    yield ChatMessage(
        **told,
        shows=Shows.USED,
        conversation_name=names.chats.get(chat) or names.people.get(chat),
        sender=sender,
        sender_name=shown or names.people.get(sender or ""),
        text=said[:TEXT_LIMIT],
        message_type=None if kind in _PLAIN else kind,
        attachments=len(files) or None,
    )
    for file in files:
        yield ChatAttachment(
            **told,
            shows=Shows.PRESENT,
            file_name=text(member(file, "fileName")) or text(member(file, "title")),
            stored_as=text(member(file, "objectUrl")) or text(member(file, "itemid")),
            media_type=text(member(file, "fileType")) or text(member(file, "type")),
            length=number(whole(member(file, "size"))),
        )


def _files(message: Any) -> list[json.Json]:
    """Return the files of a message: a list, or one as JSON in a text."""
    found = member(message, "properties", "files")
    if isinstance(found, str):
        found = parsed(found)
    return found[:100] if isinstance(found, list) else []
