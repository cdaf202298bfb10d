"""Hostile NTFS from the image to the bundle: the run ends, says what it met, keeps the rest."""

from __future__ import annotations

import struct

import pytest

from tests.hostile.conftest import KNOWN, LOOP, Examine
from tests.hostile.ntfs import (
    ATTRIBUTE_LIST,
    DATA,
    FILE_NAME,
    KEPT,
    Ntfs,
    fixture,
    listed,
    ntfs,
    resident,
)

# An attribute of NTFS itself without a single run, which TSK does not read: the same everywhere.
BAD = "/$BadClus:$Bad"


def test_ntfs_is_given_back_unchanged() -> None:
    assert Ntfs(fixture()).image() == fixture()


def test_ntfs_directories_in_circles(examine: Examine) -> None:
    volume = ntfs()
    volume.point("deep", 5, sequence=5)  # the root
    volume.point("er", volume.find("docs"), sequence=1)
    volume.point("random.bin", volume.find("docs"), sequence=1)  # a file that is a directory
    outcome = examine(volume.image())
    assert outcome.known == {KEPT}
    assert {(LOOP, "/docs/deep/"), (LOOP, "/docs/deep/er/")} <= outcome.noted
    # What the index hides is found by the names that the records have.
    assert {"/docs/small.txt", "/docs/deep/er/still/deeper.txt"} <= outcome.read


def test_ntfs_flags_of_compression_and_encryption(examine: Examine) -> None:
    volume = ntfs()
    for name, flags in (("random.bin", 1), ("small.txt", 1), ("plain.txt", 0x4000)):
        number = volume.find(name)
        at = volume.attribute(number, DATA)
        struct.pack_into("<H", volume.records[number], at + 12, flags)
    number = volume.find("compressed.txt")
    struct.pack_into("<H", volume.records[number], volume.attribute(number, DATA) + 12, 0x4000)
    outcome = examine(volume.image())
    assert outcome.known == {KEPT}
    assert {path for _, path in outcome.unexamined} <= {BAD, "/random.bin"}
    runs = {file["path"]: file["byte_runs"] for file in outcome.lines("files")}
    assert runs["/packed/compressed.txt"][0]["storage"] == "encrypted"
    assert runs["/docs/small.txt"][0]["storage"] == "resident"


RUNS = {
    "over the MFT": b"\x21\x05\x04\x00\x00",
    "the same twice": b"\x11\x05\x7f\x11\x05\x00\x00",
    "far outside": b"\x41\x05\xff\xff\xff\x7f\x00",
    "before the volume": b"\x11\x05\x80\x00",
    "of 2^63 clusters": b"\x18" + b"\xff" * 7 + b"\x7f\x00",
    "of 15 bytes each": b"\xff" * 8,
    "none": b"\x00",
    "all sparse": b"\x01\x05\x00",
}


@pytest.mark.parametrize("runs", RUNS.values(), ids=RUNS)
def test_ntfs_runs(examine: Examine, runs: bytes) -> None:
    volume = ntfs()
    number = volume.find("random.bin")
    record, at = volume.records[number], volume.attribute(number, DATA)
    (start,) = struct.unpack_from("<H", record, at + 32)
    record[at + start : at + start + len(runs)] = runs
    outcome = examine(volume.image(), only=KNOWN)
    assert (outcome.code, outcome.known) == (0, {KEPT})


@pytest.mark.parametrize("size", [1 << 40, (1 << 63) - 1])
def test_ntfs_sizes_that_no_run_backs(examine: Examine, size: int) -> None:
    outcome = examine(_sized(size))
    assert outcome.known == {KEPT}
    assert "/random.bin" in {path for _, path in outcome.unexamined}


def test_ntfs_size_beyond_any(examine: Examine) -> None:
    outcome = examine(_sized((1 << 64) - 1))
    assert outcome.known == {KEPT}
    assert "/random.bin" in {path for _, path in outcome.unexamined}


def _sized(size: int) -> bytes:
    volume = ntfs()
    number = volume.find("random.bin")
    at = volume.attribute(number, DATA)
    struct.pack_into("<QQQ", volume.records[number], at + 40, size, size, size)
    return volume.image()


def test_ntfs_attribute_lists(examine: Examine) -> None:
    """To itself, to each other, to a record that is not there, to a directory; the MFT's own."""
    volume = ntfs()
    one, two, other = volume.find("empty"), volume.find("TRAINING"), volume.find("plain.txt")
    small = volume.find("small.txt")
    for number, entries in (
        (one, listed(DATA, two, 1)),
        (two, listed(DATA, one, 1)),
        (other, listed(DATA, other, 1) * 4 + listed(DATA, 10**6, 1)),
        (small, listed(FILE_NAME, 5, 5)),
        (0, listed(DATA, 0, 1) + listed(DATA, one, 1)),
    ):
        volume.insert(number, resident(ATTRIBUTE_LIST, entries), before=FILE_NAME)
    outcome = examine(volume.image())
    assert outcome.known == {KEPT}
    assert {"/random.bin", "/docs/A rather long name for a file.text"} <= outcome.read


def test_ntfs_entries_used_again_and_names_that_lie(examine: Examine) -> None:
    volume = ntfs()
    volume.point("random.bin", volume.find("random.bin"), sequence=999)
    volume.point("TRAINING", 10**6)
    volume.point("empty", volume.find("small.txt"), sequence=7)
    outcome = examine(volume.image())
    assert outcome.known == {KEPT}
    assert {"/random.bin", "/docs/small.txt"} <= outcome.read


def test_ntfs_flood_of_orphans(examine: Examine) -> None:
    volume = ntfs()
    for number, record in volume.records.items():
        if number >= 64:  # the first of the user's
            (flags,) = struct.unpack_from("<H", record, 22)
            struct.pack_into("<H", record, 22, flags & ~1)
            for at, kind, _ in volume.attributes(number):
                if kind == FILE_NAME:  # each is its own parent
                    (start,) = struct.unpack_from("<H", record, at + 20)
                    struct.pack_into("<Q", record, at + start, number | 1 << 48)
    outcome = examine(volume.image())
    assert KEPT in outcome.known
    assert outcome.unexamined <= {("unreadable", BAD), ("content_short", BAD)}
