from __future__ import annotations

import struct

import pytest

from tests.evidence.memory_tree import MemoryTree, file, folder
from triage.errors import EvidenceError, WorkerError
from triage.evidence.index import MAX_DEPTH, NO_ATTRIBUTE, Index, IndexBuilder, Match, Named
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import walk
from triage.model import Allocation, Entry, EntryType, EvidencePath, FileTimes


def built(*listings: tuple[int, list[Named]]) -> Index:
    builder = IndexBuilder()
    for row, listing in listings:
        builder.add(row, listing)
    return Index(memoryview(builder.freeze()), volume="p2")


def index_of(directories: dict[int, list[Named]]) -> Index:
    found = walk(MemoryTree(directories), PatternSet([]), max_entries=10_000)
    return Index(memoryview(found.block), volume="p2")


def names(index: Index) -> list[bytes]:
    return [index.name(row) for row in range(len(index))]


DELETED = Allocation(name=False, metadata=False)

HOME = index_of(
    {
        1: [folder("Users", 2), file("readme.txt", 3), folder("empty", 20)],
        2: [folder("Alice", 4), folder("bob", 5)],
        4: [file("Wallet.dat", 6), file("wallet.dat", 7), folder("logs", 8)],
        5: [
            file("Wallet.dat", 9)._replace(allocation=DELETED),
            file("WALLET.DAT", 10),
            file("gone", 11)._replace(allocation=DELETED),
        ],
        8: [file("b.log", 12), file("a.log", 13)._replace(allocation=DELETED), file("a.LOG", 14)],
        20: [],
    }
)


def test_every_value_comes_back() -> None:
    named = Named(
        name=b"x:stream",
        type=EntryType.OTHER,
        inode=2**40,
        attribute=128 << 16 | 65535,
        size=2**50,
        times=FileTimes(modified=1, accessed=-5, changed=None, created=2**62, zone="local"),
        allocation=Allocation(name=False, metadata=True, reused=True),
    )
    assert built((0, [named])).entry(1) == Entry(
        volume="p2",
        path=EvidencePath("/x:stream"),
        address=f"{2**40}-128-65535",
        type=EntryType.OTHER,
        size=2**50,
        times=named.times,
        allocation=named.allocation,
    )


@pytest.mark.parametrize("kind", list(EntryType))
def test_every_type_comes_back(kind: EntryType) -> None:
    assert built((0, [Named(b"x", kind, 5)])).entry(1).type is kind


@pytest.mark.parametrize("time", [2**63, -(2**63), 2**200])
def test_a_time_that_does_not_fit_is_none(time: int) -> None:
    named = file("x", 2)._replace(times=FileTimes(modified=time, created=7))
    assert built((0, [named])).entry(1).times == FileTimes(created=7)


def test_addresses_have_the_attribute_only_where_there_is_one() -> None:
    index = built((0, [file("a", 5), file("b", 5)._replace(attribute=128 << 16 | 1)]))
    assert [index.entry(row).address for row in (1, 2)] == ["5", "5-128-1"]
    assert file("a", 5).attribute == NO_ATTRIBUTE


def test_names_are_sorted_by_their_bytes_then_by_address() -> None:
    listing = [file("b", 1), file("B", 2), file("a", 9), file("a", 3), file(b"\xff", 4)]
    listing += [file("é", 5), file("a:s", 6), file("aa", 7), file("a", 3)._replace(attribute=7)]
    index = built((0, listing))
    assert names(index) == [b"", b"B", b"a", b"a", b"a", b"a:s", b"aa", b"b", "é".encode(), b"\xff"]
    assert [index.entry(row).address for row in (2, 3, 4)] == ["3", "3-0-7", "9"]


@pytest.mark.parametrize(
    ("raw", "name", "path"),
    [
        (b"a/b", rb"a\x2fb", r"/a\x2fb"),
        (b"/", rb"\x2f", r"/\x2f"),
        (b"../../etc", rb"..\x2f..\x2fetc", r"/..\x2f..\x2fetc"),
        (b"\xff\xfe", b"\xff\xfe", "/\udcff\udcfe"),
        (b"a\nb", b"a\nb", "/a\nb"),
        (b"\0", b"\0", "/\0"),
        (b"", b"", "/"),
        (b"\xe2\x82", b"\xe2\x82", "/\udce2\udc82"),
    ],
)
def test_hostile_names_stay_names(raw: bytes, name: bytes, path: str) -> None:
    index = built((0, [file(raw, 2), file("next", 3), file("!", 4)]))
    row = names(index).index(name, 1)
    assert index.path(row) == path
    assert index.child(0, "next") is not None
    assert len(index) == 4


def test_the_root_is_its_own_parent_and_has_the_empty_name() -> None:
    assert (HOME.parent(0), HOME.name(0), HOME.path(0)) == (0, b"", "/")
    assert HOME.entry(0).type is EntryType.DIRECTORY


def test_children_stand_together() -> None:
    assert [HOME.name(row) for row in HOME.children(0)] == [b"Users", b"empty", b"readme.txt"]
    (users,) = [row for row in HOME.children(0) if HOME.name(row) == b"Users"]
    assert [HOME.path(row) for row in HOME.children(users)] == ["/Users/Alice", "/Users/bob"]
    assert all(HOME.parent(row) == users for row in HOME.children(users))


