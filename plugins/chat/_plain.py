"""A chat program's database that stands in clear, or was opened: how its rows become findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from triage.api import (
    Artifact,
    ChatMessage,
    ChatProfile,
    Confidence,
    Finding,
    ParseError,
    Protection,
    Shows,
    Unit,
)
from triage.formats.sqlite import Database, Row, SqlCipher

from ._rows import TEXT_LIMIT, frame, moment, number, rows, written

Schema = dict[str, set[str]]


@dataclass(slots=True)
class Store:
    """One database while it is read, with the names that it has for identifiers."""

    artifact: Artifact
    database: Database
    service: str
    own: str | None = None
    names: dict[str, str] = field(default_factory=dict)
    protection: Protection = Protection.PLAIN

    def rows(self, table: str, *columns: str) -> Iterator[Row]:
        """Yield the rows of a table, if it is there."""
        return rows(self.database, table, columns)

    def shared(self, row: Row, table: str) -> dict[str, Any]:
        """Return what the findings of a row share."""
        found = frame(row, table, protection=self.protection)
        return found | {"service": self.service, "own_account": self.own}

    def known(self, row: Row, table: str, identifier: str, name: str | None) -> dict[str, Any]:
        """Return what a contact or group shares, and remember what it is called."""
        if name:
            self.names[identifier] = name
        return self.shared(row, table) | {"shows": Shows.PRESENT, "identifier": identifier}

    def message(
        self,
        row: Row,
        table: str,
        chat: str,
        sender: str | None,
        *,
        at: object,
        mine: bool | None,
        said: str | None,
        kind: str | None = None,
        unit: Unit = Unit.MS_UNIX,
    ) -> ChatMessage:
        """Return one message; `at` counts `unit` in UTC."""
        return ChatMessage(
            **self.shared(row, table),
            shows=Shows.USED,
            times=moment("sent", at, unit),
            conversation=chat,
            conversation_name=self.names.get(chat),
            sender=sender,
            sender_name=self.names.get(sender or ""),
            text=(said or "")[:TEXT_LIMIT],
            sent_raw=None if at is None else str(at)[:40],
            outgoing=mine,
            message_type=kind,
        )


def read(
    artifact: Artifact,
    application: str,
    schema: Schema,
    content: Callable[[Store], Iterator[Finding]],
    *,
    counted: tuple[str, str],
    service: str | None = None,
    key: SqlCipher | None = None,
    protection: Protection = Protection.PLAIN,
    opened_by: str | None = None,
) -> Iterator[Finding]:
    """Yield the profile of a program, then what its database holds.

    `counted` is the table of messages and its column that tells conversations apart; the service is
    the application's name up to a hyphen unless it is given. `key` opens the database, with how it
    is protected and what opened it. Raises ParseError for another schema.
    """
    table, column = counted
    service = service or application.partition("-")[0]
    with artifact.sqlite(key=key) as database:
        if not database.has(schema):
            raise ParseError(f"not a database of {service}")
        messages = _count(database, f"count(*) AS n FROM {table}")
        yield ChatProfile(
            shows=Shows.USED if messages else Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            times=written("store_last_written", artifact),
            protection=protection,
            opened_by=opened_by,
            application=application,
            profile=folder(artifact.path),
            conversations=_count(database, f"count(DISTINCT {column}) AS n FROM {table}"),
            messages=messages,
        )
        yield from content(Store(artifact, database, service, protection=protection))


def _count(database: Database, what: str) -> int:
    (found,) = database.select(f"SELECT {what}")
    return number(found["n"]) or 0


def folder(path: str) -> str:
    """Return the folder of the app, or of the file where it is not under one."""
    for place in ("/databases/", "/files/", "/app_flutter/", "/MicroMsg/", "/postbox/"):
        if place in path:
            return path.rpartition(place)[0]
    return path.rpartition("/")[0]
