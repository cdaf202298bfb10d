"""Hostile SQLite databases, read with and without their write-ahead log or hot journal.

Two connections look at the same bytes: one as SQLite would open them today, one at the main file
alone. Comparing them row by row tells what stands only in the log, and what the log replaced.

Guards, since the schema is written by whoever made the evidence: only plain tables can be read (no
views, virtual tables, generated columns), by a short list of functions; no ATTACH, extension or
PRAGMA; work is bounded by virtual machine steps, which unlike time are the same on every host.
Text is returned as stored: bytes that are not valid UTF-8 become lone surrogates (PEP 383).
A collation that only the application knows cannot be used in a comparison or ORDER BY.

Formats: https://www.sqlite.org/fileformat2.html and https://www.sqlite.org/security.html.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from triage.errors import EvidenceError, LimitError, ParseError
from triage.formats.sqlite_free import PAGES, ROWS, FreeRow, FreeSpace
from triage.formats.sqlite_view import (
    Found,
    Limits,
    SchemaError,
    SqlCipher,
    Value,
    View,
    quoted,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from types import TracebackType
    from typing import Self

    from triage.model import Reader

__all__ = [
    "HEAD",
    "Database",
    "Limits",
    "Row",
    "RowState",
    "SqlCipher",
    "Value",
    "in_clear",
    "open_database",
]

_NOT_COMPARED = "the main file cannot be read without its log, so row states are not compared"
_LOG_IGNORED = "the database cannot be read with its log, so it is read without"
_CUT = f"deleted rows were looked for in {PAGES} pages, and {ROWS} of them taken"
_DEFAULT_LIMITS = Limits()
HEAD = 101
"""Bytes of a file that `in_clear` looks at."""
_MAGIC = b"SQLite format 3\0"
_TABLE_PAGES = (b"\x05", b"\x0d")  # an inner page, a leaf


class RowState(StrEnum):
    """Where a row stands.

    `live` in the main file and current; `wal` current, but written only in the write-ahead log;
    `superseded` in the main file, but deleted or replaced by the log; `journal` current only once
    the hot rollback journal is played back, in which case `superseded` rows are those of the
    transaction that never finished. `freelist` deleted, its bytes still in the file: only
    what `put_back` returns has such rows.
    """

    LIVE = "live"
    WAL = "wal"
    JOURNAL = "journal"
    SUPERSEDED = "superseded"
    FREELIST = "freelist"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its key (rowid unless asked otherwise), values by column name, and its state."""

    key: Value
    values: dict[str, Value]
    state: RowState


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """What a database consists of, to look at it more than once."""

    main: Reader
    wal: Reader | None
    journal: Reader | None
    limits: Limits
    cipher: SqlCipher | None

    def view(self) -> View:
        return View(
            self.main,
            wal=self.wal,
            journal=self.journal,
            limits=self.limits,
            cipher=self.cipher,
        )

    @contextmanager
    def free_space(self) -> Iterator[FreeSpace]:
        """Give the pages of the main file, in clear."""
        if self.cipher is None:
            yield FreeSpace(self.main)
            return
        view = replace(self, wal=None, journal=None).view()
        try:
            yield FreeSpace(_InClear(view, self.main.size))
        finally:
            view.close()


class _InClear:
    """A database file as it was before it was encrypted."""

    def __init__(self, view: View, size: int) -> None:
        self._view, self.size = view, size

    def read_at(self, offset: int, length: int) -> bytes:
        return self._view.read_at(offset, length)


