"""Disks of virtual machines as images: QCOW2, VHD, VHDX, VDI, VMDK, each a reader of blocks.

A disk may stand in several files: extents, or a parent of which another holds the differences.
They are looked for by name in the folder of the first, and opened with it. What is encrypted or
keeps its data elsewhere is not read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from triage.errors import EvidenceError, ImageError, ParseError, UnsupportedImageError
from triage.evidence.blocks import Beside, BlockDisk, BlockMap, Disk, last_name
from triage.evidence.qcow2 import Qcow2, is_qcow2
from triage.evidence.segments import SegmentFile
from triage.evidence.vdi import Vdi, is_vdi
from triage.evidence.vhd import Vhd, is_vhd
from triage.evidence.vhdx import Vhdx, is_vhdx
from triage.evidence.vmdk import Vmdk, is_vmdk
from triage.model import Container, ImageInfo, Reader

_SECTOR: Final = 512
_MOST_PARENTS: Final = 16

_READERS: Final[
    dict[Container, tuple[Callable[[Reader], bool], Callable[[Reader, Beside], BlockMap]]]
] = {
    Container.QCOW2: (is_qcow2, Qcow2),
    Container.VHDX: (is_vhdx, Vhdx),
    Container.VDI: (is_vdi, Vdi),
    Container.VMDK: (is_vmdk, Vmdk),
    Container.VHD: (is_vhd, Vhd),  # last: its mark may stand at the end of anything
}

FORMATS: Final = frozenset(_READERS)


def virtual_disk(reader: Reader) -> Container | None:
    """Return which of these a file says it is."""
    return next((kind for kind, (is_one, _) in _READERS.items() if is_one(reader)), None)


@dataclass(frozen=True, slots=True)
class Chain:
    """Opens what a disk consists of. `find` opens a file of its folder; None: it is not there."""

    find: Callable[[str], Reader | None]
    depth: int = 0

    def file(self, name: str) -> Reader:
        """Open a file of the folder. Raises ParseError when it is not there."""
        last = last_name(name)
        found = self.find(last)
        if found is None:
            raise ParseError(f"it needs the file {last!r}, which is not beside it")
        return found

    def disk(self, name: str, *, raw: bool = False) -> Disk:
        """Open the disk that a file of the folder holds. Raises ParseError."""
        if self.depth >= _MOST_PARENTS:
            raise ParseError("it has too many parents")
        file = self.file(name)
        container = None if raw else virtual_disk(file)
        if container is None:
            return _Raw(file)
        try:
            return open_disk(file, container, Chain(self.find, self.depth + 1))
        except ParseError as error:
            raise ParseError(f"of its parent {last_name(name)!r}: {error.message}") from None


class _Raw:
    """A parent of which the bytes are those of the disk."""

    identity = ""

    def __init__(self, reader: Reader) -> None:
        self.size, self.read_at = reader.size, reader.read_at


def open_disk(reader: Reader, container: Container, beside: Beside) -> BlockDisk:
    """Open a disk of a known format. Raises ParseError, in words that follow "is not read: "."""
    _, read = _READERS[container]
    try:
        return BlockDisk(read(reader, beside))
    except EvidenceError as error:
        raise ParseError(error.message) from error


@dataclass(slots=True)
class _Folder:
    """The folder on our side in which an image lies. What was opened stays open."""

    path: Path
    opened: dict[str, SegmentFile] = field(default_factory=dict)

    def find(self, name: str) -> SegmentFile | None:
        if name not in self.opened:
            path = self.path.with_name(name)
            if not path.is_file():
                return None
            self.opened[name] = SegmentFile(path)
        return self.opened[name]

    def close(self) -> None:
        for file in self.opened.values():
            file.close()


class VirtualDisk:
    """Random access to the disk."""

    sector_size: int | None = _SECTOR
    bad_ranges: tuple[tuple[int, int], ...] = ()  # there are no checksums
    missing: tuple[tuple[int, int], ...] = ()

    def __init__(self, path: Path, container: Container) -> None:
        """Open the file and all that it needs. Raises ImageError and its kinds."""
        first = SegmentFile(path)
        self._folder = _Folder(path, {path.name: first})
        try:
            self._disk = open_disk(first, container, Chain(self._folder.find))
        except ParseError as error:
            self.close()
            text = f"is a {container.value.upper()} disk, which is not read: {error.message}"
            raise UnsupportedImageError(text, where=str(path)) from None
        except ImageError:
            self.close()
            raise
        self.size = self._disk.size
        self.info = ImageInfo(
            container=container,
            segments=tuple(file.segment for file in self._folder.opened.values()),
            media_size=self.size,
            sector_size=_SECTOR,
            stored_hashes={},
            header=self._disk.blocks.header,
            notes=self._disk.blocks.notes,
        )

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer only at the end. Raises EvidenceError."""
        return self._disk.read_at(offset, length)

    def bad_in(self, offset: int, length: int) -> bool:  # noqa: ARG002 - the interface of media
        """Return False: there are no checksums."""
        return False

    def changed(self) -> tuple[str, ...]:
        """Return the names of files that were written to since they were opened."""
        return tuple(file.name for file in self._folder.opened.values() if file.changed())

    def close(self) -> None:
        """Close the files."""
        self._folder.close()
