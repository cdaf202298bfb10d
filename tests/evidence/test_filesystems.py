"""Every file system and partition table of the contract, from the image to the finding."""

from __future__ import annotations

import gzip
import hashlib
import struct
import uuid
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import IMAGES, Triage, lines
from triage.engine.source import DiskSource
from triage.errors import EvidenceError
from triage.evidence.image import open_image
from triage.evidence.index import Index
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import FileTree, walk
from triage.evidence.volumes import volumes
from triage.model import Entry, EntryType, Storage, VolumeState

SECTOR = 512
SLOT = 2048  # sectors: where partitions begin
AT = 1714979290 * 10**9  # 2024-05-06T07:08:10Z
STATE, GONE = "/home/alice/.tor/state", "/gone/.tor/state"
SURROGATES = "\udcff\udcfe"

# What each odd name holds.
ODD = {
    "n" * 255: b"long",
    "é" * 120: b"240 bytes",
    "Größe Привет": b"beyond ASCII",
    "Same": b"upper",
    "same": b"lower",
    "trailing dots...": b"dots",
    "trailing space ": b"space",
    " ": b"space only",
    "..dots": b"leading",
    "back\\slash": b"backslash",
    "line\nbreak": b"line",
    "\u202egnp.exe": b"right to left",
    f"broken {SURROGATES}": b"not UTF-8",
    "semi;colon": b"semicolon",
}
_NEVER_ON_WINDOWS = {"back\\slash", "line\nbreak", f"broken {SURROGATES}"}
_NOT_ON_FAT = {
    *_NEVER_ON_WINDOWS,
    *("same", "trailing dots...", "trailing space ", " ", "é" * 120, "\u202egnp.exe"),
}
# file system → names of the table above that it does not have, as its image was made
MISSING: dict[str, set[str]] = {
    "fat12": _NOT_ON_FAT,
    "fat16": _NOT_ON_FAT,
    "fat32": _NOT_ON_FAT,
    "exfat": _NEVER_ON_WINDOWS,
    "ntfs": {"back\\slash", f"broken {SURROGATES}"},
    "ext2": {"line\nbreak"},
    "ext3": {"line\nbreak"},
    "ext4": {"line\nbreak"},
    "iso9660": {"line\nbreak", f"broken {SURROGATES}", "n" * 255, "é" * 120},
    "ufs1": set(),
    "ufs2": set(),
    "yaffs2": set(),
}
NAMES = sorted(MISSING)
LOCAL = {"fat12", "fat16", "fat32", "exfat", "iso9660"}


@cache
def media(name: str) -> bytes:
    return gzip.decompress((IMAGES / f"odd-{name}.raw.gz").read_bytes())


def listed(tree: FileTree) -> dict[str, Entry]:
    found = walk(tree, PatternSet([]), max_entries=10_000)
    assert found.problems == ()
    index = Index(memoryview(found.block), volume="whole")
    return {str(index.path(row)): index.entry(row) for row in range(1, len(index))}


@pytest.fixture
def opened(tmp_path: Path, request: pytest.FixtureRequest) -> DiskSource:
    path = tmp_path / "image.dd"
    path.write_bytes(media(request.param))
    return DiskSource(open_image(path))


every = pytest.mark.parametrize(("opened", "name"), [(n, n) for n in NAMES], indirect=["opened"])


def content(tree: FileTree, entry: Entry) -> bytes:
    reader = tree.open(entry.address)
    return reader.read_at(0, reader.size)


# --- the walk -----------------------------------------------------------------------------------


@every
def test_file_system_is_recognised(opened: DiskSource, name: str) -> None:
    (volume,) = opened.volumes
    assert (volume.name, volume.state) == ("whole", VolumeState.FILESYSTEM)
    assert volume.filesystem == ("ufs" if name.startswith("ufs") else name)
    assert volume.problem is None


