"""Discord: accounts, drafts and cached messages of the desktop program.

Written from what DLEAPP reads and from public descriptions of Discord's web client (stable, PTB,
Canary; Windows, macOS, Linux), and tested with storage made after them: there was no sample of a
real account. Messages are those of answers of Discord's interface that still lie in the browser
cache, so they are a part only; most are read without being cached. That a token is there is told,
never the token. Not read: other caches, cookies, the mobile programs.

An id of Discord holds when it was made: its upper 42 bits are milliseconds since 2015.

References: abrignoni/DLEAPP, `discordAccount.py`, `discordMessages.py`; discord.com/developers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatAttachment,
    ChatMessage,
    ChatProfile,
    Confidence,
    EvidenceError,
    Finding,
    ParseError,
    Protection,
    Shows,
    extractor,
)
from triage.formats import json
from triage.formats.http_cache import Entry
from triage.formats.local_storage import Item

from ._chromium_app import (
    cached,
    frame,
    homes,
    member,
    parsed,
    profile_of,
    raw,
    stored,
    stored_at,
    when,
)
from ._rows import TEXT_LIMIT, number, text

_HOMES: Final = homes(
    "discord",
    "discordptb",
    "discordcanary",
    "discorddevelopment",
    flatpak="com.discordapp.Discord*",
)
_SERVICE: Final = "discord"
_APPLICATION: Final = "discord"
_SITE: Final = re.compile(r"^https://(?:\w+\.)?discord(?:app)?\.com")
_ID: Final = re.compile(r"[0-9]{15,20}")
_MESSAGES: Final = re.compile(
    r"^https://(?:\w+\.)?discord(?:app)?\.com/api/v\d+/"
    r"(?:channels/(\d{15,20})/messages|(?:channels|guilds)/\d{15,20}/messages/search)"
)
_FILES: Final = re.compile(
    r"^https://(?:cdn\.discordapp\.com|media\.discordapp\.net)(/attachments/[^?#]{1,500})"
)
_ANSWER_LIMIT: Final = 16 << 20
_CHECK: Final = ("cache structure",)
_NEEDED: Final = (
    "messages lie with the provider: a preservation request with the account and channel ids"
)
_TYPES: Final = {3: "call", 1: "recipient added", 2: "recipient removed", 6: "pinned", 7: "joined"}
_PLAIN: Final = (0, 19, None)  # a message, a reply


@extractor(
    name="chat.discord.profile",
    paths=tuple(f"{home}/Local Storage/leveldb/CURRENT" for home in _HOMES),
    yields=(ChatProfile, ChatAccount, ChatMessage),
    holds_secret=True,
)
def profile(artifact: Artifact) -> Iterator[Finding]:
    """Read the accounts that were signed in, and what was typed and not sent."""
    accounts: dict[str, ChatAccount] = {}
    drafts: dict[tuple[str, str, str], ChatMessage] = {}
    seen = token = False
    for item in stored(artifact, _SITE):
        seen = True
        match item.key:
            case "user_id_cache":
                _add(accounts, item, {"id": parsed(item.value)})
            case "MultiAccountStore":
                users = member(parsed(item.value), "_state", "users")
                for user in users[:100] if isinstance(users, list) else ():
                    _add(accounts, item, user)
            case "DraftStore":
                for draft in _drafts(item):
                    drafts.setdefault((draft.conversation, draft.sender or "", draft.text), draft)
            case "token" | "tokens":
                token = True
            case _:
                pass
    if not seen:
        return
    yield profile_of(
        artifact,
        _APPLICATION,
        used=bool(accounts),
        protection=Protection.CLOUD_ONLY,
        accounts=len(accounts),
        needed_to_open=f"{_NEEDED}; a session token lies here" if token else _NEEDED,
    )
    yield from accounts.values()
    yield from drafts.values()


def _add(accounts: dict[str, ChatAccount], item: Item, user: object) -> None:
    """Keep an account; one that tells a name wins over its bare id."""
    known = user if isinstance(user, dict) else {}
    identifier = text(known.get("id"))
    if identifier is None or not _ID.fullmatch(identifier):
        return
    handle = text(known.get("username"))
    if identifier in accounts and not (handle and accounts[identifier].handle is None):
        return
    accounts[identifier] = ChatAccount(
        **stored_at(item),
        shows=Shows.USED,
        times=when("created", _made(identifier)),
        service=_SERVICE,
        identifier=identifier,
        application=_APPLICATION,
        handle=handle,
    )


def _made(identifier: str) -> int:
    """Return when an id was made, milliseconds since 1970 UTC."""
    return (int(identifier) >> 22) + 1_420_070_400_000


def _drafts(item: Item) -> Iterator[ChatMessage]:
    """Yield what was typed: account → channel → kind → text and time."""
    state = member(parsed(item.value), "_state")
    for account, channels in _pairs(state):
        for channel, kinds in _pairs(channels):
            for _, draft in _pairs(kinds):
                typed, at = text(member(draft, "draft")), member(draft, "timestamp")
                if typed:
                    yield ChatMessage(
                        **stored_at(item),
                        shows=Shows.USED,
                        times=when("typed", at),
                        service=_SERVICE,
                        own_account=account,
                        conversation=channel,
                        sender=account,
                        text=typed[:TEXT_LIMIT],
                        sent_raw=raw(at),
                        outgoing=None,
                        message_type="draft",
                    )


def _pairs(value: object) -> list[tuple[str, object]]:
    return list(value.items())[:10_000] if isinstance(value, dict) else []


@extractor(
    name="chat.discord.account",
    paths=tuple(f"{home}/sentry/scope_v3.json" for home in _HOMES),
    yields=(ChatAccount,),
)
def account(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the account that the program's crash reports name, with its mail address."""
    user = _sentry(artifact)
    identifier = text(member(user, "id"))
    if identifier is None:
        return
    yield ChatAccount(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        locator="scope.user",
        times=when("created", _made(identifier)) if _ID.fullmatch(identifier) else (),
        protection=Protection.PLAIN,
        service=_SERVICE,
        identifier=identifier,
        application=_APPLICATION,
        handle=text(member(user, "username")),
        email=text(member(user, "email")),
    )


