"""The second reader of files says the same as the first, byte for byte, or that it cannot read."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Iterator
from pathlib import Path

import pytest

from triage.engine.source import Source, open_source
from triage.errors import EvidenceError
from triage.evidence.index import Named
from triage.evidence.second_tree import SecondTree
from triage.evidence.tree import FileTree
from triage.model import EntryType

IMAGES = Path(__file__).with_name("images")


def opened(folder: Path, name: str) -> Source:
    path = folder / "image.raw"
    path.write_bytes(lzma.decompress((IMAGES / f"{name}.raw.xz").read_bytes()))
    return open_source(path, allow_incomplete=False, allow_writable_device=False)


def address(found: Named) -> str:
    attribute = found.attribute
    kind = f"-{attribute >> 16}-{attribute & 0xFFFF}" if attribute >= 0 else ""
    return f"{found.inode}{kind}"


def files(tree: FileTree, directory: Named, path: str = "") -> Iterator[tuple[str, Named]]:
    for found in tree.listing(directory):
        here = f"{path}/{found.name.decode('latin-1')}"
        allocated = found.allocation.name and found.allocation.metadata
        if found.type is EntryType.DIRECTORY and allocated and path.count("/") < 3:
            yield from files(tree, found, here)
        elif found.type is EntryType.FILE and allocated and found.size < 1 << 20:
            yield here, found


@pytest.mark.parametrize("name", ["busy", "ext4-inline", "ext2-old"])
def test_both_readers_say_the_same(tmp_path: Path, name: str) -> None:
    source = opened(tmp_path, name)
    assert source.media
    (number,) = [n for n, volume in enumerate(source.volumes) if volume.filesystem]
    first, second = source.tree(number), SecondTree(source.media, source.volumes[number])
    same = 0
    for path, found in list(files(first, first.root()))[:300]:
        reader = first.open(address(found))
        expected = hashlib.sha256(reader.read_at(0, reader.size)).digest()
        digest = hashlib.sha256()
        try:
            for block in second.blocks(address(found), path, reader.size):
                digest.update(block)
        except EvidenceError:
            continue  # it says so: never taken for equal
        assert digest.digest() == expected, path
        same += 1
    assert same >= 5


@pytest.mark.parametrize("address", ["", "x", "-1", "999999999", "5-144-1", "0-16-1", "1-2-3-4"])
def test_what_is_not_there_is_said(tmp_path: Path, address: str) -> None:
    source = opened(tmp_path, "busy")
    assert source.media
    (number,) = [n for n, volume in enumerate(source.volumes) if volume.filesystem]
    tree = SecondTree(source.media, source.volumes[number])
    with pytest.raises(EvidenceError):
        list(tree.blocks(address, "/x", 100))


def test_a_volume_that_is_not_one_is_refused(tmp_path: Path) -> None:
    source = opened(tmp_path, "ext2-old")
    (volume,) = [volume for volume in source.volumes if volume.filesystem]

    class Garbage:
        size = volume.length

        def read_at(self, offset: int, length: int) -> bytes:
            return hashlib.sha256(offset.to_bytes(8, "big")).digest()[:length].ljust(length, b"x")

    with pytest.raises(EvidenceError):
        SecondTree(Garbage(), volume)
