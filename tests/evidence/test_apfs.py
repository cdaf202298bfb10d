"""APFS: containers are divided, volumes walked, content read where its runs say it lies."""

from __future__ import annotations

import gzip
import hashlib
import random
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import IMAGES, Triage, lines
from triage.engine.source import DiskSource
from triage.errors import EvidenceError
from triage.evidence.apfs import divide, read_volumes
from triage.evidence.apfs_tree import ApfsTree
from triage.evidence.image import open_image
from triage.evidence.index import Index
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import PartialListingError, walk
from triage.evidence.volumes import volumes
from triage.model import ByteRun, Entry, EntryType, Storage, Volume, VolumeState

BLOCK = 4096
AT = 1714979290 * 10**9  # 2024-05-06T07:08:10Z
SECOND = 10**9
STATE = "/Users/alice/Library/Application Support/TorBrowser-Data/Tor/state"
MEDIA = gzip.decompress((IMAGES / "apfs.raw.gz").read_bytes())


class Bytes:
    """Media in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]


def container(data: bytes, offset: int = 0) -> Volume:
    return Volume(
        name="p2",
        offset=offset,
        length=len(data) - offset,
        table="gpt",
        description="Apple APFS",
        label=None,
        state=VolumeState.UNSUPPORTED,
        filesystem=None,
        scheme="apfs",
        details={},
        problem=None,
    )


def tree(data: bytes, number: int = 0, offset: int = 0) -> ApfsTree:
    reader = Bytes(data)
    return ApfsTree(reader, divide(reader, container(data, offset))[1 + number])


def entries(data: bytes, number: int = 0) -> dict[str, Entry]:
    found = walk(tree(data, number), PatternSet([]), max_entries=10_000)
    index = Index(memoryview(found.block), volume="p2")
    return {entry.path: entry for entry in (index.entry(row) for row in range(1, len(index)))}


def sealed(block: bytes) -> bytes:
    """Return a block with its checksum, Fletcher 64, made right."""
    low = high = 0
    for (word,) in struct.iter_unpack("<I", block[8:]):
        low = (low + word) % 0xFFFFFFFF
        high = (high + low) % 0xFFFFFFFF
    first = 0xFFFFFFFF - (low + high) % 0xFFFFFFFF
    second = 0xFFFFFFFF - (low + first) % 0xFFFFFFFF
    return struct.pack("<II", first, second) + block[8:]


def changed(old: bytes, new: bytes, media: bytes = MEDIA) -> bytes:
    """Replace bytes wherever they stand in metadata, checksums made right."""
    assert len(old) == len(new)
    data, at = bytearray(media), media.find(old)
    assert at >= 0
    while at >= 0:
        data[at : at + len(new)] = new
        start = at - at % BLOCK
        data[start : start + BLOCK] = sealed(bytes(data[start : start + BLOCK]))
        at = media.find(old, at + 1)
    return bytes(data)


def contents(reader_of: ApfsTree, address: str) -> bytes:
    found = reader_of.open(address)
    return found.read_at(0, found.size)


FOUND = entries(MEDIA)


# --- the container ------------------------------------------------------------------------------


def test_container_is_divided_into_its_volumes() -> None:
    outer, *inner = divide(Bytes(MEDIA), container(MEDIA))
    assert (outer.name, outer.state, outer.problem) == ("p2", VolumeState.META, None)
    assert outer.details["uuid"] == "5eed0000-a9f5-4000-8000-000000000000"
    assert [(v.name, v.label, v.state, v.filesystem, v.scheme) for v in inner] == [
        ("p2/apfs-0", "Data – Größe", VolumeState.FILESYSTEM, "apfs", None),
        ("p2/apfs-1", "Vault", VolumeState.LOCKED, None, "apfs"),
        ("p2/apfs-2", "Cases", VolumeState.FILESYSTEM, "apfs", None),
    ]
    assert {(v.offset, v.length, v.table) for v in inner} == {(0, len(MEDIA), "gpt")}
    data, vault, cases = (v.details for v in inner)
    assert data["snapshots"] == "2"
    assert data["snapshot_names"] == "com.apple.os.update-FIXTURE, second snapshot"
    assert vault["uuid"] == "5eed0000-a9f5-4000-8000-000000000002"
    assert "key" in vault["encryption"]
    assert "snapshots" not in vault
    assert (data["names"], cases["names"]) == ("case-insensitive", "case-sensitive")


def test_slot_of_a_volume_stays_when_one_before_it_is_deleted() -> None:
    oids = struct.pack("<3Q", 1026, 2050, 3074)
    found = divide(Bytes(changed(oids, struct.pack("<3Q", 1026, 0, 3074))), container(MEDIA))
    assert [volume.name for volume in found] == ["p2", "p2/apfs-0", "p2/apfs-2"]
    assert sorted(entries(changed(oids, struct.pack("<3Q", 1026, 0, 3074)), 1)) == [
        "/Same",
        "/same",
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (MEDIA[: 64 << 10], "cannot be followed"),
        (changed(b"APSB", b"ABCD"), "no APFS volume superblock"),
        (MEDIA[:64] + (2 | 0x100).to_bytes(8, "little") + MEDIA[72:], "Fusion"),
        (MEDIA[:36] + bytes(4) + MEDIA[40:], "blocks of 0 bytes"),
        (MEDIA[:1000], "no APFS container"),
    ],
    ids=["truncated", "no volumes", "fusion", "block size", "one sector"],
)
def test_container_that_cannot_be_followed_is_said(data: bytes, words: str) -> None:
    (alone,) = divide(Bytes(data), container(data))
    assert (alone.name, alone.state, alone.scheme) == ("p2", VolumeState.UNSUPPORTED, "apfs")
    assert alone.problem is not None
    assert words in alone.problem


def test_problems_of_the_partition_are_kept() -> None:
    short = container(MEDIA)
    for data in (MEDIA, MEDIA[: 64 << 10]):
        found = divide(Bytes(data), replace(short, problem="ends 5 bytes past the image"))[0]
        assert found.problem is not None
        assert found.problem.startswith("ends 5 bytes past the image")


def test_container_without_volumes_holds_nothing() -> None:
    data = changed(struct.pack("<3Q", 1026, 2050, 3074), bytes(24))
    (alone,) = divide(Bytes(data), container(data))
    assert (alone.state, alone.problem) == (VolumeState.META, "APFS container without volumes")


def test_damaged_snapshot_tree_loses_names_only() -> None:
    _, found = read_volumes(Bytes(changed(b"second snapshot\0", b"\xff" * 16)), 0)
    assert found[0].snapshots[0] == "com.apple.os.update-FIXTURE"
    assert (found[0].snapshot_count, len(found[0].snapshots)) == (2, 2)
    kept = struct.unpack_from("<Q", MEDIA, _volume_at() + 152)[0]
    wild = bytearray(MEDIA)
    struct.pack_into("<Q", wild, _volume_at() + 152, 2**63)
    _, found = read_volumes(Bytes(bytes(wild)), 0)
    assert (kept > 0, found[0].snapshot_count, found[0].snapshots) == (True, 2, ())


def _volume_at() -> int:
    return MEDIA.index(b"APSB") - 32


def test_mark_of_an_older_file_system_does_not_hide_the_container(tmp_path: Path) -> None:
    data = bytearray(MEDIA)
    iso = gzip.decompress((IMAGES / "iso9660.raw.gz").read_bytes())
    data += bytes(max(0, len(iso) - len(data)))
    free = data.index(bytes(2 * BLOCK), 33 << 10)
    assert free  # the mark itself is what matters, whatever it overwrites
    data[16 * 2048 : 16 * 2048 + 8] = iso[16 * 2048 : 16 * 2048 + 8]
    (tmp_path / "disk.dd").write_bytes(data)
    with open_image(tmp_path / "disk.dd") as image:
        assert volumes(image)[0].scheme == "apfs"


# --- the walk -----------------------------------------------------------------------------------


def test_walk_lists_every_name_once() -> None:
    many = {path for path in FOUND if path.startswith("/many/")}
    assert many == {f"/many/{number:03}" for number in range(200)}
    files = {path for path, entry in FOUND.items() if entry.type is EntryType.FILE} - many
    assert files == {
        STATE,
        "/Größe/Привет мир.txt",
        "/TRAINING",
        "/Users/alice/Downloads/TorBrowser.dmg",
        "/Users/alice/Downloads/TorBrowser.dmg:com.apple.quarantine",
        "/docs/A rather long name for a file.text",
        "/docs/deep/er/still/deeper.txt",
        "/docs/second name",
        "/docs/small.txt",
        "/docs/small.txt:com.apple.ResourceFork",
        "/docs/small.txt:com.example.large",
        "/empty",
        "/packed/large.txt",
        "/packed/small.txt",
        "/random.bin",
        "/sparse",
    }
    assert {path for path, entry in FOUND.items() if entry.type is EntryType.LINK} == {
        "/link to small"
    }
    assert all(entry.allocation.allocated for entry in FOUND.values())


def test_times_are_utc_in_nanoseconds() -> None:
    times = FOUND["/docs/small.txt"].times
    modified = AT + 123456000
    assert (times.modified, times.created) == (modified, modified - 3 * SECOND)
    assert (times.changed, times.accessed) == (modified + SECOND, modified + 2 * SECOND)
    assert times.zone == "utc"


@pytest.mark.parametrize(
    ("path", "size", "start"),
    [
        (STATE, 218, b"# Tor state file"),
        ("/Größe/Привет мир.txt", 16, "Grüße".encode()),
        ("/empty", 0, b""),
        ("/sparse", 16388, b"head...."),
        ("/random.bin", 20_000, b"\xcd\xc9\xd1\xcf"),
        ("/packed/small.txt", 900, b"TRAINING TRAINING"),
        ("/packed/large.txt", 150_000, b"\xa8\x97\xce"),
        ("/docs/small.txt:com.apple.ResourceFork", 5000, b" \xedLU"),
        ("/docs/small.txt:com.example.large", 900, b"xxx"),
        ("/Users/alice/Downloads/TorBrowser.dmg:com.apple.quarantine", 57, b"0083;6638a5fa;"),
        ("/link to small", 14, b"docs/small.txt"),
    ],
)
def test_content_is_read_whole_and_in_parts(path: str, size: int, start: bytes) -> None:
    opened, address = tree(MEDIA), FOUND[path].address
    whole = contents(opened, address)
    assert (FOUND[path].size, len(whole)) == (size, size)
    assert whole.startswith(start)
    reader = opened.open(address)
    step = size // 7 + 1
    assert b"".join(reader.read_at(at, step) for at in range(0, size, step)) == whole
    assert reader.read_at(max(0, size - 3), 100) == whole[-3:]
    assert reader.read_at(size, 10) == b""


def test_compressed_and_sparse_content_is_right() -> None:
    opened = tree(MEDIA)
    large = contents(opened, FOUND["/packed/large.txt"].address)
    assert large == large[:3000] * 50
    sparse = contents(opened, FOUND["/sparse"].address)
    assert sparse == b"head".ljust(BLOCK, b".") + bytes(3 * BLOCK) + b"tail"


def test_hole_is_zeros_even_if_the_file_is_not_marked_as_sparse() -> None:
    """The reader below takes block 0, the container's own, for the content of such a hole."""
    flags, children = struct.pack("<Q", 0x8200), struct.pack("<i", 1)
    assert MEDIA.count(flags + children) == 1
    data = changed(flags + children, struct.pack("<Q", 0x8000) + children)
    sparse = contents(tree(data), FOUND["/sparse"].address)
    assert sparse[BLOCK:-4] == bytes(3 * BLOCK)


