"""Records of an NTFS $MFT and their attributes as bytes.

Layout: the NTFS documentation of the Linux-NTFS project, and volumes made by mkntfs and Windows.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from triage.errors import TrainingError
from triage.training.media.canvas import Runs

RECORD, CLUSTER = 1024, 4096
STANDARD_INFORMATION, FILE_NAME, VOLUME_NAME, VOLUME_INFORMATION = 0x10, 0x30, 0x60, 0x70
DATA, INDEX_ROOT, INDEX_ALLOCATION, BITMAP = 0x80, 0x90, 0xA0, 0xB0
ROOM = RECORD - 0x38 - 8  # bytes for attributes: behind the head, before the end mark
IN_USE, FOLDER, VIEW = 0x01, 0x02, 0x08
"""Flags of a record."""
INDEXED_FOLDER = 0x10000000
"""Flag of a file name: it is that of a folder."""

Times = tuple[int, int, int, int]
"""Created, modified, changed, accessed: nanoseconds since 1970."""

_SECTOR = 512
_EPOCH = 116_444_736_000_000_000  # 1970 in units of 100 ns since 1601
_UPDATE = 1  # the update sequence number of everything: written once


def filetime(ns: int) -> int:
    """Return nanoseconds since 1970 as Windows counts."""
    return ns // 100 + _EPOCH


def reference(number: int, sequence: int) -> int:
    """Return the reference to a record."""
    return number | sequence << 48


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)


def resident(kind: int, value: bytes, *, name: str = "", indexed: bool = False) -> bytes:
    """Return an attribute whose value stands in the record."""
    title = _padded(name.encode("utf-16-le"))
    body = title + _padded(value)
    return (
        struct.pack(
            "<IIBBHHHIHBx",
            *(kind, 24 + len(body), 0, len(name.encode("utf-16-le")) // 2, 24, 0, 0),
            *(len(value), 24 + len(title), indexed),
        )
        + body
    )


def outside(kind: int, runs: Runs, size: int, *, name: str = "", sparse: int = 0) -> bytes:
    """Return an attribute of `size` bytes in clusters; `sparse`: in so many that are not there."""
    title = _padded(name.encode("utf-16-le"))
    count = sparse or sum(map(len, runs))
    coded = b"\x04" + struct.pack("<I", sparse) if sparse else _coded(runs)
    body = title + _padded(coded + b"\0")
    return (
        struct.pack(
            "<IIBBHHHQqHH4xQQQ",
            *(kind, 64 + len(body), 1, len(name.encode("utf-16-le")) // 2, 64, 0, 0),
            *(0, count - 1, 64 + len(title), 0),
            *(count * CLUSTER, size, 0 if sparse else size),
        )
        + body
    )


def _coded(runs: Runs) -> bytes:
    """Return runs as lengths and distances, each number as short as its sign allows."""
    parts, last = [], 0
    for run in runs:
        length, distance = _short(len(run)), _short(run.start - last)
        parts.append(bytes([len(distance) << 4 | len(length)]) + length + distance)
        last = run.start
    return b"".join(parts)


def _short(value: int) -> bytes:
    count = 1
    while not -(1 << 8 * count - 1) <= value < 1 << 8 * count - 1:
        count += 1
    return value.to_bytes(count, "little", signed=True)


def record(
    number: int, attributes: Sequence[bytes], *, flags: int, sequence: int, links: int
) -> bytes:
    """Return a record of 1024 bytes. Raises TrainingError when the attributes do not fit."""
    body = bytearray()
    # By type; within one type callers give the order of names.
    ordered = sorted(attributes, key=lambda one: int.from_bytes(one[:4], "little"))
    for identifier, attribute in enumerate(ordered):
        start = len(body)
        body += attribute
        struct.pack_into("<H", body, start + 14, identifier)
    if len(body) > ROOM:
        raise TrainingError("has more streams than one record holds")
    head = struct.pack(
        "<4sHHQHHHHIIQHHI",
        *(b"FILE", 0x30, 3, 0, sequence, links, 0x38, flags),
        *(0x38 + len(body) + 8, RECORD, 0, len(attributes), 0, number),
    )
    data = bytearray(head.ljust(0x38, b"\0") + body + b"\xff" * 4)
    return fixed_up(data, RECORD, 0x30)


def fixed_up(data: bytearray, size: int, at: int) -> bytes:
    """Fill up to `size` and protect each sector by its last two bytes; they go to the array."""
    data += bytes(size - len(data))
    struct.pack_into("<H", data, at, _UPDATE)
    for sector in range(size // _SECTOR):
        end = (sector + 1) * _SECTOR - 2
        data[at + 2 + sector * 2 : at + 4 + sector * 2] = data[end : end + 2]
        struct.pack_into("<H", data, end, _UPDATE)
    return bytes(data)


def standard_information(times: Times, attributes: int, security: int) -> bytes:
    """Return the attribute with the times, the flags and the owner of a file."""
    stamps = map(filetime, times)
    value = struct.pack("<QQQQI12xII16x", *stamps, attributes, 0, security)
    return resident(STANDARD_INFORMATION, value)


def file_name(
    parent: int,
    name: str,
    times: Times,
    *,
    attributes: int,
    sizes: tuple[int, int] = (0, 0),
    dos: bool = False,
) -> bytes:
    """Return the value of a name; `sizes` are bytes allocated and used."""
    data = name.encode("utf-16-le")
    head = struct.pack("<QQQQQQQII", parent, *map(filetime, times), *sizes, attributes, 0)
    # A name of Windows alone (1) would promise a second one of MS-DOS beside it.
    return head + bytes([len(data) // 2, 3 if dos else 0]) + data
