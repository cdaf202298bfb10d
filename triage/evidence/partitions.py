"""Partition tables read from bytes: GPT, MBR with logical partitions, Apple's map, BSD labels.

Our own, because of TSK's table reader we would need more: type codes, GUIDs, labels, the number
that Linux gives a partition, and an answer for tables that are damaged or reach past the image.
Every loop is bounded. Sources: UEFI specification 5.2 and 5.3; kernel `block/partitions/*.c`;
Inside Macintosh: Devices, "The Partition Map"; FreeBSD `sys/disklabel.h`.
"""

from __future__ import annotations

import codecs
import struct
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from triage.errors import EvidenceError
from triage.evidence.partition_types import BSD_TYPES, EXTENDED, GPT_TYPES, MBR_TYPES
from triage.model import Reader

for _encoding in ("mac-roman", "utf-16-le"):
    codecs.lookup(_encoding)  # loaded now, for a locked worker can open no module

_MAX_LOGICAL = 256
_MAX_GPT_ENTRIES = 4096
_MAX_GPT_BYTES = 1 << 20
_MAX_MAP = 256
_MAX_BSD = 22
_SECTOR_SIZES = (512, 4096)
_SECTOR = 512
_BSD_MAGIC = b"\x57\x45\x56\x82"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One entry of a table. Offset and length in bytes of the media, both untrusted."""

    slot: int  # as Linux numbers it
    offset: int
    length: int
    type: str  # `0x07`, a GUID, an Apple name
    description: str
    label: str | None = None
    holds_others: bool = False  # an extended partition, or BSD's entry for the whole disk
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Bytes that the table itself takes.

    `damaged`: partitions may be missing from it, or be wrong; else a `problem` has been mended.
    """

    offset: int
    length: int
    description: str
    problem: str | None = None
    damaged: bool = False
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionTable:
    """A table: `dos`, `gpt`, `apm` or `bsd`; partitions by slot, regions by offset."""

    kind: str
    partitions: tuple[Partition, ...]
    regions: tuple[Region, ...]


def read_table(reader: Reader, sector_size: int) -> PartitionTable | None:
    """Return the partition table of a disk, or None. `sector_size` is tried before the others."""
    sizes = (sector_size, *(size for size in _SECTOR_SIZES if size != sector_size))
    found = (_gpt(reader, size) for size in sizes)
    table = next((table for table in found if table is not None), None)
    return table or _mbr(reader, sector_size) or _apple(reader) or read_bsd(reader, 0)


def _at(reader: Reader, offset: int, length: int) -> bytes:
    """Return the bytes, or fewer or none where the image has none."""
    if not 0 <= offset < reader.size:
        return b""
    try:
        return reader.read_at(offset, length)
    except EvidenceError:
        return b""


@dataclass(frozen=True, slots=True, kw_only=True)
class _GptHeader:
    offset: int
    entries_offset: int
    count: int
    entry_size: int
    entries: bytes
    disk: str
    good: bool


def _gpt_header(reader: Reader, offset: int, sector_size: int) -> _GptHeader | None:
    head = _at(reader, offset, 512)
    if not head.startswith(b"EFI PART") or len(head) < 92:  # noqa: PLR2004 - UEFI 5.3.2
        return None
    size, checksum = struct.unpack_from("<II", head, 12)
    start, count, entry_size, entries_checksum = struct.unpack_from("<QIII", head, 72)
    if not 128 <= entry_size <= 4096 or not count:  # noqa: PLR2004
        return None
    length = count * entry_size
    # What nobody has so many of is damage; the first entries may still be right.
    entries = _at(reader, start * sector_size, min(length, _MAX_GPT_BYTES))
    zeroed = head[:16] + bytes(4) + head[20:size]
    good = 92 <= size <= len(head) and zlib.crc32(zeroed) == checksum  # noqa: PLR2004
    return _GptHeader(
        offset=offset,
        entries_offset=start * sector_size,
        count=min(count, _MAX_GPT_ENTRIES),
        entry_size=entry_size,
        entries=entries,
        disk=_guid(head[56:72]),
        good=good and len(entries) == length and zlib.crc32(entries) == entries_checksum,
    )


