# ruff: noqa: S608 - statements are built from literals of this file
from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import pytest

from triage.errors import EvidenceError, LimitError, ParseError
from triage.formats.sqlite import (
    HEAD,
    Database,
    Limits,
    RowState,
    SqlCipher,
    in_clear,
    open_database,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BAD_TEXT = "CAST(x'61ff62' AS TEXT)"


class Bytes:
    """A Reader over bytes; offsets from `bad` on cannot be read."""

    def __init__(self, data: bytes, *, bad: int | None = None) -> None:
        self._data = data
        self._bad = bad

    @property
    def size(self) -> int:
        return len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        if self._bad is not None and offset + length > self._bad:
            raise EvidenceError("bad sector")
        return self._data[offset : offset + length]


def built(*statements: str, encoding: str = "UTF-8") -> bytes:
    """Return a database file that these statements make."""
    connection = apsw.Connection(":memory:")
    connection.execute(f"PRAGMA encoding='{encoding}'").fetchall()
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
    for statement in statements:
        connection.execute(statement).fetchall()
    data = connection.serialize("main")
    connection.close()
    return data


def opened(*statements: str, limits: Limits | None = None) -> Database:
    return open_database(Bytes(built(*statements)), limits=limits or Limits())


class Live:
    """A database as a running program leaves it: files copied while the writer has it open."""

    def __init__(self, folder: Path, *first: str, key: str | None = None) -> None:
        self.path = folder / "live.db"
        self.connection = apsw.Connection(str(self.path))
        if key is not None:
            self.run("PRAGMA cipher='sqlcipher'", "PRAGMA legacy=4", f'PRAGMA key="{key}"')
        self.run(*first)

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement).fetchall()

    def file(self, suffix: str = "") -> bytes:
        return Path(f"{self.path}{suffix}").read_bytes()


@pytest.fixture
def wal_files(tmp_path: Path) -> Iterator[tuple[bytes, bytes]]:
    live = Live(
        tmp_path,
        "PRAGMA journal_mode=WAL",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)",
        "CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID",
        "INSERT INTO t VALUES (1, 'gone'), (2, 'old'), (3, 'same')",
        "INSERT INTO w VALUES ('a', 1), ('B', 2)",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "DELETE FROM t WHERE id = 1",
        "UPDATE t SET v = 'new' WHERE id = 2",
        "INSERT INTO t VALUES (4, 'added')",
        "DELETE FROM w WHERE k = 'a'",
        "CREATE TABLE later(id INTEGER PRIMARY KEY)",
        "INSERT INTO later VALUES (7)",
    )
    yield live.file(), live.file("-wal")
    live.connection.close()


def states(database: Database, table: str = "t", column: str = "v", key: str = "rowid") -> object:
    return [
        (row.key, row.values[column], str(row.state))
        for row in database.rows(table, [column], key=key)
    ]


WITH_WAL = [
    (1, "gone", "superseded"),
    (2, "new", "wal"),
    (2, "old", "superseded"),
    (3, "same", "live"),
    (4, "added", "wal"),
]
WITHOUT_WAL = [(1, "gone", "live"), (2, "old", "live"), (3, "same", "live")]


def test_rows_tell_what_stands_only_in_the_log(wal_files: tuple[bytes, bytes]) -> None:
    main, wal = map(Bytes, wal_files)
    with open_database(main, wal=wal) as database:
        assert states(database) == WITH_WAL
        assert states(database, "w", "v", "k") == [("B", 2, "live"), ("a", 1, "superseded")]
        assert states(database, "later", "id") == [(7, 7, "wal")]
        assert [row["v"] for row in database.select("SELECT v FROM t ORDER BY id DESC")] == [
            "added",
            "same",
            "new",
        ]
        assert database.problems == []
    with open_database(main) as database:
        assert states(database) == WITHOUT_WAL
        assert "later" not in database.tables()


