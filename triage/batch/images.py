"""What one path is: an image with its segments, a later segment of one, or nothing we can read.

Only first bytes, names and sizes are looked at: evidence is parsed by the workers of a run.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from triage.errors import DamagedImageError, EvidenceError, ImageError, UnsupportedImageError
from triage.evidence.ewf_sections import segment_number
from triage.evidence.image import container_of
from triage.evidence.raw import open_raw
from triage.evidence.segments import SegmentFile
from triage.evidence.virtual_disk import FORMATS, VirtualDisk
from triage.model import Container

_EWF_NAME = re.compile(r"(?P<stem>.+)\.[a-z]\w\w", re.IGNORECASE | re.ASCII)
_SECTOR = 512
_MARKS: tuple[tuple[int, bytes], ...] = (
    (510, b"\x55\xaa"),  # boot sector: MBR, FAT, exFAT, NTFS
    (512, b"EFI PART"),
    (4096, b"EFI PART"),
    (512, b"PM\x00\x00"),  # Apple partition map
    (1080, b"\x53\xef"),  # ext2, ext3, ext4
    (1024, b"H+"),
    (1024, b"HX"),
    (32, b"NXSB"),
    (0, b"LUKS\xba\xbe"),
    (3, b"-FVE-FS-"),
    (0, b"XFSB"),
    (0x10040, b"_BHRfS_M"),
    (1024, b"\x10\x20\xf5\xf2"),  # F2FS
    (512, b"LABELONE"),
    (32769, b"CD001"),
    (8192 + 1372, b"\x54\x19\x01\x00"),  # UFS1
    (65536 + 1372, b"\x19\x01\x54\x19"),  # UFS2
)
_MAYBE_LOCKED = 64 * 2**20
"""Bytes from which a file without any mark may be an encrypted disk: it is not passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """One file of an image as it was found: its size in bytes, its modification time in ns."""

    name: str
    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An image that can be given to a run; `stem` is its name without the suffix of a segment."""

    path: Path
    stem: str
    segments: tuple[Stamp, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """A later segment; `problem` says which one is the first."""

    path: Path
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Not an image that we read, and why; `counts`: it may hold evidence all the same."""

    path: Path
    problem: str
    counts: bool


@dataclass(slots=True)
class Looker:
    """Looks at paths; remembers the names in each folder."""

    _folders: dict[Path, dict[str, list[str]]] = field(default_factory=dict)

    def look(self, path: Path) -> Found | Later | Unread:
        """Return what an absolute path is; never raises for what stands there."""
        try:
            container = container_of(path)
            match container:
                case Container.EWF:
                    return self._ewf(path)
                case Container.RAW:
                    return _raw(path)
                case _ if container in FORMATS:
                    return _virtual(path, container)
                case Container.FOLDER | Container.DEVICE:
                    return Found(path=path, stem=path.name, segments=())
                case _:
                    return Found(path=path, stem=path.stem, segments=(stamp(path),))
        except UnsupportedImageError as error:
            return Unread(path=path, problem=error.message, counts=True)
        except ImageError as error:
            return Unread(path=path, problem=error.message, counts="is empty" not in error.message)
        except EvidenceError as error:
            return Unread(path=path, problem=error.message, counts=True)

    def _ewf(self, path: Path) -> Found | Later | Unread:
        number = _number(path)
        if number > 1:
            return Later(path=path, problem=f"is segment {number} of an EWF image, not the first")
        if number < 1:
            return Unread(path=path, problem="is a damaged EWF segment", counts=True)
        named = _EWF_NAME.fullmatch(path.name)
        stem = named["stem"] if named else path.name
        others = [
            name
            for name in (self._beside(path).get(stem.casefold(), []) if named else [])
            if name != path.name and _number(path.with_name(name)) > 1
        ]
        names = (path.name, *sorted(others))
        return Found(
            path=path, stem=stem, segments=tuple(stamp(path.with_name(name)) for name in names)
        )

    def _beside(self, path: Path) -> dict[str, list[str]]:
        folder = path.parent
        if folder not in self._folders:
            grouped: dict[str, list[str]] = {}
            for name in os.listdir(folder):  # noqa: PTH208 - names only
                if match := _EWF_NAME.fullmatch(name):
                    grouped.setdefault(match["stem"].casefold(), []).append(name)
            self._folders[folder] = grouped
        return self._folders[folder]


def absolute(path: Path) -> Path:
    """Return one spelling of a path from the root; links stay, for segments lie beside them."""
    whole = path.absolute()
    if whole.name == "..":
        return whole.resolve()
    return whole.parent.resolve() / whole.name if ".." in whole.parts else whole


def stamp(path: Path) -> Stamp:
    """Return name, size and modification time of a file; -1 where it is not there."""
    try:
        status = path.stat()
    except OSError:
        return Stamp(name=path.name, size=-1, modified_ns=-1)
    return Stamp(name=path.name, size=status.st_size, modified_ns=status.st_mtime_ns)


def _number(path: Path) -> int:
    """Return the segment number in an EWF file, 0 when it is none."""
    try:
        file = SegmentFile(path)
    except ImageError:
        return 0
    try:
        return segment_number(file)
    except (DamagedImageError, EvidenceError):
        return 0
    finally:
        file.close()


def _raw(path: Path) -> Found | Later:
    try:
        image = open_raw(path, allow_incomplete=True)
    except UnsupportedImageError as error:
        return Later(path=path, problem=error.message)
    image.close()
    return Found(
        path=path,
        stem=path.stem,
        segments=tuple(stamp(path.with_name(segment.name)) for segment in image.info.segments),
    )


def _virtual(path: Path, container: Container) -> Found:
    disk = VirtualDisk(path, container)
    disk.close()
    segments = tuple(stamp(path.with_name(segment.name)) for segment in disk.info.segments)
    return Found(path=path, stem=path.stem, segments=segments)


def without_mark(found: Found) -> Unread | None:
    """Say that a file in a folder has no mark of a disk; None: it has, or is not a raw file."""
    path = found.path
    file = SegmentFile(path)
    try:
        if len(found.segments) > 1 or container_of(path) is not Container.RAW:
            return None
        if any(file.read_at(at, len(mark)) == mark for at, mark in _MARKS):
            return None
        large = file.size >= _MAYBE_LOCKED and file.size % _SECTOR == 0
    finally:
        file.close()
    if large:
        return Unread(
            path=path,
            problem="no mark of a disk, but it may be an encrypted one: give it by its name",
            counts=True,
        )
    return Unread(path=path, problem="no mark of a disk image", counts=False)
