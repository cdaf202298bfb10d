from __future__ import annotations

import gzip
import lzma
import random
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import IMAGES, ROOT
from tests.evidence.test_filesystem import volume
from tests.hostile.ext import DIRECTORY, REGULAR, Ext
from triage.errors import EvidenceError
from triage.evidence.arrays import Declined
from triage.evidence.ext import ExtTree
from triage.evidence.filesystem import TskTree
from triage.evidence.image import DiskImage, open_image
from triage.evidence.index import Index
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import Listed, Walk, walk
from triage.evidence.volumes import volumes
from triage.evidence.walker import open_tree
from triage.model import VolumeState, Walker

PACKED = Path(__file__).with_name("images")
UNREAD = {"ext4-meta": "meta_bg", "ext4-big": "bigalloc"}
BUSY = sorted(
    {path.name.removesuffix(".raw.xz") for path in PACKED.glob("ext*.raw.xz")} - {*UNREAD}
)
SMALL = ["ext4", "odd-ext2", "odd-ext3", "odd-ext4"]
ORPHANS = "/$OrphanFiles/"
SEEDS = 6


@cache
def media(name: str) -> bytes:
    if name in SMALL:
        return gzip.decompress((IMAGES / f"{name}.raw.gz").read_bytes())
    return lzma.decompress((PACKED / f"{name}.raw.xz").read_bytes())


def kind(name: str) -> str:
    return name.removeprefix("odd-")[:4]


def in_bulk(image: DiskImage, kind: str, offset: int = 0, limit: int = 10**7) -> Listed | None:
    tree = open_tree(image, volume(kind, offset))
    assert isinstance(tree, ExtTree)
    return tree.list_all(limit, lambda _: None)


def by_tsk(image: DiskImage, kind: str, offset: int = 0, limit: int = 10**7) -> Walk:
    tree = open_tree(image, volume(kind, offset), Walker.TSK)
    return walk(tree, PatternSet([]), max_entries=limit)


def described(block: bytes | bytearray) -> list[str]:
    index = Index(memoryview(block), volume="w")
    return [str(index.entry(row)) for row in range(len(index))]


def assert_same(bulk: Listed, tsk: Walk, what: str = "") -> None:
    """Both show the same, except where TSK gives up all orphans for a directory among them."""
    given_up = [problem for problem in tsk.problems if problem.path == ORPHANS]
    if not given_up and bytes(bulk.block) == bytes(tsk.block):
        assert bulk.problems == tsk.problems, what
        return
    ours, theirs = described(bulk.block), described(tsk.block)
    if given_up:
        assert any("OrphanFiles/OrphanFile-" in line for line in ours)
        ours = [line for line in ours if "OrphanFiles/OrphanFile-" not in line]
    assert ours == theirs, what
    left = [problem for problem in bulk.problems if not problem.path.startswith(ORPHANS)]
    assert left == [problem for problem in tsk.problems if problem not in given_up], what


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "image.raw"


# Volumes written by Linux and e2fsprogs


@pytest.mark.parametrize("name", [*BUSY, *SMALL])
def test_sound_volumes_are_listed_as_tsk_lists_them(file: Path, name: str) -> None:
    file.write_bytes(media(name))
    with open_image(file) as image:
        bulk = in_bulk(image, kind(name))
        assert bulk is not None
        assert_same(bulk, by_tsk(image, kind(name)))


@pytest.mark.parametrize(("name", "word"), UNREAD.items())
def test_layouts_that_tsk_misreads_are_named(file: Path, name: str, word: str) -> None:
    file.write_bytes(media(name))
    with open_image(file) as image:
        (found,) = volumes(image)
    assert (found.state, found.scheme) == (VolumeState.UNSUPPORTED, "ext4")
    assert word in str(found.problem)


@pytest.mark.parametrize("limit", [150, 20, 5, 1])
def test_a_limit_cuts_where_it_cuts_the_walk(file: Path, limit: int) -> None:
    file.write_bytes(media("ext4-inline"))
    with open_image(file) as image:
        bulk = in_bulk(image, "ext4", limit=limit)
        assert bulk is not None
        assert_same(bulk, by_tsk(image, "ext4", limit=limit))


