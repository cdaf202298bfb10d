"""Gajim: accounts from its settings, messages from its log.

Written from descriptions of Gajim 1.4 to 1.7 and tested with databases made after them, and with
what Gajim 1.7.3 wrote of private chats on a server of its own. The log has the same tables since
Gajim 0.1x; the archive of Gajim 1.8 and 2 (`archive.sqlite`) is not read, nor are avatars, the
roster cache and OMEMO keys. Passwords stand in the settings only when there is no keyring: that one
is stored is told, never which. Own messages are told by their kind.

References: dev.gajim.org, `gajim/common/storage`, `gajim/common/const.py` (`KindConstant`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatMessage,
    ChatProfile,
    Confidence,
    ParseError,
    Protection,
    Shows,
    SqliteSchema,
    Unit,
    extractor,
)
from triage.formats import json

from ._rows import TEXT_LIMIT, first, frame, member, moment, number, place, rows, text, written

_SERVICE: Final = "xmpp"
_APPLICATION: Final = "gajim"
_SETTINGS: Final = {"account_settings": {"account", "settings"}}
_LOG: Final = {"jids": {"jid_id", "jid"}, "logs": {"jid_id", "time", "kind"}}
# KindConstant: rooms, single messages and chats; other kinds are changes of status.
_ROOM: Final = 2
_RECEIVED: Final = (3, 4)
_SENT: Final = (5, 6)
_FILES: Final = {8: False, 9: True}


@extractor(
    name="chat.gajim.accounts",
    paths=(
        "**/.config/gajim/settings.sqlite",  # Gajim 1.4 and later on Linux; Flatpak below its own
        "**/org.gajim.Gajim/config/gajim/settings.sqlite",  # Flatpak
        "**/AppData/Roaming/Gajim/settings.sqlite",  # Windows; portable: UserData
    ),
    content=(SqliteSchema(_SETTINGS),),
    yields=(ChatAccount,),
    holds_secret=True,
)
def accounts(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the accounts: address, server, proxy, whether a password is stored."""
    with artifact.sqlite() as database:
        if not database.has(_SETTINGS):
            raise ParseError("not the settings of Gajim")
        for row in rows(database, "account_settings", ("account", "settings")):
            try:
                settings = member(json.parse(first(row, "settings") or "null"), "account")
            except ParseError:
                artifact.problem("not JSON", locator=place("account_settings", row))
                continue
            name, host = text(member(settings, "name")), text(member(settings, "hostname"))
            address = text(member(settings, "address"))
            identifier = address or (f"{name}@{host}" if name and host else host)
            if identifier is None:
                continue  # the account of the local network
            yield ChatAccount(
                **frame(row, "account_settings"),
                shows=Shows.PRESENT,
                service=_SERVICE,
                identifier=identifier,
                application=_APPLICATION,
                display_name=text(member(settings, "account_label")) or first(row, "account"),
                password_stored=text(member(settings, "password")) is not None,
                server=text(member(settings, "custom_host")) or identifier.rpartition("@")[2],
                proxy=text(member(settings, "proxy")),
            )


@extractor(
    name="chat.gajim.messages",
    paths=(
        "**/.local/share/gajim/logs.db",  # Gajim 0.12 to 1.7 on Linux
        "**/org.gajim.Gajim/data/gajim/logs.db",  # Flatpak
        "**/AppData/Roaming/Gajim/logs.db",  # Windows
        "**/.gajim/logs.db",  # Gajim before 0.12
    ),
    content=(SqliteSchema(_LOG),),
    yields=(ChatProfile, ChatMessage),
)
def messages(artifact: Artifact) -> Iterator[ChatProfile | ChatMessage]:
    """Read the messages of the log; changes of status are left out."""
    with artifact.sqlite() as database:
        if not database.has(_LOG):
            raise ParseError("not a log of Gajim")
        counted = next(database.select("SELECT count(*) AS n FROM logs WHERE kind BETWEEN 2 AND 6"))
        count = number(counted["n"]) or 0
        yield ChatProfile(
            shows=Shows.USED if count else Shows.EXECUTED,
            confidence=Confidence.PROBABLE,
            times=written("store_last_written", artifact),
            protection=Protection.PLAIN,
            application=_APPLICATION,
            profile=artifact.path.rpartition("/")[0],
            messages=count,
        )
        jids: dict[int | None, str] = {}
        for row in rows(database, "jids", ("jid_id", "jid")):
            if (jid := first(row, "jid")) is not None:
                jids.setdefault(number(row.values.get("jid_id")), jid)
        columns = ("account_id", "jid_id", "contact_name", "time", "kind", "message")
        for row in rows(database, "logs", columns):
            kind = number(row.values.get("kind"))
            if kind not in (_ROOM, *_RECEIVED, *_SENT, *_FILES):
                continue
            peer = jids.get(number(row.values.get("jid_id")), "?")
            own = jids.get(number(row.values.get("account_id")))
            nick = first(row, "contact_name")
            outgoing = None if kind == _ROOM else _FILES.get(kind, kind in _SENT)
            sender = own if outgoing else f"{peer}/{nick}" if kind == _ROOM and nick else peer
            raw = row.values.get("time")
            yield ChatMessage(
                **frame(row, "logs"),
                shows=Shows.USED,
                times=moment("sent", raw, Unit.S_UNIX),
                service=_SERVICE,
                own_account=own,
                conversation=peer,
                sender=sender,
                sender_name=nick,
                text=(first(row, "message") or "")[:TEXT_LIMIT],
                sent_raw=None if raw is None else str(raw)[:40],
                outgoing=outgoing,
                message_type="file" if kind in _FILES else None,
            )
