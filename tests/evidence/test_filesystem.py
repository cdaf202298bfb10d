from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from triage.errors import EvidenceError
from triage.evidence.filesystem import TskTree
from triage.evidence.image import DiskImage, open_image
from triage.evidence.index import Index
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import walk
from triage.model import ByteRun, Entry, EntryType, Storage, Volume, VolumeState

IMAGES = Path(__file__).parents[2] / "fixtures" / "images"
TEXT = b"TRAINING: the quick brown fox jumps over the lazy dog.\n"
WHEN = datetime(2024, 5, 6, 7, 8, 10, tzinfo=UTC)


def volume(filesystem: str, offset: int = 0) -> Volume:
    return Volume(
        name="whole",
        offset=offset,
        length=0,
        table="none",
        description="",
        label=None,
        state=VolumeState.FILESYSTEM,
        filesystem=filesystem,
        scheme=None,
        details={},
        problem=None,
    )


class Opened:
    """A fixture, walked by TSK."""

    def __init__(self, folder: Path, filesystem: str, data: bytes | None = None) -> None:
        path = folder / f"{filesystem}.raw"
        packed = IMAGES / f"{filesystem}.raw.gz"
        path.write_bytes(gzip.decompress(packed.read_bytes()) if data is None else data)
        self.image: DiskImage = open_image(path)
        self.tree = TskTree(self.image.as_tsk(), volume(filesystem))
        self.walk = walk(self.tree, PatternSet(["**/small.txt"]), max_entries=10_000)
        index = Index(memoryview(self.walk.block), volume="whole")
        self.entries: dict[str, Entry] = {}
        for row in range(len(index)):
            self.entries.setdefault(index.path(row), index.entry(row))

    def content(self, path: str) -> bytes:
        reader = self.tree.open(self.entries[path].address)
        assert reader.size == self.entries[path].size
        return reader.read_at(0, reader.size)

    def runs(self, path: str) -> tuple[ByteRun, ...]:
        return self.tree.runs(self.entries[path].address)

    def from_media(self, path: str) -> bytes:
        """Put a file together from the bytes its runs point to."""
        parts = []
        for run in self.runs(path):
            if run.image_offset is None:
                parts.append(bytes(run.length))
            else:
                parts.append(self.image.read_at(run.image_offset, run.length))
        return b"".join(parts)


@pytest.fixture(scope="module")
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return Opened(tmp_path_factory.mktemp(request.param), request.param)


