"""Write partition tables for tests, every field as told."""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Iterable, Mapping

SECTOR = 512
START = 64  # sector of the first volume
_DATA = uuid.UUID("EBD0A0A2-B9E5-4433-87C0-68B6B72699C7")

Row = tuple[int, int, int]  # type, first sector, sectors


def record(rows: Iterable[Row]) -> bytes:
    """Return a boot record: that of the disk, or of a logical partition."""
    table = b"".join(struct.pack("<4xB3xII", *row) for row in rows).ljust(64, b"\0")
    return bytes(446) + table + b"\x55\xaa"


def placed(parts: Mapping[int, bytes], *, sectors: int = 0) -> bytes:
    """Return a disk with bytes at these sectors."""
    whole = max(sectors, *(at + -(-len(data) // SECTOR) for at, data in parts.items()))
    made = bytearray(whole * SECTOR)
    for at, data in parts.items():
        made[at * SECTOR : at * SECTOR + len(data)] = data
    return bytes(made)


def disk(*volumes: bytes) -> bytes:
    """Return a disk with an MBR and these volumes, one after the other."""
    at, parts, rows = START, {}, []
    for volume in volumes:
        sectors = -(-len(volume) // SECTOR)
        rows.append((0x07, at, sectors))
        parts[at] = volume
        at += sectors
    return placed({0: record(rows), **parts})


def gpt(
    volume: bytes,
    rows: Iterable[tuple[int, int]],
    *,
    count: int = 128,
    size: int = 128,
    at: int = 2,
    sectors: int = 1024,
    name: str = "name",
) -> bytes:
    """Return a disk with a GPT that says so, in both copies, and `volume` at sector 64.

    Rows are (first, last sector); `at` is where its header says that the entries stand.
    """
    table = b"".join(
        struct.pack(
            "<16s16sQQQ72s", _DATA.bytes_le, bytes((n,)) * 16, *row, 0, name.encode("utf-16-le")
        )
        for n, row in enumerate(rows, 1)
    )
    table = table.ljust(min(count * size, 62 * SECTOR), b"\0")

    def header(here: int, other: int) -> bytes:
        fields = (here, other, 64, sectors - 1, bytes(16), at, count, size, zlib.crc32(table))
        blank = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, *fields)
        return blank[:16] + struct.pack("<I", zlib.crc32(blank)) + blank[20:]

    last = sectors - 1
    parts = {0: record([(0xEE, 1, last)]), 2: table, 64: volume}
    return placed({**parts, 1: header(1, last), last: header(last, 1)}, sectors=sectors)
