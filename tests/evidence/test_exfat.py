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
from tests.evidence.test_fat_bulk import assert_same, both, described, utc
from triage.errors import EvidenceError
from triage.evidence.arrays import Declined
from triage.evidence.fat_volume import ENTRY
from triage.evidence.tree import Listed

__all__ = ["utc"]  # a fixture

PACKED = Path(__file__).with_name("images")
SMALL = ["exfat", "odd-exfat"]
SEEDS = 16
FILE, STREAM, PIECE, BITMAP = 0x85, 0xC0, 0xC1, 0x81


@cache
def media(name: str) -> bytes:
    if name in SMALL:
        return gzip.decompress((IMAGES / f"{name}.raw.gz").read_bytes())
    return lzma.decompress((PACKED / f"{name}.raw.xz").read_bytes())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "image.raw"


# Volumes written by a script of ours, mkfs.exfat and the FUSE driver


@pytest.mark.parametrize("name", [*SMALL, "exfat-4k"])
@pytest.mark.parametrize("offset", [0, 1 << 20])
def test_sound_volumes_are_listed_as_tsk_lists_them(file: Path, name: str, offset: int) -> None:
    file.write_bytes(bytes(offset) + media(name))
    assert_same(*both(file, "exfat", offset))


def test_a_volume_without_a_label_is_listed_as_tsk_lists_it(file: Path) -> None:
    data = bytearray(media("exfat-4k"))
    label = next(at for at in entries(data) if data[at] == 0x83)
    data[label + 1] = 0
    file.write_bytes(data)
    bulk, tsk = both(file, "exfat")
    assert_same(bulk, tsk)
    assert not any("Volume Label" in line for line in described(tsk.block))


def test_the_busy_volume_has_what_it_is_for(file: Path) -> None:
    file.write_bytes(media("exfat-4k"))
    _, tsk = both(file, "exfat")
    lines = described(tsk.block)
    assert sum("Allocation(name=False" in line for line in lines) > 50
    assert sum("DIRECTORY" in line and "size=4096" not in line for line in lines) > 1
    assert sum(line.count("/") > 1 for line in lines) > 50


@pytest.mark.parametrize("name", ["exfat-32k", "exfat-512"])
def test_orphans_and_streams_of_others_leave_the_volume_to_tsk(file: Path, name: str) -> None:
    """In clusters of 512 bytes TSK finds the stream of another file behind one at their end."""
    file.write_bytes(media(name))
    bulk, tsk = both(file, "exfat")
    assert bulk is None
    assert tsk.entries > 200


# Damage


def entries(data: bytes | bytearray) -> list[int]:
    """Return where entries stand, from the root on; most of what lies before it looks like some."""
    heap, _, root = struct.unpack_from("<3I", data, 88)
    start = (heap << data[108]) + (root - 2 << data[108] + data[109])
    kinds = {FILE, STREAM, PIECE, BITMAP, 0x82, 0x83, 0x05, 0x40, 0x41}
    return [
        at
        for at in range(start, len(data), ENTRY)
        if data[at] in kinds and any(data[at + 1 : at + ENTRY])
    ]


