"""Where an ext4 volume keeps what: block groups, their descriptors, the superblock.

Layout: Linux, Documentation/filesystems/ext4. Sizes as mke2fs chooses them: blocks of 1 KiB below
512 MiB, else of 4 KiB; an inode for each 16 KiB; copies of the superblock in groups 0, 1 and the
powers of 3, 5 and 7.
"""

# ruff: noqa: PLR2004 - the numbers are those of the format

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from triage.errors import TrainingError
from triage.training.media.canvas import Canvas, Clusters
from triage.training.media.model import Volume

INODE = 256  # bytes
FIRST_FREE = 11  # inodes below are reserved
_DESCRIPTOR = 32
_SUPERBLOCK = 1024
_SMALL = 512 << 20
_RATIO = 16384
_COMPATIBLE = 0x4 | 0x8 | 0x20  # journal, extended attributes, indexed directories allowed
_INCOMPATIBLE = 0x2 | 0x40  # types in directory entries, extents
_READ_ONLY = 0x1 | 0x2 | 0x20 | 0x40  # few superblocks, large files, many subfolders, large inodes
_NEVER = 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A block group: numbers of blocks."""

    start: int
    copy: bool  # has a superblock and descriptors
    bitmap: int
    inode_bitmap: int
    table: int
    end: int  # of what the file system needs itself
    stop: int  # of the group


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The shape of a volume; in blocks unless said otherwise."""

    block: int  # bytes
    blocks: int
    first: int  # 1 where the superblock fills block 1
    inodes: int  # in each group
    groups: tuple[Group, ...]

    @property
    def per_group(self) -> int:
        """Blocks of a whole group."""
        return self.block * 8

    def place(self, inode: int) -> int:
        """Return the byte of the volume at which an inode lies."""
        group, row = divmod(inode - 1, self.inodes)
        return self.groups[group].table * self.block + row * INODE


def layout(volume: Volume, nodes: int) -> Layout:
    """Return the layout for that many nodes. Raises TrainingError when they need more room."""
    block = 1024 if volume.size < _SMALL else 4096
    first = 1 if block == 1024 else 0
    blocks, per_group = volume.size // block, block * 8
    count = -(-(blocks - first) // per_group)
    wanted = max(FIRST_FREE + nodes + 1, volume.size // _RATIO)
    step = max(8, block // INODE)
    inodes = -(-wanted // count // step) * step
    table = inodes * INODE // block
    descriptors = -(-count * _DESCRIPTOR // block)
    if inodes > per_group or table + descriptors + 3 > per_group:
        raise TrainingError(f"{nodes} entries are too many for its size")
    groups: list[Group] = []
    for number in range(count):
        start = first + number * per_group
        copy = number in {0, 1} or any(_power(number, base) for base in (3, 5, 7))
        bitmap = start + (1 + descriptors if copy else 0)
        end = bitmap + 2 + table
        stop = min(start + per_group, blocks)
        if stop - end < 16:
            if number == 0:
                raise TrainingError(f"{volume.size} bytes are too few for ext4")
            blocks = start  # mke2fs gives up such a rest as well
            break
        groups.append(
            Group(
                start=start,
                copy=copy,
                bitmap=bitmap,
                inode_bitmap=bitmap + 1,
                table=bitmap + 2,
                end=end,
                stop=stop,
            )
        )
    return Layout(block=block, blocks=blocks, first=first, inodes=inodes, groups=tuple(groups))


def _power(number: int, base: int) -> bool:
    while number > 1 and number % base == 0:
        number //= base
    return number == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What superblock and descriptors say about the content."""

    used_inodes: frozenset[int]
    folders: frozenset[int]
    time: int  # seconds since 1970: made, mounted, written
    journal: bytes  # the 60 bytes by which the inode of the journal finds its blocks
    journal_size: int  # bytes


def put_system(
    canvas: Canvas, volume: Volume, shape: Layout, clusters: Clusters, summary: Summary
) -> None:
    """Lay down superblocks, descriptors and bitmaps; `clusters` must be complete."""
    descriptors, free_blocks, free_inodes = b"", 0, 0
    bits = clusters.bitmap()
    for number, group in enumerate(shape.groups):
        first = number * shape.inodes + 1
        used = [one for one in range(first, first + shape.inodes) if one in summary.used_inodes]
        count = group.stop - group.start
        blocks = count - clusters.used(group.start, count)
        inodes = shape.inodes - len(used)
        free_blocks, free_inodes = free_blocks + blocks, free_inodes + inodes
        folders = len(summary.folders.intersection(used))
        place = (group.bitmap, group.inode_bitmap, group.table)
        descriptors += struct.pack("<IIIHHH14x", *place, blocks, inodes, folders)
        here = (group.start - shape.first) // 8  # groups begin on whole bytes
        canvas.put(
            group.bitmap * shape.block, _padded(bits[here : here + -(-count // 8)], count, shape)
        )
        canvas.put(
            group.inode_bitmap * shape.block,
            _padded(_bits([one - first for one in used], shape.inodes), shape.inodes, shape),
        )
    for number, group in enumerate(shape.groups):
        if group.copy:
            data = _superblock(volume, shape, summary, number, (free_blocks, free_inodes))
            at = group.start * shape.block + (
                _SUPERBLOCK if shape.first == 0 and number == 0 else 0
            )
            canvas.put(at, data)
            canvas.put((group.start + 1) * shape.block, descriptors)


def _bits(rows: Sequence[int], count: int) -> bytes:
    data = bytearray(-(-count // 8))
    for row in rows:
        data[row // 8] |= 1 << row % 8
    return bytes(data)


def _padded(bits: bytes, count: int, shape: Layout) -> bytes:
    """Return a bitmap of one block; what lies behind `count` is in use, as it is not there."""
    data = bytearray(bits.ljust(shape.block, b"\xff"))
    if count % 8:
        data[count // 8] |= 0xFF << count % 8 & 0xFF
    return bytes(data)


def uuid_of(volume: Volume, what: str) -> bytes:
    """Return the UUID of the volume or of a part of it."""
    digest = hashlib.sha256(f"ext4 {volume.serial:016x} {what}".encode()).digest()
    return uuid.UUID(bytes=digest[:16], version=4).bytes


def _superblock(
    volume: Volume, shape: Layout, summary: Summary, group: int, free: tuple[int, int]
) -> bytes:
    label = volume.label.encode()
    if not 0 < len(label) <= 16:
        raise TrainingError("is no label of 1 to 16 bytes", where=volume.label)
    log = shape.block.bit_length() - 11
    data = struct.pack(
        "<IIIIIIIIIIIIIHHHHHHIIIIHH",
        *(shape.inodes * len(shape.groups), shape.blocks, 0, *free, shape.first, log, log),
        *(shape.per_group, shape.per_group, shape.inodes, summary.time, summary.time),
        *(1, _NEVER, 0xEF53, 1, 1, 0, summary.time, 0, 0, 1, 0, 0),
    )
    data += struct.pack(
        "<IHHIII16s16s64x4xBBH16sIII16sBBH4x4xI",
        *(FIRST_FREE, INODE, group, _COMPATIBLE, _INCOMPATIBLE, _READ_ONLY),
        *(uuid_of(volume, "volume"), label, 0, 0, 0, bytes(16), 8, 0, 0),
        *(uuid_of(volume, "hash seed"), 1, 1, 0, summary.time),  # half MD4; journal in its inode
    )
    data += summary.journal + struct.pack("<II", 0, summary.journal_size)
    data += struct.pack("<III HHI", 0, 0, 0, 32, 32, 1)
    return data.ljust(_SUPERBLOCK, b"\0")
