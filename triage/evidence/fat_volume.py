"""The layout of a FAT volume and its allocation table, as TSK has them; what is odd is declined.

Layout: Microsoft, FAT specification 1.03; what TSK makes of it: tsk/fs/fatxxfs.c, fatfs.c of 4.15.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from triage.evidence.arrays import Ints, check
from triage.evidence.filesystem import TskTree
from triage.model import Reader

FIRST_ADDRESS = 3  # of the first entry behind the tables
ENTRY = 32  # bytes
_FREE, _BAD = 0, 0x0FFFFFF7
_MASKS = {"fat12": 0xFFF, "fat16": 0xFFFF, "fat32": 0x0FFFFFFF}


@dataclass(slots=True, kw_only=True)
class FatVolume:
    """Sectors count from the start of the volume, clusters from 2."""

    name: str
    sector: int  # bytes
    cluster: int  # sectors
    tables: int
    table_sectors: int
    data: int  # first sector behind the tables
    clusters_at: int  # sector of cluster 2
    count: int  # clusters
    sectors: int
    root: int  # cluster; FAT12 and 16 have none
    mask: int
    following: Ints  # by cluster: what the table says, 0 for what cannot be

    @property
    def last(self) -> int:
        """The last cluster."""
        return self.count + 1

    def address(self, sector: int) -> int:
        """Return TSK's address of the first entry of a sector."""
        return (sector - self.data) * (self.sector // ENTRY) + FIRST_ADDRESS

    def sector_of(self, cluster: Ints) -> Ints:
        """Return the first sectors of clusters."""
        return self.clusters_at + (cluster - 2) * self.cluster


def fat_volume(image: Reader, offset: int, tsk: TskTree) -> FatVolume:
    """Read the boot sector and the first table. Raises Declined and EvidenceError."""
    boot = image.read_at(offset, 512)
    check(len(boot) == 512 and boot[510:] == b"\x55\xaa", "boot sector")  # noqa: PLR2004
    check(b"ANDROID" not in boot[3:11].upper(), "odd variant")
    sector, cluster, reserved, tables, roots, small, _, short = struct.unpack_from(
        "<HBHBHHBH", boot, 11
    )
    (large,) = struct.unpack_from("<I", boot, 32)
    long, _, _, root = struct.unpack_from("<IHHI", boot, 36)
    sectors, table_sectors = small or large, short or long
    check(sector in {512, 1024, 2048, 4096} and cluster > 0 and tables in {1, 2}, "odd sizes")
    data = reserved + table_sectors * tables
    clusters_at = data + -(-roots * ENTRY // sector)
    count = (sectors - clusters_at) // cluster
    mask = _MASKS[tsk.name]
    check(count > 0 and tsk.block_size == sector and tsk.block_count == sectors, "odd sizes")
    check(offset + sectors * sector <= image.size, "cut")
    # The last sector of a table must be there for each cluster.
    bits = {"fat12": 12, "fat16": 16, "fat32": 32}[tsk.name]
    size = ((count + 2) * bits + 7) // 8
    check(size <= table_sectors * sector, "short table")
    table = image.read_at(offset + reserved * sector, size)
    check(len(table) == size, "cut table")
    following = _numbers(table, bits, count + 2) & mask
    following[(following > count + 1) & (following < _BAD & mask)] = _FREE
    check(tsk.name != "fat32" or 2 <= root <= count + 1, "no root")  # noqa: PLR2004
    return FatVolume(
        name=tsk.name,
        sector=sector,
        cluster=cluster,
        tables=tables,
        table_sectors=table_sectors,
        data=data,
        clusters_at=clusters_at,
        count=count,
        sectors=sectors,
        root=root if tsk.name == "fat32" else 0,
        mask=mask,
        following=following,
    )


def _numbers(table: bytes, bits: int, count: int) -> Ints:
    if bits != 12:  # noqa: PLR2004
        return np.frombuffer(table, dtype=f"<u{bits // 8}")[:count].astype(np.int64)
    padded = np.frombuffer(table + bytes(2), dtype=np.uint8).astype(np.int64)
    clusters = np.arange(count)
    at = clusters * 3 // 2
    return (padded[at] | padded[at + 1] << 8) >> 4 * (clusters & 1)
