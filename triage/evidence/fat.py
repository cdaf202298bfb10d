"""FAT12, 16 and 32: what TSK lists, and the entries that it leaves out without a word.

TSK drops an entry whose cluster or size cannot be, or that has neither times nor content. Its name
is evidence all the same. Layout: Microsoft, FAT specification 1.03.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from triage.errors import EvidenceError
from triage.evidence.filesystem import TskTree
from triage.evidence.index import Named
from triage.evidence.tree import PartialListingError
from triage.model import Allocation, ByteRun, EntryType, Reader

KINDS = frozenset({"fat12", "fat16", "fat32"})

_ENTRY = 32  # bytes
_FIRST_ADDRESS = 3  # of the first entry behind the tables; TSK counts entries from there
_BLOCK = 1 << 20  # bytes read at once
_END, _DELETED, _DOT = 0x00, 0xE5, 0x2E  # first byte of a name
_LABEL, _DIRECTORY, _LONG_NAME, _UNKNOWN = 0x08, 0x10, 0x0F, 0xC0  # bits of the attributes
_LOWER_BASE, _LOWER_EXTENSION = 0x08, 0x10
NAME_ONLY = Allocation(name=True, metadata=False)


class FatTree:
    """A FAT volume."""

    def __init__(self, image: Reader, offset: int, tsk: TskTree) -> None:
        self.name = tsk.name
        self._image, self._offset, self._tsk = image, offset, tsk
        self._first = self.behind_tables(image.read_at(offset, 512), tsk.block_size)

    def root(self) -> Named:
        """Return the root directory."""
        return self._tsk.root()

    def listing(self, directory: Named) -> list[Named]:
        """Return a directory's names. Raises EvidenceError and PartialListingError."""
        found = self._tsk.listing(directory)
        if not directory.allocation.allocated or directory.inode == self._tsk.last_inode:
            return found  # TSK makes what is deleted a directory, or none
        known = {named.inode for named in found}
        lost = [named for named in self.entries(directory) if named.inode not in known]
        if lost:
            plausible = [named for named in lost if named.name]
            raise PartialListingError("some entries cannot be", found + plausible)
        return found

    def open(self, address: str) -> Reader:
        """Return the content of a file. Raises EvidenceError."""
        return self._tsk.open(address)

    def runs(self, address: str) -> tuple[ByteRun, ...]:
        """Return where the content lies on the media."""
        return self._tsk.runs(address)

    @staticmethod
    def behind_tables(boot: bytes, sector: int) -> int:
        """Return the byte of the volume behind the allocation tables. Raises EvidenceError."""
        if len(boot) < 512:  # noqa: PLR2004
            raise EvidenceError("boot sector is cut")
        reserved, tables = struct.unpack_from("<HB", boot, 14)
        small, large = struct.unpack_from("<H12xI", boot, 22)
        return (int(reserved) + int(tables) * int(small or large)) * sector

    def entries(self, directory: Named) -> Iterator[Named]:
        """Yield what a directory holds in front of its end; one that is no name has none."""
        long_name: list[bytes] = []
        for inode, entry in self.raw_entries(directory):
            if entry[11] & _LONG_NAME == _LONG_NAME:
                long_name.append(entry[1:11] + entry[14:26] + entry[28:32])
                continue
            if entry[0] not in {_DELETED, _DOT} and not entry[11] & _LABEL:
                yield _named(entry, inode, long_name)
            long_name = []

    def raw_entries(self, directory: Named) -> Iterator[tuple[int, bytes]]:
        """Yield TSK's address and the bytes of each entry in front of the end."""
        sector = self._tsk.block_size
        for place, data in self._blocks(directory):
            for at in range(0, len(data), _ENTRY):
                if data[at] == _END:
                    return
                number, within = divmod(place + at - self._first, sector)
                inode = (number * sector + within) // _ENTRY + _FIRST_ADDRESS
                yield inode, data[at : at + _ENTRY]

    def _blocks(self, directory: Named) -> Iterator[tuple[int, bytes]]:
        """Yield the content of a directory and where it stands in the volume."""
        for run in self._tsk.runs(str(directory.inode)):
            if run.image_offset is None:
                continue
            for at in range(0, run.length, _BLOCK):
                place = run.image_offset + at
                data = self._image.read_at(place, min(_BLOCK, run.length - at))
                yield place - self._offset, data[: len(data) // _ENTRY * _ENTRY]


def _named(entry: bytes, inode: int, long_name: list[bytes]) -> Named:
    attributes, case = entry[11], entry[12]
    size = int.from_bytes(entry[28:32], "little")
    kind = EntryType.DIRECTORY if attributes & _DIRECTORY else EntryType.FILE
    name = b""
    if not attributes & _UNKNOWN and min(entry[:11]) >= ord(" "):
        name = _long(long_name) or _short(entry, case)
    return Named(name, kind, inode, size=size, allocation=NAME_ONLY)


def _short(entry: bytes, case: int) -> bytes:
    """Return the 8.3 name as TSK writes it: what is not ASCII depends on a code page."""
    stem, extension = entry[:8].rstrip(), entry[8:11].rstrip()
    stem = stem.lower() if case & _LOWER_BASE else stem
    extension = extension.lower() if case & _LOWER_EXTENSION else extension
    name = stem + (b"." + extension if extension else b"")
    return bytes(byte if byte <= 0x7E else ord("^") for byte in name)  # noqa: PLR2004


def _long(parts: list[bytes]) -> bytes:
    """Put a long name together; its last part comes first."""
    units = b"".join(reversed(parts)).decode("utf-16-le", "surrogatepass")
    return units.partition("\0")[0].encode("utf-8", "surrogatepass")
