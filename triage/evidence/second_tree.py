"""File content through libraries that no run uses: a second opinion for `verify --against`.

libfsntfs reads NTFS (resident, compressed and sparse streams too), libfsext reads ext2 to ext4.
Both are written by others than TSK's readers. Named streams and other file systems are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pyfsext
import pyfsntfs

from triage.errors import EvidenceError
from triage.evidence.window import Window
from triage.model import Reader, Volume

FILESYSTEMS: Final = frozenset({"ntfs", "ext2", "ext3", "ext4"})

_INODE: Final = 60  # bytes of content in i_block; what goes on in an attribute libfsext zeroes
_BLOCK: Final = 1 << 20  # bytes
_DATA: Final = "128-"  # NTFS attribute type of content
# The libraries raise OSError with long texts of their own, or what a conversion raises.
_ERRORS: Final = (OSError, ValueError, OverflowError, RuntimeError, TypeError, SystemError)


class SecondTree:
    """The files of one volume."""

    def __init__(self, reader: Reader, volume: Volume) -> None:
        """Open the file system. Raises EvidenceError when this reader cannot."""
        if volume.filesystem not in FILESYSTEMS:
            raise EvidenceError(f"the second reader does not read {volume.filesystem}")
        length = min(volume.length, reader.size - volume.offset)
        # A volume does not keep alive what it reads from.
        self._window = Window(reader, volume.offset, length)
        self._ntfs = volume.filesystem == "ntfs"
        self._volume: Any = pyfsntfs.volume() if self._ntfs else pyfsext.volume()
        try:
            self._volume.open_file_object(self._window)
        except _ERRORS:
            raise EvidenceError("the second reader cannot open this file system") from None

    def blocks(self, address: str, path: str, size: int) -> Iterator[bytes]:
        """Yield the content of a file, `size` bytes of it at most. Raises EvidenceError."""
        file = self._entry(address, path)
        done = 0
        try:
            while done < size:
                block = file.read_buffer_at_offset(min(_BLOCK, size - done), done)
                if not block:
                    return
                yield block
                done += len(block)
        except _ERRORS:
            raise EvidenceError("the second reader cannot read this file") from None

    def _entry(self, address: str, path: str) -> Any:
        record, _, attribute = address.partition("-")
        if attribute and (not attribute.startswith(_DATA) or ":" in path.rpartition("/")[2]):
            raise EvidenceError("the second reader reads no named streams")
        try:
            if self._ntfs:
                file = self._volume.get_file_entry(int(record))
                whole = file.has_default_data_stream()
            else:
                file = self._volume.get_file_entry_by_inode(int(record))
                whole = file.number_of_extents > 0 or file.size <= _INODE
        except _ERRORS:
            raise EvidenceError("the second reader does not find this file") from None
        if not whole:
            raise EvidenceError("the second reader does not read content that lies like this")
        return file
