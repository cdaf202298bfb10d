from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.formats.memory import folder
from triage.errors import LimitError, ParseError
from triage.formats import leveldb
from triage.formats.indexeddb import Record, records
from triage.formats.leveldb import Contents
from triage.formats.leveldb import Record as Stored
from triage.formats.structured_clone import BlobIndex, CryptoKey, Date

GOLDEN = Path(__file__).parent / "chromium"
SITE = "http_127.0.0.1_8731.indexeddb"


def golden() -> Contents:
    return leveldb.read(folder(GOLDEN / f"{SITE}.leveldb"))


def stored(*entries: tuple[bytes, bytes | None]) -> Contents:
    return Contents(
        [
            Stored(key=key, value=value, sequence=n, live=True, file="1.log", offset=n)
            for n, (key, value) in enumerate(entries, 1)
        ]
    )


NAME = (b"\0\0\0\0\xc9\x01\0h\x01\0d", b"\x01")
STORE = (b"\0\x01\0\0\x32\x01\0", b"\0s")
RECORD = b"\0\x01\x01\x01\x03" + bytes(8)
VALUE = b"\x01\xff\x0f"


def by_key(found: list[Record]) -> dict[object, Record]:
    return {each.key if isinstance(each.key, str) else None: each for each in found if each.live}


def test_a_database_that_chromium_wrote() -> None:
    contents = golden()
    found = list(records(contents))
    assert contents.problems == []
    assert {(each.database, each.store) for each in found} == {
        ('lab "db"', "messages"),
        ('lab "db"', "keys"),
        ('lab "db"', "auto"),
        ("dropped", "s"),
    }
    messages = [each for each in found if each.store == "messages"]
    assert [(each.key, each.live) for each in messages] == [
        ("m1", True),
        ("m1", False),
        ("m2", False),
        ("all", True),
    ]
    first, older, deleted, _ = messages
    assert first.value() == {
        "id": "m1",
        "t": 1714557600123,
        "text": "second version",
        "tags": ["a"],
    }
    assert older.value() == {
        "id": "m1",
        "t": 1714557600123,
        "text": "first version",
        "tags": ["a", "b"],
    }
    assert deleted.value() == {"id": "m2", "t": 2, "text": "to be deleted", "tags": []}
    dropped = next(each for each in found if each.database == "dropped")
    assert (dropped.live, dropped.value()) == (False, "in a dropped database")


def test_kinds_of_values_and_files() -> None:
    every = by_key(list(records(golden())))["all"]
    value = every.value()
    assert isinstance(value, dict)
    assert value["t"] == Date(1714557600123)
    assert value["bi"] == 123456789012345678901234567890
    assert (value["latin"], value["wide"], value["lone"]) == ("café", "€ 😀", "\ud800x")
    assert value["arr"] == {"0": 1, "1": 2, "2": "three", "4": 5}
    assert value["map"] == [["x", 1], [{"k": 2}, "y"]]
    assert (value["u16"], value["rb"]) == (b"\x02\0\x03\0", bytes(3))
    assert value["cyc"] == {"name": "cycle", "self": None}
    assert value["sh1"] == value["sh2"] == {"k": 1}
    assert (value["blob"], value["file"]) == (BlobIndex(0), BlobIndex(1))
    assert [(each.path, each.size, each.media_type, each.name) for each in every.files] == [
        ("1/00/2", 12, "text/plain", None),
        ("1/00/3", 12, "text/x", "name.txt"),
    ]
    assert (GOLDEN / f"{SITE}.blob" / every.files[1].path).read_bytes() == b"file content"


def test_keys_and_packed_values() -> None:
    found = [each for each in records(golden()) if each.store == "keys"]
    keys = [each.key for each in found if not isinstance(each.key, str)]
    assert keys == [Date(1714557600000), 3.25, ["a", 1, ["b"]], b"\0\x01\xff"]
    assert by_key(found)["packed"].value() == "y" * 100_000
    assert by_key(found)["cryptokey"].value() == {"ck": CryptoKey(32), "after": "seen"}


def test_only_wanted_stores() -> None:
    found = list(
        records(golden(), wanted=lambda database, store: (database, store) == ("dropped", "s"))
    )
    assert [each.key for each in found] == [1]


def test_a_value_in_a_file_of_its_own() -> None:
    outside = b"\x01\xff\x11\x01\x05\x00"
    listed = b"\0\x81\x02" + b"\0" + b"\x05"  # number 257, no type, five bytes
    contents = stored(NAME, STORE, (RECORD, outside), (b"\0\x01\x01\x03" + RECORD[4:], listed))
    asked: list[str] = []

    def read(path: str) -> bytes | None:
        asked.append(path)
        return b"\xff\x0fT"

    (found,) = records(contents, outside=read)
    assert (found.database, found.store, found.value()) == ("d", "s", True)
    assert asked == ["1/01/101"]
    (found,) = records(contents)
    with pytest.raises(ParseError):
        found.value()


def test_without_names() -> None:
    (found,) = records(stored((RECORD, VALUE + b"T")))
    assert (found.database, found.store, found.key, found.value()) == (None, None, 0, True)


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"\xff",
        b"\0\x01\x01\x01",
        b"\0\x01\x01\x01\x01\x7f",
        b"\0\x01\x01\x01\x04\xff\xff\xff\x0f",
        b"\0\x01\x01\x01" + b"\x04\x01" * 40,
        b"\0\x01\x01\x01\x09",
    ],
)
def test_damaged_keys(key: bytes) -> None:
    contents = stored((key, VALUE + b"T"), (RECORD, VALUE + b"F"))
    assert [each.value() for each in records(contents)] == [False]
    assert len(contents.problems) >= 1


def test_every_flip_is_survived() -> None:
    contents = golden()
    choose = random.Random(5)  # noqa: S311 - to repeat it

    def flipped(data: bytes) -> bytes:
        changed = bytearray(data)
        if changed and choose.random() < 0.5:
            changed[choose.randrange(len(changed))] = choose.randrange(256)
        return bytes(changed)

    for _ in range(20):
        changed = Contents(
            [
                Stored(
                    key=flipped(each.key),
                    value=None if each.value is None else flipped(each.value[:2000]),
                    sequence=each.sequence,
                    live=each.live,
                    file=each.file,
                    offset=each.offset,
                )
                for each in contents.records
            ]
        )
        for record in records(changed):
            try:
                record.value()
            except (ParseError, LimitError):
                continue