def test_a_volume_behind_others_is_listed(file: Path) -> None:
    file.write_bytes(bytes(1 << 20) + media("ext3-2k"))
    with open_image(file) as image:
        bulk = in_bulk(image, "ext3", offset=1 << 20)
        assert bulk is not None
        assert_same(bulk, by_tsk(image, "ext3", offset=1 << 20))


def test_the_busy_volumes_have_what_they_are_for(file: Path) -> None:
    lines: list[str] = []
    for name in BUSY:
        file.write_bytes(media(name))
        with open_image(file) as image:
            bulk = in_bulk(image, kind(name))
            assert bulk is not None
            lines += described(bulk.block)
    text = "\n".join(lines)
    assert text.count("reused=True") > 20
    assert text.count("Allocation(name=False, metadata=False") > 200
    assert text.count("OrphanFiles/OrphanFile-") > 50
    assert text.count("EntryType.LINK") > 50
    assert text.count("EntryType.OTHER") > 20
    assert "/vault/" in text  # encrypted names


@pytest.mark.parametrize("name", ["ext2.E01", "ext2.splitraw.000"])
def test_volumes_of_samples_are_listed_as_tsk_lists_them(samples: Path, name: str) -> None:
    with open_image(samples / "images" / name) as image:
        for each in volumes(image):
            assert each.filesystem is not None
            bulk = in_bulk(image, each.filesystem, each.offset)
            assert bulk is not None
            assert_same(bulk, by_tsk(image, each.filesystem, each.offset))


# Damage