def test_hard_links_have_one_address() -> None:
    assert FOUND["/TRAINING"].address == FOUND["/docs/second name"].address
    assert FOUND["/TRAINING"].size == FOUND["/docs/second name"].size > 0


def test_names_that_differ_in_case_only() -> None:
    opened, found = tree(MEDIA, 2), entries(MEDIA, 2)
    assert {path: contents(opened, entry.address) for path, entry in found.items()} == {
        "/Same": b"upper\n",
        "/same": b"lower\n",
    }


@pytest.mark.parametrize("offset", [0, 1 << 20])
def test_runs_say_where_the_bytes_lie(offset: int) -> None:
    media = bytes(offset) + MEDIA
    opened = tree(media, offset=offset)
    for path, entry in FOUND.items():
        if entry.type is not EntryType.FILE:
            continue
        content = contents(opened, entry.address)
        for run in opened.runs(entry.address):
            part = content[run.file_offset : run.file_offset + run.length]
            if run.storage is Storage.PLAIN:
                assert run.image_offset is not None
                assert media[run.image_offset : run.image_offset + run.length] == part, path
            elif run.storage is Storage.SPARSE:
                assert part == bytes(run.length)


def _storage(path: str) -> Iterator[tuple[int, int, Storage, bool]]:
    for run in tree(MEDIA).runs(FOUND[path].address):
        yield run.file_offset, run.length, run.storage, run.image_offset is None