@every
def test_odd_names_and_their_content(opened: DiskSource, name: str) -> None:
    tree = opened.tree(0)
    found = listed(tree)
    folder = "/" if name == "exfat" else "/odd/"
    others = {"state", "lock", "TRAINING", "link"}
    odd = {
        path.removeprefix(folder): content(tree, entry)
        for path, entry in found.items()
        if path.startswith(folder) and entry.type is EntryType.FILE and "$" not in path
        if path.count("/") == folder.count("/") and "Volume Label" not in path
    }
    expected = {text: data for text, data in ODD.items() if text not in MISSING[name]}
    if name.startswith("fat"):  # mtools makes it shorter
        expected["n" * 247] = expected.pop("n" * 255)
    if name == "yaffs2":  # TSK leaves room for 254
        expected["n" * 254] = expected.pop("n" * 255)
    assert {text: data for text, data in odd.items() if text not in others} == expected


@every
def test_state_has_its_size_times_and_place(opened: DiskSource, name: str) -> None:
    tree = opened.tree(0)
    entry = listed(tree)["/state" if name == "exfat" else STATE]
    assert (entry.size, entry.allocation.allocated) == (218, True)
    local = AT + (7200 * 10**9 if name == "exfat" else 0)  # written two hours east of UTC
    times = entry.times
    assert (times.created if name == "iso9660" else times.modified) == local
    assert times.zone == ("local" if name in LOCAL else "utc")
    if name in LOCAL:
        assert times.changed is None
    text = content(tree, entry)
    assert (len(text), text[:16]) == (218, b"# Tor state file")
    (run,) = tree.runs(entry.address)
    assert (run.file_offset, run.length) == (0, 218)
    if name == "ntfs":
        assert (run.storage, run.image_offset) == (Storage.RESIDENT, None)
    else:
        assert run.image_offset is not None
        assert media(name)[run.image_offset : run.image_offset + 218] == text


@pytest.mark.parametrize(
    ("opened", "path"),
    [
        *((name, GONE) for name in ("ext2", "ext3", "ext4", "ntfs", "yaffs2")),
        # The first character of a short name is overwritten.
        *((name, "/gone/.tor/_tate") for name in ("fat12", "fat16", "fat32")),
    ],
    indirect=["opened"],
)
def test_deleted_file(opened: DiskSource, path: str) -> None:
    tree = opened.tree(0)
    entry = listed(tree)[path]
    allocation = entry.allocation
    assert (allocation.name, allocation.metadata, allocation.reused) == (False, False, False)
    assert b"LastWritten 2024-05-01 01:02:03" in content(tree, entry)
    assert entry.times.modified == AT


@pytest.mark.parametrize(
    "opened", ["ext2", "ext3", "ext4", "iso9660", "ufs1", "ufs2", "yaffs2"], indirect=True
)
def test_target_of_a_link_inside_of_its_inode(opened: DiskSource) -> None:
    tree = opened.tree(0)
    entry = listed(tree)["/odd/link"]
    assert (entry.type, entry.size) == (EntryType.LINK, 24)
    assert content(tree, entry) == STATE.replace("/home", "../home").encode()
    (run,) = tree.runs(entry.address)
    assert (run.storage, run.image_offset, run.length) == (Storage.RESIDENT, None, 24)
    assert tree.open(entry.address).read_at(3, 4) == b"home"


@pytest.mark.parametrize("opened", ["iso9660-rr"], indirect=True)
def test_rock_ridge_alone(opened: DiskSource) -> None:
    assert STATE in listed(opened.tree(0))


