"""exFAT volumes: allocation bitmap, upper-case table, sets of entries with their sums.

Layout: Microsoft, exFAT file system specification (sections in brackets below). Each file lies in
one run, as the flag "no FAT chain" of its stream says; a deleted set only loses its bits "in use".
"""

# ruff: noqa: PLR2004 - the numbers are those of the format

from __future__ import annotations

import struct

import numpy as np

from triage.errors import TrainingError
from triage.training.media.canvas import Canvas, Clusters
from triage.training.media.dos_time import dos_time
from triage.training.media.model import Volume
from triage.training.media.tree import Node, grow
from triage.training.media.upcase import compressed_table, units, upper
from triage.training.media.windows_names import check_name

_SECTOR = 512
_FIRST = 2
_ENTRY = 32
_TABLE_AT = 128  # sector of the FAT
_END = 0xFFFFFFFF
_IN_USE = 0x80
_BITMAP, _UPCASE, _LABEL, _FILE, _STREAM, _NAME = 0x81, 0x82, 0x83, 0x85, 0xC0, 0xC1
_FOLDER, _ARCHIVE = 0x10, 0x20
_POSSIBLE, _WHOLE = 0x01, 0x02  # flags of a stream: may have clusters; they lie side by side
_BOOT_SECTORS = 12
_SMALL = 256 << 20  # up to here Windows takes clusters of 4 KiB, then of 32


def write_exfat(volume: Volume, start: int) -> Canvas:
    """Return the bytes of an exFAT volume that begins at sector `start` of its disk.

    Raises TrainingError when it is too small, full, or a name is none that Windows gives.
    """
    return _Writer(volume, start).write()


