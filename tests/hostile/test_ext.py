"""Hostile ext4 from the image to the bundle: the run ends, says what it met, keeps the rest."""

from __future__ import annotations

import struct

import pytest

from tests.evidence.test_ext import media
from tests.hostile.conftest import KNOWN, LOOP, Examine
from tests.hostile.ext import DIRECTORY, LINK, REGULAR, ROOT, Ext
from tests.hostile.fat import Fat
from tests.hostile.tables import disk


def test_ext_directories_in_circles(examine: Examine) -> None:
    ext = Ext()
    kept = ext.file(b"kept")
    one, two = ext.reserve(), ext.reserve()
    ext.directory([(b"two", two), (b"known.txt", kept), (b"self", one)], number=one)
    ext.directory([(b"one", one), (b"root", ROOT)], number=two, up=one)
    image = ext.image([(b"known.txt", kept), (b"one", one), (b"hard link", one), (b"root", ROOT)])
    outcome = examine(image)
    assert outcome.code == 0  # every directory was listed once, under one of its names
    assert outcome.known == {"kept"}
    assert outcome.read == {"/known.txt", "/hard link/known.txt"}
    assert {code for code, _ in outcome.noted} == {LOOP}
    assert (LOOP, "/one/") in outcome.noted
    assert (LOOP, "/hard link/two/one/") in outcome.noted


def deep(levels: int) -> bytes:
    ext = Ext(inodes=levels + 64)
    kept, below = ext.file(b"kept"), ext.file(b"below")
    inner = ext.directory([(b"known-below.txt", below)])
    for _ in range(levels):
        inner = ext.directory([(b"d", inner)])
    return ext.image([(b"known.txt", kept), (b"a", inner)])


def test_ext_deep_tree_is_walked_to_a_limit(examine: Examine) -> None:
    assert examine(deep(100)).known == {"kept", "below"}


def test_ext_deeper_tree_is_said(examine: Examine) -> None:
    outcome = examine(deep(300))
    assert outcome.known == {"kept"}
    assert outcome.code == 3
    assert "depth_limit" in {reason for reason, _ in outcome.unexamined}


def test_ext_directory_of_many_names(examine: Examine) -> None:
    ext = Ext(inodes=20_064)
    kept = ext.file(b"kept")
    names = [
        (b"n%05d" % number, ext.inode(ext.reserve(), REGULAR, 0, [])) for number in range(20_000)
    ]
    crowd = ext.directory([*names, (b"known.txt", kept)])
    outcome = examine(ext.image([(b"known.txt", kept), (b"crowd", crowd)]), only=KNOWN)
    assert (outcome.code, outcome.known) == (0, {"kept"})
    walked = [line for line in outcome.lines("coverage") if line["step"] == "volume"]
    assert walked[0]["entries"] == 20_000 + 4


def test_entries_beyond_the_limit_are_said(examine: Examine) -> None:
    ext = Ext(inodes=2000)
    kept = ext.file(b"kept")
    crowd = ext.directory([(b"n%05d" % n, ext.file(b"")) for n in range(1000)])
    outcome = examine(ext.image([(b"known.txt", kept), (b"crowd", crowd)]), entries=500)
    assert (outcome.code, outcome.known) == (3, {"kept"})
    assert ("entry_limit", "/crowd/") in outcome.unexamined


def test_ext_sparse_file_of_1_tib_is_read_where_asked(examine: Examine) -> None:
    ext = Ext()
    kept = ext.file(b"kept")
    first, count = ext.store(b"head")
    sparse = ext.inode(ext.reserve(), REGULAR, 1 << 40, [(0, first, count)])
    image = ext.image([(b"known.txt", kept), (b"known-sparse.txt", sparse), (b"sparse", sparse)])
    outcome = examine(image)
    assert outcome.known == {"kept"}
    assert "/sparse" in outcome.read  # its first bytes
    assert outcome.unexamined == {("limit", "/known-sparse.txt")}  # all of its bytes
    read = {file["path"]: (file["size"], file["read"]) for file in outcome.lines("files")}
    assert read["/sparse"] == (1 << 40, "partial")


