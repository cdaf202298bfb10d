from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
import uuid
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import pytsk3

from triage.evidence.image import open_image
from triage.evidence.volumes import volumes
from triage.model import Volume, VolumeState

MIB = 1 << 20
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
BASIC = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
TAILS = "8DA63339-0007-60C0-C436-083AC8230908"
SPACES = "E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D"
RESERVED = "E3C9E316-0B5C-4DB8-817D-F92DF00215AE"
LUKS = b"LUKS\xba\xbe\x00\x01aes".ljust(592, b"\0")


def fat12(sectors: int = 256) -> bytes:
    """Return an empty FAT12 file system that TSK opens."""
    boot = b"\xeb\x3c\x90MSDOS5.0" + struct.pack(
        "<HBHBHHBHHHII", 512, 4, 1, 2, 64, sectors, 0xF8, 1, 32, 64, 0, 0
    )
    boot = (boot + b"\x80\x00\x29" + b"\x01\x02\x03\x04" + b"NO NAME    FAT12   ").ljust(510, b"\0")
    table = b"\xf8\xff\xff".ljust(512, b"\0")
    return (boot + b"\x55\xaa" + table * 2).ljust(sectors * 512, b"\0")


def mbr(*entries: tuple[int, int, int]) -> bytes:
    """Return a sector with (type, first sector, sectors) in its table."""
    table = b"".join(struct.pack("<B3xB3xII", 0, *entry) for entry in entries)
    return bytes(446) + table.ljust(64, b"\0") + b"\x55\xaa"