@every
def test_truncated_media(opened: DiskSource, name: str, tmp_path: Path) -> None:
    del opened
    (tmp_path / "cut.dd").write_bytes(media(name)[: len(media(name)) // 5 * 3 // 512 * 512])
    source = DiskSource(open_image(tmp_path / "cut.dd"))
    (volume,) = source.volumes
    if volume.state is not VolumeState.FILESYSTEM:
        assert volume.problem
        return
    assert volume.problem is not None
    assert "longer than its volume" in volume.problem or "inside of a page" in volume.problem
    tree = source.tree(0)
    found = walk(tree, PatternSet([]), max_entries=10_000)
    index = Index(memoryview(found.block), volume="whole")
    for row in range(1, len(index)):
        try:
            content(tree, index.entry(row))
        except EvidenceError:
            continue


# --- marks of more than one file system ---------------------------------------------------------


def _over(base: str, other: str, start: int, length: int) -> bytes:
    data = bytearray(media(base))
    data[start : start + length] = media(other)[start : start + length]
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(_over("iso9660", "fat12", 0, 512), "iso9660", id="disc, old boot sector"),
        pytest.param(_over("ext4", "fat12", 0, 512), "ext4", id="ext4, old boot sector"),
        pytest.param(_over("ext4", "iso9660", 32768, 2048), "ext4", id="ext4, old disc"),
        pytest.param(_over("ufs2", "iso9660", 32768, 2048), "ufs", id="ufs2, old disc"),
    ],
)
def test_mark_of_an_older_file_system(data: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / "image.dd").write_bytes(data)
    source = DiskSource(open_image(tmp_path / "image.dd"))
    (volume,) = source.volumes
    assert (volume.state, volume.filesystem) == (VolumeState.FILESYSTEM, kind)
    assert STATE in listed(source.tree(0))


# --- the whole line -----------------------------------------------------------------------------