class Database:
    """An open database; close it, or use it in a `with` statement.

    `problems` grows when the main file alone cannot be read and rows cannot be compared: then all
    current rows count as `live`.
    """

    def __init__(
        self,
        current: View,
        base: View | None,
        log_state: RowState,
        files: _Files | None = None,
    ) -> None:
        self.problems: list[str] = []
        self._current = current
        self._base = base
        self._log_state = log_state
        self._files = files

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close both views."""
        self._current.close()
        if self._base is not None:
            self._base.close()

    def deleted(self) -> list[FreeRow]:
        """Return the rows that are deleted, whose bytes are still there and fit one table.

        Raises ParseError, LimitError, EvidenceError.
        """
        if self._files is None or not self._current.shapes:
            return []
        with self._files.free_space() as space:
            rows = list(space.rows(self._current.shapes))
        if space.cut:
            self.problems.append(_CUT)
        return rows

    def put_back(self, rows: Sequence[FreeRow]) -> Database | None:
        """Return this database with deleted rows in it, which are `freelist`; others are `live`.

        None where all of them are states of rows that are there now. The two are closed each for
        itself. Raises ParseError, LimitError, EvidenceError.
        """
        if self._files is None or not rows:
            return None
        restored = self._files.view()
        if not restored.put_back(rows):
            restored.close()
            return None
        return Database(restored, self._files.view(), RowState.FREELIST)

    def tables(self) -> frozenset[str]:
        """Return the names of the plain tables in either view: no views, no virtual tables."""
        return frozenset(name for view in self._views() for name in view.tables)

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the stored columns of a table, as now if it is still there; none without it."""
        wanted = table.lower()
        for view in self._views():
            for name, columns in view.tables.items():
                if name.lower() == wanted:
                    return columns
        return ()

    def has(self, requires: Mapping[str, AbstractSet[str]]) -> bool:
        """Whether all these tables are there with at least these columns, in any case.

        A table that the log drops counts: `rows` shows what it held, `select` raises ParseError.
        """
        for table, wanted in requires.items():
            there = {column.lower() for column in self.columns(table)}
            if not there or not there.issuperset(column.lower() for column in wanted):
                return False
        return True

    def _views(self) -> list[View]:
        return [self._current] if self._base is None else [self._current, self._base]

    def select(self, sql: str, params: Sequence[Value] = ()) -> Iterator[dict[str, Value]]:
        """Run one SELECT on the current state, values by column name.

        Raises ParseError when the query does not fit or the database is damaged, LimitError when
        it costs too much, EvidenceError when the image cannot be read there.
        """
        for found in self._current.query(sql, params):
            yield found.values

    def rows(
        self,
        table: str,
        columns: Sequence[str],
        *,
        key: str = "rowid",
        where: str | None = None,
        params: Sequence[Value] = (),
    ) -> Iterator[Row]:
        """Read a table in both views and tell the state of each row, in the order of `key`.

        `key` must be unique; for a table WITHOUT ROWID name its key column. Raises like `select`.
        """
        # Named as asked for: the schema may spell a column in another case.
        wanted = ", ".join(f"{quoted(column)} AS {quoted(column)}" for column in columns)
        name = "rowid" if key == "rowid" else quoted(key)
        sql = f"SELECT {name} AS row_key, {wanted} FROM {quoted(table)}"  # noqa: S608 - quoted
        if where is not None:
            sql += f" WHERE {where}"
        for row in self.compare(sql, params, key="row_key"):
            del row.values["row_key"]
            yield row

    def compare(self, sql: str, params: Sequence[Value] = (), *, key: str) -> Iterator[Row]:
        """Run one SELECT in both views and tell the state of each row by its unique column `key`.

        For joins: a row is `live` only when all its values are the same without the log.
        Raises like `select`.
        """
        current: Iterator[Found] = iter(())
        if self._current.fits(sql, params):
            current = self._current.query(sql, params, order_by=key)
        elif self._base is None or not self._base.fits(sql, params):
            raise SchemaError("the query does not fit the schema of this database")
        base = self._tolerant(sql, params, key)
        new, old = next(current, None), next(base, None)
        while new is not None or old is not None:
            if new is not None and (old is None or new.place <= old.place):
                same = old is not None and new == old
                live = same or self._base is None
                state = RowState.LIVE if live else self._log_state
                yield Row(key=new.values[key], values=new.values, state=state)
                if old is not None and new.place == old.place:
                    if not same:
                        yield _superseded(old, key)
                    old = next(base, None)
                new = next(current, None)
            elif old is not None:
                yield _superseded(old, key)
                old = next(base, None)

    def _tolerant(self, sql: str, params: Sequence[Value], key: str) -> Iterator[Found]:
        """Query the main file alone; when it is unreadable without its log, stop comparing."""
        base = self._base
        if base is None:
            return
        try:
            if base.fits(sql, params):  # else only the log creates what the query asks for
                yield from base.query(sql, params, order_by=key)
        except LimitError:
            raise
        except (ParseError, EvidenceError):
            if self._base is not None:
                self.problems.append(_NOT_COMPARED)
            self._base = None
            base.close()


def _superseded(found: Found, key: str) -> Row:
    return Row(key=found.values[key], values=found.values, state=RowState.SUPERSEDED)


def in_clear(head: bytes) -> bool:
    """Whether a file that begins so (`HEAD` bytes) is a database that is not encrypted.

    SQLCipher can leave the first 32 bytes in clear: then the first page is no page of a table.
    """
    return head.startswith(_MAGIC) and head[100:101] in _TABLE_PAGES


def open_database(
    main: Reader,
    *,
    wal: Reader | None = None,
    journal: Reader | None = None,
    limits: Limits = _DEFAULT_LIMITS,
    cipher: SqlCipher | None = None,
) -> Database:
    """Open a database from the evidence with its write-ahead log and rollback journal, if any.

    When the database cannot be opened with its log, it is opened without, and `problems`
    says so. Raises ParseError, LimitError or EvidenceError.
    """
    files = _Files(
        main=main,
        wal=wal if wal is not None and wal.size else None,
        journal=journal if journal is not None and journal.size else None,
        limits=limits,
        cipher=cipher,
    )
    alone = replace(files, wal=None, journal=None)
    if files == alone:
        return Database(files.view(), None, RowState.LIVE, files)
    try:
        current = files.view()
    except ParseError:
        database = Database(alone.view(), None, RowState.LIVE, alone)
        database.problems.append(_LOG_IGNORED)
        return database
    base, problems = None, []
    try:
        base = alone.view()
    except LimitError:
        current.close()
        raise
    except (ParseError, EvidenceError):
        problems.append(_NOT_COMPARED)
    log_state = RowState.JOURNAL if files.wal is None else RowState.WAL
    database = Database(current, base, log_state, files)
    database.problems += problems
    return database
