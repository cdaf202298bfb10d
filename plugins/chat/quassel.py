"""Quassel IRC: identities, channels, private chats and messages of the core's database.

Written from the schema of Quassel 0.14 and tested with what Quassel 0.14 wrote on a server of its
own. The database belongs to the core, which may run on another machine than the user's; the
program that is both keeps it in the user's own folder. Times count milliseconds since version 0.13
(schema 31) and seconds before; own messages carry a flag. Passwords stand in it in clear: that one
is stored is told, never which. Joins, topics and notes of the server are left out. A core that
uses PostgreSQL keeps no such file.

References: quassel/quassel, `src/common/message.h`, `src/core/SQL/SQLite`.
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
    Unit,
    extractor,
)

from ._plain import Store, read
from ._rows import first, frame, number

_SCHEMA: Final = {
    "backlog": {"bufferid", "senderid", "flags", "type", "message"},
    "buffer": {"bufferid", "networkid", "buffername"},
    "sender": {"senderid", "sender"},
}
_SELF: Final = 1  # bit of `flags`
_STATUS, _CHANNEL, _QUERY = 1, 2, 4  # `buffertype`
_TYPES: Final = {1: None, 2: "notice", 4: "action"}  # of others joins, topics and the like
_FIRST_MS: Final = 100_000_000_000  # as seconds the year 5138


@extractor(
    name="chat.quassel.messages",
    paths=(
        "**/.config/quassel-irc.org/quassel-storage.sqlite",  # Linux: both in one program
        "**/var/lib/quassel/quassel-storage.sqlite",  # Debian: the core as a service
        "**/AppData/Roaming/quassel-irc.org/quassel-storage.sqlite",  # Windows
        "**/Application Support/Quassel/quassel-storage.sqlite",  # macOS
    ),
    content=(SqliteSchema(_SCHEMA),),
    yields=(ChatProfile, ChatAccount, ChatContact, ChatGroup, ChatMessage),
    holds_secret=True,
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Read identities, channels, private chats and messages of IRC."""
    yield from read(
        artifact, "quassel", _SCHEMA, _content, counted=("backlog", "bufferid"), service="irc"
    )


def _content(store: Store) -> Iterator[Finding]:
    nicks: dict[int | None, str] = {}
    yield from _accounts(store, nicks)
    networks: dict[int | None, tuple[str, str | None]] = {}
    for row in store.rows("network", "networkid", "networkname", "identityid"):
        own = nicks.get(number(row.values.get("identityid")))
        networks[number(row.values.get("networkid"))] = first(row, "networkname") or "?", own
    windows: dict[int | None, tuple[str, str | None]] = {}  # but the servers' own: no messages
    for row in store.rows("buffer", "bufferid", "networkid", "buffername", "buffertype"):
        network, store.own = networks.get(number(row.values.get("networkid")), ("?", None))
        name, kind = first(row, "buffername"), number(row.values.get("buffertype"))
        if kind == _STATUS:
            continue
        called = f"{name} on {network}"
        windows[number(row.values.get("bufferid"))] = called, store.own
        shared = store.shared(row, "buffer") | {"shows": Shows.PRESENT, "identifier": called}
        if kind == _CHANNEL:
            yield ChatGroup(**shared, name=name)
        elif kind == _QUERY:
            yield ChatContact(**shared, alias=name)
    people = {
        number(row.values.get("senderid")): (first(row, "sender") or "?").partition("!")[0]
        for row in store.rows("sender", "senderid", "sender")
    }
    for row in store.rows("backlog", "bufferid", "time", "type", "flags", "senderid", "message"):
        kind, flags = number(row.values.get("type")), number(row.values.get("flags")) or 0
        window = windows.get(number(row.values.get("bufferid")))
        if kind not in _TYPES or window is None:
            continue
        chat, store.own = window
        at = number(row.values.get("time"))
        yield store.message(
            row,
            "backlog",
            chat,
            people.get(number(row.values.get("senderid"))),
            at=at,
            mine=bool(flags & _SELF),
            said=first(row, "message"),
            kind=_TYPES[kind],
            unit=Unit.S_UNIX if at is not None and at < _FIRST_MS else Unit.MS_UNIX,
        )


def _accounts(store: Store, nicks: dict[int | None, str]) -> Iterator[ChatAccount]:
    """Tell the first nickname of each identity, and remember it by the identity's number."""
    for row in store.rows("identity_nick", "nickid", "identityid", "nick"):
        if nick := first(row, "nick"):
            nicks.setdefault(number(row.values.get("identityid")), nick)
    stored = _has_password(store)
    for row in store.rows("identity", "identityid", "realname"):
        nick = nicks.get(number(row.values.get("identityid")))
        if nick is not None:
            yield ChatAccount(
                **frame(row, "identity"),
                shows=Shows.PRESENT,
                service=store.service,
                identifier=nick,
                application="quassel",
                display_name=first(row, "realname"),
                password_stored=stored,
            )


def _has_password(store: Store) -> bool:
    """Whether a password is stored for any network or server; it is not read."""
    places = {"network": ("autoidentifypassword", "saslpassword"), "ircserver": ("password",)}
    for table, columns in places.items():
        for column in {*columns} & {*store.database.columns(table)}:
            sql = f"SELECT count(*) AS n FROM {table} WHERE {column} <> ''"  # noqa: S608 - of ours
            if any(number(found["n"]) for found in store.database.select(sql)):
                return True
    return False
