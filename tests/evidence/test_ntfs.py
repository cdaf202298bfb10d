from __future__ import annotations

import gzip
import lzma
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evidence.test_filesystem import volume
from triage.errors import EvidenceError
from triage.evidence.arrays import Declined
from triage.evidence.image import DiskImage, open_image
from triage.evidence.index import Index
from triage.evidence.ntfs import NtfsTree
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import Listed, Walk, walk
from triage.evidence.volumes import volumes
from triage.evidence.walker import open_tree
from triage.model import EntryType, Walker

IMAGES = Path(__file__).parents[2] / "fixtures" / "images"
SEEDS = 40
RECORD = 1024
ANYTHING = PatternSet(["**/*.txt", "**/file*"])


def media(name: str) -> bytes:
    if name == "busy":
        packed = Path(__file__).with_name("images") / "busy.raw.xz"
        return lzma.decompress(packed.read_bytes())
    return gzip.decompress((IMAGES / f"{name}.raw.gz").read_bytes())


def in_bulk(image: DiskImage, offset: int = 0, limit: int = 10**7) -> Listed | None:
    tree = open_tree(image, volume("ntfs", offset))
    assert isinstance(tree, NtfsTree)
    return tree.list_all(limit, lambda _: None)


def by_tsk(image: DiskImage, offset: int = 0, limit: int = 10**7) -> Walk:
    return walk(open_tree(image, volume("ntfs", offset), Walker.TSK), ANYTHING, max_entries=limit)


def described(block: bytes | bytearray) -> list[str]:
    index = Index(memoryview(block), volume="w")
    return [str(index.entry(row)) for row in range(len(index))]


def assert_same(bulk: Listed, tsk: Walk) -> None:
    if bytes(bulk.block) != bytes(tsk.block):
        assert described(bulk.block) == described(tsk.block)
    assert bytes(bulk.block) == bytes(tsk.block)
    assert bulk.problems == tsk.problems


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "image.raw"


@pytest.mark.parametrize("name", ["ntfs", "busy"])
@pytest.mark.parametrize("limit", [10**7, 400, 60, 5, 1])
def test_sound_volumes_are_listed_as_tsk_lists_them(file: Path, name: str, limit: int) -> None:
    file.write_bytes(media(name))
    with open_image(file) as image:
        bulk = in_bulk(image, limit=limit)
        assert bulk is not None
        assert_same(bulk, by_tsk(image, limit=limit))


@pytest.mark.parametrize("name", ["ntfs", "busy"])
def test_patterns_match_the_same_rows(file: Path, name: str) -> None:
    file.write_bytes(media(name))
    with open_image(file) as image:
        bulk = walk(open_tree(image, volume("ntfs")), ANYTHING, max_entries=10**7)
        tsk = by_tsk(image)
    assert bulk.matches == tsk.matches
    assert len(bulk.matches) > 5


def test_a_volume_behind_others_is_listed(file: Path) -> None:
    file.write_bytes(bytes(1 << 20) + media("ntfs"))
    with open_image(file) as image:
        bulk = in_bulk(image, offset=1 << 20)
        assert bulk is not None
        assert_same(bulk, by_tsk(image, offset=1 << 20))


def test_the_busy_volume_has_what_it_is_for(file: Path) -> None:
    file.write_bytes(media("busy"))
    with open_image(file) as image:
        bulk = in_bulk(image)
    assert bulk is not None
    index = Index(memoryview(bulk.block), volume="w")
    entries = [index.entry(row) for row in range(len(index))]
    assert sum(entry.allocation.reused for entry in entries) > 5
    assert sum(not e.allocation.name and not e.allocation.metadata for e in entries) > 20
    assert any(entry.path.startswith("/$OrphanFiles/") for entry in entries)
    assert any(":Zone.Identifier" in entry.path for entry in entries)
    assert any(entry.path.endswith(":s^") for entry in entries)
    assert any("😀" in entry.path for entry in entries)
    assert any(len(index.name(row)) > 512 for row in range(len(index)))
    addresses = [entry.address for entry in entries if entry.type is EntryType.FILE]
    assert len(set(addresses)) < len(addresses) - 20


def mutated(base: bytes, seed: int) -> bytes:
    """Change some bytes of records and indexes, or exchange, free, age and empty whole records."""
    chance = random.Random(seed)  # noqa: S311 - the same damage every time
    data = bytearray(base)
    records = [at for at in range(0, len(base), 512) if base[at : at + 4] == b"FILE"]
    indexes = [at for at in range(0, len(base), 512) if base[at : at + 4] == b"INDX"]
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        record = chance.choice(records)
        kind = chance.random()
        if kind < 0.35:
            data[record + chance.randrange(RECORD)] ^= 1 << chance.randrange(8)
        elif kind < 0.45:
            data[record + chance.randrange(RECORD)] = chance.choice((0, 1, 255, 128))
        elif kind < 0.7:
            at = chance.choice(indexes or records)
            data[at + chance.randrange(chance.choice((64, 700, 4096)))] ^= 1 << chance.randrange(8)
        elif kind < 0.8:
            other = chance.choice(records)
            data[record : record + RECORD] = base[other : other + RECORD]
        elif kind < 0.9:
            data[record + 22] ^= chance.choice((1, 2, 3))
        elif kind < 0.96:
            data[record + 16] = data[record + 16] + chance.choice((1, 255)) & 255
        else:
            data[record : record + RECORD] = bytes(RECORD)
    return bytes(data)


