from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from tests.evidence.test_filesystem import volume
from tests.evidence.test_filesystems import media
from tests.hostile.iso import SECTOR, Iso, both, record
from triage.errors import EvidenceError
from triage.evidence.image import open_image
from triage.evidence.index import Index
from triage.evidence.iso9660 import IsoTree
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import FileTree, walk
from triage.evidence.walker import open_tree
from triage.model import Entry, EntryType, Volume, Walker

SUSP = b"SP\x07\x01\xbe\xef\x00" + b"ER\x12\x01\x0a\x00\x00\x01RRIP_1991A"


def opened(folder: Path, data: bytes, walker: Walker = Walker.AUTO, at: int = 0) -> FileTree:
    (folder / "disc.iso").write_bytes(bytes(at) + data)
    made = volume("iso9660", at)
    fields = {name: getattr(made, name) for name in Volume.__dataclass_fields__}
    image = open_image(folder / "disc.iso")
    return open_tree(image, Volume(**{**fields, "length": len(data)}), walker)


def listed(tree: FileTree) -> dict[str, Entry]:
    found = walk(tree, PatternSet([]), max_entries=10_000)
    index = Index(memoryview(found.block), volume="w")
    return {str(index.path(row)): index.entry(row) for row in range(1, len(index))}


def content(tree: FileTree, address: str) -> bytes:
    reader = tree.open(address)
    return reader.read_at(0, reader.size)


def named(name: bytes) -> bytes:
    return b"NM" + bytes((5 + len(name), 1, 0)) + name


def moded(mode: int) -> bytes:
    return b"PX\x24\x01" + both(mode) + both(1) + both(0) * 2


@pytest.mark.parametrize("at", [0, 1 << 20])
def test_files_are_those_of_tsk(tmp_path: Path, at: int) -> None:
    data = media("iso9660")
    ours, tsk = opened(tmp_path, data, at=at), opened(tmp_path, data, Walker.TSK, at)
    assert isinstance(ours, IsoTree)
    found = {
        (e.size, e.times.created, ours.runs(e.address), content(ours, e.address))
        for e in listed(ours).values()
        if e.type is EntryType.FILE and e.size
    }
    theirs = {
        (e.size, e.times.created, tsk.runs(e.address), content(tsk, e.address))
        for e in listed(tsk).values()
        if e.type is EntryType.FILE and e.size
    }
    assert found == theirs
    assert len(found) > 10


def test_what_only_another_tree_leads_to_is_listed(tmp_path: Path) -> None:
    """A second primary descriptor, whose root has one file more."""
    iso = Iso()
    shared = iso.file(b"A.TXT;1", b"shared")
    image = bytearray(iso.image([shared]))
    sectors = len(image) // SECTOR
    hidden = record(b"B.TXT;1", extent=sectors + 1, size=6)
    root = record(b"\0", extent=sectors, size=SECTOR, folder=True)
    content_of_root = root + record(b"\1", extent=sectors, size=SECTOR, folder=True)
    image += (content_of_root + shared + hidden).ljust(SECTOR, b"\0")
    image += b"hidden".ljust(SECTOR, b"\0")
    second = bytearray(image[16 * SECTOR : 17 * SECTOR])
    second[156:190] = root[:34]
    table = image[18 * SECTOR : 20 * SECTOR]
    image[17 * SECTOR : 20 * SECTOR] = second + b"\xffCD001\1".ljust(SECTOR, b"\0") + table[:SECTOR]
    found = listed(opened(tmp_path, bytes(image)))
    assert sorted(found) == ["/$OrphanFiles", "/$OrphanFiles/B.TXT", "/A.TXT"]


def test_a_file_in_several_extents(tmp_path: Path) -> None:
    iso = Iso()
    first, second = iso.store(b"x" * SECTOR), iso.store(b"y" * 10)
    parts = bytearray(record(b"BIG.BIN;1", extent=first, size=SECTOR))
    parts[25] = 0x80
    tail = record(b"BIG.BIN;1", extent=second, size=10)
    tree = opened(tmp_path, iso.image([bytes(parts), tail, iso.file(b"C.TXT;1", b"c")]))
    found = listed(tree)
    assert sorted(found) == ["/BIG.BIN", "/C.TXT"]
    big = found["/BIG.BIN"]
    assert (big.size, content(tree, big.address)) == (SECTOR + 10, b"x" * SECTOR + b"y" * 10)
    assert tree.open(big.address).read_at(SECTOR - 2, 4) == b"xxyy"
    assert [run.length for run in tree.runs(big.address)] == [SECTOR, 10]


def test_rock_ridge(tmp_path: Path) -> None:
    iso = Iso()
    link = moded(0o120777) + b"SL\x0f\x01\x00\x04\x00\x00\x06target" + named(b"link")
    place = iso.store(named(b" and on"))
    first = b"NM\x0a\x01\x01begin" + b"CE\x1c\x01" + both(place) + both(0) + both(12)
    deep = iso.reserve()
    iso.folder(b"DEEP", [iso.file(b"D.TXT;1", b"d", system=named(b"d.txt"))], at=deep, up=deep)
    child = named(b"deep") + b"CL\x0c\x01" + both(deep)
    records = [
        iso.file(b"A.TXT;1", b"", system=link),
        iso.file(b"B.TXT;1", b"b", system=first),
        record(b"CHILD;1", extent=iso.reserve(), size=SECTOR, system=child),
        iso.file(b"M.TXT;1", b"m", system=named(b"moved") + b"RE\x04\x01"),
    ]
    tree = opened(tmp_path, iso.image(records, own=SUSP))
    found = listed(tree)
    assert sorted(found) == ["/begin and on", "/deep", "/deep/d.txt", "/link"]
    assert found["/link"].type is EntryType.LINK
    assert content(tree, found["/link"].address) == b"../target"


def test_interleaved_files_are_not_read(tmp_path: Path) -> None:
    iso = Iso()
    odd = bytearray(iso.file(b"A.TXT;1", b"a"))
    odd[26] = 1
    tree = opened(tmp_path, iso.image([bytes(odd)]))
    with pytest.raises(EvidenceError, match="interleaved"):
        tree.open(listed(tree)["/A.TXT"].address)


@pytest.mark.parametrize("address", ["", "x", "-1", "99999999999999999999", "5", "1-2-3"])
def test_what_is_no_address_is_refused(tmp_path: Path, address: str) -> None:
    tree = opened(tmp_path, media("iso9660"))
    with pytest.raises(EvidenceError):
        tree.open(address)
    assert tree.runs(address) == ()


def test_no_damage_gets_out(tmp_path: Path) -> None:
    base = media("iso9660-rr")
    used = [at for at in range(16 * SECTOR, len(base)) if base[at]]
    kept = 0
    for seed in range(60):
        chance = random.Random(seed)  # noqa: S311 - the same damage every time
        data = bytearray(base)
        for _ in range(chance.choice((1, 3, 30))):
            data[chance.choice(used)] = chance.choice((0, 1, 0x7F, 0xFF))
        try:
            tree = opened(tmp_path, bytes(data))
        except EvidenceError:
            continue
        for entry in listed(tree).values():
            tree.runs(entry.address)
            try:
                tree.open(entry.address).read_at(0, 64)
            except EvidenceError:
                continue
            kept += 1
    assert kept > 500


def test_a_disc_without_a_tree_is_refused(tmp_path: Path) -> None:
    data = bytearray(media("iso9660"))
    for sector in (16, 17, 18):
        struct.pack_into("<H", data, sector * SECTOR + 128, 7)
    with pytest.raises(EvidenceError, match="descriptor"):
        opened(tmp_path, bytes(data))