def test_a_join_is_compared_by_its_key(wal_files: tuple[bytes, bytes]) -> None:
    main, wal = map(Bytes, wal_files)
    sql = "SELECT t.id AS id, w.v AS v FROM t LEFT JOIN w ON w.k = 'a' WHERE t.id > ?"
    with open_database(main, wal=wal) as database:
        found = [(r.key, r.values["v"], r.state) for r in database.compare(sql, (2,), key="id")]
    assert found == [
        (3, None, RowState.WAL),
        (3, 1, RowState.SUPERSEDED),
        (4, None, RowState.WAL),
    ]


def test_where_and_params_hold_in_both_views(wal_files: tuple[bytes, bytes]) -> None:
    main, wal = map(Bytes, wal_files)
    with open_database(main, wal=wal) as database:
        found = list(database.rows("t", ["v"], where="id = ?", params=(2,)))
    assert [row.values for row in found] == [{"v": "new"}, {"v": "old"}]


@pytest.mark.parametrize("damage", ["header", "salt", "frame", "cut", "noise"])
def test_a_log_that_does_not_fit_is_ignored_like_sqlite_does(
    wal_files: tuple[bytes, bytes], damage: str
) -> None:
    main, wal = wal_files
    changed = bytearray(wal)
    match damage:
        case "header":
            changed[16] ^= 0xFF  # salt in the header: its checksum fails
        case "salt":
            changed[32 + 8] ^= 0xFF  # salt of the first frame: left from another log
        case "frame":
            changed[32 + 24 + 100] ^= 0xFF  # page content: checksum of the frame fails
        case "cut":
            del changed[32 + 24 + 1000 :]
        case _:
            changed = bytearray(b"\x5a" * 5000)
    with open_database(Bytes(main), wal=Bytes(bytes(changed))) as database:
        assert states(database) == WITHOUT_WAL


def wal_of(*pages: tuple[int, bytes]) -> bytes:
    """Return a write-ahead log with valid checksums: https://www.sqlite.org/fileformat2.html."""

    def checksum(data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
        first, second = sums
        for low, high in struct.iter_unpack("<II", data):
            first = (first + low + second) & 0xFFFFFFFF
            second = (second + high + first) & 0xFFFFFFFF
        return first, second

    salts = (1, 2)
    header = struct.pack(">6I", 0x377F0682, 3007000, len(pages[0][1]), 0, *salts)
    sums = checksum(header, (0, 0))
    log = header + struct.pack(">2I", *sums)
    for number, page in pages:
        start = struct.pack(">2I", number, len(pages))
        sums = checksum(start + page, sums)
        log += start + struct.pack(">4I", *salts, *sums) + page
    return log


def test_a_log_that_breaks_the_database_is_left_out_and_said() -> None:
    main = built("CREATE TABLE t(v)", "INSERT INTO t VALUES (5)")
    page = bytearray(main[:4096])
    assert main[16:18] == b"\x10\0"
    page[100:108] = b"\xff" * 8  # the root of the schema
    with open_database(Bytes(main), wal=Bytes(wal_of((1, bytes(page))))) as database:
        assert states(database) == [(1, 5, "live")]
        assert len(database.problems) == 1


def test_what_the_log_drops_is_superseded(tmp_path: Path) -> None:
    live = Live(
        tmp_path,
        "PRAGMA journal_mode=WAL",
        "CREATE TABLE t(v)",
        "INSERT INTO t VALUES ('x')",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "DROP TABLE t",
    )
    with open_database(Bytes(live.file()), wal=Bytes(live.file("-wal"))) as database:
        assert database.has({"t": {"v"}})
        assert states(database) == [(1, "x", "superseded")]
        with pytest.raises(ParseError, match="schema"):
            list(database.select("SELECT v FROM t"))
        with pytest.raises(ParseError, match="schema"):
            list(database.rows("u", ["v"]))
    live.connection.close()


def test_an_unreadable_main_file_beside_a_whole_log_stops_the_comparison(
    wal_files: tuple[bytes, bytes],
) -> None:
    main, wal = wal_files
    with open_database(Bytes(b"\0" * 100 + main[100:]), wal=Bytes(wal)) as database:
        assert states(database) == [
            (2, "new", "live"),
            (3, "same", "live"),
            (4, "added", "live"),
        ]
        assert len(database.problems) == 1


def test_losing_the_main_file_midway_stops_every_comparison(tmp_path: Path) -> None:
    live = Live(
        tmp_path,
        "PRAGMA journal_mode=WAL",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
        *[f"INSERT INTO t VALUES ({n}, hex(zeroblob(900)))" for n in range(1, 40)],
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "UPDATE t SET v = 'new'",
    )
    main, wal = live.file(), live.file("-wal")
    live.connection.close()
    with open_database(Bytes(main, bad=20_000), wal=Bytes(wal)) as database:
        one, other = database.rows("t", ["v"]), database.rows("t", ["v"])
        found = [next(one).state, next(other).state]
        found += [row.state for row in one]
        found += [row.state for row in other]
        assert found[:2] == [RowState.WAL, RowState.WAL]
        assert found[-1] == RowState.LIVE
        assert len(database.problems) == 1
        assert {row["v"] for row in database.select("SELECT v FROM t")} == {"new"}


def test_a_hot_journal_is_rolled_back_in_memory(tmp_path: Path) -> None:
    live = Live(
        tmp_path,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)",
        "INSERT INTO t VALUES (1, 'before'), (2, 'kept')",
        "BEGIN",
        "UPDATE t SET v = 'after' WHERE id = 1",
        "INSERT INTO t VALUES (3, 'unfinished')",
    )
    live.connection.cache_flush()  # a crash between writing pages and deleting the journal
    main, journal = live.file(), live.file("-journal")
    live.run("ROLLBACK")
    live.connection.close()
    assert journal[:8] == bytes.fromhex("d9d505f920a163d7")
    with open_database(Bytes(main), journal=Bytes(journal)) as database:
        found = states(database)
    assert found == [
        (1, "before", "journal"),
        (1, "after", "superseded"),
        (2, "kept", "live"),
        (3, "unfinished", "superseded"),
    ]
    with (
        pytest.raises(LimitError),
        open_database(
            Bytes(main), journal=Bytes(journal), limits=Limits(recovery=1000)
        ) as database,
    ):
        states(database)


