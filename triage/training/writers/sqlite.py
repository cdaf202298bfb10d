"""SQLite databases that are the same bytes whatever library writes them.

The header names the version of the library and a write-ahead log carries salts that are drawn at
random; both are set to fixed values here. https://www.sqlite.org/fileformat2.html
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import apsw

Rows = Sequence[tuple[str, tuple[object, ...]]]
Statement: TypeAlias = str | tuple[str, Sequence[object]]

_VERSION_AT = 96
_VERSION = 3_046_000
_SALT = b"TRAINING"


def database(schema: str, rows: Rows, later: Rows = ()) -> tuple[bytes, bytes]:
    """Return a database and its write-ahead log; rows of `later` stand only in the log."""

    def fill(some: Rows) -> None:
        for table, values in some:
            marks = ",".join("?" * len(values))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608 - ours

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "main"
        connection = apsw.Connection(str(path))
        connection.execute("PRAGMA synchronous=OFF")  # nobody needs this file after a power cut
        connection.execute("PRAGMA page_size=512")
        connection.execute(schema)
        fill(rows)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        fill(later)
        log = Path(f"{path}-wal")
        frozen = frozen_log(log.read_bytes()) if later else b""
        data = frozen_database(path.read_bytes())
        connection.close()
    return data, frozen


def frozen_database(data: bytes) -> bytes:
    """Return a database whose header names a fixed version of the library."""
    changed = bytearray(data)
    struct.pack_into(">I", changed, _VERSION_AT, _VERSION)
    return bytes(changed)


def frozen_log(log: bytes) -> bytes:
    """Return a WAL with fixed salts and the checksums that go with them.

    https://www.sqlite.org/fileformat2.html#walformat
    """
    magic, _, page_size, _ = struct.unpack_from(">4I", log)
    order = ">" if magic & 1 else "<"

    def checksum(data: bytes | bytearray, start: tuple[int, int]) -> tuple[int, int]:
        first, second = start
        for one, two in struct.iter_unpack(f"{order}II", data):
            first = (first + one + second) & 0xFFFFFFFF
            second = (second + two + first) & 0xFFFFFFFF
        return first, second

    head = log[:16] + _SALT
    running = checksum(head, (0, 0))
    out = bytearray(head + struct.pack(">2I", *running))
    for start in range(32, len(log), 24 + page_size):
        page = bytearray(log[start + 24 : start + 24 + page_size])
        if log[start : start + 4] == b"\0\0\0\1":
            struct.pack_into(">I", page, _VERSION_AT, _VERSION)
        running = checksum(page, checksum(log[start : start + 8], running))
        out += log[start : start + 8] + _SALT + struct.pack(">2I", *running) + page
    return bytes(out)


def frozen_memory(statements: Sequence[Statement]) -> bytes:
    """Return the database that these statements make, without a log."""
    connection = apsw.Connection(":memory:")
    for statement in statements:
        sql, values = (statement, ()) if isinstance(statement, str) else statement
        connection.execute(sql, tuple(values))
    data = frozen_database(connection.serialize("main"))
    connection.close()
    return data
