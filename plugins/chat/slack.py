"""Slack: workspaces, accounts, contacts, channels, messages that the program kept.

Written from public descriptions of Slack's desktop program 4 (Windows, macOS, Linux, Windows
Store) and of the state that its web client keeps in IndexedDB, and tested with storage made after
them: there was no sample of a real account. The client keeps a part of what was looked at; the
rest lies with the provider. That tokens are there is told, never the token. Not read: caches,
cookies, files, logs.

References: KAPE, `Targets/Apps/Slack.tkape`; docs.slack.dev, objects of the interface.
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
    ChatContact,
    ChatGroup,
    ChatMessage,
    ChatProfile,
    Finding,
    LimitError,
    Protection,
    Shows,
    Unit,
    extractor,
)
from triage.formats import json

from ._chromium_app import (
    Found,
    frame,
    homes,
    indexed,
    level,
    member,
    parsed,
    profile_of,
    raw,
    same,
    stored,
    stored_at,
    whole,
)
from ._rows import TEXT_LIMIT, moment, number, text

_STORE: Final = "**/91750D7E.Slack_*/LocalCache/Roaming/Slack"  # Windows Store
_HOMES: Final = (*homes("Slack", flatpak="com.slack.Slack"), _STORE)
_SERVICE: Final = "slack"
_APPLICATION: Final = "slack"
_SITE: Final = re.compile(r"^https://app\.slack\.com")
_PERSISTED: Final = re.compile(r"persist:slack-client-([TE]\w{5,20})-([UW]\w{5,20})")
_NEEDED: Final = (
    "what is not kept here lies with the provider: a preservation request with the ids of workspace"
    " and user"
)
_MOST: Final = 200_000


@extractor(
    name="chat.slack.workspaces",
    paths=(
        *(f"{home}/Local Storage/leveldb/CURRENT" for home in _HOMES),
        *(f"{home}/storage/root-state.json" for home in _HOMES),
    ),
    yields=(ChatProfile, ChatAccount),
    holds_secret=True,
)
def workspaces(artifact: Artifact) -> Iterator[Finding]:
    """Read the workspaces that the program is signed in to, and as whom."""
    if artifact.entry.name.lower() == "root-state.json":
        state = json.parse(artifact.read(16 << 20))
        yield from _accounts(member(state, "workspaces"), frame("workspaces", live=True, checks=()))
        return
    told: set[str] = set()
    token = seen = False
    for item in stored(artifact, _SITE):
        seen = True
        if not item.key.startswith("localConfig_"):
            continue
        token = token or '"token"' in (item.value or "")
        for found in _accounts(member(parsed(item.value), "teams"), stored_at(item)):
            if found.identifier not in told:
                told.add(found.identifier)
                yield found
    if not seen:
        return
    yield profile_of(
        artifact,
        _APPLICATION,
        used=bool(told),
        protection=Protection.CLOUD_ONLY,
        accounts=len(told),
        needed_to_open=f"{_NEEDED}; session tokens lie here" if token else _NEEDED,
    )


def _accounts(teams: Any, shared: dict[str, Any]) -> Iterator[ChatAccount]:
    for identifier, team in list(teams.items())[:1000] if isinstance(teams, dict) else ():
        user = text(member(team, "user_id")) or text(member(team, "userId"))
        yield ChatAccount(
            **shared | {"locator": f"{shared['locator']}, {identifier}"},
            shows=Shows.USED,
            service=_SERVICE,
            identifier=f"{identifier}/{user}" if user else str(identifier),
            application=_APPLICATION,
            display_name=text(member(team, "name")),
            server=text(member(team, "url")) or text(member(team, "domain")),
        )


@extractor(
    name="chat.slack.messages",
    # the program and browsers, all systems
    paths=("**/IndexedDB/https_app.slack.com_0.indexeddb.leveldb/CURRENT",),
    yields=(ChatContact, ChatGroup, ChatMessage, ChatAttachment),
    holds_secret=True,
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Read the state that the client kept: members, channels, messages."""
    told: set[tuple[str, ...]] = set()
    for record in indexed(
        artifact, level(artifact), lambda _, store: store.startswith("reduxPersistenceStore")
    ):
        names = _PERSISTED.search(record.key) if isinstance(record.key, str) else None
        own = f"{names[1]}/{names[2]}" if names else None
        for finding in _state(record, own):
            told_as = same(finding)
            if told_as not in told:
                if len(told) >= _MOST:
                    raise LimitError(f"more than {_MOST} findings")
                told.add(told_as)
                yield finding


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


