from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from triage.errors import EvidenceError, ImageError
from triage.evidence import device
from triage.evidence.device import DeviceImage, family, mounted_writable, open_device
from triage.evidence.segments import SegmentFile
from triage.model import Segment

MOUNTS = """\
22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw,errors=remount-ro
30 22 8:17 / /mnt/stick\\040one ro,relatime - vfat /dev/sdb1 rw,uid=0
31 22 8:18 / /mnt/safe ro - ext4 /dev/sdb2 ro
32 22 0:45 / /srv rw - btrfs /nonexistent/sdc1 rw,space_cache
garbage
33 22 8:33 / /x rw - ext4
"""


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ({"8:2"}, ["/"]),
        ({"8:16", "8:17", "8:18"}, ["/mnt/stick one"]),  # a read-only view of a writable one
        ({"8:18"}, []),
        ({"8:33"}, []),
        (set(), []),
    ],
)
def test_writable_mounts_are_found(devices: set[str], expected: list[str]) -> None:
    assert mounted_writable(MOUNTS, frozenset(devices)) == expected


def test_a_mount_with_a_number_of_its_own_is_found_by_its_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device, "_source_device", {"/dev/sdc1": "8:33"}.get)
    line = "32 22 0:45 / /srv rw - btrfs /dev/sdc1 rw,space_cache"
    assert mounted_writable(line, frozenset({"8:33"})) == ["/srv"]


def test_partitions_and_what_is_stacked_on_them_belong_to_a_disk(tmp_path: Path) -> None:
    disk = tmp_path / "block" / "sda"
    mapper = tmp_path / "block" / "dm-0"
    for folder, number in ((disk, "8:0"), (disk / "sda1", "8:1"), (mapper, "253:0")):
        (folder / "holders").mkdir(parents=True)
        (folder / "dev").write_text(f"{number}\n")
    (disk / "sda1" / "partition").write_text("1\n")
    (disk / "sda1" / "holders" / "dm-0").symlink_to(mapper)
    (mapper / "holders" / "loop").symlink_to(disk)  # a circle must end
    (tmp_path / "8:0").symlink_to(disk)
    assert family("8:0", sysfs=tmp_path) == {"8:0", "8:1", "253:0"}
    assert family("9:9", sysfs=tmp_path) == {"9:9"}


def test_a_file_is_not_a_device(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(512))
    with pytest.raises(ImageError, match="does not answer as a block device"):
        open_device(tmp_path / "file")


@contextlib.contextmanager
def _loop(path: Path, *options: str) -> Iterator[Path]:
    """Attach a file to a loop device, or skip."""
    losetup = shutil.which("losetup") or shutil.which("losetup", path="/sbin:/usr/sbin")
    if losetup is None or os.geteuid() != 0:
        pytest.skip("loop devices need losetup and root")
    done = subprocess.run(
        [losetup, "--find", "--show", *options, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"no loop device: {done.stderr.strip()}")
    loop = Path(done.stdout.strip())
    try:
        yield loop
    finally:
        subprocess.run([losetup, "--detach", str(loop)], check=False)


def test_a_device_with_the_read_only_flag_is_opened(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(b"A" * 512 + bytes(4096 - 512))
    with _loop(tmp_path / "disk", "--read-only") as path:
        image = open_device(path)
        assert (image.size, image.sector_size, image.info.notes) == (4096, 512, ())
        assert image.read_at(0, 10**6) == (tmp_path / "disk").read_bytes()
        image.close()


def test_a_writable_device_is_opened_only_when_allowed_and_noted(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(bytes(4096))
    with _loop(tmp_path / "disk") as path:
        with pytest.raises(ImageError, match="read-only flag"):
            open_device(path)
        image = open_device(path, allow_writable=True)
        assert "others write" in image.info.notes[0]
        image.close()


class _Failing:
    """A device of which some sectors cannot be read."""

    name = "disk"
    size = 1 << 20
    segment = Segment(name="disk", size=size)

    def __init__(self, *bad: int) -> None:
        self.bad, self.asked = bad, 0

    def read_at(self, offset: int, length: int) -> bytes:
        self.asked += 1
        if any(offset <= at < offset + length for at in self.bad):
            raise EvidenceError(f"cannot read {length} bytes at {offset}: Input/output error")
        return bytes(length)


def _device(file: _Failing) -> DeviceImage:
    return DeviceImage(cast("SegmentFile", file), 512, ())


def test_reads_that_fail_are_kept_as_ranges() -> None:
    image = _device(_Failing(600, 5000))
    for offset in (512, 4608, 512):  # the same place a second time is nothing new
        with pytest.raises(EvidenceError):
            image.read_at(offset, 512)
    assert image.bad_ranges == [(512, 512), (4608, 512)]
    assert not image.failing


def test_three_failing_reads_in_a_row_end_the_reading() -> None:
    file = _Failing(0, 512, 1024, 4096)
    image = _device(file)
    for offset in (0, 512):
        with pytest.raises(EvidenceError):
            image.read_at(offset, 512)
    image.read_at(8192, 512)  # a good one between them
    for offset in (1024, 4096):
        with pytest.raises(EvidenceError):
            image.read_at(offset, 512)
    assert not image.failing
    file.bad = (*file.bad, 2048)
    with pytest.raises(EvidenceError):
        image.read_at(2048, 512)
    assert image.failing
    asked = file.asked
    with pytest.raises(EvidenceError, match="left alone"):
        image.read_at(8192, 512)
    assert file.asked == asked
