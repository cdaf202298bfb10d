"""Write ext4 file systems for tests, every inode and every directory entry as told, lies included.

One block group of 4 KiB blocks, no journal; data through one extent tree in the inode. Layout:
Linux Documentation/filesystems/ext4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

BLOCK = 4096
ROOT = 2
REGULAR, DIRECTORY, LINK = 0o100644, 0o040755, 0o120777
_KINDS = {0o100000: 1, 0o040000: 2, 0o120000: 7}
_INODE = 128
_TABLE_AT = 4  # block
_WRITTEN = 1_700_000_000  # seconds since 1970

Name = tuple[bytes, int]


@dataclass(slots=True)
class Ext:
    """A file system in the making: put content, get inode numbers."""

    inodes: int = 64
    _blocks: list[bytes] = field(default_factory=list)
    _table: dict[int, bytes] = field(default_factory=dict)
    _next: int = 11

    @property
    def first_data(self) -> int:
        """The first block behind the inode table."""
        return _TABLE_AT + -(-self.inodes * _INODE // BLOCK)

    def reserve(self) -> int:
        """Take an inode number, to point at it before it has content."""
        self._next += 1
        return self._next - 1

    def store(self, data: bytes) -> tuple[int, int]:
        """Write blocks; return the first and how many."""
        first, count = self.first_data + len(self._blocks), -(-len(data) // BLOCK)
        padded = data.ljust(count * BLOCK, b"\0")
        self._blocks += [padded[at : at + BLOCK] for at in range(0, len(padded), BLOCK)]
        return first, count

    def inode(
        self,
        number: int,
        mode: int,
        size: int,
        runs: Iterable[tuple[int, int, int]],
        *,
        links: int = 1,
    ) -> int:
        """Write an inode; runs are (block of the file, block of the disk, count), up to four."""
        extents = [struct.pack("<IHHI", file, count, 0, disk) for file, disk, count in runs]
        tree = struct.pack("<HHHHI", 0xF30A, len(extents), 4, 0, 0) + b"".join(extents)
        self._table[number] = struct.pack(
            "<HHIIIIIHHIII60sIIII12x",
            mode,
            0,
            size & 0xFFFFFFFF,
            *(_WRITTEN,) * 3,
            0,
            0,
            links,
            8,
            0x80000,  # EXT4_EXTENTS_FL
            0,
            tree,
            0,
            0,
            size >> 32,
            0,
        )
        return number

    def indirect(self, mode: int, size: int, pointers: Iterable[int]) -> int:
        """Write an inode of the old kind, with 15 block pointers: the last three are indirect."""
        number = self.inode(self.reserve(), mode, size, [])
        blocks = struct.pack("<15I", *pointers)
        inode = bytearray(self._table[number])
        struct.pack_into("<I", inode, 32, 0)  # no extents
        inode[40:100] = blocks
        self._table[number] = bytes(inode)
        return number

    def file(self, data: bytes, *, mode: int = REGULAR, number: int | None = None) -> int:
        """Write a file."""
        first, count = self.store(data)
        runs = [(0, first, count)] if count else []
        return self.inode(self.reserve() if number is None else number, mode, len(data), runs)

    def directory(self, names: Iterable[Name], *, number: int | None = None, up: int = ROOT) -> int:
        """Write a directory of names, each with the inode that it claims."""
        own = self.reserve() if number is None else number
        data = self.names([(b".", own), (b"..", up), *names])
        return self.file(data, mode=DIRECTORY, number=own)

    def names(self, names: Iterable[Name]) -> bytes:
        """Return directory blocks."""
        blocks, entries, used = [], list[bytes](), 0
        for name, inode in names:
            length = 8 + -(-len(name) // 4) * 4
            if used + length > BLOCK:
                blocks.append(self._closed(entries, used))
                entries, used = [], 0
            mode = struct.unpack_from("<H", self._table.get(inode, b"\0\0"))[0]
            kind = _KINDS.get(mode & 0o170000, 2 if inode == ROOT else 1)
            head = struct.pack("<IHBB", inode, length, len(name), kind)
            entries.append((head + name).ljust(length, b"\0"))
            used += length
        return b"".join([*blocks, self._closed(entries, used)])

    @staticmethod
    def _closed(entries: list[bytes], used: int) -> bytes:
        """Let the last entry reach to the end of the block."""
        last = bytearray(entries[-1])
        struct.pack_into("<H", last, 4, len(last) + BLOCK - used)
        return (b"".join(entries[:-1]) + bytes(last)).ljust(BLOCK, b"\0")

    def image(self, root: Iterable[Name]) -> bytes:
        """Return the whole volume with these names in its root."""
        self.directory(root, number=ROOT)
        blocks = self.first_data + len(self._blocks)
        superblock = struct.pack(
            "<IIIIIIIIIIIIIHHHHHHIIIIHHIHHIII16s16s",
            self.inodes,
            blocks,
            0,
            0,
            0,
            0,  # first data block
            2,  # 1024 << 2
            2,
            32768,
            32768,
            self.inodes,
            _WRITTEN,
            _WRITTEN,
            0,
            0xFFFF,
            0xEF53,
            1,
            1,
            0,
            _WRITTEN,
            0,
            0,  # Linux
            1,  # revision with features
            0,
            0,
            11,
            _INODE,
            0,
            0,
            0x2 | 0x40,  # types in names, extents
            0x1 | 0x2,  # sparse superblocks, sizes of 64 bits
            b"hostile hostile!",
            b"hostile",
        )
        group = struct.pack("<IIIHHH14x", 2, 3, _TABLE_AT, 0, 0, 1)
        table = bytearray((self.first_data - _TABLE_AT) * BLOCK)
        bitmap = bytearray(BLOCK)
        for number, inode in self._table.items():
            at = (number - 1) * _INODE
            table[at : at + _INODE] = inode
            bitmap[(number - 1) // 8] |= 1 << (number - 1) % 8
        head = superblock.rjust(1024 + len(superblock), b"\0").ljust(BLOCK, b"\0")
        parts = [head, group.ljust(BLOCK, b"\0"), b"\xff" * BLOCK, bytes(bitmap), bytes(table)]
        return b"".join([*parts, *self._blocks])
