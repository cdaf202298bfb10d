"""The layout of an exFAT volume, its table of clusters and its allocation bitmap.

Layout: Microsoft, exFAT specification, sections 3.1, 4 and 7.1; what TSK 4.15 makes of it:
tsk/fs/exfatfs.c. What is odd is declined.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from triage.evidence.arrays import Bools, check
from triage.evidence.fat_volume import ENTRY, FatVolume
from triage.evidence.filesystem import TskTree
from triage.model import Reader

_MASK = 0x0FFFFFFF  # TSK's
_BITMAP = 0x81
_MOST_CLUSTERS = 1 << 28


@dataclass(slots=True, kw_only=True)
class ExfatVolume(FatVolume):
    """As a FAT volume; only some files are in the table of clusters."""

    allocated: Bools  # by cluster

    @property
    def heap(self) -> int:
        """Bytes of all clusters."""
        return self.count * self.cluster * self.sector


def exfat_volume(image: Reader, offset: int, tsk: TskTree) -> ExfatVolume:
    """Read boot sector, first table and bitmap. Raises Declined and EvidenceError."""
    boot = image.read_at(offset, 512)
    check(len(boot) == 512 and boot[510:] == b"\x55\xaa", "boot sector")  # noqa: PLR2004
    (sectors,) = struct.unpack_from("<Q", boot, 72)
    table_at, table_sectors, heap, count, root = struct.unpack_from("<5I", boot, 80)
    sector_shift, cluster_shift, tables = boot[108:111]
    sector, cluster = tsk.block_size, 1 << (cluster_shift & 0x1F)
    check(sector == 1 << (sector_shift & 0x1F) and tables == 1, "odd sizes")
    check(sectors == tsk.block_count and 0 < count <= _MOST_CLUSTERS, "odd sizes")
    check(offset + sectors * sector <= image.size, "cut")
    check(heap + count * cluster <= sectors and 2 <= root <= count + 1, "odd sizes")  # noqa: PLR2004
    size = (count + 2) * 4
    check(size <= table_sectors * sector, "short table")
    table = image.read_at(offset + table_at * sector, size)
    check(len(table) == size, "cut table")
    following = np.frombuffer(table, dtype="<u4").astype(np.int64)
    check((following[2:] <= count + 1) | (following[2:] >= 0xFFFFFFF7), "odd table")  # noqa: PLR2004
    volume = ExfatVolume(
        name=tsk.name,
        sector=sector,
        cluster=cluster,
        tables=tables,
        table_sectors=table_sectors,
        data=heap,
        clusters_at=heap,
        count=count,
        sectors=sectors,
        root=root,
        mask=_MASK,
        following=following & _MASK,
        allocated=np.zeros(0, dtype=np.bool_),
    )
    volume.allocated = _bitmap(image, offset, volume)
    return volume


def _bitmap(image: Reader, offset: int, volume: ExfatVolume) -> Bools:
    """Return which clusters are allocated. TSK takes the bitmap to lie in one piece."""
    place = volume.clusters_at + (volume.root - 2) * volume.cluster
    first = image.read_at(offset + place * volume.sector, volume.sector)
    for at in range(0, len(first), ENTRY):
        cluster, size = struct.unpack_from("<IQ", first, at + 20)
        if first[at] == _BITMAP and size == (volume.count + 7) // 8:
            check(2 <= cluster <= volume.last, "odd bitmap")  # noqa: PLR2004
            sector = volume.clusters_at + (cluster - 2) * volume.cluster
            data = image.read_at(offset + sector * volume.sector, size)
            check(len(data) == size and size <= volume.heap, "cut bitmap")
            bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8), bitorder="little")
            return np.concatenate(([True, True], bits[: volume.count].astype(np.bool_)))
        check(first[at] & 0x7F != _BITMAP & 0x7F, "odd bitmap")
    check(fine=False, what="no bitmap")
    raise AssertionError  # never