@pytest.mark.parametrize("form", ["raw", "passphrase"])
def test_sqlcipher_with_a_live_log(tmp_path: Path, form: str) -> None:
    raw = bytes(range(32))
    key = f"x'{raw.hex()}'" if form == "raw" else "it's secret"
    live = Live(
        tmp_path,
        "PRAGMA journal_mode=WAL",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
        "INSERT INTO t VALUES (1, 'one')",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "INSERT INTO t VALUES (2, 'two')",
        key=key,
    )
    main, wal = live.file(), live.file("-wal")
    live.connection.close()
    assert b"SQLite format" not in main
    given: bytes | str = raw if form == "raw" else key
    with open_database(Bytes(main), wal=Bytes(wal), cipher=SqlCipher(key=given)) as database:
        assert states(database) == [(1, "one", "live"), (2, "two", "wal")]
    for wrong in (SqlCipher(key=bytes(32)), None):
        with pytest.raises(ParseError, match="another key"):
            open_database(Bytes(main), wal=Bytes(wal), cipher=wrong)


def test_values_come_as_stored() -> None:
    with opened(
        "CREATE TABLE t(v)",
        f"INSERT INTO t VALUES (1), (-9223372036854775808), (1.5), (NULL), (x'00ff'), ({BAD_TEXT}),"
        " ('a' || char(0) || 'b'), ('')",
    ) as database:
        assert [row["v"] for row in database.select("SELECT v FROM t")] == [
            1,
            -(2**63),
            1.5,
            None,
            b"\x00\xff",
            "a\udcffb",
            "a\0b",
            "",
        ]


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_utf16_databases(encoding: str) -> None:
    lone = "3dd8" if encoding == "UTF-16le" else "d83d"
    data = built(
        "CREATE TABLE t(v)",
        f"INSERT INTO t VALUES ('é€'), (CAST(x'{lone}' AS TEXT))",
        encoding=encoding,
    )
    with open_database(Bytes(data)) as database:
        assert [row["v"] for row in database.select("SELECT v FROM t")] == ["é€", "\ud83d"]