def layout(parts: Iterable[bytes]) -> list[tuple[int, int, bytes]]:
    """Return (first sector, sectors, content), each at a multiple of 1 MiB, a MiB or more apart."""
    placed, at = [], SLOT
    for data in parts:
        sectors = -(-len(data) // SECTOR)
        placed.append((at, sectors, data))
        at += sectors + -sectors % SLOT + SLOT
    return placed


def written(path: Path, placed: list[tuple[int, int, bytes]], table: dict[int, bytes]) -> Path:
    """Write partitions and the sectors of their table; the rest are zeros."""
    with path.open("wb") as file:
        file.truncate((placed[-1][0] + placed[-1][1] + 2 * SLOT) * SECTOR)
        for sector, data in {**table, **{at: data for at, _, data in placed}}.items():
            file.seek(sector * SECTOR)
            file.write(data)
    return path


def boot_record(*entries: tuple[int, int, int]) -> bytes:
    rows = b"".join(struct.pack("<B3xB3xII", 0, *entry) for entry in entries)
    return bytes(446) + rows.ljust(64, b"\0") + b"\x55\xaa"


def no_table(path: Path, parts: list[bytes]) -> Path:
    path.write_bytes(parts[0])
    return path


def dos(path: Path, parts: list[bytes]) -> Path:
    """Write one primary and several logical partitions: slots 1, 5, 6 …."""
    placed = layout(parts)
    first, *logical = placed
    begin = logical[0][0] - 63
    end = logical[-1][0] + logical[-1][1]
    table = {0: boot_record((0x0E, *first[:2]), (0x0F, begin, end - begin))}
    for number, (at, sectors, _) in enumerate(logical):
        entries = [(0x83, 63, sectors)]
        if number + 1 < len(logical):
            after = logical[number + 1]
            entries.append((0x05, after[0] - 63 - begin, after[1] + 63))
        table[at - 63] = boot_record(*entries)
    return written(path, placed, table)


def gpt(path: Path, parts: list[bytes]) -> Path:
    """Write a GPT; the backup is left out, which is said and harmless."""
    placed = layout(parts)
    kind = uuid.UUID("EBD0A0A2-B9E5-4433-87C0-68B6B72699C7").bytes_le
    entries = b"".join(
        struct.pack("<16s16sQQQ72s", kind, bytes([n + 1] * 16), at, at + sectors - 1, 0, b"")
        for n, (at, sectors, _) in enumerate(placed)
    ).ljust(128 * 128, b"\0")
    fields = (1, 1, 34, 10**6, bytes(16), 2, 128, 128, zlib.crc32(entries))
    head = struct.pack("<8sIIII", b"EFI PART", 0x10000, 92, 0, 0)
    head += struct.pack("<QQQQ16sQIII", *fields)
    head = head[:16] + struct.pack("<I", zlib.crc32(head)) + head[20:]
    table = {0: boot_record((0xEE, 1, 0xFFFFFFFF)), 1: head, 2: entries}
    return written(path, placed, table)


def apm(path: Path, parts: list[bytes]) -> Path:
    """Write an Apple partition map: its own entry comes first."""
    placed = layout(parts)
    rows = [(1, 63, b"Apple_partition_map"), *((at, n, b"Apple_HFS") for at, n, _ in placed)]
    table = {0: b"ER\x02\x00".ljust(SECTOR, b"\0")}
    for number, (at, sectors, kind) in enumerate(rows, 1):
        entry = struct.pack(">2sHIII32s32s", b"PM", 0, len(rows), at, sectors, b"volume", kind)
        table[number] = entry.ljust(SECTOR, b"\0")
    return written(path, placed, table)


def bsd(path: Path, parts: list[bytes]) -> Path:
    """Write a FreeBSD slice with a label: `p1/bsd-a`, `p1/bsd-b` …."""
    placed = layout(parts)
    shift = 1024  # sectors from the slice to its first partition
    start, end = placed[0][0] - shift, placed[-1][0] + placed[-1][1]
    entries = [(n, at, 7) for at, n, _ in placed]
    entries.insert(2, (end - start, start, 0))
    while len(entries) < 3:
        entries.insert(len(entries) - 1, (0, 0, 0))
    label = bytearray(SECTOR)
    label[0:4] = label[132:136] = struct.pack("<I", 0x82564557)
    struct.pack_into("<I", label, 40, SECTOR)
    struct.pack_into("<H", label, 138, len(entries))
    for number, (sectors, at, kind) in enumerate(entries):
        struct.pack_into("<IIIB", label, 148 + 16 * number, sectors, at, 0, kind)
    table = {0: boot_record((0xA5, start, end - start)), start + 1: bytes(label)}
    return written(path, placed, table)


GONE_TOO = {"ext2", "ext3", "ext4", "ntfs", "yaffs2"}


@pytest.mark.parametrize(
    ("table", "parts"),
    [
        (no_table, {"whole": "fat32"}),
        (no_table, {"whole": "yaffs2"}),
        (dos, {"p1": "fat16", "p5": "ext2", "p6": "fat12"}),
        (
            gpt,
            {
                "p1": "fat12",
                "p2": "exfat",
                "p3": "ext3",
                "p4": "ext4",
                "p5": "ntfs",
                "p6": "iso9660",
                "p7": "ufs1",
            },
        ),
        (apm, {"p2": "ext4", "p3": "fat16"}),
        (bsd, {"p1/bsd-a": "ufs2", "p1/bsd-b": "ufs1"}),
    ],
    ids=["none", "flash", "dos", "gpt", "apm", "bsd"],
)
def test_run_finds_tor_everywhere(
    table: Any, parts: dict[str, str], tmp_path: Path, triage: Triage
) -> None:
    image = table(tmp_path / "disk.dd", [media(name) for name in parts.values()])
    # The zone of the host must not move what FAT and ISO 9660 store without one.
    zone = {"TZ": "America/New_York"}
    ran = triage("run", image, "-o", tmp_path / "bundle", "--no-hash", env=zone)
    assert ran.code == 0, ran.err
    data = tmp_path / "bundle" / "data"
    clients = [r for r in lines(data / "findings.jsonl") if r["kind"] == "tor.client"]
    found = {
        (r["source"]["volume"], r["source"]["filesystem"], r["source"]["path"]) for r in clients
    }
    expected = set()
    for volume, name in parts.items():
        kind = "ufs" if name.startswith("ufs") else name
        expected.add((volume, kind, "/state" if name == "exfat" else STATE))
        if name in GONE_TOO:
            expected.add((volume, kind, GONE))
    assert found == expected
    disk = image.read_bytes()
    files = {(f["volume"], f["path"]): f for f in lines(data / "files.jsonl")}
    for record in clients:
        path, gone = record["source"]["path"], record["source"]["path"] == GONE
        times = {time["event"]: time["utc"] for time in record["times"]}
        assert times["last_written"] == ("2024-05-01T01:02:03Z" if gone else "2024-05-06T07:08:10Z")
        assert record["source"]["allocation"]["name"] == ("deleted" if gone else "allocated")
        if path == STATE:
            assert record["account"]["name"] == "alice"
        file = files[record["source"]["volume"], path]
        assert (file["read"], file["size"]) == ("complete", 218)
        kind = record["source"]["filesystem"]
        stored = file["times"]["created" if kind == "iso9660" else "modified"]
        assert int(stored) == AT + (7200 * 10**9 if kind == "exfat" else 0)
        assert file["times"]["zone"] == ("local" if kind in LOCAL else "utc")
        for run in file["byte_runs"]:
            if run["image_offset"] is not None:
                raw = disk[run["image_offset"] : run["image_offset"] + run["length"]]
                assert hashlib.sha256(raw).hexdigest() == file["hashes"]["sha256"]


def test_bsd_label_without_a_slice(tmp_path: Path) -> None:
    disk = bytearray(bsd(tmp_path / "slice.dd", [media("ufs1")]).read_bytes())
    start = SLOT - 1024
    label = disk[(start + 1) * SECTOR : (start + 2) * SECTOR]
    disk[: 2 * SECTOR] = bytes(SECTOR) + label
    struct.pack_into("<II", disk, SECTOR + 148 + 32, len(disk) // SECTOR, 0)
    disk[(start + 1) * SECTOR : (start + 2) * SECTOR] = bytes(SECTOR)
    (tmp_path / "disk.dd").write_bytes(disk)
    with open_image(tmp_path / "disk.dd") as image:
        found = [volume for volume in volumes(image) if volume.filesystem]
    assert [(v.name, v.table, v.filesystem) for v in found] == [("p1", "bsd", "ufs")]


def test_a_slice_that_is_a_file_system_itself_leaves_no_gap(tmp_path: Path) -> None:
    disk = bytearray(bsd(tmp_path / "slice.dd", [media("ufs1")]).read_bytes())
    start, sectors = SLOT - 1024, len(media("ufs1")) // SECTOR
    data = bytearray(media("ufs1"))
    label = disk[(start + 1) * SECTOR : (start + 2) * SECTOR]
    struct.pack_into("<IIIB", label, 148, sectors, start, 0, 7)
    struct.pack_into("<IIIB", label, 148 + 16, 64, start + sectors, 0, 1)  # swap behind it
    data[SECTOR : 2 * SECTOR] = label
    disk[start * SECTOR : start * SECTOR + len(data)] = data
    (tmp_path / "disk.dd").write_bytes(disk)
    with open_image(tmp_path / "disk.dd") as image:
        found = {volume.name: volume for volume in volumes(image)}
    assert (found["p1"].filesystem, "p1/bsd-b" in found) == ("ufs", True)
    inside = [v for v in found.values() if v.name.startswith("gap@")]
    end = found["p1"].offset + found["p1"].length
    assert all(v.offset + v.length <= found["p1"].offset or v.offset >= end for v in inside)


def test_a_slice_is_divided_without_a_rest(tmp_path: Path) -> None:
    with open_image(bsd(tmp_path / "disk.dd", [media("ufs1"), media("ufs1")])) as image:
        found = volumes(image)
    (outer,) = (volume for volume in found if volume.name == "p1")
    assert (outer.state, outer.problem) == (VolumeState.META, None)
    at = 0
    for volume in found:
        if volume is not outer:
            assert volume.offset == at, volume.name
            at += volume.length
    assert at == (tmp_path / "disk.dd").stat().st_size


def test_sample_of_hfs(samples: Path) -> None:
    with open_image(samples / "images" / "hfsplus.raw") as image:
        source = DiskSource(image)
        tree = source.tree(0)
        found = listed(tree)
        text = b"This is a text file.\n\nWe should be able to parse it.\n"
        entry = found["/a_directory/a_file"]
        assert content(tree, entry) == text
        assert (entry.times.zone, entry.times.modified) == ("utc", 1642144782 * 10**9)
        (run,) = tree.runs(entry.address)
        assert run.image_offset is not None
        assert image.read_at(run.image_offset, run.length) == text
        assert content(tree, found["/a_link"]) == b"a_directory/another_file"
