from __future__ import annotations

import os
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from triage.errors import EvidenceError, LimitError, ParseError
from triage.formats import registry
from triage.formats.registry import Hive, Key, control_set, open_hive
from triage.training.writers import regf

RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
DATA = regf.hive(
    {
        "": {"root value": "here"},
        RUN: {
            "": "default",
            "tor": regf.expand(r"%APPDATA%\tor.exe"),
            "list": ["one", "two", ""],
            "none": [],
            "dword": 0xFFFFFFFF,
            "qword": regf.qword(2**64 - 1),
            "big endian": regf.typed(5, b"\0\0\1\2"),
            "short dword": regf.typed(4, b"\1\2"),
            "bytes": b"\x00\xff",
            "odd text": regf.typed(1, "päth".encode("utf-16-le") + b"\0\0junk\0"),
            "lone": regf.typed(1, b"a\0\x3d\xd8b\0"),
            "rid": regf.typed(1001, b""),
        },
        r"Software\Tor Project": {},
    },
    key_written={RUN: datetime(2024, 2, 21, 8, 15, tzinfo=UTC)},
)


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


def walk(hive: Hive, most: int = 100_000) -> dict[str, int]:
    """Read everything: the number of keys and values."""
    found = {"keys": 0, "values": 0}
    waiting = [hive.root]
    while waiting and found["keys"] < most:
        key = waiting.pop()
        found["keys"] += 1
        found["values"] += len([value.data for value in key.values()])
        waiting.extend(key.subkeys())
    return found


def test_values_have_the_type_of_their_type() -> None:
    key = open_hive(Bytes(DATA)).key(RUN)
    assert key is not None
    assert {value.name: value.data for value in key.values()} == {
        "": "default",
        "tor": r"%APPDATA%\tor.exe",
        "list": ["one", "two"],
        "none": [],
        "dword": 0xFFFFFFFF,
        "qword": 2**64 - 1,
        "big endian": 0x102,
        "short dword": b"\1\2",
        "bytes": b"\x00\xff",
        "odd text": "päth",
        "lone": "a\ud83db",
        "rid": b"",
    }
    rid = key.value("RID")
    assert rid is not None
    assert rid.type == 1001


def test_keys_are_found_in_any_case_and_tell_their_time() -> None:
    hive = open_hive(Bytes(DATA))
    key = hive.key(RUN.upper())
    assert key is not None
    assert key.name == "Run"
    assert key.last_written == 133529769000000000
    assert key.last_written_utc == "2024-02-21T08:15:00Z"
    software = hive.key("software")
    assert software is not None
    assert sorted(child.name for child in software.subkeys()) == ["Microsoft", "Tor Project"]
    below = software.key(r"\microsoft\windows")
    assert below is not None
    assert below.name == "Windows"
    root = hive.key("")
    assert root is not None
    value = root.value("ROOT VALUE")
    assert value is not None
    assert value.data == "here"
    assert hive.problems == []
    assert not hive.dirty


@pytest.mark.parametrize(
    "path", ["Nothing", r"Software\Nothing\Run", "Software\0", "\ud800", "Softwar"]
)
def test_what_is_not_there_is_none(path: str) -> None:
    hive = open_hive(Bytes(DATA))
    assert hive.key(path) is None
    assert hive.root.value(path) is None


def test_a_hive_that_was_being_written_is_dirty() -> None:
    data = bytearray(DATA)
    data[8] ^= 1
    data[508] ^= 1  # the checksum
    assert open_hive(Bytes(bytes(data))).dirty


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"Select": {"Current": 2}, "ControlSet001": {}, "ControlSet002": {}}, "ControlSet002"),
        ({"Select": {"Current": 3}, "ControlSet001": {}}, None),
        ({"Select": {"Current": "1"}, "ControlSet001": {}}, None),
        ({"Select": {}, "ControlSet001": {}}, None),
        ({"ControlSet001": {}}, None),
    ],
)
def test_the_current_control_set(keys: dict[str, Any], expected: str | None) -> None:
    key = control_set(open_hive(Bytes(regf.hive(keys))))
    assert (key.name if key else None) == expected


