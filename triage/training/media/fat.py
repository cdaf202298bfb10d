"""FAT16 and FAT32 volumes as Windows leaves them: long names, two tables, deleted entries.

Layout: Microsoft, FAT32 File System Specification 1.03. A deleted entry loses the first byte of its
short name and its chain in the tables, and keeps first cluster, size and long name.
"""

# ruff: noqa: PLR2004 - the numbers are those of the format

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from triage.errors import TrainingError
from triage.training.media.canvas import Canvas, Clusters, Runs
from triage.training.media.dos_time import dos_time
from triage.training.media.fat_names import Named, name_all
from triage.training.media.model import Volume
from triage.training.media.tree import Node, grow

_SECTOR = 512
_FIRST = 2  # number of the first cluster
_ENTRY = 32
_DELETED = b"\xe5"
_LABEL, _FOLDER, _ARCHIVE = 0x08, 0x10, 0x20
_MOST_16 = 65524  # clusters of a FAT16; more make it a FAT32
_LEAST_16 = 4085


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """Where things lie; in sectors unless said otherwise."""

    bits: int  # 16 or 32
    sectors: int
    cluster: int  # sectors
    reserved: int
    table: int
    root: int  # sectors of the fixed root folder; FAT16 only

    @property
    def data(self) -> int:
        return self.reserved + 2 * self.table + self.root

    @property
    def clusters(self) -> int:
        return (self.sectors - self.data) // self.cluster

    @property
    def fits(self) -> bool:
        if self.bits == 16:
            return _LEAST_16 <= self.clusters <= _MOST_16
        return self.clusters > _MOST_16


def write_fat(volume: Volume, start: int) -> Canvas:
    """Return the bytes of a FAT volume that begins at sector `start` of its disk.

    Raises TrainingError when its size does not suit the width of the table, or it is full.
    """
    return _Writer(volume, start).write()


