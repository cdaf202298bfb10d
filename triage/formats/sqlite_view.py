"""One locked-down SQLite connection over evidence.

The schema is written by whoever made the evidence: only plain tables can be read (no views, virtual
tables, generated columns), with a short list of functions; no ATTACH, extension or PRAGMA; work is
bounded by virtual machine steps, which unlike time are the same on every host.

Why each setting: https://www.sqlite.org/security.html.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import apsw

from triage.errors import LimitError, ParseError
from triage.formats.sqlite_free import Column, FreeRow, Table, affinity
from triage.formats.sqlite_vfs import CIPHER_NAME, NAME, evidence_vfs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from triage.model import Reader

Value: TypeAlias = "str | int | float | bytes | None"

_TICK = 10_000  # virtual machine steps between two looks at the budget
_MAX_TABLES = 5_000
_PLAIN_TABLE = re.compile(rb"CREATE\s+TABLE\s", re.IGNORECASE)
_WITHOUT_ROW_ID = re.compile(rb"\)[^)]*WITHOUT\s+ROWID[^)]*\Z", re.IGNORECASE)
_FUNCTIONS = frozenset(
    {
        "abs",
        "coalesce",
        "count",
        "hex",
        "ifnull",
        "instr",
        "length",
        "like",
        "lower",
        "max",
        "min",
        "nullif",
        "replace",
        "round",
        "substr",
        "sum",
        "total",
        "trim",
        "typeof",
        "upper",
    }
)
_SETTINGS = (
    (apsw.SQLITE_DBCONFIG_DEFENSIVE, 1),
    (apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, 0),
    (apsw.SQLITE_DBCONFIG_DQS_DML, 0),  # a missing column is an error, not the text of its name
    (apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1),
)
_BOUNDS = (
    (apsw.SQLITE_LIMIT_SQL_LENGTH, 1_000_000),
    (apsw.SQLITE_LIMIT_COLUMN, 2_000),
    (apsw.SQLITE_LIMIT_EXPR_DEPTH, 200),
    (apsw.SQLITE_LIMIT_COMPOUND_SELECT, 500),
    (apsw.SQLITE_LIMIT_VDBE_OP, 200_000),
    (apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
    (apsw.SQLITE_LIMIT_ATTACHED, 0),
    (apsw.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
    (apsw.SQLITE_LIMIT_WORKER_THREADS, 0),
)
# Exclusive locking comes before the first read: then the index of the log is heap memory.
_PRAGMAS = (
    "locking_mode=EXCLUSIVE",
    "mmap_size=0",
    "temp_store=MEMORY",
    "cell_size_check=ON",
    "cache_size=-8192",
    "query_only=ON",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one database may cost. All of these count, none of them times."""

    steps: int = 300_000_000  # virtual machine steps of all queries together
    value: int = 64 << 20  # bytes of one value or row
    recovery: int = 64 << 20  # bytes that playing back a journal may change


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlCipher:
    """What opens a database of SQLCipher: a key, and settings of a program that are not usual.

    `key` is raw (32 bytes, or 48 with the salt) or a passphrase.
    """

    key: bytes | str = field(repr=False)
    version: int = 4  # 1 to 4: the settings that are usual in it
    rounds: int | None = None  # of PBKDF2
    page_size: int | None = None  # bytes
    clear_bytes: int = 0  # of the first page that stand in clear

    def pragmas(self) -> Iterator[tuple[str, str | int]]:
        """Yield the settings in their order, the key last."""
        yield "cipher", "sqlcipher"
        yield "legacy", self.version
        if self.rounds is not None:
            yield "kdf_iter", self.rounds
        if self.page_size is not None:
            yield "legacy_page_size", self.page_size
        if self.clear_bytes:
            yield "plaintext_header_size", self.clear_bytes
        yield "key", f"x'{self.key.hex()}'" if isinstance(self.key, bytes) else self.key


class Found(NamedTuple):
    """A row in one view, and its place among the others: see `_place`."""

    values: dict[str, Value]
    place: tuple[int, int | float | bytes]


class SchemaError(ParseError):
    """The query asks for tables or columns that are not there."""


@contextmanager
def _own_words(limits: Limits) -> Iterator[None]:
    """Turn errors of the library into ours, in wording that does not change with its version."""
    try:
        yield
    except apsw.InterruptError as error:
        raise LimitError(f"a query needs more than {limits.steps} steps") from error
    except apsw.TooBigError as error:
        raise LimitError(f"a value is larger than {limits.value} bytes") from error
    except (apsw.NoMemError, MemoryError) as error:
        raise LimitError("the database needs more memory than allowed") from error
    except apsw.NotADBError as error:
        raise ParseError("not a SQLite database, or encrypted with another key") from error
    except apsw.CorruptError as error:
        raise ParseError("the database is damaged") from error
    except apsw.AuthError as error:
        raise ParseError("the query touches something that is not a plain table") from error
    except apsw.SQLError as error:
        raise SchemaError("the query does not fit the schema of this database") from error
    except (apsw.Error, UnicodeError) as error:
        raise ParseError("the database cannot be read") from error