def on(*filesystems: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("opened", filesystems, indirect=True)


@on("ntfs", "ext4", "fat12", "fat16", "fat32", "iso9660")
def test_the_same_files_on_every_file_system(opened: Opened) -> None:
    expected = {"/TRAINING", "/random.bin", "/docs", "/docs/small.txt", "/docs/deep/er/still"}
    expected |= {"/docs/A rather long name for a file.text", "/docs/deep/er/still/deeper.txt"}
    assert expected <= set(opened.entries)
    assert opened.walk.problems == ()
    assert len(opened.walk.matches) == 1
    assert opened.content("/docs/A rather long name for a file.text") == TEXT * 3
    assert opened.content("/docs/deep/er/still/deeper.txt") == b"deep\n"
    assert len(opened.content("/random.bin")) == 20_000
    assert opened.entries["/docs"].type is EntryType.DIRECTORY
    assert opened.entries["/random.bin"].type is EntryType.FILE
    assert opened.entries["/random.bin"].allocation.allocated


@on("exfat")
def test_exfat_has_its_files_in_the_root(opened: Opened) -> None:
    assert opened.walk.problems == ()
    assert len(opened.content("/random.bin")) == 20_000
    times = opened.entries["/random.bin"].times
    assert times.zone == "local"


@on("ntfs", "ext4", "fat12", "fat16", "fat32", "iso9660")
def test_runs_lead_to_the_content_on_the_media(opened: Opened) -> None:
    runs = opened.runs("/random.bin")
    assert all(run.storage is Storage.PLAIN for run in runs)
    assert runs[0].file_offset == 0
    assert sum(run.length for run in runs) == 20_000
    assert opened.from_media("/random.bin") == opened.content("/random.bin")


@on("ntfs", "ext4")
def test_times_are_utc_where_the_file_system_says_so(opened: Opened) -> None:
    times = opened.entries["/random.bin"].times
    assert times.zone == "utc"
    assert times.modified == WHEN.timestamp() * 10**9
    assert times.changed is not None


@on("fat12", "fat16", "fat32")
def test_fat_times_are_wall_clock(opened: Opened) -> None:
    times = opened.entries["/random.bin"].times
    assert times.zone == "local"
    assert times.modified == WHEN.timestamp() * 10**9
    assert times.changed is None


@on("ntfs")
def test_ntfs_times_keep_100_nanoseconds(opened: Opened) -> None:
    times = opened.entries["/docs/small.txt"].times
    assert times.modified == int(WHEN.timestamp()) * 10**9 + 123_456_000


@on("ntfs")
def test_ntfs_streams_are_names_of_their_own(opened: Opened) -> None:
    plain = opened.entries["/with streams.txt"]
    zone = opened.entries["/with streams.txt:Zone.Identifier"]
    large = opened.entries["/with streams.txt:large"]
    assert opened.content(str(plain.path)) == b"unnamed stream\n"
    assert opened.content(str(zone.path)).startswith(b"[ZoneTransfer]\r\n")
    assert (large.size, len(opened.content(str(large.path)))) == (5000, 5000)
    inodes = {entry.address.split("-")[0] for entry in (plain, zone, large)}
    assert len(inodes) == 1
    assert {entry.type for entry in (zone, large)} == {EntryType.FILE}
    assert [run.storage for run in opened.runs(str(zone.path))] == [Storage.RESIDENT]
    assert opened.from_media(str(large.path))[:5000] == opened.content(str(large.path))


@on("ntfs")
def test_ntfs_resident_compressed_and_linked(opened: Opened) -> None:
    small = opened.runs("/docs/small.txt")
    assert small == (ByteRun(file_offset=0, image_offset=None, length=6, storage=Storage.RESIDENT),)
    packed = opened.runs("/packed/compressed.txt")
    assert {run.storage for run in packed} == {Storage.COMPRESSED, Storage.SPARSE}
    assert all((run.image_offset is None) == (run.storage is Storage.SPARSE) for run in packed)
    assert opened.content("/packed/compressed.txt") == TEXT * 2000
    assert sum(run.length for run in opened.runs("/empty")) == 0
    first, second = (opened.entries[p].address for p in ("/linked.txt", "/docs/second name.txt"))
    assert first == second
    assert opened.content("/Größe/Привет мир.txt") == "Grüße, мир\n".encode()


@on("ntfs")
def test_ntfs_deleted_names_keep_their_content(opened: Opened) -> None:
    gone = opened.entries["/gone.txt"]
    assert (gone.allocation.name, gone.allocation.metadata) == (False, False)
    assert gone.times.modified is not None
    assert opened.content("/gone.txt") == b"this file was deleted\n" * 40
    assert opened.entries["/old/gone"].type is EntryType.DIRECTORY
    assert opened.content("/old/gone/inner.txt") == b"a file in a deleted folder\n"
    assert not opened.entries["/old/gone/inner.txt"].allocation.allocated


@on("ext4")
def test_ext4_links_names_and_holes(opened: Opened) -> None:
    assert opened.entries["/link to small"].type is EntryType.LINK
    assert opened.entries["/docs/dangling"].type is EntryType.LINK
    assert "/broken \udcff\udcfe name.txt" in opened.entries
    sparse = opened.entries["/sparse"]
    assert sparse.size == 1 << 40
    runs = opened.runs("/sparse")
    stored = [run for run in runs if run.image_offset is not None]
    assert len(stored) == 1
    assert all(run.storage is Storage.SPARSE for run in runs if run.image_offset is None)
    reader = opened.tree.open(sparse.address)
    assert reader.read_at(1 << 39, 4096) == bytes(4096)
    block = reader.read_at(stored[0].file_offset, stored[0].length)
    assert block.strip(b"\0") != b""
    assert stored[0].image_offset is not None
    assert block == opened.image.read_at(stored[0].image_offset, stored[0].length)


@on("ext4", "fat16")
def test_deleted_files_are_named(opened: Opened) -> None:
    name = "/gone.txt" if opened.tree.name == "ext4" else "/_one.txt"
    assert not opened.entries[name].allocation.name
    assert opened.content(name) == b"this file was deleted\n" * 40


@on("ntfs", "ext4", "fat12")
def test_reads_end_where_the_file_ends(opened: Opened) -> None:
    reader = opened.tree.open(opened.entries["/random.bin"].address)
    whole = reader.read_at(0, 20_000)
    assert reader.read_at(19_990, 100) == whole[-10:]
    assert reader.read_at(7, 13) == whole[7:20]
    assert reader.read_at(20_000, 1) == b""
    assert reader.read_at(50_000, 10) == b""


@on("ntfs", "ext4")
@pytest.mark.parametrize("address", ["99999999", "99999999-128-1", "x", "", "1-2", "-1", "1-a-b"])
def test_an_address_that_leads_nowhere_is_an_error(opened: Opened, address: str) -> None:
    with pytest.raises(EvidenceError):
        opened.tree.open(address)
    assert opened.tree.runs(address) == ()


@on("ntfs")
def test_a_file_is_no_directory(opened: Opened) -> None:
    (small,) = [n for n in opened.tree.listing(opened.tree.root()) if n.name == b"random.bin"]
    with pytest.raises(EvidenceError):
        opened.tree.listing(small)


@pytest.mark.parametrize("filesystem", ["ntfs", "ext4", "fat32"])
def test_no_file_system_is_an_error(tmp_path: Path, filesystem: str) -> None:
    (tmp_path / "zeros").write_bytes(bytes(1 << 20))
    with (
        open_image(tmp_path / "zeros") as image,
        pytest.raises(EvidenceError, match="file system cannot be opened"),
    ):
        TskTree(image.as_tsk(), volume(filesystem))


@pytest.mark.parametrize("filesystem", ["ntfs", "ext4", "fat16", "exfat"])
def test_a_cut_image_raises_no_other_error(tmp_path: Path, filesystem: str) -> None:
    data = gzip.decompress((IMAGES / f"{filesystem}.raw.gz").read_bytes())
    for cut in (3, 5, 8):
        try:
            opened = Opened(tmp_path, filesystem, data[: len(data) * cut // 10])
        except EvidenceError:
            continue
        for path, entry in opened.entries.items():
            if entry.type is not EntryType.FILE or entry.size > 1 << 20:
                continue
            try:
                opened.content(path)
            except EvidenceError:
                opened.runs(path)
        opened.image.close()
