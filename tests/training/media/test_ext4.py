from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import replace

import pytest

from tests.training.media.described import MIB, Built, described, entry
from triage.errors import TrainingError
from triage.evidence.image import open_image
from triage.model import EntryType
from triage.training.media import Disk, Entry, write_raw
from triage.training.media.ext4_directory import Name, directory_blocks
from triage.training.media.ext4_inode import FILE, Inode
from triage.training.media.partitions import lay_out

HUGE = 50 * MIB


def link(path: str, target: str) -> Entry:
    return replace(entry(path), target=target)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    path = tmp_path_factory.mktemp("ext4") / "ext4.raw"
    entries = (
        entry("/huge", bytes(HUGE - 4) + b"last"),
        entry("/gone", bytes(12 * MIB) + b"end", deleted=True),
        link("/short", "usr/share/zoneinfo/Europe/Vienna"),
        link("/long", "target/" * 20),
        replace(entry("/private", b"p"), mode=0o600, uid=70_000),
        *(entry(f"/removed/{n:03} {'x' * 200}", b"r", deleted=n % 3 == 0) for n in range(60)),
    )
    volume = replace(described("ext4"), size=96 * MIB, entries=entries, slack={})
    write_raw(Disk(scheme="none", volumes=(volume,), signature=1), path)
    return Built(volume, path, open_image(path))


def test_a_file_over_many_groups_has_a_tree_of_extents(built: Built) -> None:
    found = built.entries()
    assert built.content(found["/huge"])[-6:] == b"\0\0last"
    assert built.content(found["/gone"])[-5:] == b"\0\0end"


def test_links_lie_in_the_inode_or_in_a_block(built: Built) -> None:
    found = built.entries()
    for path, target in (
        ("/short", b"usr/share/zoneinfo/Europe/Vienna"),
        ("/long", b"target/" * 20),
    ):
        assert found[path].type is EntryType.LINK
        assert built.content(found[path]) == target


def test_removed_names_keep_their_inodes_where_a_living_one_stands_before(built: Built) -> None:
    names = {path: one for path, one in built.entries().items() if path.startswith("/removed/")}
    assert len(names) == 60
    for path, one in names.items():
        assert one.allocation.allocated is (int(path[9:12]) % 3 != 0)
        assert built.content(one) == b"r"


def test_its_own_checker_finds_nothing(built: Built) -> None:
    program = shutil.which("e2fsck", path="/usr/sbin:/sbin")
    if program is None:
        pytest.skip("e2fsck is not installed")
    command = [program, "-f", "-n", str(built.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_owner_and_mode(built: Built) -> None:
    program = shutil.which("debugfs", path="/usr/sbin:/sbin")
    if program is None:
        pytest.skip("debugfs is not installed")
    command = [program, "-R", "stat /private", str(built.path)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Mode:  0600" in shown
    assert "User: 70000   Group: 70000" in shown


def test_a_block_of_removed_names_only_loses_the_first_inode() -> None:
    names = [Name(b".", 2, 2), Name(b"..", 2, 2)]
    names += [Name(b"%03d" % n + b"x" * 200, 20 + n, 1, deleted=True) for n in range(8)]
    data = directory_blocks(names, 1024)
    assert len(data) == 2048
    assert data[1024:1028] == bytes(4)
    assert int.from_bytes(data[1028:1030], "little") == 1024


def test_more_entries_than_inodes_fit() -> None:
    entries = tuple(entry(f"/{n}", b"") for n in range(9000))
    volume = replace(described("ext4"), size=1 * MIB, entries=entries, slack={}, scraps=())
    with pytest.raises(TrainingError, match="TRAINING: 9000 entries are too many"):
        lay_out(Disk(scheme="none", volumes=(volume,), signature=1))


def test_names_count_in_bytes() -> None:
    volume = replace(described("ext4"), entries=(entry("/" + "ü" * 128, b""),), slack={})
    with pytest.raises(TrainingError, match="no absolute path"):
        lay_out(Disk(scheme="none", volumes=(volume,), signature=1))


@pytest.mark.parametrize(
    ("seconds", "bits"), [(0, 0), ((1 << 31) - 1, 0), (1 << 31, 1), (1 << 32, 1), (3 << 31, 2)]
)
def test_times_go_on_behind_2038(seconds: int, bits: int) -> None:
    time = seconds * 10**9 + 5
    data = Inode(mode=FILE, owner=0, size=0, times=(time,) * 4, links=1).encoded()
    (low,) = struct.unpack_from("<i", data, 0x10)
    (rest,) = struct.unpack_from("<I", data, 0x88)
    assert low + (rest % 4 << 32) == seconds
    assert (rest >> 2, rest % 4) == (5, bits)