def _gpt(reader: Reader, sector_size: int) -> PartitionTable | None:
    """Read the primary table, or the one at the end of the media when the primary is damaged."""
    end = reader.size // sector_size * sector_size - sector_size
    primary = _gpt_header(reader, sector_size, sector_size)
    backup = _gpt_header(reader, end, sector_size)
    used = primary if primary is not None and primary.good else None
    problem = None
    if used is None and backup is not None and backup.good:
        used = backup
        problem = f"the primary GPT is damaged; the backup at byte {end} was used"
    if used is None:
        used = primary or backup
        problem = "both copies of the GPT are damaged; its entries may be wrong"
    if used is None:
        return None
    regions = [
        Region(offset=0, length=sector_size, description="Protective MBR", details=_hybrid(reader)),
        Region(
            offset=sector_size,
            length=sector_size,
            description="GPT header",
            problem=problem,
            damaged=not used.good,
            details={"disk_guid": used.disk},
        ),
    ]
    for copy in (primary, backup):
        if copy is not None:
            length = max(len(copy.entries), 1)
            regions.append(
                Region(offset=copy.entries_offset, length=length, description="GPT entries")
            )
    if backup is not None:
        regions.append(Region(offset=end, length=sector_size, description="GPT backup header"))
    return PartitionTable(
        kind="gpt",
        partitions=tuple(_gpt_entries(used, sector_size)),
        regions=tuple(regions),
    )


def _gpt_entries(header: _GptHeader, sector_size: int) -> Iterator[Partition]:
    for number in range(header.count):
        entry = header.entries[number * header.entry_size :][: header.entry_size]
        if len(entry) < 128 or not any(entry[:16]):  # noqa: PLR2004
            continue
        first, last, flags = struct.unpack_from("<QQQ", entry, 32)
        kind = _guid(entry[:16])
        details = {"type": kind, "guid": _guid(entry[16:32])}
        if flags:
            details["flags"] = f"0x{flags:x}"
        yield Partition(
            slot=number + 1,
            offset=first * sector_size,
            length=max(0, last - first + 1) * sector_size,
            type=kind,
            description=GPT_TYPES.get(kind, f"unknown type {kind}"),
            label=entry[56:128].decode("utf-16-le", "replace").split("\x00")[0] or None,
            details=details,
        )


def _hybrid(reader: Reader) -> dict[str, str]:
    """Return what an MBR before a GPT lists besides the GPT itself: other systems see that."""
    others = [
        f"{number}: {MBR_TYPES.get(kind, hex(kind))} at sector {start}, {count} sectors"
        for number, kind, start, count in _mbr_entries(_at(reader, 0, 512))
        if kind != 0xEE  # noqa: PLR2004 - the protective entry
    ]
    return {"hybrid_mbr": "; ".join(others)} if others else {}


def _guid(data: bytes) -> str:
    return str(uuid.UUID(bytes_le=data)).upper()


def _mbr_entries(sector: bytes) -> list[tuple[int, int, int, int]]:
    """Return (number from 1, type, first sector, sectors) of the entries in use."""
    if len(sector) < 512 or sector[510:512] != b"\x55\xaa":  # noqa: PLR2004
        return []
    found = []
    for number in range(4):
        active, kind, start, count = struct.unpack_from("<B3xB3xII", sector, 446 + 16 * number)
        if active not in {0x00, 0x80}:
            return []  # boot code of a file system, not a table
        if kind and count:
            found.append((number + 1, kind, start, count))
    return found


def _mbr(reader: Reader, sector_size: int) -> PartitionTable | None:
    entries = _mbr_entries(_at(reader, 0, 512))
    if not entries:
        return None
    partitions = [
        _mbr_partition(number, kind, start * sector_size, count * sector_size)
        for number, kind, start, count in entries
    ]
    regions = [Region(offset=0, length=sector_size, description="MBR")]
    slot = 5
    for extended in [partition for partition in partitions if partition.holds_others]:
        for found in _logical(reader, extended.offset, sector_size, slot):
            if isinstance(found, Partition):
                partitions.append(found)
                slot = found.slot + 1
            else:
                regions.append(found)
    return PartitionTable(kind="dos", partitions=tuple(partitions), regions=tuple(regions))


def _mbr_partition(number: int, kind: int, offset: int, length: int) -> Partition:
    return Partition(
        slot=number,
        offset=offset,
        length=length,
        type=f"0x{kind:02x}",
        description=MBR_TYPES.get(kind, f"unknown type 0x{kind:02x}"),
        holds_others=kind in EXTENDED,
        details={"type": f"0x{kind:02x}"},
    )