@pytest.mark.parametrize(
    ("path", "runs"),
    [
        ("/empty", []),
        ("/docs/small.txt", [(0, 6, Storage.PLAIN, False)]),
        (
            "/sparse",
            [
                (0, BLOCK, Storage.PLAIN, False),
                (BLOCK, 3 * BLOCK, Storage.SPARSE, True),
                (4 * BLOCK, 4, Storage.PLAIN, False),
            ],
        ),
        ("/packed/small.txt", [(0, 900, Storage.RESIDENT, True)]),
        (
            "/Users/alice/Downloads/TorBrowser.dmg:com.apple.quarantine",
            [(0, 57, Storage.RESIDENT, True)],
        ),
    ],
)
def test_storage(path: str, runs: list[tuple[int, int, Storage, bool]]) -> None:
    assert list(_storage(path)) == runs


def test_runs_of_a_compressed_file_are_its_resource_fork() -> None:
    (run,) = tree(MEDIA).runs(FOUND["/packed/large.txt"].address)
    assert (run.file_offset, run.storage) == (0, Storage.COMPRESSED)
    assert run.image_offset is not None
    fork = MEDIA[run.image_offset : run.image_offset + run.length]
    assert fork[:4] == b"\0\0\1\0"
    assert fork[-50:].startswith(bytes(24))


