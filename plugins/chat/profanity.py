"""Profanity: accounts, logs and database of the console client.

Written from `src/chatlog.c` of Profanity and descriptions of versions 0.6 to 0.14, and tested with
files made after them, and with what Profanity 0.13.1 wrote on a server of its own. A password
stands in clear in `accounts`: that one is stored is told, never which. Old logs have the time of
day alone, local, and the day in their names. What the database and a log both hold is told twice,
with its source. Not read: keys of OTR, OMEMO and OpenPGP, logs of before 2016, and in logs what a
message has after its first line.

References: profanity-im/profanity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from configparser import ConfigParser
from configparser import Error as ConfigError
from typing import Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatMessage,
    Confidence,
    ParseError,
    Protection,
    Shows,
    SqliteSchema,
    Time,
    Unit,
    Zone,
    extractor,
)
from triage.formats import times
from triage.formats.sqlite import Database

from ._rows import TEXT_LIMIT, first, frame, rows, text

_SERVICE: Final = "xmpp"
_APPLICATION: Final = "profanity"
_HOME: Final = "**/.local/share/profanity"  # Linux, 0.5 and later
_SCHEMA: Final = {"ChatLogs": {"from_jid", "to_jid", "message", "timestamp"}}
_SETTINGS_LIMIT: Final = 1 << 20
_LOG_LIMIT: Final = 32 << 20
_DAY = re.compile(r"(\d{4})_(\d\d)_(\d\d)\.log", re.ASCII)
_LINE = re.compile(
    r"(?P<when>\d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d(?::?\d\d)?)?) - "
    r"(?:\*(?P<doer>\S{1,1000}) (?P<deed>.*)|(?P<who>[^:]{1,1000}): (?P<text>.*))",
    re.ASCII | re.DOTALL,
)
_SHORT_OFFSET = re.compile(r"[+-]\d\d")
_ME: Final = "me"


@extractor(
    name="chat.profanity.accounts",
    paths=(f"{_HOME}/accounts",),
    yields=(ChatAccount,),
    holds_secret=True,
)
def accounts(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the accounts: address, server, whether a password is stored."""
    parser = ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    try:
        parser.read_string(artifact.text(_SETTINGS_LIMIT))
    except ConfigError as error:
        raise ParseError("not the accounts of Profanity") from error
    for name in parser.sections():
        section = parser[name]
        jid = (text(section.get("jid")) or name).partition("/")[0]
        yield ChatAccount(
            shows=Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            locator=f"[{name}]",
            protection=Protection.PLAIN,
            service=_SERVICE,
            identifier=jid,
            application=_APPLICATION,
            display_name=text(section.get("muc.nick")),
            password_stored=text(section.get("password")) is not None,
            server=text(section.get("server")) or jid.rpartition("@")[2],
        )


@extractor(
    name="chat.profanity.logs",
    paths=(
        f"{_HOME}/chatlogs/*/*/*.log",  # with one other
        f"{_HOME}/chatlogs/*/rooms/*/*.log",  # rooms
    ),
    yields=(ChatMessage,),
)
def logs(artifact: Artifact) -> Iterator[ChatMessage]:
    """Read the messages of one day with one other or in one room."""
    parts = artifact.path.split("/")
    day = _DAY.fullmatch(parts[-1])
    if day is None:
        return
    room = parts[-3] == "rooms"
    own = _address(parts[-4] if room else parts[-3])
    peer = _address(parts[-2])
    for number, line in enumerate(artifact.text(_LOG_LIMIT).split("\n"), 1):
        found = _LINE.fullmatch(line)
        if found is None:
            continue  # the next line of a message, or none
        who = found["doer"] or found["who"]
        outgoing = None if room else who == _ME  # in a room the own nickname stands there
        time = _time(found["when"], "-".join(day.groups()))
        yield ChatMessage(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=f"line {number}",
            times=(time,),
            protection=Protection.PLAIN,
            service=_SERVICE,
            own_account=own,
            conversation=peer,
            sender=own if outgoing else f"{peer}/{who}" if room else peer,
            sender_name=None if outgoing else who,
            text=(found["deed"] or found["text"] or "")[:TEXT_LIMIT],
            sent_raw=time.raw,
            outgoing=outgoing,
        )


def _address(folder: str) -> str:
    return folder.replace("_at_", "@", 1)


def _time(raw: str, day: str) -> Time:
    """Return a time with its offset as UTC, one without as local."""
    raw = raw if "T" in raw else f"{day} {raw}"
    # GLib writes whole hours of an offset without minutes.
    full = f"{raw}:00" if _SHORT_OFFSET.fullmatch(raw[-3:]) else raw
    known = "T" in raw and (raw.endswith("Z") or re.search(r"[+-]\d\d:?\d\d$", full) is not None)
    return Time(
        event="sent",
        utc=times.utc(full, "text") if known else None,
        raw=raw,
        unit=Unit.TEXT,
        zone=Zone.UTC if known else Zone.LOCAL,
    )


@extractor(
    name="chat.profanity.database",
    paths=(f"{_HOME}/database/*/chatlog.db",),  # 0.13 (2022) and later
    content=(SqliteSchema(_SCHEMA),),
    yields=(ChatMessage,),
)
def database(artifact: Artifact) -> Iterator[ChatMessage]:
    """Read the messages of an account from its database."""
    columns = ("from_jid", "to_jid", "from_resource", "message", "timestamp", "type")
    with artifact.sqlite() as found:
        if not found.has(_SCHEMA):
            raise ParseError("not a database of Profanity")
        own = _own(artifact.path, found)
        for row in rows(found, "ChatLogs", columns):
            sender, target = first(row, "from_jid"), first(row, "to_jid")
            outgoing = sender == own if sender else None
            raw = first(row, "timestamp") or ""
            in_room = row.values.get("type") == "muc" and not outgoing
            nick = first(row, "from_resource") if in_room else None
            yield ChatMessage(
                **frame(row, "ChatLogs"),
                shows=Shows.USED,
                times=(_time(raw[:40], ""),) if "T" in raw else (),
                service=_SERVICE,
                own_account=own,
                conversation=(target if outgoing else sender) or "?",
                sender=f"{sender}/{nick}" if sender and nick else sender,
                sender_name=nick,
                text=(first(row, "message") or "")[:TEXT_LIMIT],
                sent_raw=raw[:40] or None,
                outgoing=outgoing,
            )


def _own(path: str, database: Database) -> str | None:
    """Return the account: the folder's name; of a database that was moved who is in every row."""
    *_, kept_in, folder, _ = ["", "", *path.split("/")]
    if kept_in.casefold() == "database":
        return _address(folder)
    sql = "SELECT from_jid AS one, to_jid AS other FROM ChatLogs"
    common: set[object] | None = None
    for row in database.select(sql):
        both: set[object] = {row["one"], row["other"]}
        common = both if common is None else common & both
    return text(*common) if common is not None and len(common) == 1 else None
