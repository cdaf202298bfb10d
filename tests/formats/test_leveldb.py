from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from pathlib import Path

import pytest

from triage.errors import LimitError
from triage.formats import leveldb
from triage.formats.leveldb import Contents, is_part, read

GOLDEN = Path(__file__).parent / "leveldb"


@dataclass(frozen=True)
class Memory:
    data: bytes
    declared: int | None = None

    @property
    def size(self) -> int:
        return len(self.data) if self.declared is None else self.declared

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def golden() -> dict[str, Memory]:
    return {path.name: Memory(path.read_bytes()) for path in GOLDEN.iterdir()}


def text(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def batch(sequence: int, *writes: tuple[bytes, bytes | None]) -> bytes:
    body = b"".join(
        b"\x00" + text(key) if value is None else b"\x01" + text(key) + text(value)
        for key, value in writes
    )
    return struct.pack("<QI", sequence, len(writes)) + body


def record(data: bytes, kind: int = 1) -> bytes:
    tail = bytes([kind]) + data
    return struct.pack("<IH", leveldb._masked(tail), len(data)) + tail


def log(*batches: bytes) -> Memory:
    return Memory(b"".join(map(record, batches)))


def summary(contents: Contents) -> list[tuple[bytes, bytes | None, bool]]:
    return [(found.key, found.value, found.live) for found in contents.records]


def test_a_database_of_the_real_program() -> None:
    contents = read(golden())
    assert contents.problems == []
    names = [r for r in contents.records if r.key == b"name"]
    assert [(r.value, r.live) for r in names] == [
        (b"third", True),
        (b"second", False),
        (b"first", False),
    ]
    assert [(r.value, r.live) for r in contents.records if r.key == b"visit/07"] == [
        (None, True),
        (b"page number 7 of the printers catalogue", False),
    ]
    live = [r for r in contents.records if r.live and r.value is not None]
    assert len(live) == 60
    assert names[0].file.endswith(".log")
    assert names[2].file.endswith(".ldb")


def test_a_table_that_is_no_longer_in_force() -> None:
    files = golden()
    table = next(name for name in files if name.endswith(".ldb"))
    files["000001.ldb"] = files.pop(table)
    contents = read(files)
    assert not any(r.live for r in contents.records if r.file == "000001.ldb")
    del files[next(name for name in files if name.startswith("MANIFEST"))]
    contents = read(files)
    assert any(r.live for r in contents.records if r.file == "000001.ldb")


def test_the_log_alone() -> None:
    files = {
        "000003.LOG": log(batch(1, (b"a", b"old"), (b"b", b"x")), batch(3, (b"a", None))),
        "LOCK": Memory(b""),
    }
    contents = read(files)
    assert summary(contents) == [
        (b"a", None, True),
        (b"a", b"old", False),
        (b"b", b"x", True),
    ]
    assert [r.sequence for r in contents.records] == [3, 1, 2]
    assert [r.offset for r in contents.records] == [31, 0, 0]


def test_a_record_over_several_blocks() -> None:
    value = b"v" * 100_000
    long = struct.pack("<QI", 7, 1) + b"\x01\x01k" + b"\xa0\x8d\x06" + value
    room = (32 << 10) - 7
    pieces = [long[at : at + room] for at in range(0, len(long), room)]
    kinds = [2, *[3] * (len(pieces) - 2), 4]
    data = b"".join(record(piece, kind) for piece, kind in zip(pieces, kinds, strict=True))
    assert summary(read({"5.log": Memory(data)})) == [(b"k", value, True)]


def test_a_damaged_record_costs_its_block_only() -> None:
    first = bytearray(log(batch(1, (b"a", b"1"))).data.ljust(32 << 10, b"\0"))
    first[9] ^= 1
    contents = read({"5.log": Memory(bytes(first) + log(batch(2, (b"b", b"2"))).data)})
    assert summary(contents) == [(b"b", b"2", True)]
    assert contents.problems == ["5.log: a damaged record at byte 0"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="no head"),
        pytest.param(struct.pack("<QI", 1, 5) + b"\x01\x01a\x01b", id="fewer than counted"),
        pytest.param(struct.pack("<QI", 1, 1) + b"\x09\x01a", id="kind"),
        pytest.param(struct.pack("<QI", 1, 1) + b"\x01\x7fa", id="key past the end"),
        pytest.param(struct.pack("<QI", 1, 1) + b"\x01" + b"\xff" * 12, id="number without end"),
        pytest.param(struct.pack("<QI", 1, 2**32 - 1), id="four billion writes"),
    ],
)
def test_damaged_batches(body: bytes) -> None:
    contents = read({"5.log": log(body, batch(9, (b"z", b"9")))})
    assert (b"z", b"9", True) in summary(contents)
    assert len(contents.problems) == (1 if body else 0)


def test_table_that_is_none() -> None:
    contents = read({"5.ldb": Memory(b"x" * 100), "6.sst": Memory(b"")})
    assert contents.records == []
    assert len(contents.problems) == 2


@pytest.mark.parametrize("name", ["ldb", "log", "MANIFEST"])
def test_every_cut_and_flip_is_survived(name: str) -> None:
    files = golden()
    file = next(part for part in files if name in part)
    data = files[file].data
    choose = random.Random(1)  # noqa: S311 - to repeat it
    for _ in range(150):
        changed = bytearray(data[: choose.randrange(len(data) + 1)])
        if changed:
            changed[choose.randrange(len(changed))] ^= 1 << choose.randrange(8)
        read(files | {file: Memory(bytes(changed))})


def test_a_table_that_lists_one_block_many_times() -> None:
    def block(entries: bytes) -> bytes:
        content = entries + bytes(4) + struct.pack("<I", 1)
        return content + b"\0" + struct.pack("<I", leveldb._masked(content + b"\0"))

    data = block(b"\x00\x09\x01k" + struct.pack("<Q", 1 << 8 | 1) + b"v")
    size = len(data) - 5
    index = block(b"".join(b"\x00\x01\x02" + b"i" + bytes([0, size]) for _ in range(50)))
    footer = bytes([0, 0, len(data), 0x80 | (len(index) - 5) & 0x7F, (len(index) - 5) >> 7])
    table = data + index + footer.ljust(40, b"\0") + leveldb._MAGIC
    contents = read({"5.ldb": Memory(table)})
    assert summary(contents) == [(b"k", b"v", True)]
    assert contents.problems == ["5.ldb: a block that is listed twice"] * 49


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LimitError):
        read({"5.log": Memory(b"", declared=1 << 60)})
    monkeypatch.setattr(leveldb, "TOTAL_LIMIT", 1)
    with pytest.raises(LimitError):
        read({"5.log": log(batch(1, (b"a", b"1")))})


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("000005.ldb", True),
        ("000005.sst", True),
        ("000003.log", True),
        ("MANIFEST-000001", True),
        ("CURRENT", True),
        ("LOG", False),
        ("LOCK", False),
        ("notes.log", False),
        ("000005.ldb.bak", False),
    ],
)
def test_is_part(name: str, part: bool) -> None:
    assert is_part(name) is part