# --- hostile ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (b"../../etc/", "/docs/deep/er/still/..\\x2f..\\x2fetc\\x2f"),
        (b"..\0per.txt", "/docs/deep/er/still/\\x2e\\x2e"),
        (b"dee\xffer.txt", "/docs/deep/er/still/unreadable-name-37"),
        (b"dee\ner.txt", "/docs/deep/er/still/dee\ner.txt"),
    ],
)
def test_hostile_names_stay_names(name: bytes, path: str) -> None:
    found = entries(changed(b"deeper.txt", name))
    assert path in found
    assert len(found) == len(FOUND)
    assert found[path].size == 5


def test_one_damaged_name_does_not_hide_the_others() -> None:
    opened = tree(changed(b"com.apple.quarantine\0", b"com\xffapple.quarantine\0"))
    parent = opened.root()
    for name in (b"Users", b"alice", b"Downloads"):
        parent = next(named for named in opened.listing(parent) if named.name == name)
    with pytest.raises(PartialListingError, match="1 names") as caught:
        opened.listing(parent)
    assert [named.name for named in caught.value.found] == [b"TorBrowser.dmg"]


def test_walk_says_what_was_read_in_part() -> None:
    opened = tree(changed(b"com.apple.quarantine\0", b"com\xffapple.quarantine\0"))
    found = walk(opened, PatternSet([]), max_entries=10_000)
    assert [(problem.code, problem.path) for problem in found.problems] == [
        ("directory_partly_read", "/Users/alice/Downloads/")
    ]