def test_keys_of_every_type_are_compared_in_sqlite_order(tmp_path: Path) -> None:
    live = Live(
        tmp_path,
        "PRAGMA journal_mode=WAL",
        "CREATE TABLE t(v PRIMARY KEY COLLATE NOCASE)",
        f"INSERT INTO t VALUES (NULL), (2), (1.5), ('b'), ('A'), (x'01'), ({BAD_TEXT})",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "INSERT INTO t VALUES (3), ('Z'), (x'02')",
    )
    with open_database(Bytes(live.file()), wal=Bytes(live.file("-wal"))) as database:
        found = states(database, "t", "v", "v")
    live.connection.close()
    assert found == [
        (None, None, "live"),
        (1.5, 1.5, "live"),
        (2, 2, "live"),
        (3, 3, "wal"),
        ("A", "A", "live"),
        ("Z", "Z", "wal"),
        ("a\udcffb", "a\udcffb", "live"),
        ("b", "b", "live"),
        (b"\x01", b"\x01", "live"),
        (b"\x02", b"\x02", "wal"),
    ]


def test_schema_questions() -> None:
    with opened(
        "CREATE TABLE Places(Id INTEGER PRIMARY KEY, url, up AS (upper(url)))",
        'CREATE TABLE "odd "" name"(x)',
        "CREATE VIEW v AS SELECT 1 AS x",
        "CREATE VIRTUAL TABLE f USING fts5(body)",
    ) as database:
        assert {"Places", 'odd " name'} <= database.tables()
        assert not {"v", "f"} & database.tables()
        assert database.columns("PLACES") == ("Id", "url")
        assert database.columns("v") == ()
        assert database.has({"places": {"ID", "URL"}})
        assert not database.has({"places": {"up"}})
        assert not database.has({"v": set()})
        assert list(database.rows('odd " name', ["x"])) == []


RECURSIVE = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS url FROM n"


@pytest.mark.parametrize(
    "schema",
    [
        f"CREATE VIEW moz_places AS {RECURSIVE}",
        "CREATE VIEW moz_places AS SELECT hex(randomblob(100000000)) AS url",
        "CREATE VIRTUAL TABLE moz_places USING fts5(url)",
        "CREATE TABLE moz_places(id, url AS (hex(zeroblob(100000000))))",
    ],
)
@pytest.mark.parametrize("sql", ["SELECT url FROM moz_places", "SELECT count(*) FROM moz_places"])
def test_only_stored_columns_of_plain_tables_are_read(schema: str, sql: str) -> None:
    with opened(schema) as database:
        if "TABLE moz_places(id" in schema and "count" in sql:
            assert next(database.select(sql)) == {"count(*)": 0}
            return
        with pytest.raises(ParseError):
            list(database.select(sql))


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH 'x' AS y",
        "PRAGMA writable_schema = 1",
        "DELETE FROM t",
        "SELECT load_extension('x')",
        "SELECT * FROM pragma_table_info('t')",
        "SELECT * FROM json_each('[1]')",
        "SELECT name FROM sqlite_master",
        "SELECT 1; SELECT 2",
        "SELECT randomblob(5)",
        'SELECT "missing" FROM t',
        RECURSIVE,
        "",
        "nonsense",
    ],
)
def test_nothing_but_plain_selects(sql: str) -> None:
    with opened("CREATE TABLE t(a)") as database, pytest.raises(ParseError):
        list(database.select(sql))


def test_work_is_bounded_by_steps() -> None:
    statements = ["CREATE TABLE t(a)"] + ["INSERT INTO t VALUES (1)"] * 60
    sql = "SELECT count(*) AS n FROM t a, t b, t c, t d"
    with (
        opened(*statements, limits=Limits(steps=200_000)) as database,
        pytest.raises(LimitError, match="200000 steps"),
    ):
        list(database.select(sql))


def test_values_are_bounded() -> None:
    with (
        opened(
            "CREATE TABLE t(a)",
            "INSERT INTO t VALUES (zeroblob(100000))",
            limits=Limits(value=50_000),
        ) as database,
        pytest.raises(LimitError, match="50000 bytes"),
    ):
        list(database.select("SELECT a FROM t"))


