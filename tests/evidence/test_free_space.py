"""Free space from the bitmaps and tables of file systems, compared with what `blkls` gives."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from tests.conftest import IMAGES
from triage.engine.source import open_source
from triage.evidence.extents import Extents
from triage.evidence.free_space import FreeSpace
from triage.model import VolumeState

BLKLS = {  # image → bytes that `blkls` of The Sleuth Kit 4.11 writes, bytes of a cluster
    "ntfs": (2_572_288, 4096),
    "odd-ntfs": (2_609_152, 4096),
    "fat12": (88_064, 512),
    "fat16": (5_159_936, 512),
    "fat32": (35_060_736, 512),
    "odd-fat12": (236_032, 512),
    "exfat": (4_018_176, 4096),
    "odd-exfat": (3_993_600, 4096),
    "ext4": (917_504, 1024),
    "odd-ext2": (1_983_488, 1024),
    "odd-ext3": (929_792, 1024),
    "odd-ext4": (926_720, 1024),
}


def free(data: bytes, path: Path) -> FreeSpace | None:
    path.write_bytes(data)
    source = open_source(path, allow_incomplete=False, allow_writable_device=False)
    if source.volumes[0].state is not VolumeState.FILESYSTEM:
        return None
    return source.free_space(0)


def media(name: str) -> bytes:
    return gzip.decompress((IMAGES / f"{name}.raw.gz").read_bytes())


@pytest.mark.parametrize("name", BLKLS)
def test_as_much_is_free_as_blkls_says(name: str, tmp_path: Path) -> None:
    found = free(media(name), tmp_path / "image")
    assert found is not None
    assert (found.free.size, found.unit) == BLKLS[name]
    assert all(start % 512 == 0 for start, _ in found.free)


def test_no_byte_of_a_file_is_free(tmp_path: Path) -> None:
    found = free(media("ntfs"), tmp_path / "image")
    source = open_source(tmp_path / "image", allow_incomplete=False, allow_writable_device=False)
    tree = source.tree(0)
    assert found is not None
    files = [named for named in tree.listing(tree.root()) if named.allocation.allocated]
    assert len(files) > 5
    for named in files:
        kind = named.attribute
        address = f"{named.inode}-{kind >> 16}-{kind & 0xFFFF}" if kind >= 0 else str(named.inode)
        for run in tree.runs(address):
            if run.image_offset is not None:
                ours = Extents.one(run.image_offset, run.image_offset + run.length)
                assert not (found.free & ours).size, named.name


@pytest.mark.parametrize("name", ["iso9660", "odd-ufs1"])
def test_nobody_knows_what_is_free_elsewhere(name: str, tmp_path: Path) -> None:
    assert free(media(name), tmp_path / "image") is None


@pytest.mark.parametrize("name", ["ntfs", "fat12", "fat16", "exfat", "ext4", "odd-ext2"])
def test_damaged_tables_give_an_answer_or_none(name: str, tmp_path: Path) -> None:
    data, chance = media(name), random.Random(name)  # noqa: S311 - no secret
    answers = []
    for number in range(12):
        broken = bytearray(data)
        for _ in range(40):  # in boot sector, super block and descriptors
            broken[chance.randrange(4096)] = chance.choice((0, 1, 0x7F, 0xFF))
        cut = broken if number % 3 else broken[: chance.randrange(1024, len(data))]
        answers.append(free(bytes(cut), tmp_path / "image"))
    for found in answers:
        assert found is None or 0 <= found.free.size <= len(data)


def test_cluster_ends() -> None:
    space = FreeSpace(free=Extents.none(), unit=4096, base=512)
    assert [space.cluster_end(n) for n in (512, 513, 4608, 4609)] == [512, 4608, 4608, 8704]