def gpt(
    size: int, *entries: tuple[int, str, int, int, str], sector: int = 512, raw: bytes = b""
) -> list[tuple[int, bytes]]:
    """Return both copies of a table of (slot, type, first byte, bytes, label)."""
    numbers = 128
    array = bytearray(numbers * 128)
    array[: len(raw)] = raw
    for slot, kind, offset, length, label in entries:
        first, last = offset // sector, (offset + length) // sector - 1
        entry = uuid.UUID(kind).bytes_le + uuid.UUID(int=slot).bytes_le
        entry += struct.pack("<QQQ", first, last, 0) + label.encode("utf-16-le").ljust(72, b"\0")
        array[(slot - 1) * 128 : slot * 128] = entry
    blocks = -(-len(array) // sector)
    end = size // sector - 1
    parts = [(0, mbr((0xEE, 1, min(end, 0xFFFFFFFF))))]
    for here, other, at in ((1, end, 2), (end, 1, end - blocks)):
        head = struct.pack("<8sIIIIQQQQ", b"EFI PART", 0x10000, 92, 0, 0, here, other, 34, end - 34)
        head += uuid.UUID(int=99).bytes_le
        head += struct.pack("<QIII", at, numbers, 128, zlib.crc32(array))
        head = head[:16] + struct.pack("<I", zlib.crc32(head)) + head[20:]
        parts += [(here * sector, head), (at * sector, bytes(array))]
    return parts


Disk = Callable[..., list[Volume]]


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """Divide a disk of (place, bytes) parts, and check what holds for every disk."""

    def divided(*parts: tuple[int, bytes], size: int = 4 * MIB) -> list[Volume]:
        with (tmp_path / "disk.dd").open("wb") as file:
            file.truncate(size)
            for place, part in parts:
                file.seek(place)
                file.write(part)
            file.truncate(size)
        with open_image(tmp_path / "disk.dd") as image:
            found = volumes(image)
        covered(found, size)
        return found

    return divided


def covered(found: list[Volume], size: int) -> None:
    """Demand stable order, unique names, and a volume or gap for every byte."""
    names = [volume.name for volume in found]
    assert len(set(names)) == len(names)
    assert [v.offset for v in found] == sorted(v.offset for v in found)
    at = 0
    for volume in found:
        if volume.name.startswith("gap@"):
            assert volume.name == f"gap@{volume.offset}"
            assert volume.length > 0
        if volume.length:
            assert volume.offset <= at
            assert volume.offset + volume.length <= size
        at = max(at, volume.offset + volume.length) if volume.length else at
    assert at == size


def by_name(found: list[Volume]) -> dict[str, Volume]:
    return {volume.name: volume for volume in found}


def shape(found: list[Volume]) -> list[tuple[str, int, int]]:
    return [(volume.name, volume.offset, volume.length) for volume in found]


# --- no table -----------------------------------------------------------------------------------


def test_a_file_system_without_a_table_is_the_whole(disk: Disk) -> None:
    (volume,) = disk((0, fat12(8192)))
    assert (volume.name, volume.offset, volume.length) == ("whole", 0, 4 * MIB)
    assert (volume.table, volume.state, volume.filesystem) == (
        "none",
        VolumeState.FILESYSTEM,
        "fat12",
    )


def test_a_boot_sector_whose_code_looks_like_a_table_is_no_table(disk: Disk) -> None:
    boot = bytearray(fat12(8192))
    boot[446:510] = mbr((0x83, 2048, 2048))[446:510]
    (volume,) = disk((0, bytes(boot)))
    assert (volume.name, volume.filesystem) == ("whole", "fat12")


@pytest.mark.parametrize(
    ("head", "state", "scheme"),
    [
        (LUKS, VolumeState.LOCKED, "luks1"),
        (b"\xeb\x58\x90-FVE-FS-", VolumeState.LOCKED, "bitlocker"),
        (b"\0\0\0ReFS\0\0\0\0\0\0\0\0\0FSRS", VolumeState.UNSUPPORTED, "refs"),
        (b"", VolumeState.EMPTY, None),
        (b"hello", VolumeState.UNKNOWN, None),
        (mbr(), VolumeState.UNKNOWN, None),
    ],
)
def test_what_else_a_whole_disk_may_be(
    disk: Disk, head: bytes, state: VolumeState, scheme: str | None
) -> None:
    (volume,) = disk((0, head))
    assert (volume.name, volume.state, volume.scheme) == ("whole", state, scheme)
    assert (volume.problem is None) == (state is VolumeState.EMPTY)


def test_random_data_is_a_possible_hidden_volume(disk: Disk) -> None:
    noise = random.Random(8).randbytes(4 * MIB)  # noqa: S311 - the same bytes every time
    (volume,) = disk((0, noise))
    assert (volume.state, volume.scheme) == (VolumeState.UNKNOWN, "random")


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        ((3, b"NTFS    "), "ntfs"),
        ((3, b"EXFAT   "), "exfat"),
        ((1080, b"\x53\xef"), "ext"),
        ((1024, b"H+\x00\x04"), "hfs"),
        ((32768, b"\x01CD001\x01"), "iso9660"),
        ((65536 + 1372, b"\x19\x01\x54\x19"), "ufs"),
    ],
)
def test_a_mark_without_a_file_system_is_damage(
    disk: Disk, mark: tuple[int, bytes], name: str
) -> None:
    (volume,) = disk(mark)
    assert volume.state is VolumeState.DAMAGED
    assert volume.problem == f"marked as {name}, but cannot be opened as such"


def test_a_lost_ntfs_boot_sector_is_told_by_its_backup(disk: Disk) -> None:
    (volume,) = disk((0, b"junk"), (4 * MIB - 512, b"\xeb\x52\x90NTFS    "))
    assert volume.state is VolumeState.DAMAGED
    assert "backup" in str(volume.problem)


# --- MBR ----------------------------------------------------------------------------------------


