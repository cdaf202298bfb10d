"""Hostile FAT from the image to the bundle: the run ends, says what it met, keeps the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.conftest import KNOWN, LOOP, Examine
from tests.hostile.fat import (
    DIRECTORY,
    SECTOR,
    Fat,
    eight_three,
    entry,
    folder,
    long_name,
)
from triage.engine.source import DiskSource
from triage.evidence.image import open_image
from triage.evidence.index import Index
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import walk
from triage.model import Walker


def test_fat_directories_in_circles(examine: Examine) -> None:
    fat = Fat()
    one, two = fat.put(b""), fat.put(b"")

    def below(name: str, cluster: int) -> bytes:
        return entry(eight_three(name), cluster=cluster, kind=DIRECTORY)

    fat.put(folder(one, 0, [fat.file("known2.txt", b"below"), below("two", two)]), at=one)
    fat.put(folder(two, one, [below("one", one), below("root", 0), below("up", two)]), at=two)
    outcome = examine(fat.image([fat.file("known.txt", b"kept"), below("one", one)]))
    assert outcome.code == 0
    assert outcome.known == {"kept", "below"}
    assert LOOP in {code for code, _ in outcome.noted}


def test_fat_many_directories_that_are_one_meet_the_limit(examine: Examine) -> None:
    fat = Fat(sectors=1024)
    kept = fat.file("known.txt", b"kept")
    crowd = fat.put(b"".join(entry(b"F%07dTXT" % n, cluster=2, size=4) for n in range(500)))
    root = [kept, *(entry(b"D%07d   " % n, cluster=crowd, kind=DIRECTORY) for n in range(400))]
    outcome = examine(fat.image(root), only=KNOWN, entries=20_000)
    assert (outcome.code, outcome.known) == (3, {"kept"})
    assert {reason for reason, _ in outcome.unexamined} == {"entry_limit"}


def test_fat_cluster_chains_in_circles_and_crossing(examine: Examine) -> None:
    fat = Fat()
    kept = fat.file("known.txt", b"kept")
    circle = fat.put(bytes(2 * SECTOR))
    fat.link(circle + 1, circle)
    crossed = fat.put(bytes(SECTOR))
    fat.link(crossed, circle)
    root = [
        kept,
        entry(b"CIRCLE  BIN", cluster=circle, size=100 * SECTOR),
        entry(b"CROSSED BIN", cluster=crossed, size=2 * SECTOR),
        entry(b"LOOPDIR    ", cluster=circle, kind=DIRECTORY),
    ]
    outcome = examine(fat.image(root))
    assert outcome.known == {"kept"}
    assert outcome.code == 3
    lost = {path for reason, path in outcome.unexamined if reason.startswith("content")}
    assert lost == {"/CIRCLE.BIN"}


@pytest.mark.parametrize(("cluster", "size"), [(4000, SECTOR), (2, 0xFFFFFFFF), (0, 7)])
@pytest.mark.parametrize("walker", list(Walker))
def test_fat_entry_that_cannot_be_is_listed_and_said(
    tmp_path: Path, cluster: int, size: int, walker: Walker
) -> None:
    fat = Fat()
    short = b"KNOWN2~1TXT"
    root = [
        fat.file("known.txt", b"kept"),
        entry(b"KNOWN2  TXT", cluster=cluster, size=size),
        long_name("known two.txt".encode("utf-16-le"), short),
        entry(short, cluster=cluster, size=size),
        entry(b"\x01\x02     \x7f   ", cluster=cluster, size=size),
        entry(b"\xe5ONE    TXT", cluster=cluster, size=size),
    ]
    (tmp_path / "image.dd").write_bytes(fat.image(root))
    tree = DiskSource(open_image(tmp_path / "image.dd"), walker).tree(0)
    found = walk(tree, PatternSet([]), max_entries=100)
    assert [(p.code, p.path) for p in found.problems] == [("directory_partly_read", "/")]
    index = Index(memoryview(found.block), volume="w")
    names = {str(index.path(row)): index.entry(row) for row in range(1, len(index))}
    assert {"/KNOWN.TXT", "/KNOWN2.TXT", "/known two.txt"} == {n for n in names if "$" not in n}
    assert names["/KNOWN2.TXT"].size == size
    assert not names["/KNOWN2.TXT"].allocation.metadata


def test_fat_entry_that_cannot_be_makes_the_run_incomplete(examine: Examine) -> None:
    fat = Fat()
    kept = fat.file("known.txt", b"kept")
    outcome = examine(fat.image([kept, entry(b"KNOWN2  TXT", cluster=4000, size=SECTOR)]))
    assert (outcome.code, outcome.known) == (3, {"kept"})


@pytest.mark.parametrize("kind", [0x20, DIRECTORY])
def test_fat_flood_of_orphans(examine: Examine, kind: int) -> None:
    fat = Fat(sectors=1000)
    kept = fat.file("known.txt", b"kept")
    flood = b"".join(
        b"\xe5%07dTXT" % n + entry(b" " * 11, cluster=3 + n % 500, size=1 << 20, kind=kind)[11:]
        for n in range(9_000)
    )
    first = fat.put(flood)
    for cluster in range(first, fat.free()):
        fat.link(cluster, 0)  # nothing says that it is in use
    outcome = examine(fat.image([kept]), only=KNOWN)
    assert (outcome.code, outcome.known) == (0, {"kept"})
