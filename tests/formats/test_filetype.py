from __future__ import annotations

import importlib
from pathlib import Path

import apsw
import pytest

from triage.formats.filetype import filetype


def test_the_library_is_the_one_that_comes_with_us() -> None:
    # Imported first, `magic` finds the library of the system.
    library = importlib.import_module("magic").libmagic
    assert Path(library._name).parent.name == "pylibmagic"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40), "image/png"),
        (b"PK\x03\x04\x14\0\0\0\x08\0" + bytes(60), "application/zip"),
        (b"-----BEGIN PGP MESSAGE-----\n\n", "application/pgp-encrypted"),
        (b"", "application/x-empty"),
        (bytes(5000), "application/octet-stream"),
    ],
)
def test_first_bytes_tell(head: bytes, expected: str) -> None:
    assert filetype(head) == expected


def test_a_database_is_known_whatever_its_name(tmp_path: Path) -> None:
    with apsw.Connection(str(tmp_path / "holiday.jpg")) as database:
        database.execute("create table notes (text)")
    assert filetype((tmp_path / "holiday.jpg").read_bytes()) == "application/vnd.sqlite3"


def test_any_bytes_give_an_answer() -> None:
    for number in range(256):
        assert filetype(bytes([number]) * 17 + b"MZPKELF%PDF{<?xml") is not None