def ext_places(data: bytes) -> tuple[int, int, list[int], list[int], list[int]]:
    """Return size of an inode and of a block; offsets of inodes, bitmaps, directory blocks."""
    count, per_group = struct.unpack_from("<I36xI", data, 1024)
    block = 1024 << struct.unpack_from("<I", data, 1024 + 24)[0]
    revision, size, descriptor = (
        struct.unpack_from(form, data, 1024 + at)[0]
        for form, at in (("<I", 76), ("<H", 88), ("<H", 254))
    )
    size, descriptor = size if revision else 128, descriptor or 32
    inodes, bitmaps, blocks = [], [], []
    for group in range(-(-count // per_group)):
        at = -(-2048 // block) * block + group * descriptor
        _, bitmap, table = struct.unpack_from("<3I", data, at)
        bitmaps.append(bitmap * block)
        every = (table * block + number * size for number in range(per_group))
        inodes += [place for place in every if any(data[place : place + size])]
    for at in inodes:
        mode, flags, magic = (
            struct.unpack_from(form, data, at + field)[0]
            for form, field in (("<H", 0), ("<I", 32), ("<H", 40))
        )
        if mode >> 12 == 4:
            extents = flags & 0x80000 and magic == 0xF30A
            first = struct.unpack_from("<I", data, at + (60 if extents else 40))[0]
            blocks += [first * block] if 0 < first < len(data) // block else []
    return size, block, inodes, bitmaps, blocks


def mutated(base: bytes, seed: int) -> bytes:
    """Change inodes, directory blocks, bitmaps, group descriptors or the superblock."""
    chance = random.Random(seed)  # noqa: S311 - the same damage every time
    size, block, inodes, bitmaps, blocks = ext_places(base)
    data = bytearray(base)
    fields = (0, 4, 8, 12, 16, 26, 32, 34, 40, 42, 44, 46, 52, 54, 56, 58, 60, 108, 130, 144)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        what = chance.random()
        if what < 0.4:
            place = chance.choice(inodes)
            place += chance.choice(fields) if chance.random() < 0.7 else chance.randrange(size)
        elif what < 0.75 and blocks:
            start = chance.choice(blocks)
            entries = [at for at in range(start, start + block, 4) if any(base[at : at + 8])]
            place = chance.choice(entries or [start]) + chance.randrange(8)
        elif what < 0.82 and blocks:
            first, other = chance.choice(blocks), chance.choice(blocks)
            data[first : first + block] = base[other : other + block]
            continue
        elif what < 0.92:
            place = chance.choice(bitmaps) + chance.randrange(12)
        elif what < 0.96:
            place = -(-2048 // block) * block + chance.randrange(12)
        else:
            place = 1024 + chance.choice((0, 4, 20, 24, 32, 40, 76, 88, 92, 96, 100, 254))
        data[place] = chance.choice((0, 1, 2, 255, data[place] ^ 1 << chance.randrange(8)))
    return bytes(data)


@pytest.mark.parametrize("name", ["ext2-untyped", "ext4-1k", "ext4-inline", "ext4-plain"])
def test_damaged_volumes_are_listed_as_tsk_lists_them_or_not_at_all(file: Path, name: str) -> None:
    base, same = media(name), 0
    for seed in range(SEEDS):
        file.write_bytes(mutated(base, seed))
        with open_image(file) as image:
            try:
                bulk = in_bulk(image, kind(name))
            except EvidenceError:
                continue  # TSK cannot open it
            if bulk is not None:
                assert_same(bulk, by_tsk(image, kind(name)), f"seed {seed}")
                same += 1
    assert same > SEEDS // 2


@pytest.mark.parametrize("tenths", [1, 4, 9])
def test_a_cut_volume_is_walked_as_tsk_walks_it(file: Path, tenths: int) -> None:
    base = media("ext4-super2")
    file.write_bytes(base[: len(base) * tenths // 10 // 512 * 512])
    with open_image(file) as image:
        found = walk(open_tree(image, volume("ext4")), PatternSet([]), max_entries=10**7)
        tsk = by_tsk(image, "ext4")
    assert_same(Listed(block=found.block, problems=found.problems), tsk)


# Lies, and what costs TSK minutes


def test_a_sparse_file_of_many_blocks_costs_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TSK loads the blocks of a file when it lists its name: 60 s for 5 GB in this image."""
    ext = Ext()
    first, _ = ext.store(b"head")
    sparse = ext.indirect(REGULAR, 5 << 30, [first, *(0,) * 14])
    file.write_bytes(ext.image([(b"sparse", sparse)]))
    monkeypatch.delattr(TskTree, "listing")
    with open_image(file) as image:
        bulk = in_bulk(image, "ext4")
    assert bulk is not None
    assert f"size={5 << 30}" in "\n".join(described(bulk.block))
    assert bulk.problems == ()


def test_directories_of_absurd_size_are_said_to_be_unreadable(file: Path) -> None:
    ext = Ext()
    first, _ = ext.store(b"")
    names = [
        (b"d%d" % number, ext.indirect(DIRECTORY, 3 << 30, [first, *(0,) * 14]))
        for number in range(9)
    ]
    file.write_bytes(ext.image(names))
    with open_image(file) as image:
        bulk = in_bulk(image, "ext4")
    assert bulk is not None
    assert [(p.code, p.path) for p in bulk.problems] == [
        ("directory_unreadable", f"/d{number}/") for number in range(9)
    ]


def test_a_directory_of_very_many_names(file: Path) -> None:
    """TSK compares each name of a directory with all before it: minutes for these."""
    count = 60_000
    ext = Ext()
    empty = ext.file(b"")
    crowd = ext.directory([(b"n%05d" % number, empty) for number in range(count)])
    file.write_bytes(ext.image([(b"crowd", crowd)]))
    with open_image(file) as image:
        bulk = in_bulk(image, "ext4")
    assert bulk is not None
    assert len(Index(memoryview(bulk.block), volume="w")) == count + 3


@pytest.mark.parametrize("error", [Declined, EvidenceError, IndexError, ValueError, MemoryError])
def test_whatever_goes_wrong_in_bulk_leaves_the_volume_to_tsk(
    file: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def broken(*_: object) -> None:
        raise error("no")

    monkeypatch.setattr("triage.evidence.ext.geometry", broken)
    file.write_bytes(media("odd-ext4"))
    with open_image(file) as image:
        assert in_bulk(image, "ext4") is None
        found = walk(open_tree(image, volume("ext4")), PatternSet([]), max_entries=10**7)
        assert bytes(found.block) == bytes(by_tsk(image, "ext4").block)


NO_IMPORTS = """
import sys
from pathlib import Path
from tests.evidence.test_ext import in_bulk
from triage.evidence.image import open_image

class Nothing:
    def find_spec(self, name, path=None, target=None):
        raise AssertionError(name)

with open_image(Path(sys.argv[1])) as image:
    sys.meta_path.insert(0, Nothing())
    assert in_bulk(image, "ext4") is not None
"""


def test_nothing_is_imported_once_a_worker_has_locked_itself(file: Path) -> None:
    file.write_bytes(media("ext4-inline"))
    command = [sys.executable, "-c", NO_IMPORTS, str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
