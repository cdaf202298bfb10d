"""Deleted rows: what SQLite left in free pages comes back, and is never taken for another's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.formats.memory import Memory
from triage.errors import ParseError
from triage.formats.sqlite import RowState, SqlCipher, open_database
from triage.formats.sqlite_free import Column, FreeSpace, Table, affinity

SCHEMA = (
    "CREATE TABLE message (id INTEGER PRIMARY KEY, chat INTEGER NOT NULL, body TEXT, at REAL)",
    "CREATE TABLE chat (id INTEGER PRIMARY KEY, name TEXT UNIQUE)",
    "CREATE TABLE setting (name TEXT, value, n INTEGER, m INTEGER)",
)


def built(
    path: Path, *changes: str, encoding: str = "UTF-8", key: str = "", size: int = 512
) -> bytes:
    """Make a database of 400 messages and change it, with what SQLite does by default."""
    connection = apsw.Connection(str(path))
    if key:
        for name, value in (("cipher", "sqlcipher"), ("legacy", 4), ("key", key)):
            connection.pragma(name, value)
    else:
        connection.pragma("page_size", size)
    connection.pragma("encoding", encoding)
    connection.pragma("secure_delete", 0)
    with connection:
        for statement in SCHEMA:
            connection.execute(statement)
        connection.executemany("INSERT INTO chat VALUES (?, ?)", [(1, "Ann"), (2, "Bob")])
        rows = [(n, 1 + n % 2, body(n), n + 0.5) for n in range(1, 401)]
        connection.executemany("INSERT INTO message VALUES (?, ?, ?, ?)", rows)
        connection.executemany(
            "INSERT INTO setting VALUES (?, ?, ?, ?)", [(f"s{n}", n, n, n) for n in range(50)]
        )
    for change in changes:
        connection.execute(change)
    connection.close()
    return path.read_bytes()


def body(number: int) -> str:
    return f"message {number} " + ("long " * 300 if number % 50 == 0 else "")


def put_back(data: bytes, cipher: SqlCipher | None = None) -> Iterator[tuple[int, str, str]]:
    with open_database(Memory(data), cipher=cipher) as database:
        restored = database.put_back(database.deleted())
        if restored is not None:
            with restored:
                for row in restored.rows("message", ["chat", "body", "at"]):
                    assert row.values["body"] == body(int(row.key or 0))
                    assert row.values["at"] == int(row.key or 0) + 0.5
                    yield int(row.key or 0), str(row.state), str(row.values["body"])


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_rows_of_free_pages_are_put_back(encoding: str, tmp_path: Path) -> None:
    data = built(tmp_path / "d", "DELETE FROM message WHERE id <= 300", encoding=encoding)
    found = {key: state for key, state, _ in put_back(data)}
    gone = {key for key, state in found.items() if state == RowState.FREELIST}
    assert gone <= set(range(1, 301))
    assert len(gone) > 240
    assert {key for key, state in found.items() if state == RowState.LIVE} == set(range(301, 401))


def test_an_emptied_table_comes_back_but_for_one_page(tmp_path: Path) -> None:
    data = built(tmp_path / "d", "DELETE FROM message")
    found = list(put_back(data))
    assert len(found) > 360
    # What was long went on in other pages, which are free as well.
    assert any(len(text) > 1000 for _, _, text in found)


def test_rows_of_an_encrypted_database_are_put_back(tmp_path: Path) -> None:
    data = built(tmp_path / "d", "DELETE FROM message WHERE id <= 300", key="secret")
    found = [
        key for key, state, _ in put_back(data, SqlCipher(key="secret")) if state == "freelist"
    ]
    assert len(found) > 90


def test_joins_lead_from_a_deleted_row_to_what_is_there(tmp_path: Path) -> None:
    data = built(tmp_path / "d", "DELETE FROM message WHERE id <= 300")
    with open_database(Memory(data)) as database:
        restored = database.put_back(database.deleted())
        assert restored is not None
        with restored:
            sql = "SELECT m.id AS id, c.name AS name FROM message m JOIN chat c ON c.id = m.chat"
            rows = [row for row in restored.compare(sql, key="id") if row.state == "freelist"]
            assert {row.values["name"] for row in rows} == {"Ann", "Bob"}
        assert [row.state for row in database.rows("chat", ["name"])] == ["live", "live"]


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("DELETE FROM message WHERE id <= 300", "VACUUM"),
        ("PRAGMA secure_delete=1", "DELETE FROM message WHERE id <= 300"),
        ("DELETE FROM message WHERE id <= 300", "DROP TABLE message"),
        # Two tables that the same rows fit: nobody can say whose they are.
        (
            "CREATE TABLE draft (id INTEGER PRIMARY KEY, chat INTEGER, body TEXT, at REAL)",
            "DELETE FROM message WHERE id <= 300",
        ),
        # All of them are there: what is free are copies.
        (
            "CREATE TABLE old AS SELECT * FROM message",
            "DELETE FROM message",
            "INSERT INTO message SELECT * FROM old",
        ),
    ],
)
def test_nothing_is_put_back_that_may_be_something_else(
    changes: tuple[str, ...], tmp_path: Path
) -> None:
    found = list(put_back(built(tmp_path / "d", *changes)))
    assert all(state == RowState.LIVE for _, state, _ in found)


def test_rows_that_a_table_does_not_take_are_left_out(tmp_path: Path) -> None:
    data = built(
        tmp_path / "d",
        "DELETE FROM message WHERE id <= 300",
        "CREATE UNIQUE INDEX one ON message (body)",
        "INSERT INTO message SELECT 1000 + id, chat, 'message 7 ', at FROM message WHERE id = 350",
    )
    with open_database(Memory(data)) as database:
        restored = database.put_back(database.deleted())
        assert restored is not None
        with restored:
            keys = {row.key for row in restored.rows("message", ["body"])}
            assert 1350 in keys
            assert 7 not in keys


def test_a_column_that_was_added_later_has_its_default(tmp_path: Path) -> None:
    data = built(
        tmp_path / "d",
        "DELETE FROM message WHERE id <= 300",
        "ALTER TABLE message ADD COLUMN seen INTEGER DEFAULT 7",
    )
    with open_database(Memory(data)) as database:
        restored = database.put_back(database.deleted())
        assert restored is not None
        with restored:
            rows = [row for row in restored.rows("message", ["seen"]) if row.state == "freelist"]
            assert {row.values["seen"] for row in rows} == {7}


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("INTEGER", "integer"),
        ("VARCHAR(20)", "text"),
        ("CHARINT", "integer"),
        ("", "blob"),
        ("BLOB", "blob"),
        ("DOUBLE", "real"),
        ("DATETIME", "numeric"),
    ],
)
def test_affinities(declared: str, expected: str) -> None:
    assert affinity(declared) == expected


TABLES = [
    Table(
        name="message",
        columns=tuple(
            Column(name=name, affinity=kind, required=False, row_id=name == "id")
            for name, kind in (
                ("id", "integer"),
                ("chat", "integer"),
                ("body", "text"),
                ("at", "real"),
            )
        ),
    )
]


def test_damage_costs_rows_and_nothing_else(tmp_path: Path) -> None:
    data, chance = built(tmp_path / "d", "DELETE FROM message"), random.Random(3)  # noqa: S311
    for _ in range(60):
        broken = bytearray(data)
        for _ in range(30):
            broken[chance.randrange(len(broken))] = chance.choice((0, 1, 0x0D, 0x80, 255))
        broken[:32] = data[:32]
        cut = broken[: chance.randrange(512, len(broken))] if chance.random() < 0.3 else broken
        rows = list(FreeSpace(Memory(bytes(cut))).rows(TABLES))
        assert all(len(row.values) == 4 for row in rows)


def test_a_freelist_that_leads_in_a_circle_ends(tmp_path: Path) -> None:
    data = bytearray(built(tmp_path / "d", "DELETE FROM message"))
    trunk = int.from_bytes(data[32:36], "big")
    place = (trunk - 1) * 512
    data[place : place + 4] = trunk.to_bytes(4, "big")
    data[36:40] = b"\xff" * 4
    assert len(list(FreeSpace(Memory(bytes(data))).rows(TABLES))) > 300


@pytest.mark.parametrize("head", [b"", bytes(100), b"SQLite format 3\0\x00\x03" + bytes(82)])
def test_what_is_no_database_is_refused(head: bytes) -> None:
    with pytest.raises(ParseError):
        FreeSpace(Memory(head))