def test_ext_blocks_shared_repeated_and_not_there(examine: Examine) -> None:
    ext = Ext()
    kept = ext.file(b"kept")
    first, _ = ext.store(b"shared")
    names = [(b"known.txt", kept)]
    for name, size, runs in (
        (b"one", 6, [(0, first, 1)]),
        (b"two", 6, [(0, first, 1)]),
        (b"thrice", 3 * 4096, [(0, first, 1), (1, first, 1), (2, first, 1)]),
        (b"metadata", 4096, [(0, 0, 1)]),
        (b"beyond", 40960, [(0, 10**8, 10)]),
        (b"past", 4096 * 1000, [(0, first, 1000)]),
    ):
        names.append((name, ext.inode(ext.reserve(), REGULAR, size, runs)))
    outcome = examine(ext.image(names))
    assert (outcome.code, outcome.known) == (3, {"kept"})
    assert outcome.read == {"/known.txt", "/one", "/two", "/thrice", "/metadata"}
    assert {path for _, path in outcome.unexamined} == {"/beyond", "/past"}


def test_ext_links_in_circles_are_not_followed(examine: Examine) -> None:
    ext = Ext()
    kept = ext.file(b"kept")
    names = [(b"known.txt", kept)]
    for name, target in ((b"one", b"two"), (b"two", b"one"), (b"known-link.txt", b"known.txt")):
        names.append((name, ext.file(target, mode=LINK)))
    outcome = examine(ext.image(names))
    assert (outcome.code, outcome.known, outcome.read) == (0, {"kept"}, {"/known.txt"})


def test_the_gone_content_of_deleted_directories_is_noted_and_does_not_count(
    examine: Examine,
) -> None:
    """Linux sets the size of a directory that it deletes to 0."""
    outcome = examine(media("ext4-1k"))
    assert outcome.code == 0
    codes = {code for code, path in outcome.noted if "/$OrphanFiles/OrphanFile-" in (path or "")}
    assert codes == {"directory_unreadable"}


@pytest.mark.parametrize("bits", [32, 40, 62])
def test_ext_directory_of_absurd_size(examine: Examine, bits: int) -> None:
    ext = Ext()
    kept = ext.file(b"kept")
    huge = ext.reserve()
    first, count = ext.store(ext.names([(b".", huge), (b"..", ROOT), (b"known.txt", kept)]))
    ext.inode(huge, DIRECTORY, 1 << bits, [(0, first, count)])
    outcome = examine(ext.image([(b"known.txt", kept), (b"huge", huge)]))
    assert (outcome.code, outcome.known) == (3, {"kept"})
    assert outcome.unexamined == {("directory_unreadable", "/huge/")}


def test_ext_block_lists_that_hang_tsk_cost_their_file_alone(examine: Examine) -> None:
    """Three levels of a block that points to itself 1024 times: TSK follows them all."""
    ext = Ext()
    kept = ext.file(b"kept")
    first, _ = ext.store(b"")
    first = ext.first_data + 1
    ext.store(struct.pack("<I", first) * 1024)
    endless = ext.indirect(REGULAR, 1 << 41, [*(first,) * 12, first, first, first])
    sound = Fat(sectors=128)
    image = disk(
        ext.image([(b"known.txt", kept), (b"endless", endless)]),
        sound.image([sound.file("known.txt", b"sound")]),
    )
    outcome = examine(image, silent_seconds=1)
    assert (outcome.code, outcome.known) == (3, {"kept", "sound"})
    assert [problem["code"] for problem in outcome.lines("problems")] == ["worker_hung"]
    counted = [line for line in outcome.lines("coverage") if line["counts"]]
    assert [(line["path"], line["reason"]) for line in counted] == [("/endless", "worker_hung")]
