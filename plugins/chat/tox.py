"""Tox: save files of qTox, uTox, Toxic and others, and the history of qTox.

Written from descriptions of the save format and of qTox's database, and tested with saves of
c-toxcore's tests and of Toxic 0.11; the history was tested with databases made after the schemas
of qTox 1.17 and 1.18. Saves are found by their name and told by their content, so portable copies
count. The secret key in a save is used only to see whether it belongs to the id. Saves and
histories with a password stay closed. Not read: groups, conferences, logs of Toxic, settings,
avatars.

References: TokTok/c-toxcore; TokTok/qTox, `src/persistence/history.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatAttachment,
    ChatContact,
    ChatMessage,
    ChatProfile,
    Confidence,
    EvidenceError,
    Header,
    ParseError,
    Protection,
    Shows,
    SqliteSchema,
    Unit,
    extractor,
)
from triage.formats import tox
from triage.formats.sqlite import Database, Row

from ._rows import TEXT_LIMIT, first, frame, moment, number, place, rows, text, written

_SERVICE: Final = "tox"
_APPLICATION: Final = "tox"
_SQLITE: Final = b"SQLite format 3\0"
_PASSWORD: Final = "the password of the profile"  # noqa: S105 - says what is needed


@extractor(
    name="chat.tox.profile",
    paths=(
        "**/*.tox",  # qTox NAME.tox, uTox tox_save.tox, Toxic toxic_profile.tox; any OS
        "**/{tox_save,utox_save}",  # uTox before 2016, any OS
    ),
    content=(Header(tox.MAGIC), Header(tox.ENCRYPTED)),
    yields=(ChatProfile, ChatAccount, ChatContact),
    holds_secret=True,
)
def profile(artifact: Artifact) -> Iterator[ChatProfile | ChatAccount | ChatContact]:
    """Read a save file: own id and name, friends; of an encrypted one that it is there."""
    head = artifact.head(len(tox.MAGIC))
    if head not in (tox.MAGIC, tox.ENCRYPTED):
        return  # other programs use this ending too
    save = tox.read(artifact.read(tox.LIMIT)) if head == tox.MAGIC else None
    yield ChatProfile(
        shows=Shows.USED if save and save.friends else Shows.EXECUTED,
        confidence=Confidence.CONFIRMED if save and save.proven else Confidence.PROBABLE,
        checks=("secret key fits",) if save and save.proven else (),
        times=written("last_written", artifact),
        protection=Protection.PLAIN if save else Protection.PASSCODE,
        application=_APPLICATION,
        profile=artifact.path,
        accounts=1,
        needed_to_open=None if save else _PASSWORD,
    )
    if save is None:
        return
    yield ChatAccount(
        shows=Shows.CREDENTIAL,
        confidence=Confidence.CONFIRMED if save.proven else Confidence.PROBABLE,
        checks=("secret key fits",) if save.proven else (),
        protection=Protection.PLAIN,
        service=_SERVICE,
        identifier=save.tox_id,
        application=_APPLICATION,
        display_name=save.name or None,
        fingerprint=save.public_key,
    )
    for friend in save.friends:
        yield ChatContact(
            shows=Shows.DESTINATION if friend.confirmed else Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            locator=f"friend {friend.position}{'' if friend.confirmed else ', request sent'}",
            times=moment("last_seen", friend.last_seen, Unit.S_UNIX),
            protection=Protection.PLAIN,
            service=_SERVICE,
            own_account=save.tox_id,
            identifier=friend.public_key,
            alias=friend.name or None,
        )


@dataclass(slots=True)
class _People:
    """Who is behind the numbers of a history."""

    own_account: str | None
    keys: dict[int, str] = field(default_factory=dict)  # of people: `peers`, later `authors`
    chats: dict[int, str] = field(default_factory=dict)
    aliases: dict[int, tuple[int, str | None]] = field(default_factory=dict)

    def sender(self, alias: object) -> tuple[str | None, str | None]:
        """Return key and name of a sender."""
        key = number(alias)
        owner, name = self.aliases.get(key if key is not None else -1, (-1, None))
        return self.keys.get(owner), name


@extractor(
    name="chat.tox.history",
    paths=("**/tox/*.db",),  # qTox 1.0 and later: Linux .config/tox, Windows and macOS Tox
    content=(SqliteSchema({"history": {"timestamp", "chat_id"}, "aliases": {"display_name"}}),),
    yields=(ChatMessage, ChatAttachment),
)
def history(artifact: Artifact) -> Iterator[ChatMessage | ChatAttachment]:
    """Read the history of qTox where it has no password: messages and file transfers."""
    if artifact.head(len(_SQLITE)) != _SQLITE:
        return  # encrypted, or another program's: the save file beside it tells
    with artifact.sqlite() as database:
        if not database.has({"history": {"timestamp", "chat_id"}, "aliases": {"display_name"}}):
            raise ParseError("not a history of qTox")
        people = _people(artifact, database)
        if "text_messages" in database.tables():
            yield from _texts(artifact, database, people)
        else:
            yield from _old_texts(database, people)


def _people(artifact: Artifact, database: Database) -> _People:
    people = _People(own_account=_own(artifact))
    for table in ("peers", "authors"):
        for row in rows(database, table, ("id", "public_key")):
            if (key := _key(row.values.get("public_key"))) is not None:
                people.keys.setdefault(number(row.values.get("id")) or 0, key)
    for row in rows(database, "chats", ("id", "uuid")):
        if (key := _key(row.values.get("uuid"))) is not None:
            people.chats.setdefault(number(row.values.get("id")) or 0, key)
    people.chats = people.chats or people.keys  # before 1.18 a chat was a person
    for row in rows(database, "aliases", ("id", "owner", "display_name")):
        owner, name = number(row.values.get("owner")), first(row, "display_name")
        people.aliases.setdefault(number(row.values.get("id")) or 0, (owner or 0, name))
    return people


def _own(artifact: Artifact) -> str | None:
    """Return the own id from the save file beside the history, if it is plain."""
    stem = artifact.entry.name.rpartition(".")[0]
    file = artifact.sibling(f"{stem}.tox")
    try:
        return tox.read(file.read(tox.LIMIT)).tox_id if file else None
    except (ParseError, EvidenceError):
        return None


def _key(value: object) -> str | None:
    """Return a public key: stored in hexadecimal, since 1.18 as its bytes."""
    if isinstance(value, bytes) and len(value) == 32:  # noqa: PLR2004 - bytes of a key
        return value.hex().upper()
    known = text(value)
    return known.upper() if known else None


def _message(
    row: Row, table: str, people: _People, where: Row | None, said: dict[str, Any]
) -> ChatMessage:
    held = (where or row).values
    chat_id = number(held.get("chat_id"))
    chat = people.chats.get(chat_id if chat_id is not None else -1, "?")
    sender, name = people.sender(row.values.get("sender_alias"))
    return ChatMessage(
        **frame(row, table),
        shows=Shows.USED,
        times=moment("sent", held.get("timestamp"), Unit.MS_UNIX),
        service=_SERVICE,
        own_account=people.own_account,
        conversation=chat,
        sender=sender,
        sender_name=name,
        sent_raw=str(held.get("timestamp"))[:40],
        # A chat is named by the other side's key; in a conference no direction is told.
        outgoing=sender != chat if sender and chat in people.keys.values() else None,
        **said,
    )


def _old_texts(database: Database, people: _People) -> Iterator[ChatMessage | ChatAttachment]:
    files = {
        number(row.values.get("id")): row
        for row in rows(database, "file_transfers", ("id", *_FILE))
    }
    columns = ("timestamp", "chat_id", "sender_alias", "message", "file_id")
    for row in rows(database, "history", columns):
        file = files.get(number(row.values.get("file_id")))
        said = (text(row.values.get("message")) or "")[:TEXT_LIMIT]
        more: dict[str, Any] = {"text": "" if file else said}
        if file:
            more |= {"message_type": "file", "attachments": 1}
        message = _message(row, "history", people, None, more)
        yield message
        if file:
            yield _attachment(file, message)


_FILE: Final = ("file_name", "file_path", "file_size", "direction", "sender_alias")


def _texts(
    artifact: Artifact, database: Database, people: _People
) -> Iterator[ChatMessage | ChatAttachment]:
    held: dict[int | None, Row] = {}
    for row in rows(database, "history", ("id", "timestamp", "chat_id")):
        held.setdefault(number(row.values.get("id")), row)
    columns = ("id", "sender_alias", "message")
    for row in rows(database, "text_messages", columns):
        where = held.get(number(row.values.get("id")))
        said = (text(row.values.get("message")) or "")[:TEXT_LIMIT]
        if where is None:
            artifact.problem("a message without a time", locator=place("text_messages", row))
            continue
        yield _message(row, "text_messages", people, where, {"text": said})
    for row in rows(database, "file_transfers", ("id", *_FILE)):
        where = held.get(number(row.values.get("id")))
        if where is not None:
            more = {"text": "", "message_type": "file", "attachments": 1}
            message = _message(row, "file_transfers", people, where, more)
            yield message
            yield _attachment(row, message)


def _attachment(row: Row, message: ChatMessage) -> ChatAttachment:
    return ChatAttachment(
        **frame(row, "file_transfers"),
        shows=Shows.PRESENT,
        times=message.times,
        service=_SERVICE,
        own_account=message.own_account,
        conversation=message.conversation,
        sent_raw=message.sent_raw,
        file_name=first(row, "file_name"),
        stored_as=first(row, "file_path"),
        length=number(row.values.get("file_size")),
        outgoing=message.outgoing,
    )
