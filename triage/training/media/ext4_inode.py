"""Inodes of ext4 and the extents by which they find their blocks.

Layout: Linux, Documentation/filesystems/ext4, "Index Nodes" and "Extent Tree".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from triage.errors import TrainingError
from triage.training.media.canvas import Clusters, Runs

FOLDER, FILE, LINK = 0o040000, 0o100000, 0o120000
_EXTENTS = 0x80000
_IN_INODE, _LONGEST = 4, 32768  # extents beside the inode; blocks of one extent
_HEADER, _EXTENT = 12, 12
_BLOCKS = 60
_EXTRA = 32  # bytes of an inode behind the first 128
_NS = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Inode:
    """An inode before it is bytes; times are nanoseconds since 1970."""

    mode: int
    owner: int
    size: int
    times: tuple[int, int, int, int]  # accessed, changed, modified, created
    links: int
    deleted_at: int = 0
    blocks: int = 0  # of 512 bytes
    place: bytes = b""  # 60 bytes: extents, or the target of a link
    generation: int = 0

    def encoded(self) -> bytes:
        """Return its 256 bytes."""
        seconds = [time // _NS for time in self.times]
        rest = [_rest(time) for time in self.times]
        link = self.mode & 0o170000 == LINK and not self.blocks
        data = struct.pack(
            "<HHIIIIIHHIII60sIIII",
            *(self.mode, self.owner & 0xFFFF, self.size & 0xFFFFFFFF),
            *(second & 0xFFFFFFFF for second in seconds[:3]),
            *(self.deleted_at // _NS, self.owner & 0xFFFF, self.links, self.blocks),
            *(0 if link else _EXTENTS, 0, self.place.ljust(_BLOCKS, b"\0")),
            *(self.generation, 0, self.size >> 32, 0),
        )
        data += struct.pack("<4xHH4x", self.owner >> 16, self.owner >> 16)
        data += struct.pack(
            "<HHIIIII",
            *(_EXTRA, 0, rest[1], rest[2], rest[0], seconds[3] & 0xFFFFFFFF, rest[3]),
        )
        return data.ljust(256, b"\0")


def _rest(time: int) -> int:
    """Return the nanoseconds, and the two bits by which seconds of 32 bits with a sign go on."""
    return time % _NS << 2 | (time // _NS + (1 << 31)) >> 32 & 3


def map_blocks(runs: Runs, clusters: Clusters, *, allocated: bool) -> tuple[bytes, int]:
    """Return the 60 bytes that lead to `runs`, and how many blocks the tree takes for itself.

    Raises TrainingError for a file in more pieces than a tree of two levels holds.
    """
    extents = list(_extents(runs))
    if len(extents) <= _IN_INODE:
        return _node(extents, _IN_INODE, 0), 0
    most = (clusters.size - _HEADER) // _EXTENT
    leaves = [extents[at : at + most] for at in range(0, len(extents), most)]
    if len(leaves) > _IN_INODE:
        raise TrainingError(f"lies in {len(extents)} pieces")
    index = []
    for leaf in leaves:
        ((block, *_),) = clusters.store(_node(leaf, most, 0), allocated=allocated)
        index.append(struct.pack("<IIHH", struct.unpack_from("<I", leaf[0])[0], block, 0, 0))
    return _node(index, _IN_INODE, 1), len(leaves)


def _extents(runs: Runs) -> Iterator[bytes]:
    at = 0
    for run in runs:
        for start in range(run.start, run.stop, _LONGEST):
            count = min(_LONGEST, run.stop - start)
            yield struct.pack("<IHHI", at, count, 0, start)
            at += count


def _node(entries: list[bytes], most: int, depth: int) -> bytes:
    return struct.pack("<HHHHI", 0xF30A, len(entries), most, depth, 0) + b"".join(entries)