def test_what_was_not_listed_has_no_children() -> None:
    index = built((0, [folder("a", 2), folder("b", 3), file("c", 4)]), (2, [file("x", 5)]))
    assert [list(index.children(row)) for row in range(len(index))] == [[1, 2, 3], [], [4], [], []]
    assert list(HOME.children(HOME.descend(0, ["empty"]) or 0)) == []


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        (["users", "ALICE", "wallet.dat"], "/Users/Alice/wallet.dat"),
        (["Users", "Alice", "Wallet.dat"], "/Users/Alice/Wallet.dat"),
        (["Users", "Alice", "WALLET.dat"], "/Users/Alice/Wallet.dat"),
        (["Users", "bob", "Wallet.dat"], "/Users/bob/WALLET.DAT"),
        (["Users", "bob", "GONE"], "/Users/bob/gone"),
        (["Users", "..", "readme.txt"], "/readme.txt"),
        (["..", "..", "Users", ".", "", "bob"], "/Users/bob"),
        (["Users", "Alice", "logs", "a.log"], "/Users/Alice/logs/a.LOG"),
        ([], "/"),
    ],
)
def test_paths_are_followed_in_any_case_allocated_first(parts: list[str], path: str) -> None:
    row = HOME.descend(0, parts)
    assert row is not None
    assert HOME.path(row) == path


@pytest.mark.parametrize("parts", [["nobody"], ["readme.txt", "x"], ["Users", "x", "..", "bob"]])
def test_a_path_that_is_not_there_leads_nowhere(parts: list[str]) -> None:
    assert HOME.descend(0, parts) is None


@pytest.mark.parametrize(
    ("start", "pattern", "expected"),
    [
        ([], "**/wallet.dat", ["Alice/Wallet.dat", "Alice/wallet.dat", "bob/WALLET.DAT"]),
        (["Users"], "*/wallet.dat", ["Alice/Wallet.dat", "Alice/wallet.dat", "bob/WALLET.DAT"]),
        (["Users", "Alice"], "**/*.log", ["Alice/logs/a.LOG", "Alice/logs/b.log"]),
        (["Users", "bob"], "gone", []),
        (["Users"], "**/logs", []),
    ],
)
def test_find_yields_allocated_files_sorted(
    start: list[str], pattern: str, expected: list[str]
) -> None:
    row = HOME.descend(0, start)
    assert row is not None
    assert [HOME.path(found) for found in HOME.find(row, pattern)] == [
        f"/Users/{path}" for path in expected
    ]


def test_matches_are_files_folders_and_never_links() -> None:
    index = index_of(
        {
            1: [
                folder("x", 2),
                Named(b"state", EntryType.LINK, 3),
                file("state", 4)._replace(allocation=DELETED),
                Named(b"state", EntryType.OTHER, 5),
            ],
            2: [folder("state", 6), file("STATE", 7)],
            6: [file("inner", 8)],
        }
    )
    found = list(index.matches(PatternSet(["**/state", "**/state/", "x/state/inner", "**/inner"])))
    assert [(index.path(m.row), index.entry(m.row).address, m.patterns) for m in found] == [
        ("/state", "4", (0,)),
        ("/state", "5", (0,)),
        ("/x/STATE", "7", (0,)),
        ("/x/state", "6", (1,)),
        ("/x/state/inner", "8", (2, 3)),
    ]


@pytest.mark.parametrize("batch", [1, 2, 3, 1000])
def test_matches_do_not_depend_on_how_many_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr("triage.evidence.index._BATCH", batch)
    patterns = PatternSet(["**/wallet.dat", "users/*/logs/*.log", "readme.*", "**/b*/**/gone"])
    by_path = [
        Match(row=row, patterns=patterns.matches(HOME.path(row)))
        for row in range(1, len(HOME))
        if not HOME.is_directory(row) and patterns.matches(HOME.path(row))
    ]
    assert list(HOME.matches(patterns)) == by_path
    assert len(by_path) == 9


def test_an_index_without_names_matches_nothing() -> None:
    empty = IndexBuilder().freeze()
    index = Index(memoryview(empty), volume="w")
    assert len(index) == 1
    assert list(index.matches(PatternSet(["**/x"]))) == []
    assert list(index.children(0)) == []


def test_directories_below_the_deepest_level_are_named_not_entered() -> None:
    builder = IndexBuilder()
    rows, depth = [0], 0
    while rows:
        onward = builder.add(rows.pop(), [folder("d", depth + 2)])
        rows += [row for row, _ in onward if not builder.too_deep(row)]
        depth += 1
    assert depth == MAX_DEPTH
    assert len(builder) == MAX_DEPTH + 1


def test_more_names_than_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.evidence.index._MAX_NAMES", 10)
    builder = IndexBuilder()
    builder.add(0, [file("1234", 2)])
    with pytest.raises(EvidenceError):
        builder.add(1, [file("12345", 3)])


@pytest.mark.parametrize("block", [bytes(64), b"TRIAGE\x01\x00" + bytes(64)])
def test_anything_else_is_not_an_index(block: bytes) -> None:
    with pytest.raises(WorkerError):
        Index(memoryview(block), volume="w")


def test_a_block_can_be_read_from_anywhere() -> None:
    builder = IndexBuilder()
    builder.add(0, [file("name", 2)])
    block = builder.freeze()
    padded = bytes(8) + bytes(block) + bytes(100)
    assert Index(memoryview(padded)[8:], volume="w").path(1) == "/name"
    rows, listed, length = struct.unpack_from("<QQQ", block, 8)
    assert (rows, listed, length) == (2, 1, len(b"/name/"))