def _sentry(artifact: Artifact) -> json.Json:
    parsed = json.parse(artifact.read(4 << 20))
    found: json.Json = member(parsed, "scope", "user") or member(parsed, "user")
    return found


@extractor(
    name="chat.discord.cache",
    paths=tuple(
        f"{home}/{cache}/index" for home in _HOMES for cache in ("Cache/Cache_Data", "Cache")
    ),
    yields=(ChatMessage, ChatAttachment),
)
def cache(artifact: Artifact) -> Iterator[ChatMessage | ChatAttachment]:
    """Read the messages in answers of Discord that still lie in the browser cache."""
    answers: list[tuple[str | None, Entry]] = []
    files: dict[str, Entry] = {}
    for entry in cached(artifact):
        if found := _MESSAGES.match(entry.url):
            answers.append((found[1], entry))
        elif found := _FILES.match(entry.url):
            files.setdefault(found[1], entry)
    known = _Known(own=_own(artifact), files=files)
    for channel, entry in answers:
        try:
            content = json.parse(entry.body(limit=_ANSWER_LIMIT), limit=_ANSWER_LIMIT)
        except (ParseError, EvidenceError) as error:
            artifact.problem(error.message, locator=f"{entry.file} {entry.offset}")
            continue
        for message in _listed(content):
            yield from _message(entry, message, channel, known)


@dataclass(slots=True)
class _Known:
    """What the answers are read with: the own account, cached files by path, what was told."""

    own: str | None
    files: dict[str, Entry]
    told: set[tuple[str, str]] = field(default_factory=set)


def _own(artifact: Artifact) -> str | None:
    for path in ("../../sentry/scope_v3.json", "../sentry/scope_v3.json"):
        found = artifact.resolve(path)
        if found is not None:
            try:
                return text(member(_sentry(found), "id"))
            except (ParseError, EvidenceError):
                return None
    return None


def _listed(content: json.Json) -> Iterator[json.Json]:
    """Yield the messages of an answer: a list, one message, or a search's lists of lists."""
    if isinstance(content, dict):
        inner = content.get("messages")
        content = inner if isinstance(inner, list) else [content]
    for each in content if isinstance(content, list) else ():
        if isinstance(each, list):
            yield from each
        else:
            yield each


def _message(
    entry: Entry, message: json.Json, channel: str | None, known: _Known
) -> Iterator[ChatMessage | ChatAttachment]:
    identifier = text(member(message, "id"))
    channel = text(member(message, "channel_id")) or channel
    said = member(message, "content")
    if identifier is None or channel is None or not isinstance(said, str):
        return
    if (identifier, said) in known.told:
        return
    known.told.add((identifier, said))
    own = known.own
    author, at = member(message, "author"), member(message, "timestamp")
    sender = text(member(author, "id"))
    outgoing = sender == own if own and sender else None
    carried = member(message, "attachments")
    carried = carried[:100] if isinstance(carried, list) else []
    kind = number(member(message, "type"))
    shared = frame(
        f"{entry.file} {entry.offset}, message {identifier}", live=entry.live, checks=_CHECK
    ) | {
        "service": _SERVICE,
        "own_account": own,
        "conversation": channel,
        "sent_raw": raw(at),
        "outgoing": outgoing,
        "times": when("sent", at) + when("edited", member(message, "edited_timestamp")),
    }
    yield ChatMessage(
        **shared,
        shows=Shows.USED,
        sender=sender,
        sender_name=text(member(author, "global_name")) or text(member(author, "username")),
        text=said[:TEXT_LIMIT],
        message_type=None if kind in _PLAIN else _TYPES.get(kind or 0, f"type {kind}"),
        attachments=len(carried) or None,
    )
    for each in carried:
        url = text(member(each, "url")) or ""
        found = _FILES.match(url)
        file = known.files.get(found[1]) if found else None
        yield ChatAttachment(
            **shared,
            shows=Shows.PRESENT,
            file_name=text(member(each, "filename")),
            stored_as=f"{file.file} {file.offset}" if file else url[:500] or None,
            media_type=text(member(each, "content_type")),
            length=number(member(each, "size")),
            present=file is not None,
            content_sha256=_digest(file) if file else None,
        )


def _digest(file: Entry) -> str | None:
    try:
        return hashlib.sha256(file.body()).hexdigest()
    except (ParseError, EvidenceError):
        return None