def test_mbr_with_logical_partitions(disk: Disk) -> None:
    found = disk(
        (0, mbr((0x06, 2048, 256), (0x83, 2304, 256), (0x05, 4096, 4096))),
        (2048 * 512, fat12()),
        (4096 * 512, mbr((0x06, 63, 256), (0x05, 512, 1024))),
        ((4096 + 63) * 512, fat12()),
        ((4096 + 512) * 512, mbr((0xE8, 64, 128))),
        ((4096 + 512 + 64) * 512, LUKS),
    )
    assert shape(found) == [
        ("gap@0", 0, 512),
        ("gap@512", 512, 2047 * 512),
        ("p1", 2048 * 512, 256 * 512),
        ("p2", 2304 * 512, 256 * 512),
        ("gap@1310720", 2560 * 512, 1536 * 512),
        ("p3", 4096 * 512, 4096 * 512),
        ("gap@2097152", 4096 * 512, 512),
        ("gap@2097664", 4097 * 512, 62 * 512),
        ("p5", 4159 * 512, 256 * 512),
        ("gap@2260480", 4415 * 512, 193 * 512),
        ("gap@2359296", 4608 * 512, 512),
        ("gap@2359808", 4609 * 512, 63 * 512),
        ("p6", 4672 * 512, 128 * 512),
        ("gap@2457600", 4800 * 512, 3392 * 512),
    ]
    names = by_name(found)
    assert {name: volume.state.value for name, volume in names.items()} == {
        "gap@0": "meta",
        "gap@512": "gap",
        "p1": "filesystem",
        "p2": "empty",
        "gap@1310720": "gap",
        "p3": "meta",
        "gap@2097152": "meta",
        "gap@2097664": "gap",
        "p5": "filesystem",
        "gap@2260480": "gap",
        "gap@2359296": "meta",
        "gap@2359808": "gap",
        "p6": "locked",
        "gap@2457600": "gap",
    }
    assert (names["p5"].filesystem, names["p5"].table) == ("fat12", "dos")
    assert (names["p6"].scheme, names["p6"].description) == ("luks1", "Linux LUKS")
    assert names["p3"].description == "Extended"
    assert names["p1"].details["type"] == "0x06"


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([(1024, mbr((0x83, 1, 8), (0x05, 0, 64)))], "runs in a circle"),
        ([(1024, mbr((0x83, 1, 8), (0x05, 100, 64)))], "breaks off"),
        ([(1024, mbr((0x83, 1, 8), (0x05, 0xFFFFFFFF, 64)))], "breaks off"),
        ([], "breaks off"),
    ],
)
def test_a_chain_of_logical_partitions_that_goes_wrong_ends(
    disk: Disk, records: list[tuple[int, bytes]], words: str
) -> None:
    found = disk((0, mbr((0x05, 1024, 4096))), *((at * 512, sector) for at, sector in records))
    assert any(words in str(volume.problem) for volume in found)
    assert len(records) == sum(volume.name == "p5" for volume in found)


def test_an_endless_chain_is_cut(disk: Disk) -> None:
    parts = [((1024 + 2 * n) * 512, mbr((0x83, 1, 1), (0x05, 2 * (n + 1), 2))) for n in range(300)]
    found = disk((0, mbr((0x05, 1024, 4096))), *parts)
    assert sum(volume.table == "dos" and volume.name[0] == "p" for volume in found) == 257
    assert any("more than 256" in str(volume.problem) for volume in found)


def test_a_partition_past_the_image_is_cut_and_said(disk: Disk) -> None:
    names = by_name(
        disk(
            (0, mbr((0x06, 4096, 256), (0x83, 8000, 1000), (0x83, 9000, 10), (0x06, 7900, 300))),
            (4096 * 512, fat12()),
            (7900 * 512, fat12(300)),
        )
    )
    assert names["p1"].state is VolumeState.FILESYSTEM
    assert names["p2"].length == 192 * 512
    assert names["p2"].state is VolumeState.DAMAGED
    assert "ends 413696 bytes past the image" in str(names["p2"].problem)
    assert names["p2"].details["declared_length"] == "512000"
    assert (names["p3"].length, names["p3"].state) == (0, VolumeState.DAMAGED)
    assert names["p4"].state is VolumeState.FILESYSTEM
    assert "ends 4096 bytes past the image" in str(names["p4"].problem)


def test_overlapping_partitions_are_said_and_the_same_one_is_not_read_twice(disk: Disk) -> None:
    names = by_name(
        disk(
            (0, mbr((0x06, 2048, 256), (0x06, 2048, 256), (0x83, 2100, 1000))),
            (2048 * 512, fat12()),
        )
    )
    assert names["p1"].filesystem == "fat12"
    assert names["p2"].filesystem is None
    assert "begins where p1 begins" in str(names["p2"].problem)
    assert "overlaps p1" in str(names["p3"].problem)


def test_a_file_system_left_in_a_gap_is_found(disk: Disk) -> None:
    found = disk((0, mbr((0x83, 6144, 100))), (MIB, fat12(2048)), (6244 * 512, LUKS), size=6 * MIB)
    names = by_name(found)
    assert names["gap@1048576"].filesystem == "fat12"
    assert names["gap@1048576"].description == "not in the partition table"
    assert names["gap@512"].length == MIB - 512
    assert names[f"gap@{6244 * 512}"].scheme == "luks1"