class View:
    """One connection, locked down, over one combination of main file, log and journal."""

    def __init__(
        self,
        main: Reader,
        *,
        wal: Reader | None,
        journal: Reader | None,
        limits: Limits,
        cipher: SqlCipher | None,
    ) -> None:
        self.tables: dict[str, tuple[str, ...]] = {}
        self.shapes: list[Table] = []  # of plain tables that have row ids
        self._limits = limits
        self._steps_left = limits.steps
        self._readable: set[tuple[str, str]] = set()
        self._encoding = "utf-8"
        self._connection: apsw.Connection | None = None
        self._path = evidence_vfs().mount(main, wal=wal, journal=journal, limit=limits.recovery)
        try:
            with _own_words(limits):
                self._connection = apsw.Connection(
                    self._path,
                    flags=apsw.SQLITE_OPEN_READWRITE,
                    vfs=NAME if cipher is None else CIPHER_NAME,
                )
                self._lock_down(self._connection, cipher)
                self._load_schema(self._connection)
                self._connection.authorizer = self._authorize
        except BaseException:
            self.close()
            raise

    def _lock_down(self, connection: apsw.Connection, cipher: SqlCipher | None) -> None:
        for option, setting in _SETTINGS:
            connection.config(option, setting)
        for limit, bound in _BOUNDS:
            connection.limit(limit, bound)
        connection.limit(apsw.SQLITE_LIMIT_LENGTH, self._limits.value)
        connection.drop_modules([])
        connection.set_progress_handler(self._tick, _TICK)
        for name, value in cipher.pragmas() if cipher else ():
            connection.pragma(name, value)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").fetchall()

    def _load_schema(self, connection: apsw.Connection) -> None:
        """Learn the plain tables and their stored columns; all else stays forbidden."""
        self._encoding = {"UTF-16le": "utf-16-le", "UTF-16be": "utf-16-be"}.get(
            connection.pragma("encoding"), "utf-8"
        )
        listed = connection.execute(
            "SELECT CAST(name AS BLOB), CAST(sql AS BLOB) FROM main.sqlite_master"
            " WHERE type = 'table' AND typeof(name) = 'text' AND typeof(sql) = 'text'"
        )
        for count, (raw_name, raw_sql) in enumerate(listed):
            if count >= _MAX_TABLES:
                raise LimitError(f"more than {_MAX_TABLES} tables")
            name = self._text(raw_name)
            sql = self._text(raw_sql).encode("utf-8", "surrogatepass")
            if not _PLAIN_TABLE.match(sql) or not _encodable(name):
                continue
            with suppress(UnicodeDecodeError):  # nobody asks for a column of such a name
                described = connection.execute(
                    f"PRAGMA main.table_xinfo({quoted(name)})"
                ).fetchall()
                # A generated column (hidden is not 0) is an expression that could be anything.
                columns = tuple(str(column[1]) for column in described if column[6] == 0)
                self.tables[name] = columns
                self._readable.update((name, column) for column in (*columns, "", "ROWID"))
                if len(columns) == len(described) and not _WITHOUT_ROW_ID.search(sql):
                    self.shapes.append(_shape(name, described))

    def _authorize(
        self, action: int, first: str | None, second: str | None, _db: str | None, _via: str | None
    ) -> int:
        allowed = (
            action == apsw.SQLITE_SELECT
            or (action == apsw.SQLITE_READ and (first, second) in self._readable)
            or (action == apsw.SQLITE_FUNCTION and second in _FUNCTIONS)
        )
        return apsw.SQLITE_OK if allowed else apsw.SQLITE_DENY

    def _tick(self) -> bool:
        self._steps_left -= _TICK
        return self._steps_left < 0

    def fits(self, sql: str, params: Sequence[Value]) -> bool:
        """Whether all tables and columns of a SELECT are there."""
        try:
            with _own_words(self._limits):
                return bool(self._names(sql, params))
        except SchemaError:
            return False

    def query(
        self, sql: str, params: Sequence[Value], *, order_by: str | None = None
    ) -> Iterator[Found]:
        """Run a SELECT, in the order of one of its columns if asked.

        Text is fetched as its bytes with a mark beside it: the library refuses invalid UTF-8.
        """
        with _own_words(self._limits):
            names = self._names(sql, params)
            position = 0 if order_by is None else names.index(order_by)
            columns = [f"c{number}" for number in range(len(names))]
            wrapped = (
                f"WITH result({', '.join(columns)}) AS ({sql}\n) SELECT "  # noqa: S608 - see quoted
                + ", ".join(
                    f"CASE typeof({column}) WHEN 'text' THEN CAST({column} AS BLOB)"
                    f" ELSE {column} END, typeof({column}) = 'text'"
                    for column in columns
                )
                + " FROM result"
            )
            if order_by is not None:
                wrapped += f" ORDER BY c{position} COLLATE BINARY"  # as `_place` compares
            for found in self._execute(wrapped, params):
                raw, is_text = found[::2], found[1::2]
                values = [
                    self._text(value) if text else value
                    for value, text in zip(raw, is_text, strict=True)
                ]
                yield Found(
                    values=dict(zip(names, values, strict=True)),
                    place=_place(raw[position], text=is_text[position]),
                )

    def _execute(self, sql: str, params: Sequence[Value]) -> Iterator[tuple[Any, ...]]:
        if self._connection is None:
            raise ParseError("the database is closed")
        return iter(self._connection.execute(sql, tuple(params)))

    def _names(self, sql: str, params: Sequence[Value]) -> list[str]:
        """Return the column names of a SELECT by preparing it without running it."""
        names: list[str] = []

        def note(cursor: apsw.Cursor, _sql: str, _bindings: object) -> bool:
            names.extend(column[0] for column in cursor.get_description())
            return False

        if self._connection is None:
            raise ParseError("the database is closed")
        cursor = self._connection.cursor()
        cursor.exec_trace = note
        with suppress(apsw.ExecTraceAbort):
            cursor.execute(sql, tuple(params), can_cache=False)
        return names

    def put_back(self, rows: Iterable[FreeRow]) -> int:
        """Insert rows that were deleted, in memory; return how many the tables take.

        What has the row id or the unique value of a row that is there, or breaks another
        constraint, is left out: it is an earlier state of that row, or a copy of it.
        """
        connection = self._connection
        if connection is None:
            raise ParseError("the database is closed")
        taken = 0
        with _own_words(self._limits):
            connection.authorizer = None
            connection.execute("PRAGMA query_only=OFF").fetchall()
            try:
                for (table, count), group in groupby(rows, lambda r: (r.table, len(r.values))):
                    with suppress(apsw.SQLError):  # an index with a collation of the program's
                        taken += self._insert(connection, table, count, group)
            finally:
                connection.execute("PRAGMA query_only=ON").fetchall()
                connection.authorizer = self._authorize
        return taken

    def _insert(
        self, connection: apsw.Connection, table: Table, count: int, rows: Iterable[FreeRow]
    ) -> int:
        columns = [column for column in table.columns[:count] if not column.row_id]
        places = [n for n, column in enumerate(table.columns[:count]) if not column.row_id]
        names = ", ".join(["rowid", *(quoted(column.name) for column in columns)])
        marks = ", ".join("?" * (len(columns) + 1))
        sql = f"INSERT OR IGNORE INTO main.{quoted(table.name)} ({names}) VALUES ({marks})"  # noqa: S608 - quoted
        before = connection.total_changes()
        values = ((row.row_id, *(row.values[place] for place in places)) for row in rows)
        with connection:
            connection.executemany(sql, values)
        return connection.total_changes() - before

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes of the main file in clear, fewer only at its end."""
        if self._connection is None:
            raise ParseError("the database is closed")
        with _own_words(self._limits):
            _, data = self._connection.read("main", 0, offset, length)
            return data

    def _text(self, raw: bytes) -> str:
        if self._encoding == "utf-8":
            return raw.decode("utf-8", "surrogateescape")
        return raw[: len(raw) & ~1].decode(self._encoding, "surrogatepass")

    def close(self) -> None:
        """Close the connection and drop the changes above the evidence."""
        if self._connection is not None:
            self._connection.close(force=True)
            self._connection = None
        evidence_vfs().unmount(self._path)


def _place(raw: Any, *, text: int) -> tuple[int, int | float | bytes]:
    """Return a key that sorts like SQLite does: NULL, numbers, text, blobs."""
    if raw is None:
        return (0, 0)
    if isinstance(raw, bytes):
        return (2 if text else 3, raw)
    return (1, raw)


def _shape(name: str, described: Sequence[Sequence[Any]]) -> Table:
    keys = [column for column in described if column[5]]
    return Table(
        name=name,
        columns=tuple(
            Column(
                name=str(column[1]),
                affinity=affinity(str(column[2])),
                required=bool(column[3]),
                row_id=len(keys) == 1 and keys[0] is column and str(column[2]).upper() == "INTEGER",
            )
            for column in described
        ),
    )


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def _encodable(name: str) -> bool:
    return "\0" not in name and not any("\ud800" <= char <= "\udfff" for char in name)
