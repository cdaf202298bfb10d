from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import IMAGES
from tests.evidence.test_filesystem import volume
from triage.errors import EvidenceError
from triage.evidence import yaffs2
from triage.evidence.contents import Content, Contents
from triage.evidence.image import DiskImage, open_image
from triage.evidence.index import Index
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import FileTree, walk
from triage.evidence.walker import open_tree
from triage.evidence.yaffs2_tree import without_version
from triage.model import Entry, Volume, VolumeState

PAGE, SPARE, BLOCK = 2048, 64, 64
STATE = "/home/alice/.tor/state"
FLASH = gzip.decompress((IMAGES / "odd-yaffs2.raw.gz").read_bytes())


def pages(data: bytes) -> list[tuple[bytes, bytes]]:
    size = PAGE + SPARE
    return [(data[at : at + PAGE], data[at + PAGE : at + size]) for at in range(0, len(data), size)]


def changed(change: Callable[[bytes, bytes], tuple[bytes, bytes]]) -> bytes:
    """Return the flash with every page that is written changed, its spare area too."""
    return b"".join(
        b"".join((page, spare) if spare == b"\xff" * SPARE else change(page, spare))
        for page, spare in pages(FLASH)
    )


def tags(spare: bytes) -> tuple[int, int, int, int]:
    return struct.unpack_from("<4I", spare, 2)


def never_mounted(page: bytes, spare: bytes) -> tuple[bytes, bytes]:
    """Write tags as mkyaffs2image does: at the start, one sequence, no summary of headers."""
    _, number, chunk, count = tags(spare)
    if chunk & 0x80000000:
        number, chunk, count = number & 0x0FFFFFFF, 0, 0xFFFF
    return page, struct.pack("<4I", 0x1000, number, chunk, count).ljust(SPARE, b"\xff")


def opened(folder: Path, data: bytes, at: int = 0) -> tuple[DiskImage, Content]:
    path = folder / "flash.raw"
    path.write_bytes(bytes(at) + data)
    image = open_image(path)
    return image, Contents(image).at(at, len(data))


def tree_of(image: DiskImage, at: int = 0) -> FileTree:
    made = volume("yaffs2", at)
    fields = {name: getattr(made, name) for name in Volume.__dataclass_fields__}
    return open_tree(image, Volume(**{**fields, "length": image.size - at}))


def entries(tree: FileTree) -> list[Entry]:
    index = Index(memoryview(walk(tree, PatternSet([]), max_entries=10_000).block), volume="whole")
    return [index.entry(row) for row in range(1, len(index))]


def content(tree: FileTree, entry: Entry) -> bytes:
    reader = tree.open(entry.address)
    return reader.read_at(0, reader.size)


def test_earlier_and_deleted_states_keep_their_names(tmp_path: Path) -> None:
    image, found = opened(tmp_path, FLASH)
    assert (found.state, found.filesystem) == (VolumeState.FILESYSTEM, "yaffs2")
    tree = tree_of(image)
    states = {
        (str(e.path), e.allocation.allocated): content(tree, e)
        for e in entries(tree)
        if e.path in {"/TRAINING", "/gone/.tor/state"}
    }
    assert states.pop(("/TRAINING", True)).startswith(b"TRAINING\n\nEverything")
    assert states.pop(("/TRAINING", False)) == b"TRAINING before\n"
    assert b"2024-05-01 01:02:03" in states.pop(("/gone/.tor/state", False))
    assert states == {}


@pytest.mark.parametrize("at", [0, 1 << 20])
def test_a_flash_that_was_never_mounted(tmp_path: Path, at: int) -> None:
    image, found = opened(tmp_path, changed(never_mounted), at)
    assert (found.state, found.problem) == (VolumeState.FILESYSTEM, None)
    tree = tree_of(image, at)
    (state,) = (entry for entry in entries(tree) if entry.path == STATE)
    (run,) = tree.runs(state.address)
    assert run.image_offset is not None
    assert image.read_at(run.image_offset, run.length) == content(tree, state)


