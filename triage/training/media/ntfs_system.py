"""What every NTFS volume holds beside files: records 0 to 15 and what they lead to.

Layout: the NTFS documentation of the Linux-NTFS project; values as mkntfs writes them.
"""

# ruff: noqa: PLR2004 - the numbers are those of the format

from __future__ import annotations

import struct
from dataclasses import dataclass

from triage.errors import TrainingError
from triage.training.media.canvas import Canvas, Clusters, Runs
from triage.training.media.model import Volume
from triage.training.media.ntfs_record import (
    BITMAP,
    CLUSTER,
    DATA,
    FILE_NAME,
    FOLDER,
    IN_USE,
    INDEXED_FOLDER,
    RECORD,
    ROOM,
    VIEW,
    VOLUME_INFORMATION,
    VOLUME_NAME,
    Times,
    file_name,
    outside,
    record,
    reference,
    resident,
    standard_information,
)
from triage.training.media.ntfs_security import FIRST_SECURITY, Security
from triage.training.media.ntfs_tree import Item, names_index
from triage.training.media.upcase import whole_table

ROOT = 5
_NAMES = (
    *("$MFT", "$MFTMirr", "$LogFile", "$Volume", "$AttrDef", ".", "$Bitmap", "$Boot"),
    *("$BadClus", "$Secure", "$UpCase", "$Extend"),
)
_RESERVED = 16  # records that are always in use
_HIDDEN_SYSTEM = 0x06
_VIEW_INDEX = 0x20000000
_BOOT = range(2)  # clusters
_MIRRORED = CLUSTER // RECORD  # records that $MFTMirr repeats
_ATTRIBUTES = (  # name, type, flags, least and most bytes
    ("$STANDARD_INFORMATION", 0x10, 0x40, 0x30, 0x48),
    ("$ATTRIBUTE_LIST", 0x20, 0x80, 0, -1),
    ("$FILE_NAME", 0x30, 0x42, 0x44, 0x242),
    ("$OBJECT_ID", 0x40, 0x40, 0, 0x100),
    ("$SECURITY_DESCRIPTOR", 0x50, 0x80, 0, -1),
    ("$VOLUME_NAME", 0x60, 0x40, 2, 0x100),
    ("$VOLUME_INFORMATION", 0x70, 0x40, 0xC, 0xC),
    ("$DATA", 0x80, 0, 0, -1),
    ("$INDEX_ROOT", 0x90, 0x40, 0, -1),
    ("$INDEX_ALLOCATION", 0xA0, 0x80, 0, -1),
    ("$BITMAP", 0xB0, 0x80, 0, -1),
    ("$REPARSE_POINT", 0xC0, 0x80, 0, 0x4000),
    ("$EA_INFORMATION", 0xD0, 0x40, 8, 8),
    ("$EA", 0xE0, 0, 0, 0x10000),
    ("$LOGGED_UTILITY_STREAM", 0x100, 0x80, 0, 0x10000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Where things lie: clusters, unless said otherwise."""

    start: int  # sector of the disk
    sectors: int  # without the copy of the first one behind the end
    count: int
    table: range  # of $MFT
    records: int

    @property
    def mirror(self) -> int:
        """The cluster of $MFTMirr."""
        return self.count // 2

    @property
    def reserved(self) -> list[range]:
        """What lies at a fixed place."""
        return [_BOOT, self.table, range(self.mirror, self.mirror + 1)]


class SystemFiles:
    """Makes records 0 to 15; `records` and the names for the root are complete after `finish`."""

    def __init__(
        self, volume: Volume, shape: Shape, canvas: Canvas, clusters: Clusters, times: Times
    ) -> None:
        self.records: dict[int, bytes] = {}
        self.names: list[tuple[str, Item]] = []
        self._volume = volume
        self._shape = shape
        self._canvas = canvas
        self._clusters = clusters
        self._times = times
        self._table_bits = clusters.take(-(-self._table_bytes // CLUSTER))
        self._volume_bits = clusters.take(-(-self._volume_bytes // CLUSTER))

    @property
    def _table_bytes(self) -> int:
        return -(-self._shape.records // 64) * 8

    @property
    def _volume_bytes(self) -> int:
        return -(-self._shape.count // 64) * 8

    def make(self, security: Security) -> None:
        """Make all but the root, which knows the others."""
        shape, label = self._shape, self._volume.label.encode("utf-16-le")
        if not 0 < len(label) <= 64:
            raise TrainingError("is no label of 1 to 32 characters", where=self._volume.label)
        size = shape.records * RECORD
        bits = outside(BITMAP, self._table_bits, self._table_bytes)
        self._add(0, [outside(DATA, (shape.table,), size), bits], size=size)
        mirror = (range(shape.mirror, shape.mirror + 1),)
        self._add(1, [outside(DATA, mirror, CLUSTER)], size=CLUSTER)
        self._add_content(2, bytes([0xFF]) * _log_size(self._volume.size))
        information = resident(VOLUME_INFORMATION, struct.pack("<8xBBH", 3, 1, 0))
        nothing = resident(DATA, b"")
        self._add(3, [resident(VOLUME_NAME, label), information, nothing])
        self._add_content(4, _attribute_definitions())
        data = outside(DATA, self._volume_bits, self._volume_bytes)
        self._add(6, [data], size=self._volume_bytes)
        boot = len(_BOOT) * CLUSTER
        self._add(7, [outside(DATA, (_BOOT,), boot)], size=boot)
        bad = outside(DATA, (), shape.count * CLUSTER, name="$Bad", sparse=shape.count)
        self._add(8, [nothing, bad])
        self._add(9, security.attributes(self._clusters), flags=_VIEW_INDEX, kind=VIEW)
        self._add_content(10, whole_table())
        empty = names_index((), self._clusters, room=ROOM)
        self._add(11, empty, flags=INDEXED_FOLDER, kind=FOLDER)
        for number in range(len(_NAMES), _RESERVED):
            base = standard_information(self._times, _HIDDEN_SYSTEM, FIRST_SECURITY)
            self.records[number] = record(
                number, [base, nothing], flags=IN_USE, sequence=number, links=0
            )

    def make_root(self, names: list[tuple[str, Item]], times: Times) -> None:
        """Make the root folder over its own name, the system files and `names`."""
        self._times = times
        self.names.append((".", self._item(ROOT, 0, INDEXED_FOLDER)))
        head = self._head(ROOT, 0, INDEXED_FOLDER)
        items = names_index([*self.names, *names], self._clusters, room=ROOM - len(b"".join(head)))
        self.records[ROOT] = record(
            ROOT, [*head, *items], flags=IN_USE | FOLDER, sequence=ROOT, links=1
        )

    def finish(self, used: set[int], records: dict[int, bytes]) -> None:
        """Lay down $MFT, its copy and bitmaps, and the boot sector; nothing may come after."""
        shape = self._shape
        blank = {
            number: record(number, (), flags=0, sequence=1, links=0)
            for number in range(shape.records)
            if number not in records and number not in self.records
        }
        whole = self.records | records | blank
        table = b"".join(whole[number] for number in range(shape.records))
        self._clusters.fill((shape.table,), table)
        mirror = range(shape.mirror, shape.mirror + 1)
        self._clusters.fill((mirror,), table[: _MIRRORED * RECORD])
        bits = sum(1 << number for number in (*range(_RESERVED), *sorted(used)))
        self._clusters.fill(self._table_bits, bits.to_bytes(self._table_bytes, "little"))
        missing = self._volume_bytes * 8 - shape.count  # clusters that are not there are in use
        volume_bits = int.from_bytes(self._clusters.bitmap(), "little")
        volume_bits |= ((1 << missing) - 1) << shape.count
        self._clusters.fill(self._volume_bits, volume_bits.to_bytes(self._volume_bytes, "little"))
        boot = self._boot_sector()
        self._canvas.put(0, boot)
        self._canvas.put(shape.sectors * 512, boot)

    def _add_content(self, number: int, content: bytes) -> None:
        runs: Runs = self._clusters.store(content)
        self._add(number, [outside(DATA, runs, len(content))], size=len(content))

    def _add(
        self, number: int, attributes: list[bytes], *, size: int = 0, flags: int = 0, kind: int = 0
    ) -> None:
        self.names.append((_NAMES[number], self._item(number, size, flags)))
        self.records[number] = record(
            number,
            [*self._head(number, size, flags), *attributes],
            flags=IN_USE | kind,
            sequence=number or 1,
            links=1,
        )

    def _head(self, number: int, size: int, flags: int) -> list[bytes]:
        own = _HIDDEN_SYSTEM | flags & _VIEW_INDEX
        name = self._name(number, size, flags)
        return [
            standard_information(self._times, own, FIRST_SECURITY),
            resident(FILE_NAME, name, indexed=True),
        ]

    def _item(self, number: int, size: int, flags: int) -> Item:
        head = struct.pack("<Q", reference(number, number or 1))
        return Item(head, self._name(number, size, flags))

    def _name(self, number: int, size: int, flags: int) -> bytes:
        return file_name(
            reference(ROOT, ROOT),
            _NAMES[number],
            self._times,
            attributes=_HIDDEN_SYSTEM | flags,
            sizes=(-(-size // CLUSTER) * CLUSTER, size),
            dos=True,
        )

    def _boot_sector(self) -> bytes:
        shape, serial = self._shape, self._volume.serial & (1 << 64) - 1
        data = struct.pack(
            "<3s8sHBH3xHBHHHI4xIQQQb3xb3xQ",
            *(b"\xeb\x52\x90", b"NTFS    ", 512, CLUSTER // 512, 0, 0, 0xF8, 0, 63, 255),
            *(shape.start, 0x00800080, shape.sectors, shape.table.start, shape.mirror),
            *(-10, 1, serial),  # records of 2^10 bytes, index blocks of one cluster
        )
        return data.ljust(510, b"\0") + b"\x55\xaa"


def _log_size(size: int) -> int:
    """Return the bytes of a $LogFile, about as mkntfs."""
    return next(
        (log for most, log in ((16 << 20, 1 << 18), (1 << 28, 1 << 21)) if size <= most), 1 << 22
    )


def _attribute_definitions() -> bytes:
    rows = [
        struct.pack("<128sIIIIqq", name.encode("utf-16-le"), kind, 0, 0, flags, least, most)
        for name, kind, flags, least, most in _ATTRIBUTES
    ]
    return b"".join(rows) + bytes(160)
