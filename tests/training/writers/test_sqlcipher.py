"""SQLCipher of our writer opens with its key, and only with it."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from triage.formats.sqlite import SqlCipher
from triage.training.writers.sqlcipher import encrypted
from triage.training.writers.sqlite import Statement

KEY, SALT = bytes(range(32)), bytes(range(16))
STATEMENTS: list[Statement] = [
    "CREATE TABLE one (a TEXT, b BLOB)",
    *(("INSERT INTO one VALUES (?,?)", (f"row {n}", bytes(900))) for n in range(20)),
]


def rows(path: Path, key: bytes) -> int:
    connection = apsw.Connection(str(path))
    for name, setting in SqlCipher(key=key + SALT).pragmas():
        connection.pragma(name, setting)
    ((count,),) = connection.execute("SELECT count(*) FROM one")
    assert connection.pragma("integrity_check") == "ok"
    connection.close()
    return int(count)


def test_it_opens_with_its_key(tmp_path: Path) -> None:
    path = tmp_path / "db"
    path.write_bytes(encrypted(STATEMENTS, key=KEY, salt=SALT))
    assert rows(path, KEY) == 20
    with pytest.raises(apsw.NotADBError):
        rows(path, KEY[::-1])


def test_it_is_the_same_twice_and_shows_nothing() -> None:
    data = encrypted(STATEMENTS, key=KEY, salt=SALT)
    assert data == encrypted(STATEMENTS, key=KEY, salt=SALT)
    assert b"row 1" not in data
    assert len(data) % 4096 == 0
