"""$MFT and the indexes of directories, read from the media in long strokes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import groupby

import numpy as np

from triage.evidence.arrays import Buffer, Ints, check
from triage.evidence.beginnings import INSIDE, NOWHERE
from triage.evidence.bulk import fill
from triage.evidence.filesystem import TskTree
from triage.evidence.ntfs_index import Entries, find_entries, index_records
from triage.evidence.ntfs_records import IN_USE, Allocation, Geometry, Records
from triage.model import Reader, Storage

_CHUNK = 4 << 20  # bytes of $MFT decoded at once
_BATCH = 4 << 20  # bytes of indexes
_BOOT_SECTOR = 512
_SECTOR = 512
_LARGEST_RECORD = 1 << 16
_MOST_RECORDS = 1 << 24
_VOLUME, _VOLUME_INFORMATION = 3, 0x70
_NT4 = b"\x01\x02"  # its run lists are not ours


def geometry(image: Reader, offset: int, tsk: TskTree) -> Geometry:
    """Return the sizes that the boot sector and TSK tell. Raises Declined and EvidenceError."""
    boot = image.read_at(offset, _BOOT_SECTOR)
    check(len(boot) == _BOOT_SECTOR, "short boot sector")
    cluster = tsk.block_size

    def size(place: int) -> int:
        units = int.from_bytes(boot[place : place + 1], "little", signed=True)
        return units * cluster if units > 0 else 1 << min(-units, 31)

    record, index = size(64), size(68)
    check(cluster % _SECTOR == 0 and _SECTOR <= record <= _LARGEST_RECORD, "odd sizes")
    check(record % _SECTOR == 0 and index % _SECTOR == 0, "odd sizes")
    check(0 < tsk.last_inode <= _MOST_RECORDS, "too many records")
    _check_version(tsk)
    return Geometry(
        cluster=cluster,
        record=record,
        index=index,
        blocks=tsk.block_count,
        records=tsk.last_inode,
    )


def _check_version(tsk: TskTree) -> None:
    for attribute in tsk.entry(_VOLUME):
        info = attribute.info
        if int(info.type) == _VOLUME_INFORMATION:
            reader = tsk.open(f"{_VOLUME}-{_VOLUME_INFORMATION}-{int(info.id)}")
            check(reader.read_at(8, 2) != _NT4, "NT 4")


def chunks(image: Reader, tsk: TskTree, sizes: Geometry) -> Iterator[tuple[int, Buffer]]:
    """Yield (number of the first record, records) of all of $MFT; each is gone with the next."""
    runs = tsk.runs("0")
    total = sizes.records * sizes.record
    covered = 0
    for run in runs:
        check(run.storage is Storage.PLAIN and run.file_offset == covered, "odd runs of $MFT")
        covered += run.length
        check(run.length >= sizes.record or covered >= total, "short run of $MFT")
    check(covered >= total, "$MFT ends early")
    step = max(1, _CHUNK // sizes.record) * sizes.record
    buffer = Buffer(0)
    for start in range(0, total, step):
        size = min(step, total - start)
        if buffer.size != size:  # else the memory serves again
            buffer = Buffer(size)
        view = buffer.bytes.data
        for run in runs:
            first = max(start, run.file_offset)
            end = min(start + buffer.size, run.file_offset + run.length)
            if first < end and run.image_offset is not None:
                data = image.read_at(run.image_offset + first - run.file_offset, end - first)
                check(len(data) == end - first, "$MFT is cut")
                view[first - start : end - start] = data
        yield start // sizes.record, buffer


def on_media(places: Ints, offset: int, tsk: TskTree) -> Ints:
    """Return places in a volume, or INSIDE of $MFT, as places on the media."""
    runs = tsk.runs("0")
    first = np.array([run.file_offset for run in runs], dtype=np.int64)
    start = np.array([run.image_offset or 0 for run in runs], dtype=np.int64)
    at, inside = places >> 1, places & INSIDE
    run = np.searchsorted(first, at, "right") - 1
    there = np.where(inside != 0, start[run] + at - first[run], at + offset)
    return np.where(places == NOWHERE, NOWHERE, there << 1 | inside)


def record_part(media: Reader, offset: int, length: int, *, volume: int, size: int) -> bytes | None:
    """Return content that stands in a record of `size` bytes, as it was before the fix-up.

    `volume` is where the volume begins: records lie at multiples of their size from there, or None
    is returned.
    """
    start = offset - (offset - volume) % size
    record = bytearray(media.read_at(start, size))
    if len(record) != size or record[:4] != b"FILE":
        return None
    at, count = struct.unpack_from("<HH", record, 4)
    for number in range(1, min(count, size // _SECTOR + 1)):
        last = number * _SECTOR
        record[last - 2 : last] = record[at + 2 * number : at + 2 * number + 2].ljust(2, b"\0")
    part = record[offset - start : offset - start + length]
    return bytes(part) if len(part) == length else None


def read_indexes(image: Reader, offset: int, records: Records) -> list[Entries]:
    """Read every index allocation, in the order in which they lie on the media."""
    todo = [
        allocation
        for allocation in records.allocations
        if allocation.size and records.listable[allocation.directory]
    ]
    todo.sort(key=lambda allocation: allocation.runs[0][0])
    total, batch = 0, []
    for allocation in todo:
        batch.append(total // _BATCH)
        total += allocation.size
    parts = []
    numbered = zip(batch, todo, strict=True)
    for _, some in groupby(numbered, key=lambda pair: pair[0]):
        parts.append(_read_batch(image, offset, records, [allocation for _, allocation in some]))
    return parts


def _read_batch(image: Reader, offset: int, records: Records, todo: list[Allocation]) -> Entries:
    cluster = records.geometry.cluster
    pieces: list[tuple[int, int, int]] = []  # offset in the image and in the buffer, length
    starts = []
    end = 0
    for allocation in todo:
        starts.append(end)
        check(allocation.size % cluster == 0, "index of no whole clusters")
        for address, length in allocation.runs:
            pieces.append((offset + address * cluster, end, length * cluster))
            end += length * cluster
    buffer = Buffer(end)
    fill(image, buffer.bytes.data, sorted(pieces))
    directories = np.array([allocation.directory for allocation in todo], dtype=np.int64)
    starts.append(end)
    sizes = records.geometry
    regions, torn = index_records(
        buffer, np.array(starts, dtype=np.int64), directories, sizes.cluster, sizes.index
    )
    records.listable[torn] = False
    regions.deleted[:] = records.state[regions.owner] & IN_USE == 0
    return find_entries(buffer, regions, sizes.records, records.names)