@dataclass(slots=True)
class _State:
    """One state of the client: where it lies, whose it is, and the names in it."""

    record: Found
    own: str | None  # workspace/user
    people: dict[str, str] = field(default_factory=dict)
    channels: dict[str, str] = field(default_factory=dict)

    def at(self, what: str) -> dict[str, Any]:
        """Return what the findings of one place in the state share."""
        return self.record.frame | {
            "locator": f"{self.record.frame['locator']}, {what}",
            "service": _SERVICE,
            "own_account": self.own,
        }

    def is_own(self, user: str | None) -> bool | None:
        """Whether a user is the own account; None where that is not known."""
        return self.own.endswith(f"/{user}") if self.own and user else None


def _state(record: Found, own: str | None) -> Iterator[Finding]:
    state = _State(record, own)
    for identifier, person in _items(member(record.value, "members")):
        yield from _person(state, identifier, person)
    for identifier, channel in _items(member(record.value, "channels")):
        yield from _channel(state, identifier, channel)
    for channel, found in _items(member(record.value, "messages")):
        for stamp, message in _items(found):
            yield from _message(state, channel, stamp, message)


def _person(state: _State, identifier: str, person: Any) -> Iterator[ChatContact]:
    name = text(member(person, "real_name")) or text(member(person, "profile", "real_name"))
    handle = text(member(person, "name"))
    if name or handle:
        state.people[identifier] = name or handle or ""
    if not state.is_own(identifier):
        yield ChatContact(
            **state.at(f"members {identifier}"),
            shows=Shows.PRESENT,
            identifier=identifier,
            alias=name,
            handle=handle,
            phone=text(member(person, "profile", "phone")),
        )


def _channel(state: _State, identifier: str, channel: Any) -> Iterator[ChatGroup]:
    title, peer = text(member(channel, "name")), text(member(channel, "user"))
    if peer:  # a direct conversation
        title = state.people.get(peer, peer)
    if title:
        state.channels[identifier] = title
    listed = member(channel, "members")
    members = map(text, listed[:1000] if isinstance(listed, list) else ())
    if not peer:
        yield ChatGroup(
            **state.at(f"channels {identifier}"),
            shows=Shows.PRESENT,
            identifier=identifier,
            name=title,
            members=tuple(filter(None, members)),
        )


def _message(state: _State, channel: str, stamp: str, message: Any) -> Iterator[Finding]:
    said, sender = member(message, "text"), text(member(message, "user"))
    sent = text(member(message, "ts")) or stamp
    if not isinstance(said, str) or not sent[:1].isdecimal():
        return
    files = member(message, "files")
    files = files[:100] if isinstance(files, list) else []
    shared = state.at(f"messages {channel} {stamp}") | {
        "conversation": channel,
        "sent_raw": raw(sent),
        "times": moment("sent", sent, Unit.S_UNIX),
        "outgoing": state.is_own(sender),
    }
    yield ChatMessage(
        **shared,
        shows=Shows.USED,
        conversation_name=state.channels.get(channel),
        sender=sender,
        sender_name=state.people.get(sender or ""),
        text=said[:TEXT_LIMIT],
        message_type=text(member(message, "subtype")),
        attachments=len(files) or None,
    )
    for file in files:
        yield ChatAttachment(
            **shared,
            shows=Shows.PRESENT,
            file_name=text(member(file, "name")),
            stored_as=text(member(file, "id")),
            media_type=text(member(file, "mimetype")),
            length=number(whole(member(file, "size"))),
        )