def _logical(
    reader: Reader, base: int, sector_size: int, slot: int
) -> Iterator[Partition | Region]:
    """Follow the chain of extended boot records; each may list more than one partition."""
    seen: set[int] = set()
    waiting = [base]
    while waiting:
        at = waiting.pop(0)
        problem = None
        if at in seen:
            problem = "the chain of extended partitions runs in a circle"
        elif len(seen) >= _MAX_LOGICAL:
            problem = f"more than {_MAX_LOGICAL} extended partitions"
        sector = _at(reader, at, 512)
        if problem is None and sector[510:512] != b"\x55\xaa":
            problem = "the chain of extended partitions breaks off: no boot record here"
        if problem is not None:
            last = max(seen, default=base)
            yield Region(
                offset=last,
                length=sector_size,
                description="Extended MBR",
                problem=problem,
                damaged=bool(seen) or any(sector),  # else an extended partition without any other
            )
            return
        seen.add(at)
        yield Region(offset=at, length=sector_size, description="Extended MBR")
        for _, kind, start, count in _mbr_entries(sector):
            if kind in EXTENDED:
                waiting.append(base + start * sector_size)
            else:
                yield _mbr_partition(slot, kind, at + start * sector_size, count * sector_size)
                slot += 1


def _apple(reader: Reader) -> PartitionTable | None:
    block = next((size for size in (512, 2048, 4096) if _at(reader, size, 2) == b"PM"), None)
    if block is None:
        return None
    count = 1
    partitions = []
    number = 1
    while number <= min(count, _MAX_MAP):
        entry = _at(reader, number * block, 512)
        if entry[:2] != b"PM" or len(entry) < 80:  # noqa: PLR2004
            break
        if number == 1:
            count = int.from_bytes(entry[4:8], "big")
        start, length = struct.unpack_from(">II", entry, 8)
        kind = _apple_text(entry[48:80])
        if kind != "Apple_Free":
            partitions.append(
                Partition(
                    slot=number,
                    offset=start * block,
                    length=length * block,
                    type=kind,
                    description=kind,
                    label=_apple_text(entry[16:48]) or None,
                )
            )
        number += 1
    region = Region(offset=0, length=block, description="Apple driver descriptor")
    return PartitionTable(kind="apm", partitions=tuple(partitions), regions=(region,))


def _apple_text(data: bytes) -> str:
    return data.split(b"\x00")[0].decode("mac-roman")


def read_bsd(reader: Reader, base: int) -> PartitionTable | None:
    """Return the BSD label behind `base`, the start of the disk or of a slice of it.

    It stands in the second sector (x86) or at byte 64 of the first (Alpha; parted). Offsets in it
    count from the disk or from the slice; the entry `c`, which stands for the whole, tells which.
    """
    for at in (base + _SECTOR, base + 64):
        label = _at(reader, at, 512)
        if len(label) == 512 and label[:4] == _BSD_MAGIC == label[132:136]:  # noqa: PLR2004
            return _bsd(label, base, at)
    return None


def _bsd(label: bytes, base: int, at: int) -> PartitionTable:
    (unit,) = struct.unpack_from("<I", label, 40)
    (count,) = struct.unpack_from("<H", label, 138)
    if unit not in {512, 1024, 2048, 4096}:
        unit = 512
    entries = [
        struct.unpack_from("<IIIB", label, 148 + 16 * n) for n in range(min(count, _MAX_BSD))
    ]
    whole = entries[2] if len(entries) > 2 else (0, 0, 0, 0)  # noqa: PLR2004
    shift = base - whole[1] * unit if whole[0] else 0
    partitions = tuple(
        Partition(
            slot=number + 1,
            offset=start * unit + shift,
            length=size * unit,
            type=str(kind),
            description=f"BSD {chr(97 + number)}: {BSD_TYPES.get(kind, f'type {kind}')}",
            holds_others=number == 2,  # noqa: PLR2004
        )
        for number, (size, start, _, kind) in enumerate(entries)
        if size
    )
    region = Region(offset=at // _SECTOR * _SECTOR, length=_SECTOR, description="BSD disk label")
    return PartitionTable(kind="bsd", partitions=partitions, regions=(region,))