@pytest.mark.parametrize("name", ["ntfs", "busy"])
def test_damaged_volumes_are_listed_as_tsk_lists_them_or_not_at_all(file: Path, name: str) -> None:
    base = media(name)
    outcomes = {"same": 0, "declined": 0, "no file system": 0}
    for seed in range(SEEDS):
        file.write_bytes(mutated(base, seed))
        with open_image(file) as image:
            try:
                bulk = in_bulk(image)
            except EvidenceError:
                outcomes["no file system"] += 1
                continue
            if bulk is None:
                outcomes["declined"] += 1
                continue
            tsk = by_tsk(image)
            assert bytes(bulk.block) == bytes(tsk.block), f"seed {seed}"
            assert bulk.problems == tsk.problems, f"seed {seed}"
            outcomes["same"] += 1
    assert outcomes["same"] > SEEDS * 3 // 4, outcomes
    assert outcomes["declined"] > 0, outcomes


@pytest.mark.parametrize("name", ["ntfs", "busy"])
@pytest.mark.parametrize("tenths", [2, 5, 9])
def test_a_cut_volume_is_walked_as_tsk_walks_it(file: Path, name: str, tenths: int) -> None:
    base = media(name)
    file.write_bytes(base[: len(base) * tenths // 10 // 512 * 512])
    with open_image(file) as image:
        try:
            found = walk(open_tree(image, volume("ntfs")), ANYTHING, max_entries=10**7)
        except EvidenceError:
            with pytest.raises(EvidenceError):
                by_tsk(image)
            return
        tsk = by_tsk(image)
    assert bytes(found.block) == bytes(tsk.block)
    assert (found.matches, found.problems) == (tsk.matches, tsk.problems)


@pytest.mark.parametrize("error", [Declined, EvidenceError, IndexError, ValueError, MemoryError])
def test_whatever_goes_wrong_in_bulk_leaves_the_volume_to_tsk(
    file: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def broken(*_: object) -> None:
        raise error("no")

    monkeypatch.setattr("triage.evidence.ntfs.complete", broken)
    file.write_bytes(media("ntfs"))
    with open_image(file) as image:
        assert in_bulk(image) is None
        found = walk(open_tree(image, volume("ntfs")), ANYTHING, max_entries=10**7)
        assert bytes(found.block) == bytes(by_tsk(image).block)


NO_IMPORTS = """
import sys
from pathlib import Path
import encodings.utf_16_le
from tests.evidence.test_ntfs import in_bulk
from triage.evidence.image import open_image

class Nothing:
    def find_spec(self, name, path=None, target=None):
        raise AssertionError(name)

with open_image(Path(sys.argv[1])) as image:
    sys.meta_path.insert(0, Nothing())
    assert in_bulk(image) is not None
"""


def test_nothing_is_imported_once_a_worker_has_locked_itself(file: Path) -> None:
    file.write_bytes(media("busy"))
    command = [sys.executable, "-c", NO_IMPORTS, str(file)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 0, done.stderr


def test_content_and_runs_are_those_of_tsk(file: Path) -> None:
    file.write_bytes(media("ntfs"))
    with open_image(file) as image:
        ours, tsk = open_tree(image, volume("ntfs")), open_tree(image, volume("ntfs"), Walker.TSK)
        found = walk(ours, PatternSet(["random.bin"]), max_entries=10**7)
        index = Index(memoryview(found.block), volume="w")
        address = index.entry(found.matches[0].row).address
        assert ours.runs(address) == tsk.runs(address) != ()
        reader = ours.open(address)
        assert reader.read_at(0, reader.size) == tsk.open(address).read_at(0, 20_000)
        assert ours.root() == tsk.root()
        assert ours.listing(ours.root()) == tsk.listing(tsk.root())
        assert ours.name == tsk.name == "ntfs"


def test_other_file_systems_are_walked_by_tsk(file: Path) -> None:
    file.write_bytes(media("ext4"))
    with open_image(file) as image:
        assert not isinstance(open_tree(image, volume("ext4")), NtfsTree)


# Real volumes


def clusters(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, content) of what a QCOW2 image stores: none encrypted, no backing file."""
    assert data[:4] == b"QFI\xfb"
    bits, _ = struct.unpack_from(">IQ", data, 20)
    count, table = struct.unpack_from(">IQ", data, 36)
    size, place = 1 << bits, 0x00FFFFFFFFFFFE00
    for first, level in enumerate(struct.unpack_from(f">{count}Q", data, table)):
        entries = struct.unpack_from(f">{size // 8}Q", data, level & place) if level else ()
        for second, entry in enumerate(entries):
            offset = (first * (size // 8) + second) * size
            if entry >> 62 & 1:
                at = entry & (1 << 70 - bits) - 1
                yield offset, zlib.decompressobj(-15).decompress(data[at : at + 2 * size], size)
            elif entry & place and not entry & 1:
                yield offset, data[entry & place : (entry & place) + size]


@pytest.mark.parametrize("name", ["windows_volume.qcow2", "vsstest.qcow2"])
def test_volumes_of_windows_are_listed_as_tsk_lists_them(
    samples: Path, file: Path, name: str
) -> None:
    data = (samples / "images" / name).read_bytes()
    with file.open("wb") as stream:
        stream.truncate(struct.unpack_from(">Q", data, 24)[0])
        for offset, content in clusters(data):
            stream.seek(offset)
            stream.write(content)
    with open_image(file) as image:
        found = [v for v in volumes(image) if v.filesystem == "ntfs"]
        assert found
        for each in found:
            bulk = in_bulk(image, each.offset)
            assert bulk is not None
            assert_same(bulk, by_tsk(image, each.offset))
