"""SQLite: the records of a bundle as tables, for questions that nobody foresaw.

Built in memory and handed over whole, so that the same bundle and the same SQLite give the same
bytes. A copy for queries: the bundle stays the record.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import apsw

from triage.bundle import Bundle
from triage.console.headlines import account_name
from triage.errors import BundleError
from triage.export.exported import Exported
from triage.export.origin import origin_of

_SCHEMA = """
PRAGMA page_size = 4096;
PRAGMA user_version = 1;
CREATE TABLE origin (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE findings (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, summary TEXT NOT NULL, shows TEXT, confidence TEXT,
    protection TEXT, sensitivity TEXT, account TEXT, volume TEXT, path TEXT, locator TEXT,
    file TEXT, extractor TEXT, value TEXT NOT NULL, record TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE times (finding TEXT NOT NULL, event TEXT, utc TEXT, raw TEXT, unit TEXT, zone TEXT);
CREATE TABLE files (
    key TEXT PRIMARY KEY, volume TEXT, path TEXT, size INTEGER, sha256 TEXT, sha1 TEXT, md5 TEXT,
    read TEXT, exported TEXT, record TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE coverage (
    step TEXT, outcome TEXT, reason TEXT, counts INTEGER, volume TEXT, record TEXT NOT NULL
);
CREATE TABLE problems (record TEXT NOT NULL);
CREATE TABLE custody (seq INTEGER, utc TEXT, event TEXT, data TEXT);
"""
_INDEXES = """
CREATE INDEX findings_kind ON findings (kind);
CREATE INDEX findings_account ON findings (account);
CREATE INDEX times_utc ON times (utc);
CREATE INDEX times_finding ON times (finding);
CREATE INDEX files_sha256 ON files (sha256);
"""


def sqlite(bundle: Bundle) -> Exported:
    """Return a database of the records; `record` and `value` columns are JSON.

    Raises BundleError when SQLite cannot hold it.
    """
    try:
        with apsw.Connection(":memory:") as database:
            database.execute(_SCHEMA)
            with database:
                _fill(database, "origin", _origin(bundle))
                _fill(database, "findings", map(_finding, bundle.findings()))
                _fill(database, "times", _times(bundle))
                _fill(database, "files", map(_file, bundle.files()))
                _fill(database, "coverage", map(_coverage, bundle.coverage()))
                _fill(database, "problems", ((_json(r),) for r in bundle.problems()))
                _fill(database, "custody", map(_custody, bundle.custody()))
            database.execute(_INDEXES)
            content: bytes = database.serialize("main")
    except apsw.Error as error:
        raise BundleError(f"SQLite cannot hold this bundle: {error}") from error
    return Exported(content=content)


def _fill(database: apsw.Connection, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    for row in rows:
        # The table is one of ours, above; evidence comes only as bound values.
        database.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)  # noqa: S608


def _origin(bundle: Bundle) -> Iterator[tuple[str, str | None]]:
    origin = origin_of(bundle)
    yield "bundle", origin.bundle
    yield "seal code", origin.seal_code
    yield "tool", origin.tool
    yield "case", origin.case
    yield "exhibit", origin.exhibit
    yield "sealed", origin.sealed.isoformat()
    for name, value in sorted(origin.hashes.items()):
        yield f"media {name}", value


def _finding(record: dict[str, Any]) -> tuple[Any, ...]:
    source = record["source"]
    return (
        *(record[name] for name in ("id", "kind", "summary", "shows", "confidence", "protection")),
        record["sensitivity"],
        account_name(record) if record["account"] else None,
        *(source[name] for name in ("volume", "path", "locator", "file")),
        record["extractor"]["name"],
        _json(record["value"]),
        _json(record),
    )


def _times(bundle: Bundle) -> Iterator[tuple[Any, ...]]:
    for record in bundle.findings():
        for time in record["times"]:
            fields = (time[name] for name in ("event", "utc", "raw", "unit", "zone"))
            yield record["id"], *fields


def _file(record: dict[str, Any]) -> tuple[Any, ...]:
    hashes = (record["hashes"].get(name) for name in ("sha256", "sha1", "md5"))
    told = (record[name] for name in ("key", "volume", "path", "size"))
    # A size beyond 2^53 stands in the record as text; the column's affinity makes it a number.
    return *told, *hashes, record["read"], record.get("exported"), _json(record)


def _coverage(record: dict[str, Any]) -> tuple[Any, ...]:
    fields = (record.get(name) for name in ("step", "outcome", "reason", "counts", "volume"))
    return *fields, _json(record)


def _custody(record: dict[str, Any]) -> tuple[Any, ...]:
    return record["seq"], record["utc"], record["event"], _json(record["data"])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