def test_tags_behind_the_marks_of_the_controller(tmp_path: Path) -> None:
    """TSK takes the first place that could hold tags; where that is the wrong one it is said."""

    def later(page: bytes, spare: bytes) -> tuple[bytes, bytes]:
        return page, (b"\xff" * 24 + spare[2:18]).ljust(SPARE, b"\xff")

    def behind_others(page: bytes, spare: bytes) -> tuple[bytes, bytes]:
        return page, (bytes(range(1, 17)) + spare[2:18]).ljust(SPARE, b"\xff")

    _, found = opened(tmp_path, changed(later))
    assert (found.state, found.filesystem) == (VolumeState.FILESYSTEM, "yaffs2")
    _, found = opened(tmp_path, changed(behind_others))
    assert (found.state, found.scheme) == (VolumeState.UNSUPPORTED, "yaffs2")
    assert "the place of the tags" in (found.problem or "")


@pytest.mark.parametrize(("page", "spare"), [(4096, 128), (4096, 224), (8192, 256)])
def test_other_pages_are_recognised_and_not_read(tmp_path: Path, page: int, spare: int) -> None:
    wider = b"".join(p.ljust(page, b"\xff") + s.ljust(spare, b"\xff") for p, s in pages(FLASH))
    _, found = opened(tmp_path, wider)
    assert (found.state, found.scheme) == (VolumeState.UNSUPPORTED, "yaffs2")
    assert f"pages of {page} and {spare} bytes" in (found.problem or "")


def test_more_than_can_be_sorted_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaffs2, "_MOST_STEPS", 100)
    _, found = opened(tmp_path, FLASH)
    assert (found.state, found.scheme) == (VolumeState.UNSUPPORTED, "yaffs2")


def noise(length: int) -> bytes:
    return random.Random(5).randbytes(length)  # noqa: S311 - the same bytes every time


NEAR_MISSES: dict[str, bytes] = {
    "random bytes": noise(len(FLASH)),
    "text": b"seq 4096, object 257, chunk 1\n" * 10_000,
    "pages without their spare areas": b"".join(page for page, _ in pages(FLASH)),
    "spare areas without headers": changed(lambda _, spare: (noise(PAGE), spare)),
    "headers without tags": changed(lambda page, _: (page, noise(SPARE))),
    "tags of other objects": changed(
        lambda page, spare: (page, spare[:9] + bytes((spare[9] ^ 0x30,)) + spare[10:])
    ),
    "sequences that count on": b"".join(
        page + spare[:2] + struct.pack("<I", 0x1000 + n) + spare[6:]
        for n, (page, spare) in enumerate(pages(FLASH))
    ),
    "less than a block": FLASH[: (PAGE + SPARE) * 63],
}


@pytest.mark.parametrize("data", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_near_misses_are_not_taken_for_it(tmp_path: Path, data: bytes) -> None:
    _, found = opened(tmp_path, data)
    assert (found.state, found.filesystem) == (VolumeState.UNKNOWN, None)
    assert found.scheme != "yaffs2"


def test_no_other_file_system_is_taken_for_it(tmp_path: Path) -> None:
    for packed in sorted(IMAGES.glob("*.raw.gz")):
        if "fat32" not in packed.name and "yaffs2" not in packed.name:
            (tmp_path / "other.raw").write_bytes(gzip.decompress(packed.read_bytes()))
            with open_image(tmp_path / "other.raw") as image:
                assert yaffs2.recognise(image, 0, image.size) is None, packed.name


def test_damaged_flash_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    states = dict.fromkeys(VolumeState, 0)
    for seed in range(30):
        chance = random.Random(seed)  # noqa: S311 - the same damage every time
        data = bytearray(FLASH)
        for _ in range(chance.choice((1, 5, 40))):
            page = chance.randrange(128) * (PAGE + SPARE)
            at = page + chance.choice((chance.randrange(0x1D0), PAGE + chance.randrange(18)))
            data[at] ^= 1 << chance.randrange(8)
        image, found = opened(tmp_path, bytes(data))
        states[found.state] += 1
        if found.state is VolumeState.FILESYSTEM:
            tree = tree_of(image)
            for entry in entries(tree):
                try:
                    content(tree, entry)
                except EvidenceError:
                    continue
    assert states[VolumeState.FILESYSTEM] > 10, states


@pytest.mark.parametrize(
    ("name", "address", "expected"),
    [
        (b"state#265,1", 265 | 1 << 18, b"state"),
        (b"a.txt#265,0.txt", 265, b"a.txt"),
        (b"a#265,1#266,2", 266 | 2 << 18, b"a#265,1"),
        (b"state#265,1", 266, b"state#265,1"),
    ],
)
def test_what_tsk_adds_to_names_is_taken_off(name: bytes, address: int, expected: bytes) -> None:
    assert without_version(name, address) == expected
