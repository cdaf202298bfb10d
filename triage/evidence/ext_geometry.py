"""Where an ext2, ext3 or ext4 volume keeps its inodes: the superblock and the group descriptors.

Layout: Linux Documentation/filesystems/ext4. What TSK 4.15 makes of odd values (tsk/fs/ext2fs.c)
raises `Declined`: it then walks.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from triage.evidence.arrays import Ints, check
from triage.evidence.bulk import Media
from triage.evidence.filesystem import TskTree

_SUPERBLOCK = 1024  # its offset and its length
_MAGIC = 0xEF53
_LARGEST_BLOCK = 1 << 16
_SMALLEST_INODE = 128
_MOST_INODES = (1 << 31) - 2
_LARGEST_TABLE = 64 << 20  # bytes of group descriptors
_SHORT, _LONG, _LONGEST = 32, 64, 1024  # bytes of a group descriptor
_FILETYPE, _EXTENTS, _64BIT = 0x2, 0x40, 0x80  # incompatible
_LARGE_FILE = 0x2  # read-only compatible


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """Sizes in bytes, offsets in bytes of the volume."""

    block: int
    inode: int
    inodes: int  # numbers from 1 to this; TSK's directory of orphans has the next
    per_group: int
    blocks: int  # that are on the image
    tables: Ints  # offsets of the inode tables, by group
    bitmaps: Ints  # offsets of their bitmaps
    typed: bool  # directory entries say what they name
    extended: bool  # ext4: nanoseconds and a time of creation, in inodes that are large enough
    large: bool  # files may have more than 4 GiB


def geometry(media: Media, tsk: TskTree) -> Geometry:
    """Read superblock and group descriptors. Raises Declined and EvidenceError."""
    data = media.read(_SUPERBLOCK, _SUPERBLOCK)

    def number(at: int, kind: str = "<I") -> int:
        value: int = struct.unpack_from(kind, data, at)[0]
        return value

    check(number(56, "<H") == _MAGIC, "not little-endian")
    incompatible, read_only = number(96), number(100)
    block, inode, inodes, per_group = tsk.block_size, number(88, "<H"), number(0), number(40)
    check(block == 1024 << min(number(24), 32) <= _LARGEST_BLOCK, "odd size of a block")
    check(_SMALLEST_INODE <= inode <= block and not inode & inode - 1, "odd size of an inode")
    check(inodes <= _MOST_INODES and inodes + 1 == tsk.last_inode, "too many inodes")
    check(inodes * inode <= media.size, "more inodes than bytes")
    check(0 < per_group <= 8 * block, "odd size of a group")
    groups = -(-inodes // per_group)
    have = -(-(tsk.block_count - number(20)) // number(32))
    check(groups <= have < 1 << 32, "too few groups")
    extended = bool(incompatible & _EXTENTS)
    size = number(254, "<H")
    wide = extended and bool(incompatible & _64BIT) and size >= _LONG
    size = max(size, _SHORT)
    check(size <= _LONGEST and not size % 4 and size * groups <= _LARGEST_TABLE, "odd descriptors")
    start = -(-2 * _SUPERBLOCK // block) * block
    table = media.read(start, size * groups)
    words = np.frombuffer(table, dtype="<u4").reshape(groups, size // 4).astype(np.int64)
    addresses = words[:, :3] | (words[:, 8:11] << 32 if wide else 0)
    check((addresses >= 0) & (addresses < tsk.block_count), "group beyond the end")
    return Geometry(
        block=block,
        inode=inode,
        inodes=inodes,
        per_group=per_group,
        blocks=min(tsk.block_count, media.size // block),
        bitmaps=addresses[:, 1] * block,
        tables=addresses[:, 2] * block,
        typed=bool(incompatible & _FILETYPE),
        extended=extended,
        large=bool(read_only & _LARGE_FILE),
    )