def test_folder_within_itself_is_not_entered_again() -> None:
    inner, outer = (int(FOUND[p].address) for p in ("/docs/deep/er/still", "/docs/deep"))
    # The value of a directory entry: inode, time, type 4 (folder).
    data = changed(struct.pack("<QQH", inner, AT, 4), struct.pack("<QQH", outer, AT, 4))
    found = walk(tree(data), PatternSet([]), max_entries=10_000)
    assert [(problem.code, problem.path) for problem in found.problems] == [
        ("directory_loop", "/docs/deep/er/still/")
    ]


def test_content_outside_of_the_volume_is_an_error() -> None:
    address = FOUND["/docs/small.txt"].address
    (run,) = tree(MEDIA).runs(address)
    assert run.image_offset is not None
    place = run.image_offset // BLOCK
    data = changed(struct.pack("<QQ", BLOCK, place), struct.pack("<QQ", BLOCK, 10_000))
    opened = tree(data)
    with pytest.raises(EvidenceError, match="outside the volume"):
        opened.open(address).read_at(0, 6)


def test_content_that_has_fewer_extents_than_its_size_says_so() -> None:
    size = struct.pack("<5Q", 20_000, 5 * BLOCK, 0, 20_000, 0)
    data = changed(size, struct.pack("<5Q", 30_000, 5 * BLOCK, 0, 20_000, 0))
    reader = tree(data).open(FOUND["/random.bin"].address)
    assert len(reader.read_at(0, 20_000)) == 20_000
    with pytest.raises(EvidenceError, match=f"ends early at {5 * BLOCK}"):
        reader.read_at(0, 30_000)


@pytest.mark.parametrize("address", ["99999", "2-4-7", "31-4-0", str(2**63)])
def test_address_that_is_not_there(address: str) -> None:
    opened = tree(MEDIA)
    assert opened.runs(address) == ()
    with pytest.raises(EvidenceError):
        contents(opened, address)


def test_volume_that_is_not_in_the_container() -> None:
    volume = divide(Bytes(MEDIA), container(MEDIA))[1]
    with pytest.raises(EvidenceError, match="cannot be opened"):
        ApfsTree(Bytes(bytes(len(MEDIA))), volume)
    other = replace(volume, details={"uuid": "5eed0000-a9f5-4000-8000-00000000ffff"})
    with pytest.raises(EvidenceError, match="not in its container"):
        ApfsTree(Bytes(MEDIA), other)


@pytest.mark.parametrize("end", ["metadata", "content"])
def test_truncated_container(end: str) -> None:
    """Cut behind the volumes' superblocks all is listed, but not all can be read."""
    last = MEDIA.rindex(b"APSB") + BLOCK
    if end == "metadata":
        (alone,) = divide(Bytes(MEDIA[: last - 2 * BLOCK]), container(MEDIA))
        assert alone.state is VolumeState.UNSUPPORTED
        return
    address = FOUND["/docs/small.txt"].address
    (run,) = tree(MEDIA).runs(address)
    assert run.image_offset is not None
    volume = replace(divide(Bytes(MEDIA), container(MEDIA))[1], length=run.image_offset)
    with pytest.raises(EvidenceError):
        ApfsTree(Bytes(MEDIA), volume).open(address).read_at(0, 6)


def test_damage_raises_nothing_of_the_library() -> None:
    draw = random.Random(7)  # noqa: S311 - the same damage every time
    blocks = [
        at
        for at in range(0, len(MEDIA), BLOCK)
        if any(MEDIA[at : at + 8]) and MEDIA[at : at + BLOCK] == sealed(MEDIA[at : at + BLOCK])
    ]
    assert len(blocks) > 20
    for _ in range(150):
        data, block = bytearray(MEDIA), draw.choice(blocks)
        for _ in range(draw.choice((1, 2, 8))):
            data[block + draw.randrange(32, BLOCK)] = draw.choice((0, 0xFF, draw.randrange(256)))
        data[block : block + BLOCK] = sealed(bytes(data[block : block + BLOCK]))
        _look_at_all(bytes(data))


