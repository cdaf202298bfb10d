from __future__ import annotations

import gzip
import os
import random
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import IMAGES, ROOT
from tests.evidence.test_filesystem import volume
from tests.hostile.fat import SECTOR, Fat, entry
from triage.errors import EvidenceError
from triage.evidence.arrays import Declined
from triage.evidence.bulk import TreeInBulk
from triage.evidence.image import open_image
from triage.evidence.index import Index
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import Listed, Walk, walk
from triage.evidence.walker import open_tree
from triage.model import Walker

NAMES = [f"{odd}fat{bits}" for odd in ("", "odd-") for bits in (12, 16, 32)]
SEEDS = 12


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    """TSK converts with the zone of the host; a worker sets it too."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


def media(name: str) -> bytes:
    return gzip.decompress((IMAGES / f"{name}.raw.gz").read_bytes())


def both(file: Path, kind: str, offset: int = 0) -> tuple[Listed | None, Walk]:
    with open_image(file) as image:
        tree = open_tree(image, volume(kind, offset))
        assert isinstance(tree, TreeInBulk)
        bulk = tree.list_all(10**7, lambda _: None)
        single = open_tree(image, volume(kind, offset), Walker.TSK)
        return bulk, walk(single, PatternSet([]), max_entries=10**7)


def described(block: bytes | bytearray) -> list[str]:
    index = Index(memoryview(block), volume="w")
    return [str(index.entry(row)) for row in range(len(index))]


def assert_same(bulk: Listed | None, tsk: Walk) -> None:
    assert bulk is not None
    if bytes(bulk.block) != bytes(tsk.block):
        assert described(bulk.block) == described(tsk.block)
    assert bytes(bulk.block) == bytes(tsk.block)
    assert bulk.problems == tsk.problems


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("offset", [0, 1 << 20])
def test_sound_volumes_are_listed_as_tsk_lists_them(tmp_path: Path, name: str, offset: int) -> None:
    if offset and name.endswith("32"):
        return
    (tmp_path / "image.raw").write_bytes(bytes(offset) + media(name))
    assert_same(*both(tmp_path / "image.raw", name.removeprefix("odd-"), offset))


def mutated(base: bytes, seed: int) -> bytes:
    """Change, delete, copy and empty entries, or change the allocation table."""
    chance = random.Random(seed)  # noqa: S311 - the same damage every time
    data = bytearray(base)
    table = struct.unpack_from("<H", base, 14)[0] * SECTOR
    entries = [
        at
        for at in range(table, min(len(base), 1 << 18), 32)
        if base[at + 11] in {0x08, 0x0F, 0x10, 0x20}
        and (0x20 <= base[at] < 0x80 or base[at] > 0xE4)
    ]
    for _ in range(chance.choice((1, 1, 2, 4))):
        at, kind = chance.choice(entries), chance.random()
        if kind < 0.4:
            data[at + chance.randrange(32)] ^= 1 << chance.randrange(8)
        elif kind < 0.55:
            data[at] = 0xE5
        elif kind < 0.65:
            data[at + chance.randrange(32)] = chance.choice((0, 1, 0x20, 0xFF))
        elif kind < 0.75:
            other = chance.choice(entries)
            data[at : at + 32] = base[other : other + 32]
        elif kind < 0.95:
            data[table + chance.randrange(64)] ^= 1 << chance.randrange(8)
        else:
            data[at : at + 32] = bytes(32)
    return bytes(data)


@pytest.mark.parametrize("name", ["fat12", "odd-fat12", "odd-fat16"])
def test_damaged_volumes_are_listed_as_tsk_lists_them_or_not_at_all(
    tmp_path: Path, name: str
) -> None:
    base, same = media(name), 0
    for seed in range(SEEDS):
        (tmp_path / "image.raw").write_bytes(mutated(base, seed))
        bulk, tsk = both(tmp_path / "image.raw", name.removeprefix("odd-"))
        if bulk is not None:
            assert bytes(bulk.block) == bytes(tsk.block), f"seed {seed}"
            assert bulk.problems == tsk.problems, f"seed {seed}"
            same += 1
    assert same > SEEDS // 2


def test_orphans_leave_the_volume_to_tsk(tmp_path: Path) -> None:
    fat = Fat()
    kept = fat.file("known.txt", b"kept")
    place = fat.put(entry(b"\xe5RPHAN  TXT", cluster=9, size=4))
    fat.link(place, 0)
    (tmp_path / "image.raw").write_bytes(fat.image([kept]))
    bulk, tsk = both(tmp_path / "image.raw", "fat12")
    assert bulk is None
    assert any("OrphanFiles/" in line for line in described(tsk.block))


@pytest.mark.parametrize("error", [Declined, EvidenceError, IndexError, ValueError, MemoryError])
def test_whatever_goes_wrong_in_bulk_leaves_the_volume_to_tsk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def broken(*_: object) -> None:
        raise error("no")

    monkeypatch.setattr("triage.evidence.fat_bulk.fat_volume", broken)
    (tmp_path / "image.raw").write_bytes(media("fat12"))
    bulk, _ = both(tmp_path / "image.raw", "fat12")
    assert bulk is None


NO_IMPORTS = """
import sys
from pathlib import Path
import encodings.utf_16_le
from tests.evidence.test_fat_bulk import both

class Nothing:
    def find_spec(self, name, path=None, target=None):
        raise AssertionError(name)

sys.meta_path.insert(0, Nothing())
assert both(Path(sys.argv[1]), "fat12")[0] is not None
"""


def test_nothing_is_imported_once_a_worker_has_locked_itself(tmp_path: Path) -> None:
    (tmp_path / "image.raw").write_bytes(media("fat12"))
    command = [sys.executable, "-c", NO_IMPORTS, str(tmp_path / "image.raw")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