def _shape(volume: Volume) -> _Shape:
    bits = 16 if volume.filesystem == "fat16" else 32
    sizes = (4, 8, 16, 32, 64, 2, 1) if bits == 16 else (8, 4, 2, 1)
    for cluster in sizes:
        table = 0
        while True:
            shape = _Shape(
                bits=bits,
                sectors=volume.size // _SECTOR,
                cluster=cluster,
                reserved=1 if bits == 16 else 32,
                table=table,
                root=32 if bits == 16 else 0,
            )
            needed = -(-(shape.clusters + _FIRST) * bits // 8 // _SECTOR)
            if needed <= table:
                break
            table += 1 if needed - table < 8 else (needed - table) // 2
        if shape.fits:
            return shape
    raise TrainingError(f"{volume.size} bytes make no FAT{bits}", where=volume.label)


class _Writer:
    def __init__(self, volume: Volume, start: int) -> None:
        self._volume = volume
        self._start = start
        self._shape = shape = _shape(volume)
        self._canvas = Canvas(volume.size)
        self._clusters = Clusters(
            self._canvas,
            origin=shape.data * _SECTOR,
            size=shape.cluster * _SECTOR,
            first=_FIRST,
            count=shape.clusters,
        )
        kind = "<u2" if shape.bits == 16 else "<u4"
        width = 16 if shape.bits == 16 else 28
        self._end = (1 << width) - 1
        self._table = np.zeros(shape.table * _SECTOR * 8 // shape.bits, dtype=kind)
        self._table[:2] = self._end & ~0x07, self._end  # media 0xF8; cleanly unmounted
        self._runs: dict[Node, Runs] = {}
        self._names: dict[Node, tuple[Named, ...]] = {}

    def write(self) -> Canvas:
        tree = grow(self._volume)
        for node in (tree.root, *tree.nodes):
            self._place(node)
        self._clusters.strew(self._volume.scraps)
        for node in (tree.root, *tree.nodes):
            if node.folder:
                self._fill(node)
        self._system(tree.root)
        return self._canvas

    def _place(self, node: Node) -> None:
        """Give the node its clusters and the tables their chain."""
        if node.folder:
            self._names[node] = names = name_all(node.children)
            entries = (1 if node.parent is None else 2) + sum(name.entries for name in names)
            if node.parent is None and self._shape.root:
                if entries * _ENTRY > self._shape.root * _SECTOR:
                    raise TrainingError("the root of a FAT16 holds no more", where="/")
                return
            count = -(-entries * _ENTRY // self._clusters.size)
            runs = self._clusters.take(count, allocated=not node.deleted)
        else:
            runs = self._clusters.store(node.content, slack=node.slack, allocated=not node.deleted)
        self._runs[node] = runs
        chain = [number for run in runs for number in run]
        if not node.deleted and chain:
            self._table[chain[:-1]] = chain[1:]
            self._table[chain[-1]] = self._end

    def _first(self, node: Node | None) -> int:
        """First cluster as entries give it; 0 for the root and for no content."""
        if node is None or node.parent is None or not self._runs[node]:
            return 0
        return self._runs[node][0].start

    def _fill(self, folder: Node) -> None:
        rows = [] if folder.parent else [self._label(folder)]
        if folder.parent:
            rows.append(self._entry(folder, b".".ljust(11), 0, folder))
            rows.append(self._entry(folder, b"..".ljust(11), 0, folder.parent))
        for name in self._names[folder]:
            entries = [*name.pieces, self._entry(name.node, name.short, name.case, name.node)]
            if name.node.deleted:
                entries = [_DELETED + entry[1:] for entry in entries]
            rows += entries
        data = b"".join(rows)
        if folder in self._runs:
            self._clusters.fill(self._runs[folder], data)
        else:
            self._canvas.put((self._shape.data - self._shape.root) * _SECTOR, data)

    def _entry(self, node: Node, short: bytes, case: int, place: Node) -> bytes:
        """Return the entry of `node` that leads to the clusters of `place`."""
        attributes = _FOLDER if node.folder else _ARCHIVE
        cluster, size = self._first(place), len(node.content)
        offset, entry = self._volume.utc_offset, node.entry
        created = dos_time(entry.created, offset)
        modified = dos_time(entry.modified, offset)
        return struct.pack(
            "<11sBBBHHHHHHHI",
            *(short, attributes, case, created.hundredths, created.time, created.date),
            *(dos_time(entry.accessed, offset).date, cluster >> 16),
            *(modified.time, modified.date, cluster & 0xFFFF, size),
        )

    def _label(self, root: Node) -> bytes:
        modified = dos_time(root.entry.created, self._volume.utc_offset)
        label = _label_bytes(self._volume.label)
        return struct.pack("<11sB10xHHHI", label, _LABEL, modified.time, modified.date, 0, 0)

    def _system(self, root: Node) -> None:
        shape = self._shape
        for number in range(2):
            self._canvas.put(
                (shape.reserved + number * shape.table) * _SECTOR, self._table.tobytes()
            )
        self._canvas.put(0, self._boot_sector(root))
        if shape.bits == 32:
            information = struct.pack(
                "<I480x4sII12xI", 0x41615252, b"rrAa", self._clusters.free, self._clusters.next,
                0xAA550000,
            )  # fmt: skip
            self._canvas.put(_SECTOR, information)
            self._canvas.put(6 * _SECTOR, self._boot_sector(root))
            self._canvas.put(7 * _SECTOR, information)

    def _boot_sector(self, root: Node) -> bytes:
        shape, volume = self._shape, self._volume
        small = shape.bits == 16
        few = shape.sectors < 1 << 16
        parameters = struct.pack(
            "<3s8sHBHBHHBHHHII",
            b"\xeb\x3c\x90" if small else b"\xeb\x58\x90",
            b"MSDOS5.0",
            *(_SECTOR, shape.cluster, shape.reserved, 2, shape.root * _SECTOR // _ENTRY),
            *(shape.sectors if few and small else 0, 0xF8, shape.table if small else 0),
            *(63, 255, self._start, 0 if few and small else shape.sectors),
        )
        if not small:
            first = self._runs[root][0].start
            parameters += struct.pack("<IHHIHH12x", shape.table, 0, 0, first, 1, 6)
        parameters += struct.pack(
            "<BBBI11s8s",
            *(0x80, 0, 0x29, volume.serial & 0xFFFFFFFF, _label_bytes(volume.label)),
            b"FAT16   " if small else b"FAT32   ",
        )
        return parameters.ljust(510, b"\0") + b"\x55\xaa"


def _label_bytes(label: str) -> bytes:
    try:
        data = label.upper().encode("ascii")
    except UnicodeEncodeError:
        data = b""
    if not 0 < len(data) <= 11:
        raise TrainingError("is no label of 1 to 11 ASCII characters", where=label)
    return data.ljust(11)
