"""ESE databases: what was written is read, what is damaged is said, nothing hangs or crashes."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.formats.memory import Memory
from triage.errors import ParseError
from triage.formats.ese import Database, _unpacked

BUILD = Path(__file__).parents[2] / "fixtures/build/ese_file.py"


def _built() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ese_file_for_tests", BUILD)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["ese_file_for_tests"] = module
    spec.loader.exec_module(module)
    return module


ese_file = _built()
COLUMNS = {"Id": ese_file.LONG, "When": ese_file.DATE, "Sent": ese_file.LONG_LONG}
TEXT = {"Kind": ese_file.BYTE, "Blob": ese_file.LONG_BINARY}


@pytest.fixture(scope="module")
def made() -> bytes:
    rows: list[Any] = [(number, 45418.25, number << 33) for number in range(300)]
    texts: list[Any] = [(0, b"some bytes"), (3, None)]
    tables = {"Numbers": ese_file.Table(COLUMNS, rows), "Names": ese_file.Table(TEXT, texts)}
    return bytes(ese_file.database(tables))


def test_rows_come_back_in_order(made: bytes) -> None:
    database = Database(Memory(made))
    assert database.clean
    assert set(database.tables) == {"Numbers", "Names"}
    rows = list(database.rows("Numbers", ("Sent", "Id", "When", "Missing")))
    assert len(rows) == 300
    assert rows[299] == (299 << 33, 299, 45418.25, None)
    assert list(database.rows("Names", ("Kind", "Blob"))) == [(0, b"some bytes"), (3, None)]
    assert list(database.rows("No such table", ("Id",))) == []
    assert database.problems == []


def test_a_database_that_was_not_closed_says_so() -> None:
    dirty = ese_file.database({"Names": ese_file.Table(TEXT, [])}, state=ese_file.DIRTY)
    assert not Database(Memory(dirty)).clean


@pytest.mark.parametrize("length", [0, 7, 56, 667, 4096, 8192, 20_000])
def test_what_is_cut_off_is_refused(made: bytes, length: int) -> None:
    with pytest.raises(ParseError):
        Database(Memory(made[:length]))


def test_a_damaged_page_costs_its_rows_only(made: bytes) -> None:
    leaf = made.index((150 << 33).to_bytes(8, "little")) // 4096 * 4096
    broken = made[:leaf] + bytes(4096) + made[leaf + 4096 :]
    rows = list(Database(Memory(broken)).rows("Numbers", ("Id",)))
    assert 0 < len(rows) < 300


def test_garbage_ends_in_our_own_words(made: bytes) -> None:
    chance = random.Random(7)  # noqa: S311 - the same damage every time
    for _ in range(40):
        data = bytearray(made)
        for _ in range(chance.choice((1, 8, 64))):
            data[chance.randrange(4096, len(data))] = chance.randrange(256)
        try:
            database = Database(Memory(bytes(data)))
            for table in database.tables:
                for _ in database.rows(table, ("Id", "Blob", "Sent")):
                    pass
        except ParseError:
            pass


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (bytes([1 << 3 | 4]) + (0x61 | 0x62 << 7 | 0x63 << 14).to_bytes(3, "little"), b"abc"),
        (bytes([2 << 3 | 6]) + (0x61).to_bytes(1, "little"), "a".encode("utf-16-le")),
        (bytes([3 << 3, 1, 0, 1]), None),  # XPRESS: not read
        (b"\x08", None),
        (b"", None),
    ],
)
def test_short_texts_are_unpacked(raw: bytes, text: bytes | None) -> None:
    assert _unpacked(raw) == text
