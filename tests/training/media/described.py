"""A volume with what every file system keeps, and what only some do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.evidence.test_filesystem import volume as placed
from triage.evidence.image import DiskImage, open_image
from triage.evidence.index import Index
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import Walk, walk
from triage.evidence.walker import open_tree
from triage.model import Entry as Found
from triage.model import Walker
from triage.training.media import Disk, Entry, Filesystem, Volume, write_raw

MIB = 1 << 20
NS = 10**9
START = 1_709_539_200 * NS  # 2024-03-04 08:00 UTC
SIZES: dict[Filesystem, int] = {
    "fat16": 8 * MIB,
    "fat32": 36 * MIB,
    "exfat": 8 * MIB,
    "ntfs": 8 * MIB,
    "ext4": 8 * MIB,
}
MANY = 300
LONG = "/Documents/A long name with spaces – größer.text"
REMOVED = "/Documents/removed – Brief.docx"
SLACK, SCRAP = b"TRAINING: left over in the slack", b"TRAINING: a scrap without a name"


def entry(path: str, content: bytes | None = None, *, at: int = 0, deleted: bool = False) -> Entry:
    """Return an entry made `at` seconds after the start, changed and read later."""
    created = START + at * NS + 120_000_000
    return Entry(
        path=path,
        content=content,
        created=created,
        modified=created + 60 * NS + 20_000_000,
        accessed=created + 3600 * NS,
        changed=created + 7200 * NS,
        uid=1000,
        deleted=deleted,
    )


ENTRIES = (
    entry("/README.TXT", b"plain\n"),
    entry(LONG, bytes(range(256)) * 40 + b"end", at=1),
    entry("/Documents/notes.txt", b"small letters\n", at=2),
    entry(REMOVED, b"R" * 70_001, at=3, deleted=True),
    entry("/Documents/Old Folder", at=4, deleted=True),
    entry("/Documents/Old Folder/inner file.dat", b"I" * 3000, at=5, deleted=True),
    entry("/Documents/after.bin", b"A" * 5000, at=6),
    entry("/Empty"),
    entry("/zero.bin", b"", at=8),
    *(entry(f"/many/picture number {n}.jpg", b"%d" % n * n, at=n) for n in range(MANY)),
)


def described(filesystem: Filesystem) -> Volume:
    return Volume(
        filesystem=filesystem,
        label="TRAINING",
        size=SIZES[filesystem],
        serial=0x5EED0001,
        entries=ENTRIES,
        scraps=(SCRAP, SCRAP * 1000),
        slack={LONG: SLACK},
        utc_offset=0,
    )


@dataclass
class Built:
    """A raw image of one bare volume, open."""

    volume: Volume
    path: Path
    image: DiskImage

    def walk(self, walker: Walker = Walker.AUTO) -> Walk:
        tree = open_tree(self.image, placed(self.volume.filesystem), walker)
        return walk(tree, PatternSet(["**/notes.txt"]), max_entries=10_000)

    def entries(self) -> dict[str, Found]:
        index = Index(memoryview(self.walk().block), volume="whole")
        return {index.path(row): index.entry(row) for row in reversed(range(len(index)))}

    def content(self, found: Found) -> bytes:
        reader = open_tree(self.image, placed(self.volume.filesystem)).open(found.address)
        return reader.read_at(0, reader.size)

    def place(self, found: Found) -> int:
        """Return where on the media the content begins."""
        (first, *_) = open_tree(self.image, placed(self.volume.filesystem)).runs(found.address)
        assert first.image_offset is not None
        return first.image_offset


def build(filesystem: Filesystem, folder: Path) -> Built:
    path = folder / f"{filesystem}.raw"
    volume = described(filesystem)
    write_raw(Disk(scheme="none", volumes=(volume,), signature=1), path)
    return Built(volume, path, open_image(path))
