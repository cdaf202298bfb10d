"""Partition tables around volumes.

MBR: the classic layout, without cylinders. GPT: UEFI specification 2.10, section 5.3.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
import zlib
from collections.abc import Callable

from triage.errors import TrainingError
from triage.training.media.canvas import Canvas
from triage.training.media.exfat import write_exfat
from triage.training.media.ext4 import write_ext4
from triage.training.media.fat import write_fat
from triage.training.media.model import Disk, Filesystem, Volume
from triage.training.media.ntfs import write_ntfs

_SECTOR = 512
_UNIT = 4096
_ALIGNMENT = 1 << 20
_ENTRIES, _ENTRY = 128, 128
_TABLE = _ENTRIES * _ENTRY // _SECTOR
_MOST_PRIMARY = 4

_WRITERS: dict[Filesystem, Callable[[Volume, int], Canvas]] = {
    "fat16": write_fat,
    "fat32": write_fat,
    "exfat": write_exfat,
    "ntfs": write_ntfs,
    "ext4": write_ext4,
}
_MBR_TYPES: dict[Filesystem, int] = {
    "fat16": 0x0E,
    "fat32": 0x0C,
    "exfat": 0x07,
    "ntfs": 0x07,
    "ext4": 0x83,
}
_BASIC_DATA = uuid.UUID("EBD0A0A2-B9E5-4433-87C0-68B6B72699C7")
_LINUX = uuid.UUID("0FC63DAF-8483-4772-8E79-3D69D8477DE4")


def lay_out(disk: Disk) -> Canvas:
    """Return the bytes of the whole disk. Raises TrainingError when it cannot be built."""
    for volume in disk.volumes:
        if volume.size <= 0 or volume.size % _UNIT:
            raise TrainingError(f"its size is no multiple of {_UNIT} bytes", where=volume.label)
    if disk.scheme == "none":
        return _bare(disk)
    most = _MOST_PRIMARY if disk.scheme == "mbr" else _ENTRIES
    if not 0 < len(disk.volumes) <= most:
        raise TrainingError(f"a table of this scheme holds 1 to {most} volumes")
    starts = [_ALIGNMENT]
    for volume in disk.volumes:
        starts.append(-(-(starts[-1] + volume.size) // _ALIGNMENT) * _ALIGNMENT)
    needed = starts.pop() + (_ALIGNMENT if disk.scheme == "gpt" else 0)
    canvas = _canvas(disk, needed)
    for start, volume in zip(starts, disk.volumes, strict=True):
        _add(canvas, start, volume)
    if disk.scheme == "mbr":
        rows = [
            (_MBR_TYPES[volume.filesystem], start // _SECTOR, volume.size // _SECTOR)
            for start, volume in zip(starts, disk.volumes, strict=True)
        ]
        canvas.put(0, _boot_record(rows, disk.signature))
    else:
        _put_gpt(canvas, disk, starts)
    return canvas


def _bare(disk: Disk) -> Canvas:
    if len(disk.volumes) != 1:
        raise TrainingError("a disk without a partition table holds one volume")
    canvas = _canvas(disk, disk.volumes[0].size)
    _add(canvas, 0, disk.volumes[0])
    return canvas


def _canvas(disk: Disk, needed: int) -> Canvas:
    size = needed if disk.size is None else disk.size
    if size < needed or size % _SECTOR:
        raise TrainingError(f"{size} bytes are no disk for volumes that end at {needed}")
    return Canvas(size)


def _add(canvas: Canvas, start: int, volume: Volume) -> None:
    if volume.filesystem not in _WRITERS:
        raise TrainingError(f"{volume.filesystem} cannot be written yet", where=volume.label)
    try:
        written = _WRITERS[volume.filesystem](volume, start // _SECTOR)
    except TrainingError as error:
        where = f"{volume.label}: {error.where}" if error.where else volume.label
        raise TrainingError(error.message, where=where) from error
    for offset, data in written.pieces():
        canvas.put(start + offset, data)


def _boot_record(rows: list[tuple[int, int, int]], signature: int) -> bytes:
    """Return a first sector; cylinders are those that say "look at the sectors instead"."""
    table = b"".join(
        struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", first, count)
        for kind, first, count in rows
    )
    head = struct.pack("<440xI2x", signature & 0xFFFFFFFF)
    return head + table.ljust(64, b"\0") + b"\x55\xaa"


def _put_gpt(canvas: Canvas, disk: Disk, starts: list[int]) -> None:
    table = b""
    for number, (start, volume) in enumerate(zip(starts, disk.volumes, strict=True), 1):
        kind = _LINUX if volume.filesystem == "ext4" else _BASIC_DATA
        first, count = start // _SECTOR, volume.size // _SECTOR
        table += struct.pack(
            "<16s16sQQQ72s",
            *(kind.bytes_le, _guid(disk, number), first, first + count - 1, 0),
            volume.label.encode("utf-16-le")[:72],
        )
    table = table.ljust(_TABLE * _SECTOR, b"\0")
    last = canvas.size // _SECTOR - 1
    front = _gpt_header(disk, table, here=1, other=last, entries=2)
    back = _gpt_header(disk, table, here=last, other=1, entries=last - _TABLE)
    protective = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff\xff\xff", 1, last)
    canvas.put(0, bytes(446) + protective.ljust(64, b"\0") + b"\x55\xaa" + front + table)
    canvas.put((last - _TABLE) * _SECTOR, table + back)


def _gpt_header(disk: Disk, table: bytes, *, here: int, other: int, entries: int) -> bytes:
    last = max(here, other)
    fields = (here, other, 2 + _TABLE, last - _TABLE - 1, _guid(disk, 0), entries)
    shape = (_ENTRIES, _ENTRY, zlib.crc32(table))
    blank = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, *fields, *shape)
    checksum = struct.pack("<I", zlib.crc32(blank))
    return (blank[:16] + checksum + blank[20:]).ljust(_SECTOR, b"\0")


def _guid(disk: Disk, number: int) -> bytes:
    """Return the GUID of the disk (0) or of a partition, made from the signature."""
    digest = hashlib.sha256(f"gpt {disk.signature:08x} {number}".encode()).digest()
    return uuid.UUID(bytes=digest[:16], version=4).bytes_le
