"""Disks of virtual machines in one file: QCOW2, VHD, VDI, VMDK. Blocks lie anywhere, or nowhere.

A reader of a format says where a block lies; this module makes media of it. What holds only the
differences to another file, is encrypted, or keeps its data elsewhere is not read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from triage.errors import EvidenceError, ParseError, UnsupportedImageError
from triage.evidence.qcow2 import read_qcow2
from triage.evidence.segments import SegmentFile, clamp
from triage.evidence.vdi import read_vdi
from triage.evidence.vhd import read_vhd
from triage.evidence.vmdk import read_vmdk
from triage.model import Container, ImageInfo, Reader

_SECTOR: Final = 512


class BlockMap(Protocol):
    """Where the blocks of a disk lie. Numbers count from 0, sizes are bytes."""

    size: int  # of the disk
    block: int
    header: dict[str, str]
    notes: tuple[str, ...]

    def read(self, number: int, start: int, length: int) -> bytes:
        """Return a part of a block, zeros where nothing was written. Raises EvidenceError."""
        ...


_READERS: Final[dict[Container, Callable[[Reader], BlockMap | None]]] = {
    Container.QCOW2: read_qcow2,
    Container.VHD: read_vhd,
    Container.VDI: read_vdi,
    Container.VMDK: read_vmdk,
}


def virtual_disk(reader: Reader) -> Container | None:
    """Return which of these a file is, if its header is sound and it can be read."""
    for container, read in _READERS.items():
        try:
            if read(reader) is not None:
                return container
        except (ParseError, EvidenceError):
            return None
    return None


class VirtualDisk:
    """Random access to the disk."""

    sector_size: int | None = _SECTOR
    bad_ranges: tuple[tuple[int, int], ...] = ()  # there are no checksums
    missing: tuple[tuple[int, int], ...] = ()

    def __init__(self, file: SegmentFile, container: Container) -> None:
        """Take an open file, which is closed with the disk. Raises UnsupportedImageError."""
        blocks = _READERS[container](file)
        if blocks is None:
            raise UnsupportedImageError(f"is no {container.value}", where=file.name)
        self._file, self._blocks = file, blocks
        self.size = blocks.size
        self.info = ImageInfo(
            container=container,
            segments=(file.segment,),
            media_size=self.size,
            sector_size=_SECTOR,
            stored_hashes={},
            header=blocks.header,
            notes=blocks.notes,
        )

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer only at the end. Raises EvidenceError."""
        end = offset + clamp(offset, length, self.size)
        parts = []
        while offset < end:
            number, start = divmod(offset, self._blocks.block)
            wanted = min(end - offset, self._blocks.block - start)
            parts.append(self._blocks.read(number, start, wanted))
            offset += wanted
        return b"".join(parts)

    def bad_in(self, offset: int, length: int) -> bool:  # noqa: ARG002 - the interface of media
        """Return False: there are no checksums."""
        return False

    def changed(self) -> tuple[str, ...]:
        """Return the name of the file if it was written to since it was opened."""
        return (self._file.name,) if self._file.changed() else ()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
