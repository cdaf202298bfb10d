"""Which blocks of a volume its file system calls free, from its own bitmap or table.

NTFS: `$Bitmap`, one bit a cluster. FAT: entries of the first table that are 0 (Microsoft, FAT
specification 1.03). exFAT: the allocation bitmap, entry 0x81 of the root directory (Microsoft,
exFAT specification, section 7.1). ext2 to 4: the bitmap of each group of blocks; a group that was
never written has none and is free but for its tables (kernel documentation, ext4, `blockgroup`).
HFS+: the allocation file, catalog node 6 (Apple, TN1150). What each calls used may be a file, its
own structures, or lost: that the bitmap does not say.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from triage.errors import EvidenceError
from triage.evidence.arrays import Declined, check
from triage.evidence.extents import Extents, from_flags
from triage.evidence.fat_volume import fat_volume
from triage.evidence.filesystem import TskTree
from triage.model import Reader, Volume

_LONGEST: Final = 512 << 20  # bytes of a bitmap
_MOST: Final = 2_000_000  # free extents of one volume
_NTFS_BITMAP, _HFS_ALLOCATION = "6", "6"
_AT_ONCE: Final = 1 << 25  # bits
_CLUSTERS_FROM = 2  # FAT and exFAT count from here
_EXT_UNINIT, _EXT_64BIT = 0x2, 0x80
_EXT_META_BG = 0x10


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeSpace:
    """Free bytes of the media; clusters of `unit` bytes are counted from byte `base`."""

    free: Extents
    unit: int
    base: int

    def cluster_end(self, place: int) -> int:
        """Return where the cluster ends that a place lies in, or that ends there."""
        return place + (self.base - place) % self.unit


def free_space(image: Reader, volume: Volume, tsk: TskTree) -> FreeSpace | None:
    """Return what is free in a volume.

    None where this file system is not known here, its table does not add up, cannot be read, or
    parts it into more than two million pieces: then nobody knows what is free.
    """
    reader = _READERS.get(volume.filesystem or "")
    if reader is None:
        return None
    try:
        found = reader(image, volume, tsk)
    except (Declined, EvidenceError, struct.error, ValueError, LookupError, ArithmeticError):
        return None
    free = found.free.within(volume.offset, volume.offset + volume.length)
    return FreeSpace(free=free, unit=found.unit, base=found.base)


def _free(data: bytes, count: int, *, unit: int, base: int, order: str = "little") -> FreeSpace:
    """Take what is not set of `count` bits, one for each piece of `unit` bytes."""
    check(len(data) * 8 >= count, "short bitmap")
    parts = []
    for first in range(0, count, _AT_ONCE):
        some = min(_AT_ONCE, count - first)
        raw = np.frombuffer(data, np.uint8, count=-(-some // 8), offset=first // 8)
        bits = np.unpackbits(raw, count=some, bitorder="big" if order == "big" else "little")
        parts.append(from_flags(bits == 0, unit, base + first * unit))
    return FreeSpace(free=_joined(parts), unit=unit, base=base)


def _joined(parts: list[Extents]) -> Extents:
    check(sum(map(len, parts)) <= _MOST, "too many pieces")
    starts = [part.starts for part in parts] or [Extents.none().starts]
    ends = [part.ends for part in parts] or [Extents.none().ends]
    return Extents.of(np.concatenate(starts), np.concatenate(ends))


def _whole(reader: Reader, size: int) -> bytes:
    check(0 < size <= min(_LONGEST, reader.size), "odd size of a bitmap")
    return reader.read_at(0, size)


def _ntfs(image: Reader, volume: Volume, tsk: TskTree) -> FreeSpace:
    del image
    count = tsk.block_count
    data = _whole(tsk.open(_NTFS_BITMAP), -(-count // 8))
    return _free(data, count, unit=tsk.block_size, base=volume.offset)


def _hfs(image: Reader, volume: Volume, tsk: TskTree) -> FreeSpace:
    del image
    count = tsk.block_count
    data = _whole(tsk.open(_HFS_ALLOCATION), -(-count // 8))
    return _free(data, count, unit=tsk.block_size, base=volume.offset, order="big")


def _fat(image: Reader, volume: Volume, tsk: TskTree) -> FreeSpace:
    fat = fat_volume(image, volume.offset, tsk)
    free = fat.following[_CLUSTERS_FROM : fat.count + _CLUSTERS_FROM] == 0
    base = volume.offset + fat.clusters_at * fat.sector
    unit = fat.cluster * fat.sector
    return FreeSpace(free=_joined([from_flags(free, unit, base)]), unit=unit, base=base)


def _exfat(image: Reader, volume: Volume, tsk: TskTree) -> FreeSpace:
    del tsk
    boot = image.read_at(volume.offset, 512)
    table, _, heap, count, root = struct.unpack_from("<IIIII", boot, 80)
    sector, cluster = 1 << boot[108], 1 << (boot[108] + boot[109])
    check(512 <= sector <= 4096 and cluster <= 32 << 20, "odd sizes")  # noqa: PLR2004
    base = volume.offset + heap * sector

    def place(number: int) -> int:
        check(_CLUSTERS_FROM <= number < count + _CLUSTERS_FROM, "cluster")
        return int(base + (number - _CLUSTERS_FROM) * cluster)

    entries = image.read_at(place(root), min(cluster, 1 << 20))
    for at in range(0, len(entries) - 31, 32):
        if entries[at] == 0x81 and not entries[at + 1] & 1:  # noqa: PLR2004 - of the first table
            first, size = struct.unpack_from("<IQ", entries, at + 20)
            break
    else:
        raise EvidenceError("no allocation bitmap")
    check(count <= size * 8 and size <= _LONGEST, "odd size of a bitmap")
    clusters = -(-size // cluster)
    chain = image.read_at(volume.offset + table * sector + 4 * first, 4 * clusters)
    following = np.frombuffer(chain, "<u4").astype(np.int64)
    in_order = following[:-1] == np.arange(first + 1, first + clusters)
    check(in_order.all() or not following.any(), "bitmap in pieces")
    return _free(image.read_at(place(first), size), count, unit=cluster, base=base)


def _ext(image: Reader, volume: Volume, tsk: TskTree) -> FreeSpace:
    at = volume.offset + 1024
    block = tsk.block_size
    head = image.read_at(at, 1024)
    blocks, _, _, _, first = struct.unpack_from("<IIIII", head, 4)
    per_group, _, inodes = struct.unpack_from("<III", head, 32)
    incompatible, _ = struct.unpack_from("<II", head, 96)
    wide = bool(incompatible & _EXT_64BIT)
    inode_size = struct.unpack_from("<H", head, 88)[0] or 128
    size = struct.unpack_from("<H", head, 254)[0] if wide else 32
    if wide:
        blocks += struct.unpack_from("<I", head, 0x150)[0] << 32
    check(not incompatible & _EXT_META_BG and size >= 32, "odd layout")  # noqa: PLR2004
    check(0 < per_group <= 8 * block and first < blocks == tsk.block_count, "odd sizes")
    groups = -(-(blocks - first) // per_group)
    check(groups <= 1 << 20 and groups * size <= _LONGEST, "too many groups")
    table = image.read_at(volume.offset + (first + 1) * block, groups * size)
    check(len(table) == groups * size, "short table")
    tables = 1 + -(-groups * size // block)
    used = [(0, first + tables)]
    parts = []
    for group in range(groups):
        low = struct.unpack_from("<IIIHHHH", table, group * size)
        high = struct.unpack_from("<III", table, group * size + 32) if size >= 64 else (0, 0, 0)  # noqa: PLR2004
        places = [part + (more << 32) for part, more in zip(low[:3], high, strict=True)]
        used += [(places[0], 1), (places[1], 1), (places[2], -(-inodes * inode_size // block))]
        begin = first + group * per_group
        count, base = min(per_group, blocks - begin), volume.offset + begin * block
        if low[6] & _EXT_UNINIT:  # but for a copy of the tables
            parts.append(Extents.one(base + min(tables, count) * block, base + count * block))
            continue
        check(places[0] < blocks, "bitmap outside the volume")
        data = image.read_at(volume.offset + places[0] * block, -(-count // 8))
        parts.append(_free(data, count, unit=block, base=base).free)
    taken = np.array(used, dtype=np.int64) * block + np.array([volume.offset, 0])
    free = _joined(parts) - Extents.of(taken[:, 0], taken.sum(axis=1))
    return FreeSpace(free=free, unit=block, base=volume.offset)


_READERS: Final[dict[str, Callable[[Reader, Volume, TskTree], FreeSpace]]] = {
    "ntfs": _ntfs,
    "fat12": _fat,
    "fat16": _fat,
    "fat32": _fat,
    "exfat": _exfat,
    "ext2": _ext,
    "ext3": _ext,
    "ext4": _ext,
    "hfs": _hfs,
}

KINDS: Final = frozenset(_READERS)
"""File systems that are known here."""