def test_sectors_of_4096_bytes_are_found_out(disk: Disk) -> None:
    found = disk((0, mbr((0x06, 256, 64))), (256 * 4096, fat12()))
    assert by_name(found)["p1"].offset == 256 * 4096
    assert by_name(found)["p1"].filesystem == "fat12"


@pytest.mark.parametrize(
    ("kind", "state", "scheme"),
    [
        (0x42, VolumeState.UNSUPPORTED, "ldm"),
        (0xEE, VolumeState.DAMAGED, None),
        (0x83, VolumeState.EMPTY, None),
    ],
)
def test_the_type_decides_where_bytes_say_nothing(
    disk: Disk, kind: int, state: VolumeState, scheme: str | None
) -> None:
    volume = by_name(disk((0, mbr((kind, 2048, 2048)))))["p1"]
    assert (volume.state, volume.scheme) == (state, scheme)


# --- GPT ----------------------------------------------------------------------------------------


def _gpt_disk(sector: int = 512) -> list[tuple[int, bytes]]:
    return [
        *gpt(
            4 * MIB,
            (1, BASIC, MIB, 128 * 1024, "stick"),
            (3, TAILS, 2 * MIB, MIB // 2, "TailsData"),
            (4, SPACES, 2 * MIB + MIB // 2, 4096, ""),
            (7, RESERVED, 3 * MIB, 8192, ""),
            sector=sector,
        ),
        (MIB, fat12()),
        (2 * MIB, LUKS),
    ]


@pytest.mark.parametrize("sector", [512, 4096])
def test_gpt(disk: Disk, sector: int) -> None:
    names = by_name(disk(*_gpt_disk(sector)))
    assert {name for name in names if name[0] == "p"} == {"p1", "p3", "p4", "p7"}
    assert (names["p1"].filesystem, names["p1"].label) == ("fat12", "stick")
    tails = names["p3"]
    assert tails.description == "Linux reserved (Tails persistent storage uses it)"
    assert (tails.label, tails.state, tails.scheme) == ("TailsData", VolumeState.LOCKED, "luks1")
    assert tails.details["type"] == TAILS
    assert tails.details["guid"] == str(uuid.UUID(int=3)).upper()
    assert (names["p4"].state, names["p4"].scheme) == (VolumeState.UNSUPPORTED, "storage-spaces")
    assert names["p7"].state is VolumeState.META
    assert names["gap@0"].description == "Protective MBR, GPT header, GPT entries"
    assert names["gap@0"].problem is None


def test_the_backup_stands_in_for_a_damaged_primary(disk: Disk) -> None:
    whole = by_name(disk(*_gpt_disk()))
    for damage in ((512, bytes(512)), (512 + 60, b"\xff"), (1024 + 5, b"\xff")):
        names = by_name(disk(*_gpt_disk(), damage))
        for name in ("p1", "p3", "p4", "p7"):
            assert names[name] == whole[name]
        assert "backup at byte 4193792 was used" in str(names["gap@0"].problem)


def test_a_gpt_needs_no_protective_mbr(disk: Disk) -> None:
    assert disk(*_gpt_disk(), (0, bytes(512))) == disk(*_gpt_disk())


def test_two_damaged_copies_are_used_and_said(disk: Disk) -> None:
    names = by_name(disk(*_gpt_disk(), (512 + 60, b"\xff"), (4 * MIB - 512 + 60, b"\xff")))
    assert "both copies" in str(names["gap@0"].problem)
    assert names["p1"].filesystem == "fat12"


def test_a_hybrid_mbr_is_said(disk: Disk) -> None:
    names = by_name(disk(*_gpt_disk(), (0, mbr((0xEE, 1, 2047), (0x0C, 2048, 256)))))
    assert names["gap@0"].details["hybrid_mbr"] == "2: FAT32 (LBA) at sector 2048, 256 sectors"
    assert names["p1"].table == "gpt"


@pytest.mark.parametrize(
    ("first", "last"), [(0, 0), (5, 4), (1 << 62, (1 << 63) - 1), (0, (1 << 64) - 1)]
)
def test_impossible_gpt_entries_are_damage_and_no_crash(disk: Disk, first: int, last: int) -> None:
    entry = uuid.UUID(LINUX).bytes_le + bytes(16) + struct.pack("<QQ", first, last)
    found = disk(*gpt(4 * MIB, raw=entry))
    assert by_name(found)["p1"].state in {VolumeState.DAMAGED, VolumeState.UNKNOWN}


def test_a_table_of_the_largest_size_is_bounded(disk: Disk) -> None:
    entries = [(n, LINUX, 2 * MIB, 512, "x" * 36) for n in range(1, 129)]
    found = disk(*gpt(4 * MIB, *entries))
    copies = [v for v in found if "begins where p1 begins" in str(v.problem)]
    assert len(copies) == 127


# --- other tables -------------------------------------------------------------------------------


def test_apple_partition_map(disk: Disk) -> None:
    def entry(start: int, count: int, name: bytes, kind: bytes) -> bytes:
        head = struct.pack(">2xHIII", 0, 3, start, count)
        return b"PM" + head[2:] + name.ljust(32, b"\0") + kind.ljust(32, b"\0")

    names = by_name(
        disk(
            (0, b"ER\x02\x00"),
            (512, entry(1, 63, b"Apple", b"Apple_partition_map")),
            (1024, entry(2048, 256, b"stick", b"DOS_FAT_12")),
            (1536, entry(4096, 256, b"", b"Apple_Free")),
            (2048 * 512, fat12()),
        )
    )
    assert names["p1"].state is VolumeState.META
    assert (names["p2"].filesystem, names["p2"].label, names["p2"].table) == (
        "fat12",
        "stick",
        "apm",
    )
    assert "p3" not in names


def _bsd_label(*entries: tuple[int, int, int]) -> bytes:
    label = bytearray(512)
    struct.pack_into("<I36xI", label, 0, 0x82564557, 512)
    struct.pack_into("<IHH", label, 132, 0x82564557, 0, len(entries))
    for number, (size, start, kind) in enumerate(entries):
        struct.pack_into("<IIIB", label, 148 + 16 * number, size, start, 0, kind)
    return bytes(label)


@pytest.mark.parametrize("at", [64, 512])
def test_a_bsd_label_on_a_disk(disk: Disk, at: int) -> None:
    label = _bsd_label((256, 2048, 8), (0, 0, 0), (8192, 0, 0), (64, 4096, 1))
    names = by_name(disk((at, label), (2048 * 512, fat12())))
    assert (names["p1"].filesystem, names["p1"].table) == ("fat12", "bsd")
    assert names["p4"].description == "BSD d: swap"
    assert names["p3"].state is VolumeState.META


@pytest.mark.parametrize("absolute", [True, False])
def test_a_bsd_label_in_a_slice(disk: Disk, absolute: bool) -> None:
    shift = 2048 if absolute else 0
    label = _bsd_label((256, shift + 16, 8), (64, shift + 512, 1), (2048, shift, 0))
    names = by_name(
        disk((0, mbr((0xA5, 2048, 2048))), (2049 * 512, label), ((2048 + 16) * 512, fat12()))
    )
    assert names["p1/bsd-a"].filesystem == "fat12"
    assert names["p1/bsd-a"].offset == 2064 * 512
    assert names["p1/bsd-b"].offset == 2560 * 512


# --- hostile bytes ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gpt", "mbr"])
def test_mutated_tables_always_cover_the_media(disk: Disk, kind: str) -> None:
    parts = _gpt_disk()
    if kind == "mbr":
        parts = [
            (0, mbr((0x06, 2048, 256), (0xA5, 2304, 256), (0x05, 4096, 4096))),
            (4096 * 512, mbr((0x06, 63, 256), (0x05, 512, 1024))),
            (4608 * 512, mbr((0x83, 64, 128))),
        ]
    draw = random.Random(6)  # noqa: S311 - the same damage every time
    for _ in range(60):
        broken = []
        for place, part in parts:
            data = bytearray(part)
            used = [at for at, byte in enumerate(data) if byte]
            for _ in range(draw.choice((0, 1, 3))):
                data[draw.choice(used)] = draw.randrange(256)
            broken.append((place, bytes(data)))
        disk(*broken)


def test_truncated_disks_are_covered(disk: Disk) -> None:
    for size in (512, 600, 1024, 1536, 17_000, MIB, MIB + 1000, 2 * MIB):
        disk(*_gpt_disk(), size=size)
        disk((0, mbr((0x06, 2048, 256), (0x05, 4096, 4096))), size=size)


LOCKED_WORKER = """
import sys
from pathlib import Path
from triage.evidence.image import open_image
from triage.evidence.volumes import volumes

image = open_image(Path(sys.argv[1]))
sys.addaudithook(lambda event, _: event in {"open", "import"} and sys.exit(event))
print(len(volumes(image)))
"""


@pytest.mark.parametrize("kind", ["gpt", "apm"])
def test_an_open_image_is_divided_without_opening_anything(
    disk: Disk, tmp_path: Path, kind: str
) -> None:
    apple = b"PM".ljust(16, b"\0") + b"Apple".ljust(32, b"\0") + b"Apple_HFS".ljust(32, b"\0")
    disk(*(_gpt_disk() if kind == "gpt" else [(512, apple), (1024, b"BD")]))
    done = subprocess.run(
        [sys.executable, "-c", LOCKED_WORKER, tmp_path / "disk.dd"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)


# --- samples and TSK as the second reader -------------------------------------------------------


def _samples() -> Path:
    if "TRIAGE_SAMPLES" not in os.environ:
        pytest.skip("TRIAGE_SAMPLES is not set")
    return Path(os.environ["TRIAGE_SAMPLES"]) / "images"


@pytest.mark.parametrize(
    ("name", "state", "kind"),
    [
        ("ext2.E01", VolumeState.FILESYSTEM, "ext2"),
        ("ext2.splitraw.000", VolumeState.FILESYSTEM, "ext2"),
        ("hfsplus.raw", VolumeState.FILESYSTEM, "hfs"),
        ("iso9660.raw", VolumeState.FILESYSTEM, "iso9660"),
    ],
)
def test_samples_without_a_table(name: str, state: VolumeState, kind: str | None) -> None:
    with open_image(_samples() / name) as image:
        (volume,) = volumes(image)
        assert (volume.name, volume.state, volume.filesystem) == ("whole", state, kind)
        covered([volume], image.size)


def test_sample_with_three_entries_in_an_extended_table(tmp_path: Path) -> None:
    """DFTT image 1: six FAT16 partitions, sectors as its index.html lists them."""
    with zipfile.ZipFile(_samples() / "dftt-1-extend-part.zip") as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dd"))
        data = archive.read(name)
    (tmp_path / "disk.dd").write_bytes(data)
    with open_image(tmp_path / "disk.dd") as image:
        found = volumes(image)
        covered(found, image.size)
        assert {
            volume.name: (volume.offset // 512, volume.length // 512)
            for volume in found
            if volume.filesystem == "fat16"
        } == {
            "p1": (63, 52353),
            "p2": (52416, 52416),
            "p3": (104832, 52416),
            "p5": (157311, 52353),
            "p6": (209727, 52353),
            "p7": (262143, 50337),
        }
        tsk = {
            (int(part.start), int(part.len))
            for part in pytsk3.Volume_Info(image.as_tsk())
            if int(part.flags) == int(pytsk3.TSK_VS_PART_FLAG_ALLOC)
        }
        ours = {(v.offset // 512, v.length // 512) for v in found if v.filesystem}
        assert ours == tsk


@pytest.mark.parametrize("kind", ["gpt", "dos"])
def test_tsk_lists_the_same_partitions(disk: Disk, tmp_path: Path, kind: str) -> None:
    parts = _gpt_disk() if kind == "gpt" else [(0, mbr((0x06, 2048, 256), (0x83, 4096, 64)))]
    found = disk(*parts)
    with open_image(tmp_path / "disk.dd") as image:
        tsk = {
            (int(part.start) * 512, int(part.len) * 512)
            for part in pytsk3.Volume_Info(image.as_tsk())
            if int(part.flags) == int(pytsk3.TSK_VS_PART_FLAG_ALLOC)
        }
    assert {(v.offset, v.length) for v in found if v.name[0] == "p"} == tsk