def _look_at_all(data: bytes) -> None:
    reader = Bytes(data)
    for volume in divide(reader, container(data)):
        if volume.state is not VolumeState.FILESYSTEM:
            continue
        try:
            opened = ApfsTree(reader, volume)
        except EvidenceError:
            continue
        index = Index(memoryview(walk(opened, PatternSet([]), max_entries=2000).block), volume="p2")
        for row in range(1, len(index), 5):
            address = index.entry(row).address
            runs: tuple[ByteRun, ...] = opened.runs(address)
            assert all(run.length > 0 for run in runs)
            try:
                opened.open(address).read_at(0, BLOCK)
            except EvidenceError:
                continue


# --- the whole line -----------------------------------------------------------------------------


def partitioned(path: Path) -> Path:
    """Write a disk with the container as its second partition, at 1 MiB."""
    table = bytearray(512)
    entry = struct.pack("<B3xB3xII", 0, 0xAF, 2048, len(MEDIA) // 512)
    table[462:478] = entry
    table[510:] = b"\x55\xaa"
    path.write_bytes(bytes(table).ljust(1 << 20, b"\0") + MEDIA)
    return path


def test_run_finds_tor_and_the_locked_volume(tmp_path: Path, triage: Triage) -> None:
    image = partitioned(tmp_path / "disk.dd")
    ran = triage("run", image, "-o", tmp_path / "bundle", "--no-hash")
    assert ran.code == 3, ran.err
    data = tmp_path / "bundle" / "data"
    found = {record["kind"]: record for record in lines(data / "findings.jsonl")}
    client, locked = found["tor.client"], found["encryption.volume"]
    source = client["source"]
    assert (source["volume"], source["filesystem"]) == ("p2/apfs-0", "apfs")
    assert source["path"] == STATE
    written = [time["utc"] for time in client["times"] if time["event"] == "last_written"]
    assert written == ["2024-05-06T07:08:10Z"]
    assert client["account"]["name"] == "alice"
    assert locked["source"]["volume"] == "p2/apfs-1"
    (read,) = (line for line in lines(data / "files.jsonl") if line["path"] == STATE)
    assert read["read"] == "complete"
    (run,) = read["byte_runs"]
    content = image.read_bytes()[run["image_offset"] : run["image_offset"] + run["length"]]
    assert hashlib.sha256(content).hexdigest() == read["hashes"]["sha256"]
    coverage = lines(data / "coverage.jsonl")
    assert any(
        line["step"] == "snapshots" and line["volume"] == "p2/apfs-0" and line["count"] == "2"
        for line in coverage
    )
    assert [line["volume"] for line in coverage if line["counts"]] == ["p2/apfs-1"]


def test_sample(samples: Path) -> None:
    with open_image(samples / "images" / "apfs.raw") as image:
        source = DiskSource(image)
        assert [(v.name, v.state) for v in source.volumes] == [
            ("whole", VolumeState.META),
            ("whole/apfs-0", VolumeState.FILESYSTEM),
        ]
        opened = source.tree(1)
        index = Index(
            memoryview(walk(opened, PatternSet([]), max_entries=100).block), volume="whole/apfs-0"
        )
        found = {str(index.path(row)): index.entry(row) for row in range(1, len(index))}
        assert len(found) == 12
        address = found["/a_directory/a_file"].address
        text = b"This is a text file.\n\nWe should be able to parse it.\n"
        assert opened.open(address).read_at(0, 100) == text
        (run,) = opened.runs(address)
        assert run.image_offset is not None
        assert image.read_at(run.image_offset, run.length) == text
        fork = found["/a_directory/a_resourcefork:com.apple.ResourceFork"]
        assert opened.open(fork.address).read_at(0, 100) == b"My resource fork\n"
        assert found["/a_link"].type is EntryType.LINK
        times = found["/a_directory/a_file"].times  # written to after it was created
        assert (times.created, times.modified) == (1642144781197370938, 1642144781201997443)
