"""What is read in long strokes is what the file system gives, file by file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.evidence.test_filesystem import volume
from tests.evidence.test_ntfs import in_bulk, media, mutated
from triage.errors import EvidenceError
from triage.evidence.beginnings import BEGINNING, NOWHERE, HeadTree, beginnings
from triage.evidence.image import open_image
from triage.evidence.index import Index
from triage.evidence.logical import open_logical
from triage.evidence.ntfs import NtfsTree
from triage.evidence.walker import open_tree
from triage.model import EntryType


def heads(path: Path, offset: int = 0) -> list[tuple[bytes | None, bytes]]:
    """Return the first bytes of every file that has a place: in a stroke, and from TSK."""
    with open_image(path) as image:
        tree = open_tree(image, volume("ntfs", offset))
        listed = in_bulk(image, offset)
        if listed is None:
            return []
        assert isinstance(tree, NtfsTree)
        assert listed.places is not None
        index, places = Index(memoryview(listed.block), volume="w"), memoryview(listed.places)
        numbers = places.cast("q")
        assert len(numbers) == len(index)
        rows = [row for row in index.files(numbers).tolist() if numbers[row] != NOWHERE]
        found = tree.beginnings([numbers[row] for row in rows], [index.size(row) for row in rows])
        result = []
        for row, (_, head) in zip(rows, found, strict=True):
            reader = tree.open(index.entry(row).address)
            result.append((head, reader.read_at(0, min(BEGINNING, reader.size))))
        return result


@pytest.mark.parametrize(("name", "least"), [("ntfs", 15), ("busy", 100)])
@pytest.mark.parametrize("offset", [0, 1 << 20])
def test_strokes_give_what_tsk_gives(tmp_path: Path, name: str, least: int, offset: int) -> None:
    file = tmp_path / "image.raw"
    file.write_bytes(bytes(offset) + media(name))
    found = heads(file, offset)
    assert len(found) > least
    assert all(mine == theirs for mine, theirs in found)


def test_damage_makes_nobody_certain_of_something_else(tmp_path: Path) -> None:
    base, file = media("ntfs"), tmp_path / "image.raw"
    seen = 0
    for seed in range(20):
        file.write_bytes(mutated(base, seed))
        try:
            found = heads(file)
        except EvidenceError:  # the volume is no more
            continue
        seen += len(found)
        assert all(mine in (None, theirs) for mine, theirs in found), seed
    assert seen > 100


class Torn:
    """Media of which some cannot be read."""

    size = 1 << 22

    def read_at(self, offset: int, length: int) -> bytes:
        if offset <= 100_000 < offset + length:
            raise EvidenceError("torn")
        return bytes([offset >> 16]) * min(length, self.size - offset)


def test_a_torn_stroke_costs_its_files_the_short_way_only() -> None:
    places = [place << 1 for place in (0, 99_000, 2 << 20, (1 << 22) - 10, (1 << 22) + 10)]
    found = list(beginnings(Torn(), places, [5000, 10, 3, 10, 10], lambda *_: b"inside"))
    assert [offset for offset, _ in found] == [place >> 1 for place in places]
    lengths = [None if head is None else len(head) for _, head in found]
    assert lengths[1:] == [None, 3, 10, None]


def test_the_head_of_a_zipped_member_costs_no_more(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("long", bytes(range(256)) * 40_000)
        archive.writestr("short", b"abc")
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(b"long") + 2000] ^= 255
    path.write_bytes(damaged)
    source = open_logical(path)
    assert isinstance(source, HeadTree)
    named = [item for item in source.listing(source.root()) if item.type is EntryType.FILE]
    heads = {item.name: source.head(str(item.inode), 4096) for item in named}
    assert heads == {b"long": bytes(range(256)) * 16, b"short": b"abc"}
    with pytest.raises(EvidenceError):
        source.open(str(named[0].inode))
