"""The frozen facts that every layer speaks: images, volumes, entries, times, addresses.

Offsets and lengths are bytes. Times are integer nanoseconds since 1970-01-01 in the zone that
the file system uses (`FileTimes.zone`); None means that the format has no such time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, Protocol

EvidencePath = NewType("EvidencePath", str)
"""A path inside the evidence, `/`-separated, from the root of its file system, starting with `/`.

Undecodable bytes are lone surrogates (PEP 383). Never a path of this host: `Path()` refuses it.
"""


class Reader(Protocol):
    """Random access to evidence bytes: an image, a volume, or a file in it."""

    @property
    def size(self) -> int:
        """Length in bytes, as declared by the evidence: untrusted."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer only at the end.

        Raises EvidenceError when bytes inside the declared size cannot be read.
        """
        ...


class Container(StrEnum):
    """How the bytes of the media are stored on our side."""

    EWF = "ewf"
    RAW = "raw"
    SPLIT_RAW = "split-raw"
    DEVICE = "device"
    FOLDER = "folder"
    TAR = "tar"
    ZIP = "zip"
    QCOW2 = "qcow2"
    VHD = "vhd"
    VHDX = "vhdx"
    VDI = "vdi"
    VMDK = "vmdk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One file of an image; `name` is its file name without a folder."""

    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """What a container says about itself: untrusted, but for `container` and `segments`."""

    container: Container
    segments: tuple[Segment, ...]
    media_size: int | None  # None for logical sources
    sector_size: int | None
    stored_hashes: dict[str, str]  # algorithm → hex, as the imager wrote them; empty = none stored
    header: dict[str, str]  # acquisition header values, as text
    notes: tuple[str, ...]  # what a careful reader should know: gaps, odd sizes


class VolumeState(StrEnum):
    """What we can do with a volume."""

    FILESYSTEM = "filesystem"  # walked
    LOCKED = "locked"  # encrypted; recognised from its bytes
    OPENED = "opened"  # encrypted, and a key was at hand: what is in it follows as volumes
    UNSUPPORTED = "unsupported"  # recognised, holds data, and we cannot read it
    UNKNOWN = "unknown"  # holds bytes that we do not recognise
    EMPTY = "empty"  # zeros only in the parts looked at
    META = "meta"  # the volume system's own tables, a container of volumes, swap
    GAP = "gap"  # between volumes, without a file system
    DAMAGED = "damaged"  # outside the media, or its file system cannot be opened


class Walker(StrEnum):
    """Who lists a file system; content and byte runs always come from The Sleuth Kit (TSK)."""

    AUTO = "auto"
    TSK = "tsk"


@dataclass(frozen=True, slots=True, kw_only=True)
class InFile:
    """A file of another volume of the image."""

    volume: str
    path: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A run of sectors: a partition, a gap between partitions, or the whole media.

    `name` is stable: `p<slot in the table>`, `gap@<byte>`, `whole`; logical volumes of an extended
    partition follow as slots 5, 6, … like Linux counts them. What lies in another volume goes on
    after its name: `p3/luks/lv-root`, `p2/vss-3`.
    """

    name: str
    offset: int
    length: int
    table: str  # dos, gpt, apm, bsd, none
    description: str  # the partition type in the table's words
    label: str | None  # GPT partition name
    state: VolumeState
    filesystem: (
        str | None
    )  # ntfs, fat12, fat16, fat32, exfat, ext2, ext3, ext4, hfs, apfs, iso9660 …
    scheme: str | None  # what it is when it is not a readable file system: luks2, bitlocker, lvm …
    details: dict[str, str]  # UUID, cipher, version as the header has them
    problem: str | None  # our own words for what is wrong, if anything
    within: str | None = None  # the layer that offset and length count in; None: the image
    snapshot_of: str | None = None  # the volume of which it is an earlier state
    in_file: InFile | None = None  # the disk that it is a volume of: a file on the image


class EntryType(StrEnum):
    """What a directory entry names."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Name and metadata are allocated or not, each for itself.

    `reused`: the name is deleted but its metadata entry now belongs to another file, so content
    read through it is someone else's.
    """

    name: bool
    metadata: bool
    reused: bool = False

    @property
    def allocated(self) -> bool:
        """Whether the file is in use, by name and by metadata."""
        return self.name and self.metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTimes:
    """Times of a file system entry: integer nanoseconds since 1970-01-01, or None.

    `zone` is `utc` or `local` (FAT and the ISO 9660 of some writers store wall-clock time).
    """

    modified: int | None = None
    accessed: int | None = None
    changed: int | None = None  # metadata change; None on FAT
    created: int | None = None
    zone: str = "utc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name in a file system, or one orphan metadata entry.

    `address` is the metadata address in TSK's form: `36-128-1` (NTFS entry-type-id) or an inode
    number; in logical sources the ordinal of the member in sorted order.
    """

    volume: str
    path: EvidencePath
    address: str
    type: EntryType
    size: int
    times: FileTimes
    allocation: Allocation

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


class Storage(StrEnum):
    """How a byte run is stored."""

    PLAIN = "plain"
    RESIDENT = "resident"
    COMPRESSED = "compressed"
    SPARSE = "sparse"
    ENCRYPTED = "encrypted"
    SNAPSHOT = "snapshot"
    NESTED = "nested"


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRun:
    """Where bytes of a file lie on the media (DFXML byte_run). `image_offset` None: not as such."""

    file_offset: int
    image_offset: int | None
    length: int
    storage: Storage