@pytest.mark.parametrize(
    "data", [b"", b"regf", b"regf" + bytes(4092), b"\xff" * 5000, b"MZ" * 4096]
)
def test_not_a_hive(data: bytes) -> None:
    with pytest.raises(ParseError):
        open_hive(Bytes(data))


def test_truncations_are_our_errors_or_fewer_keys() -> None:
    whole = walk(open_hive(Bytes(DATA)))
    for cut in range(0, len(DATA) - 1, 331):
        try:
            assert walk(open_hive(Bytes(DATA[:cut]))) != whole
        except ParseError:
            continue


def test_flipped_bytes_are_our_errors() -> None:
    chance = random.Random(7)  # noqa: S311 - the same bytes in each run
    unread = 0
    for _ in range(1500):
        data = bytearray(DATA)
        for _ in range(chance.choice((1, 3, 20))):
            data[chance.randrange(4096, len(data))] = chance.choice((0, 1, 0x80, 0xFF))
        try:
            hive = open_hive(Bytes(bytes(data)))
            walk(hive, most=2000)
            unread += len(hive.problems)
        except (ParseError, EvidenceError):
            unread += 1
    assert unread > 0


def test_one_unreadable_value_does_not_hide_the_others() -> None:
    data = bytearray(DATA)
    place = data.index(b"vk", data.index(b"qword") - 40)
    data[place : place + 2] = b"xx"
    hive = open_hive(Bytes(bytes(data)))
    key = hive.key(RUN)
    assert key is not None
    names = [value.name for value in key.values()]
    assert "qword" not in names
    assert {"tor", "dword"} <= set(names)
    assert hive.problems == ["value 5 of key 'Run' cannot be read"]


def test_one_unreadable_key_does_not_hide_the_others() -> None:
    data = bytearray(regf.hive({r"a\one": {}, r"a\two": {"v": 5}, r"a\three": {}}))
    place = data.index(b"nk", data.index(b"one\0") - 80)
    data[place : place + 2] = b"xx"
    hive = open_hive(Bytes(bytes(data)))
    key = hive.key("a")
    assert key is not None
    assert [child.name for child in key.subkeys()] == ["three", "two"]
    assert hive.problems == ["subkey 0 of key 'a' cannot be read"]
    assert hive.key(r"a\two") is not None
    assert hive.key(r"a\one") is None


def test_a_key_below_itself_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(regf.hive({r"a\b": {}}))
    parent, child = (data.index(b"nk", data.index(name) - 80) for name in (b"a\0", b"b\0"))
    list_of_parent = slice(parent + 28, parent + 32)
    data[child + 20 : child + 24] = data[parent + 20 : parent + 24]
    data[child + 28 : child + 32] = data[list_of_parent]

    def descend(key: Key) -> None:
        while True:
            key = next(key.subkeys())

    with pytest.raises(LimitError, match="levels deep"):
        descend(open_hive(Bytes(bytes(data))).root)
    monkeypatch.setattr(registry, "KEY_LIMIT", 50)
    with pytest.raises(LimitError, match="more than 50 keys"):
        walk(open_hive(Bytes(bytes(data))))


def test_bad_sectors_stay_evidence_errors() -> None:
    with pytest.raises(EvidenceError, match="bad sector"):
        open_hive(Bytes(DATA, bad=100))
    with pytest.raises(EvidenceError, match="bad sector"):
        walk(open_hive(Bytes(DATA, bad=len(DATA) - 1)))


@pytest.mark.parametrize(
    ("name", "path", "keys"),
    [
        ("SAM", r"SAM\Domains\Account\Users\Names", 76),
        ("NTUSER.DAT", r"Software\Microsoft\Windows\CurrentVersion\Explorer\RunMRU", 1127),
        ("win10-Amcache.hve", r"Root\InventoryApplicationFile", 207),
    ],
)
def test_real_hives(name: str, path: str, keys: int) -> None:
    samples = os.environ.get("TRIAGE_SAMPLES")
    if samples is None:
        pytest.skip("TRIAGE_SAMPLES is not set")
    hive = open_hive(Bytes((Path(samples) / "os/windows" / name).read_bytes()))
    assert hive.key(path) is not None
    assert walk(hive)["keys"] == keys
    assert hive.problems == []
