"""Dino: accounts, roster, messages, calls and files of its database.

Written from a description of the schema of Dino 0.4 (version 26) and tested with databases made
after it, and with what Dino 0.4.2 wrote of private chats and a room on a server of its own. The
database is plain SQLite, with a live write-ahead log; passwords stand in it in clear: that one is
stored is told, never which. Not read: avatars, reactions, replies, keys of OMEMO and OpenPGP
(`omemo.db`, `pgp.db`).

References: dino/dino, `libdino/src/service/database.vala`, `entity/message.vala`.
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
    Finding,
    ParseError,
    Protection,
    Shows,
    SqliteSchema,
    Unit,
    extractor,
)
from triage.formats.sqlite import Database, Row

from ._attachments import Hashes
from ._rows import TEXT_LIMIT, first, frame, moment, number, rows, written

_SERVICE: Final = "xmpp"
_APPLICATION: Final = "dino"
_SCHEMA: Final = {
    "account": {"bare_jid", "resourcepart"},
    "jid": {"id", "bare_jid"},
    "message": {"counterpart_id", "counterpart_resource", "body"},
}
_GROUP_CHAT: Final = 2  # Message.Type, Conversation.Type is 1 for it


@dataclass(slots=True)
class _Names:
    """Addresses by their numbers."""

    accounts: dict[int, str] = field(default_factory=dict)
    jids: dict[int, str] = field(default_factory=dict)

    def own(self, row: Row) -> str | None:
        """Return the account that a row belongs to."""
        return self.accounts.get(number(row.values.get("account_id")) or 0)

    def peer(self, row: Row, column: str = "counterpart_id") -> str:
        """Return the other side of a row."""
        return self.jids.get(number(row.values.get(column)) or 0, "?")


@extractor(
    name="chat.dino.messages",
    paths=(
        "**/.local/share/dino/dino.db",  # Linux
        "**/im.dino.Dino/data/dino/dino.db",  # Flatpak
        "**/AppData/Local/dino/dino.db",  # Windows builds
    ),
    content=(SqliteSchema(_SCHEMA),),
    yields=(ChatProfile, ChatAccount, ChatContact, ChatMessage, ChatAttachment),
    holds_secret=True,
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Read accounts, roster, messages, calls and files that were sent or received."""
    with artifact.sqlite() as database:
        if not database.has(_SCHEMA):
            raise ParseError("not a database of Dino")
        count = number(next(database.select("SELECT count(*) AS n FROM message"))["n"]) or 0
        accounts = number(next(database.select("SELECT count(*) AS n FROM account"))["n"])
        yield ChatProfile(
            shows=Shows.USED if count else Shows.EXECUTED,
            confidence=Confidence.PROBABLE,
            times=written("store_last_written", artifact),
            protection=Protection.PLAIN,
            application=_APPLICATION,
            profile=artifact.path.rpartition("/")[0],
            accounts=accounts,
            messages=count,
        )
        names = _Names()
        yield from _accounts(database, names)
        yield from _roster(database, names)
        yield from _messages(database, names)
        yield from _calls(database, names)
        yield from _files(artifact, database, names)


def _accounts(database: Database, names: _Names) -> Iterator[ChatAccount]:
    for row in rows(database, "jid", ("id", "bare_jid")):
        if (jid := first(row, "bare_jid")) is not None:
            names.jids.setdefault(number(row.values.get("id")) or 0, jid)
    # Whether there is a password, not the password.
    stored = {
        number(row.values.get("id"))
        for row in rows(database, "account", ("id",), where="length(password) > 0")
    }
    for row in rows(database, "account", ("id", "bare_jid", "alias")):
        jid, key = first(row, "bare_jid"), number(row.values.get("id"))
        if jid is None:
            continue
        names.accounts.setdefault(key or 0, jid)
        yield ChatAccount(
            **frame(row, "account"),
            shows=Shows.PRESENT,
            service=_SERVICE,
            identifier=jid,
            application=_APPLICATION,
            display_name=first(row, "alias"),
            password_stored=key in stored,
            server=jid.rpartition("@")[2],
        )


def _roster(database: Database, names: _Names) -> Iterator[ChatContact]:
    for row in rows(database, "roster", ("account_id", "jid", "handle")):
        if (jid := first(row, "jid")) is not None:
            yield ChatContact(
                **frame(row, "roster"),
                shows=Shows.PRESENT,
                service=_SERVICE,
                own_account=names.own(row),
                identifier=jid,
                alias=first(row, "handle"),
            )


def _common(row: Row, names: _Names) -> dict[str, Any]:
    raw, sent = row.values.get("time"), number(row.values.get("direction"))
    return {
        "shows": Shows.USED,
        "times": moment("sent", raw, Unit.S_UNIX),
        "service": _SERVICE,
        "own_account": names.own(row),
        "conversation": names.peer(row),
        "sent_raw": None if raw is None else str(raw)[:40],
        "outgoing": bool(sent) if sent is not None else None,
    }


_MESSAGE: Final = (
    *("account_id", "counterpart_id", "counterpart_resource", "direction", "type", "time", "body"),
)


def _messages(database: Database, names: _Names) -> Iterator[ChatMessage]:
    for row in rows(database, "message", _MESSAGE):
        common = _common(row, names)
        sender = common["own_account"] if common["outgoing"] else common["conversation"]
        in_room = number(row.values.get("type")) == _GROUP_CHAT and not common["outgoing"]
        nick = first(row, "counterpart_resource") if in_room else None
        yield ChatMessage(
            **frame(row, "message"),
            **common,
            sender=f"{sender}/{nick}" if nick else sender,
            sender_name=nick,
            text=(first(row, "body") or "")[:TEXT_LIMIT],
        )


def _calls(database: Database, names: _Names) -> Iterator[ChatMessage]:
    columns = ("account_id", "counterpart_id", "direction", "time", "end_time")
    for row in rows(database, "call", columns):
        common = _common(row, names)
        begun, ended = number(row.values.get("time")), number(row.values.get("end_time"))
        long = ended - begun if begun and ended and ended >= begun else None
        yield ChatMessage(
            **frame(row, "call"),
            **common | {"times": moment("called", begun, Unit.S_UNIX)},
            sender=common["own_account"] if common["outgoing"] else common["conversation"],
            text="",
            message_type="call",
            duration_s=long,
        )


def _files(artifact: Artifact, database: Database, names: _Names) -> Iterator[ChatAttachment]:
    columns = ("account_id", "counterpart_id", "direction", "time", "file_name", "path")
    hashes = Hashes()
    for row in rows(database, "file_transfer", (*columns, "mime_type", "size")):
        stored = first(row, "path")
        yield ChatAttachment(
            **frame(row, "file_transfer"),
            **_common(row, names) | {"shows": Shows.PRESENT},
            file_name=first(row, "file_name"),
            stored_as=stored,
            media_type=first(row, "mime_type"),
            length=number(row.values.get("size")),
            **(hashes.facts(artifact.resolve(f"files/{stored}")) if stored else {}),
        )