def test_every_truncation_and_garbage_page_is_our_error_or_rows() -> None:
    data = built(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
        *[f"INSERT INTO t VALUES ({n}, hex(zeroblob(900)))" for n in range(1, 40)],
    )
    variants = [data[:cut] for cut in (*range(0, 120, 9), *range(200, len(data), 3777))]
    for page in range(0, len(data), 4096):
        for pattern in (b"\xff", b"\0", bytes(range(251))):
            noise = (pattern * 4096)[: 4096 - 100]
            variants.append(data[: page + 100] + noise + data[page + 4096 :])
    read = 0
    for variant in variants:
        try:
            with open_database(Bytes(variant)) as database:
                read += sum(1 for _ in database.rows("t", ["v"]))
        except ParseError:
            continue
    assert read > 0


@pytest.mark.parametrize(
    ("offset", "value"),
    [(28, b"\xff\xff\xff\xff"), (16, b"\xff\xff"), (16, b"\0\1"), (20, b"\xff"), (32, b"\xff" * 8)],
)
def test_a_header_that_lies(offset: int, value: bytes) -> None:
    data = bytearray(built("CREATE TABLE t(v)", "INSERT INTO t VALUES (5)"))
    data[offset : offset + len(value)] = value
    try:
        with open_database(Bytes(bytes(data))) as database:
            assert [row["v"] for row in database.select("SELECT v FROM t")] == [5]
    except ParseError:
        pass


@pytest.mark.parametrize("data", [b"text, not a database" * 300, b"SQLite format 3\0" + b"\0" * 84])
def test_not_a_database(data: bytes) -> None:
    with pytest.raises(ParseError):
        open_database(Bytes(data))


def test_an_empty_file_is_an_empty_database() -> None:
    with open_database(Bytes(b"")) as database:
        assert database.tables() == frozenset()


def test_bad_sectors_stay_evidence_errors() -> None:
    data = built(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
        *[f"INSERT INTO t VALUES ({n}, hex(zeroblob(900)))" for n in range(1, 40)],
    )
    with open_database(Bytes(data, bad=20_000)) as database:
        rows = database.rows("t", ["v"])
        assert next(rows).key == 1
        with pytest.raises(EvidenceError, match="bad sector"):
            list(rows)
    with pytest.raises(EvidenceError, match="bad sector"):
        open_database(Bytes(data, bad=50))


def test_a_closed_database_says_so() -> None:
    database = opened("CREATE TABLE t(a)")
    database.close()
    with pytest.raises(ParseError, match="closed"):
        list(database.select("SELECT a FROM t"))


def test_unknown_collations_and_functions_of_the_application_do_not_matter() -> None:
    with opened(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v COLLATE BINARY)",
        "INSERT INTO t VALUES (1, 'x')",
        "PRAGMA writable_schema = ON",
        "INSERT INTO sqlite_master VALUES ('trigger', 'g', 't', 0,"
        " 'CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT app_function(NEW.v); END')",
    ) as database:
        assert states(database) == [(1, "x", "live")]


def test_real_firefox_history() -> None:
    samples = os.environ.get("TRIAGE_SAMPLES")
    if samples is None:
        pytest.skip("TRIAGE_SAMPLES is not set")
    data = (Path(samples) / "firefox/places.sqlite").read_bytes()
    with open_database(Bytes(data)) as database:
        assert database.has({"moz_places": {"url"}, "moz_historyvisits": {"visit_date"}})
        assert sum(1 for _ in database.rows("moz_historyvisits", ["visit_date"])) > 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda data: data, True),
        (lambda data: data[:32] + bytes(200), False),  # SQLCipher with a header in clear
        (lambda data: b"x" + data[1:], False),
        (lambda data: data[:100], False),
        (lambda _: b"", False),
    ],
)
def test_what_is_in_clear(change: Callable[[bytes], bytes], *, expected: bool) -> None:
    assert in_clear(change(built("CREATE TABLE t(v)"))[:HEAD]) is expected
