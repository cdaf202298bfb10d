from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.media.described import MIB, described
from triage.errors import TrainingError
from triage.evidence.image import open_image
from triage.evidence.volumes import volumes
from triage.training.media import Disk, Scheme, write_raw

VOLUMES = tuple(replace(described(name), slack={}) for name in ("fat16", "fat32", "exfat"))


@pytest.mark.parametrize("scheme", ["mbr", "gpt"])
def test_a_table_of_three_volumes(scheme: Scheme, tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    write_raw(Disk(scheme=scheme, volumes=VOLUMES, signature=0x5EED1234, size=80 * MIB), path)
    assert path.stat().st_size == 80 * MIB
    with open_image(path) as image:
        found = [one for one in volumes(image) if one.name.startswith("p")]
    assert [(one.name, one.filesystem, one.offset, one.length) for one in found] == [
        ("p1", "fat16", MIB, 8 * MIB),
        ("p2", "fat32", 9 * MIB, 36 * MIB),
        ("p3", "exfat", 45 * MIB, 8 * MIB),
    ]
    assert {one.table for one in found} == {"dos" if scheme == "mbr" else "gpt"}
    assert not [one.problem for one in found if one.problem]


@pytest.mark.parametrize("scheme", ["mbr", "gpt"])
def test_another_program_finds_nothing_wrong(scheme: Scheme, tmp_path: Path) -> None:
    program = shutil.which("sgdisk", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        pytest.skip("sgdisk is not installed")
    path = tmp_path / "disk.raw"
    write_raw(Disk(scheme=scheme, volumes=VOLUMES, signature=7, size=64 * MIB), path)
    done = subprocess.run([program, "-v", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert re.search(r"No problems found", done.stdout), done.stdout


def test_the_signature_is_in_the_first_sector(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    write_raw(Disk(scheme="mbr", volumes=VOLUMES[:1], signature=0x5EED1234), path)
    assert path.read_bytes()[440:444] == b"\x34\x12\xed\x5e"
    assert path.stat().st_size == 9 * MIB


def test_an_existing_file_is_never_touched(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        write_raw(Disk(scheme="mbr", volumes=VOLUMES[:1], signature=1), path)
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("scheme", "count", "size"),
    [("mbr", 5, None), ("mbr", 0, None), ("none", 2, None), ("mbr", 1, MIB), ("gpt", 1, 9 * MIB)],
)
def test_disks_that_cannot_be(scheme: Scheme, count: int, size: int | None, tmp_path: Path) -> None:
    disk = Disk(scheme=scheme, volumes=VOLUMES[:1] * count, signature=1, size=size)
    with pytest.raises(TrainingError):
        write_raw(disk, tmp_path / "x")