def mutated(base: bytes, seed: int) -> bytes:
    """Change, delete, copy and empty entries, or change the bitmap or the table."""
    chance = random.Random(seed)  # noqa: S311 - the same damage every time
    data, found = bytearray(base), entries(base)
    table, _, heap, clusters = struct.unpack_from("<4I", base, 80)
    bitmap = next(at for at in found if base[at] == BITMAP)
    cluster = struct.unpack_from("<I", base, bitmap + 20)[0]
    bits = (heap << base[108]) + (cluster - 2 << base[108] + base[109])
    fields = (0, 1, 2, 3, 4, 8, 10, 12, 14, 16, 18, 20, 21, 24, 25, 31)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at, kind = chance.choice(found), chance.random()
        if kind < 0.45:
            at += chance.choice(fields)
            data[at] = chance.choice((0, 1, 2, 255, data[at] ^ 1 << chance.randrange(8)))
        elif kind < 0.6:
            data[at] ^= 0x80
        elif kind < 0.7:
            other = chance.choice(found)
            data[at : at + ENTRY] = base[other : other + ENTRY]
        elif kind < 0.75:
            data[at : at + ENTRY] = bytes(ENTRY)
        elif kind < 0.9:
            data[bits + chance.randrange(min(clusters // 8, 64))] ^= 1 << chance.randrange(8)
        else:
            at = (table << base[108]) + 4 * chance.randrange(2, 64)
            data[at] ^= 1 << chance.randrange(8)
    return bytes(data)


@pytest.mark.parametrize("name", ["odd-exfat", "exfat-4k"])
def test_damaged_volumes_are_listed_as_tsk_lists_them_or_not_at_all(file: Path, name: str) -> None:
    base, same = media(name), 0
    for seed in range(SEEDS):
        file.write_bytes(mutated(base, seed))
        try:
            bulk, tsk = both(file, "exfat")
        except EvidenceError:
            continue  # TSK cannot open it
        if bulk is not None:
            assert bytes(bulk.block) == bytes(tsk.block), f"seed {seed}"
            assert bulk.problems == tsk.problems, f"seed {seed}"
            same += 1
    assert same > SEEDS // 4


@pytest.mark.parametrize("tenths", [1, 5, 9])
def test_a_cut_volume_is_left_to_tsk(file: Path, tenths: int) -> None:
    base = media("exfat-4k")
    file.write_bytes(base[: len(base) * tenths // 10])
    try:
        bulk, _ = both(file, "exfat")
    except EvidenceError:
        return
    assert bulk is None


@pytest.mark.parametrize(
    ("entry", "at", "value"),
    [
        (STREAM, 20, b"\xf0\xff\xff\xff"),  # a cluster that is not there
        (STREAM, 24, b"\xff" * 8),  # more bytes than the volume has
        (FILE, 1, b"\x40"),  # more entries than a set has
        (FILE, 8, bytes(14)),  # no times
    ],
)
def test_files_that_tsk_leaves_out_are_listed_and_said(
    file: Path, entry: int, at: int, value: bytes
) -> None:
    data = bytearray(media("odd-exfat"))
    state = "state".encode("utf-16-le")
    piece = next(at for at in entries(data) if data[at + 2 :].startswith(state))
    place = piece - ENTRY * (PIECE - 0xC0 if entry == STREAM else 2)
    assert data[place] == entry
    data[place + at : place + at + len(value)] = value
    file.write_bytes(data)
    bulk, tsk = both(file, "exfat")
    assert bulk is None
    assert [(problem.code, problem.path) for problem in tsk.problems] == [
        ("directory_partly_read", "/")
    ]
    (line,) = (line for line in described(tsk.block) if "path='/state'" in line)
    assert "Allocation(name=True, metadata=False" in line


def test_a_name_with_a_missing_piece_is_said(file: Path) -> None:
    data = bytearray(media("odd-exfat"))
    pieces = [at for at in entries(data) if data[at] == PIECE]
    third = next(at for at in pieces if at - ENTRY in pieces and at - 2 * ENTRY in pieces)
    data[third] = 0xA1
    file.write_bytes(data)
    bulk, tsk = both(file, "exfat")
    assert bulk is None
    assert [problem.code for problem in tsk.problems] == ["directory_partly_read"]


@pytest.mark.parametrize("error", [Declined, EvidenceError, IndexError, ValueError, MemoryError])
def test_whatever_goes_wrong_in_bulk_leaves_the_volume_to_tsk(
    file: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def broken(*_: object) -> Listed:
        raise error("no")

    monkeypatch.setattr("triage.evidence.exfat_bulk.exfat_volume", broken)
    file.write_bytes(media("exfat"))
    assert both(file, "exfat")[0] is None


NO_IMPORTS = """
import sys
from pathlib import Path
import encodings.utf_16_le
from tests.evidence.test_fat_bulk import both

class Nothing:
    def find_spec(self, name, path=None, target=None):
        raise AssertionError(name)

sys.meta_path.insert(0, Nothing())
assert both(Path(sys.argv[1]), "exfat")[0] is not None
"""


def test_nothing_is_imported_once_a_worker_has_locked_itself(file: Path) -> None:
    file.write_bytes(media("exfat-4k"))
    command = [sys.executable, "-c", NO_IMPORTS, str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