class _Writer:
    def __init__(self, volume: Volume, start: int) -> None:
        self._volume = volume
        self._start = start
        self._size = 4096 if volume.size <= _SMALL else 32768
        sectors, cluster = volume.size // _SECTOR, self._size // _SECTOR
        table = -(-(sectors // cluster + _FIRST) * 4 // _SECTOR)
        self._heap = -(-(_TABLE_AT + table) // cluster) * cluster
        self._table_sectors = self._heap - _TABLE_AT
        self._count = (sectors - self._heap) // cluster
        if self._count < 16:
            raise TrainingError(f"{volume.size} bytes are too few for exFAT", where=volume.label)
        self._canvas = Canvas(volume.size)
        self._clusters = Clusters(
            self._canvas,
            origin=self._heap * _SECTOR,
            size=self._size,
            first=_FIRST,
            count=self._count,
        )
        self._table = np.zeros(self._table_sectors * _SECTOR // 4, dtype="<u4")
        self._table[:2] = 0xFFFFFFF8, _END
        self._runs: dict[Node, range] = {}

    def write(self) -> Canvas:
        upcase = compressed_table()
        bitmap_size = -(-self._count // 8)
        bitmap_run = self._chain(-(-bitmap_size // self._size))
        upcase_run = self._chain(-(-len(upcase) // self._size))
        self._clusters.fill((upcase_run,), upcase)
        tree = grow(self._volume)
        self._runs[tree.root] = self._chain(self._needed(tree.root))
        for node in tree.nodes:
            check_name(node)
            self._place(node)
        self._clusters.strew(self._volume.scraps)
        self._clusters.fill((bitmap_run,), self._clusters.bitmap())
        system = (
            self._label()
            + struct.pack("<B19xIQ", _BITMAP, bitmap_run.start, bitmap_size)
            + struct.pack(
                "<B3xI12xIQ", _UPCASE, _sum32(upcase), upcase_run.start, len(upcase)
            )
        )  # fmt: skip
        for node in (tree.root, *tree.nodes):
            if node.folder:
                rows = b"".join(self._set(child) for child in node.children)
                self._clusters.fill((self._runs[node],), rows if node.parent else system + rows)
        self._put_system(tree.root)
        return self._canvas

    def _chain(self, count: int) -> range:
        """Take clusters that the table chains: those of the file system itself."""
        (run,) = self._clusters.take(count)
        self._table[run.start : run.stop - 1] = range(run.start + 1, run.stop)
        self._table[run.stop - 1] = _END
        return run

    def _place(self, node: Node) -> None:
        kept = not node.deleted
        if node.folder:
            runs = self._clusters.take(self._needed(node), allocated=kept)
        else:
            runs = self._clusters.store(node.content, slack=node.slack, allocated=kept)
        self._runs[node] = runs[0] if runs else range(0)

    def _needed(self, folder: Node) -> int:
        """Return the clusters of a folder: at least one, as Windows makes it."""
        entries = sum(2 + -(-len(units(child.name)) // 15) for child in folder.children)
        return -(-(entries + (0 if folder.parent else 3)) * _ENTRY // self._size) or 1

    def _label(self) -> bytes:
        data = self._volume.label.encode("utf-16-le")
        if not 0 < len(data) <= 22:
            raise TrainingError("is no label of 1 to 11 characters", where=self._volume.label)
        return struct.pack("<BB22s8x", _LABEL, len(data) // 2, data)

    def _set(self, node: Node) -> bytes:
        """Return the entries of a file or folder [7.4, 7.6, 7.7]."""
        entry, offset, run = node.entry, self._volume.utc_offset, self._runs[node]
        created = dos_time(entry.created, offset)
        modified = dos_time(entry.modified, offset)
        accessed = dos_time(entry.accessed, offset)
        zone = 0x80 | offset // 15 & 0x7F
        name = units(node.name)
        pieces = [name[at : at + 15] for at in range(0, len(name), 15)]
        length = len(run) * self._size if node.folder else len(node.content)
        file = struct.pack(
            "<BBHH2xIIIBBBBB7x",
            *(_FILE, 1 + len(pieces), 0, _FOLDER if node.folder else _ARCHIVE),
            *(created.whole, modified.whole, accessed.whole),
            *(created.hundredths, modified.hundredths, zone, zone, zone),
        )
        flags = _POSSIBLE | (_WHOLE if run else 0)
        stream = struct.pack(
            "<BBxBH2xQ4xIQ",
            *(_STREAM, flags, len(name), _name_hash(node.name), length, run.start, length),
        )
        rows = [file, stream]
        rows += [
            struct.pack(f"<BB{len(piece)}H", _NAME, 0, *piece).ljust(_ENTRY, b"\0")
            for piece in pieces
        ]
        data = bytearray(b"".join(rows))
        data[2:4] = _set_sum(data).to_bytes(2, "little")
        if node.deleted:
            for at in range(0, len(data), _ENTRY):
                data[at] &= ~_IN_USE
        return bytes(data)

    def _put_system(self, root: Node) -> None:
        self._canvas.put(_TABLE_AT * _SECTOR, self._table.tobytes())
        extended = bytes(_SECTOR - 4) + b"\0\0\x55\xaa"
        boot = self._boot_sector(root) + extended * 8 + bytes(2 * _SECTOR)
        boot += struct.pack("<I", _boot_sum(boot)) * (_SECTOR // 4)
        self._canvas.put(0, boot)
        self._canvas.put(_BOOT_SECTORS * _SECTOR, boot)

    def _boot_sector(self, root: Node) -> bytes:
        """Return the main boot sector [3.1]."""
        used = 100 - self._clusters.free * 100 // self._count
        data = struct.pack(
            "<3s8s53xQQIIIIIIHHBBBBB",
            *(b"\xeb\x76\x90", b"EXFAT   ", self._start, self._volume.size // _SECTOR),
            *(_TABLE_AT, self._table_sectors, self._heap, self._count),
            *(self._runs[root].start, self._volume.serial & 0xFFFFFFFF, 0x0100, 0),
            *(9, (self._size // _SECTOR).bit_length() - 1, 1, 0x80, used),
        )
        return data.ljust(510, b"\0") + b"\x55\xaa"


def _name_hash(name: str) -> int:
    """Return the hash over a name in upper case [7.6.4]."""
    total = 0
    for unit in upper(name):
        for byte in (unit & 0xFF, unit >> 8):
            total = ((total << 15 | total >> 1) + byte) & 0xFFFF
    return total


def _set_sum(data: bytes | bytearray) -> int:
    """Return the sum over a set of entries, without the sum itself [6.3.3]."""
    total = 0
    for at, byte in enumerate(data):
        if at not in {2, 3}:
            total = ((total << 15 | total >> 1) + byte) & 0xFFFF
    return total


def _sum32(data: bytes) -> int:
    """Return the sum over the upper-case table [7.2.2]."""
    total = 0
    for byte in data:
        total = ((total << 31 | total >> 1) + byte) & 0xFFFFFFFF
    return total


def _boot_sum(data: bytes) -> int:
    """Return the sum over the boot sectors, without the fields that change in use [3.4]."""
    return _sum32(data[:106] + data[108:112] + data[113:])
