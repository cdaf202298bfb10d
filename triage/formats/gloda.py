"""Thunderbird's search index (`global-messages-db.sqlite`, "gloda"): messages as it indexed them.

It keeps sender, recipients, subject and the plain text of each message, also of those that were
removed from their folder since, until it is cleaned up. Headers beyond these are not in it.

Source: comm-central, `mailnews/db/gloda/modules/GlodaDatastore.sys.mjs`, schema 26 to 32;
compared with the index of Thunderbird 153.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from triage.formats.mail import TEXT_LIMIT, Mail
from triage.formats.sqlite import Database, RowState, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLES: Final[Mapping[str, frozenset[str]]] = {
    "messagesText_content": frozenset({"docid", "c0body", "c1subject", "c3author"}),
    "messages": frozenset({"id", "folderID", "date", "headerMessageID", "deleted"}),
}
"""Tables and columns that tell such an index."""

_UNDEFINED = " undefined"  # what older and newer versions append for a name they do not know
_QUERY = f"""
    SELECT t.docid AS id, substr(t.c0body, 1, {TEXT_LIMIT}) AS body, t.c1subject AS subject,
        t.c3author AS author, t.c4recipients AS recipients, m.date AS date,
        m.headerMessageID AS message_id, m.deleted AS deleted, f.folderURI AS folder
    FROM messagesText_content AS t
    LEFT JOIN messages AS m ON m.id = t.docid
    LEFT JOIN folderLocations AS f ON f.id = m.folderID
"""  # noqa: S608 - a number of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """One message of the index; `date` is that of its header, in us since 1970, UTC."""

    id: int
    folder: str | None  # mailbox://…, imap://…
    mail: Mail
    date: int | None
    deleted: bool  # marked as removed from its folder
    state: RowState


def messages(database: Database) -> Iterator[Indexed]:
    """Yield the messages by number. Raises ParseError, LimitError, EvidenceError."""
    for row in database.compare(_QUERY, key="id"):
        get = row.values.get
        headers = (
            ("From", _text(get("author")).removesuffix(_UNDEFINED)),
            ("To", _text(get("recipients")).removesuffix(_UNDEFINED)),
            ("Subject", _text(get("subject"))),
            ("Message-ID", f"<{_text(get('message_id'))}>" if get("message_id") else ""),
        )
        date, body = get("date"), _text(get("body"))
        yield Indexed(
            id=row.key if isinstance(row.key, int) else 0,
            folder=_text(get("folder")) or None,
            mail=Mail(
                headers=tuple((name, value) for name, value in headers if value),
                texts=(body,) if body else (),
            ),
            date=date if isinstance(date, int) else None,
            deleted=bool(get("deleted")),
            state=row.state,
        )


def _text(value: Value | None) -> str:
    return value if isinstance(value, str) else ""
