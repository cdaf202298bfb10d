"""Divide the media into volumes and gaps, and say of each what it is.

Every byte belongs to a volume or to a gap. Names are stable: `p<slot>`, `gap@<byte>`, `whole`;
inside of an APFS container `p2/apfs-<slot>`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from triage.evidence import apfs
from triage.evidence.contents import Content, Contents
from triage.evidence.image import DiskImage
from triage.evidence.partition_types import BOOKKEEPING, BSD_SLICES, STORAGE_SPACES
from triage.evidence.partitions import Partition, PartitionTable, Region, read_bsd, read_table
from triage.model import Volume, VolumeState

_MIB = 1 << 20
_LOST = 1 << 16  # a gap smaller than this cannot hold a file system worth a look

_BOOT_SECTOR_KINDS = frozenset({"ntfs", "fat12", "fat16", "fat32", "exfat"})
_UNREAD_TYPES = {
    STORAGE_SPACES: ("storage-spaces", "member of Windows Storage Spaces, which is not read"),
    "AF9B60A0-1431-4F62-BC68-3311714A69AD": ("ldm", "Windows dynamic disk, which is not read"),
    "0x42": ("ldm", "Windows dynamic disk, which is not read"),
}
_PROTECTIVE = "0xee"


def volumes(image: DiskImage) -> list[Volume]:
    """Return the volumes and gaps of the media, in the order of their first byte.

    Nothing is raised for what the media hold: a damaged table or file system is a state and a
    `problem`. A partition that reaches past the image is cut to it, with `declared_length` in
    its details. Volumes inside of a container follow it, with its offset and length.
    """
    return [part for volume in _Disk(image).volumes() for part in _parts(image, volume)]


def _parts(image: DiskImage, volume: Volume) -> list[Volume]:
    return apfs.divide(image, volume) if volume.scheme == apfs.SCHEME else [volume]


class _Disk:
    def __init__(self, image: DiskImage) -> None:
        self._image = image
        self._contents = Contents(image)

    def volumes(self) -> list[Volume]:
        start = self._contents.filesystem(0, self._image.size)
        table = None
        if not self._no_table(start):
            table = self._table()
        if table is None:
            return [self._whole()]
        found, nested = [], []
        for partition in table.partitions:
            volume = self._partition(table.kind, partition)
            slices = list(self._slices(volume))
            if slices and volume.filesystem is None:  # all it holds is listed on its own
                volume = replace(volume, state=VolumeState.META, problem=None)
            found.append(volume)
            nested.extend(slices)
        if start is not None and start.filesystem == "iso9660":
            return _sorted([*self._hybrid_disc(start, found), *nested])
        found = _without_copies(found)
        return _sorted([*found, *nested, *self._gaps(table, [*found, *nested])])

    def _no_table(self, start: Content | None) -> bool:
        """Whether the first sector belongs to a file system or a lock, not to a table.

        The boot sectors of FAT and NTFS end like an MBR, and their code can look like entries.
        """
        head = self._contents.read(0, 512)
        return (
            (start is not None and start.filesystem in _BOOT_SECTOR_KINDS)
            or head.startswith(b"LUKS\xba\xbe")
            or head[3:11] in {b"-FVE-FS-", b"ReFS\x00\x00\x00\x00"}
            or head[32:36] == b"NXSB"
        )

    def _table(self) -> PartitionTable | None:
        """Return the table; where nobody says so, find out if its sectors are of 4096 bytes."""
        image = self._image
        table = read_table(image, image.sector_size)
        if table is None or table.kind != "dos" or image.info.sector_size is not None:
            return table
        other = read_table(image, 4096)
        if other is not None and self._marks(other) > self._marks(table) == 0:
            return other
        return table

    def _marks(self, table: PartitionTable) -> int:
        return sum(self._contents.marked(partition.offset) for partition in table.partitions)

    def _hybrid_disc(self, start: Content, found: list[Volume]) -> Iterator[Volume]:
        """Yield an ISO 9660 disc made for USB sticks: its table lists parts of the disc itself."""
        yield _volume("whole", 0, self._image.size, start, words="hybrid disc")
        for volume in found:
            if volume.filesystem == "iso9660":
                problem = "is the disc itself, which is examined as a whole"
                yield replace(volume, state=VolumeState.META, filesystem=None, problem=problem)
            else:
                yield volume

    def _whole(self) -> Volume:
        size = self._image.size
        return _volume("whole", 0, size, self._contents.at(0, size), words="no partition table")

    def _partition(self, kind: str, partition: Partition) -> Volume:
        size = self._image.size
        length = max(0, min(partition.length, size - partition.offset))
        details = dict(partition.details)
        problems = []
        if length < partition.length:
            details["declared_length"] = str(partition.length)
            excess = partition.offset + partition.length - size
            problems.append(f"ends {excess} bytes past the image")
        if partition.holds_others:
            content = Content(state=VolumeState.META)
        elif length == 0:
            content = Content(state=VolumeState.DAMAGED, problem="holds no byte of the image")
        else:
            content = self._typed(partition.type, self._contents.at(partition.offset, length))
            if problems and content.state in {VolumeState.UNKNOWN, VolumeState.EMPTY}:
                content = replace(content, state=VolumeState.DAMAGED)
        if content.problem:
            problems.append(content.problem)
        content = replace(content, details=details | content.details)
        content = replace(content, problem="; ".join(problems) or None)
        name, words = f"p{partition.slot}", partition.description
        volume = _volume(name, partition.offset, length, content, table=kind, words=words)
        return replace(volume, label=partition.label)

    @staticmethod
    def _typed(kind: str, content: Content) -> Content:
        """Let the type in the table decide where the bytes say nothing."""
        if content.state not in {VolumeState.UNKNOWN, VolumeState.EMPTY}:
            return content
        if kind in _UNREAD_TYPES:
            scheme, problem = _UNREAD_TYPES[kind]
            return replace(content, state=VolumeState.UNSUPPORTED, scheme=scheme, problem=problem)
        if kind in BOOKKEEPING or kind.startswith("Apple_Driver"):
            return replace(content, state=VolumeState.META, scheme=None, problem=None)
        if kind == _PROTECTIVE:
            problem = "protects a GPT, but none can be read"
            return replace(content, state=VolumeState.DAMAGED, problem=problem)
        return content

    def _slices(self, volume: Volume) -> Iterator[Volume]:
        """Yield the partitions of a BSD label within a slice."""
        if volume.details.get("type") not in {f"0x{kind:02x}" for kind in BSD_SLICES}:
            return
        table = read_bsd(self._image, volume.offset)
        for partition in table.partitions if table is not None else ():
            inner = self._partition("bsd", partition)
            if inner.state is not VolumeState.META and inner.offset != volume.offset:
                yield replace(inner, name=f"{volume.name}/bsd-{chr(96 + partition.slot)}")

    def _gaps(self, table: PartitionTable, found: list[Volume]) -> Iterator[Volume]:
        """Yield what no partition covers: the table's own sectors, and the rest."""
        size = self._image.size
        containers = {f"p{p.slot}" for p in table.partitions if p.holds_others}
        outer = {volume.name.partition("/")[0] for volume in found if "/" in volume.name}
        containers |= {v.name for v in found if v.name in outer and v.state is VolumeState.META}
        taken = sorted(
            (volume.offset, _end(volume))
            for volume in found
            if volume.length and volume.name not in containers
        )
        regions = sorted(table.regions, key=lambda region: region.offset)
        free = list(_uncovered(taken, size))
        for start, end in free:
            at = start
            for region in _merged(regions, start, end):
                yield from self._gap(at, region.offset)
                yield _region(region, table.kind)
                at = region.offset + region.length
            yield from self._gap(at, end)
        # A partition laid over a damaged table must not hide that it is damaged.
        damaged = (_within(region, 0, size) for region in regions if region.damaged)
        for region in filter(None, damaged):
            if not any(_within(region, *gap) for gap in free):
                yield _region(region, table.kind)

    def _gap(self, start: int, end: int) -> Iterator[Volume]:
        """Yield a gap, and what a partition that was deleted may have left in it."""
        if start >= end:
            return
        aligned = -(-start // _MIB) * _MIB
        for at in dict.fromkeys((start, aligned)):
            if end - at < _LOST:
                break
            content = self._contents.lost(at, end - at)
            if content is not None:
                yield from self._gap_without(start, at)
                name = f"gap@{at}"
                yield _volume(name, at, end - at, content, words="not in the partition table")
                return
        yield from self._gap_without(start, end)

    @staticmethod
    def _gap_without(start: int, end: int) -> Iterator[Volume]:
        if start < end:
            content = Content(state=VolumeState.GAP)
            yield _volume(f"gap@{start}", start, end - start, content, words="unpartitioned")


def _volume(
    name: str, offset: int, length: int, content: Content, *, table: str = "none", words: str
) -> Volume:
    return Volume(
        name=name,
        offset=offset,
        length=length,
        table=table,
        description=words,
        label=None,
        state=content.state,
        filesystem=content.filesystem,
        scheme=content.scheme,
        details=content.details,
        problem=content.problem,
    )


def _region(region: Region, table: str) -> Volume:
    content = Content(
        state=VolumeState.DAMAGED if region.damaged else VolumeState.META,
        details=region.details,
        problem=region.problem,
    )
    name, words = f"gap@{region.offset}", region.description
    return _volume(name, region.offset, region.length, content, table=table, words=words)


def _sorted(found: list[Volume]) -> list[Volume]:
    return sorted(found, key=lambda volume: (volume.offset, -volume.length, volume.name))


def _without_copies(found: list[Volume]) -> list[Volume]:
    """Mark partitions that overlap; one that begins where another does is not examined twice."""
    result = []
    furthest: Volume | None = None  # of those seen
    at: dict[int, str] = {}  # first byte → who is examined there
    for volume in _sorted(found):
        marked = volume
        examined = volume.state is not VolumeState.META and volume.length > 0
        if examined and furthest is not None and volume.offset < _end(furthest):
            problem = f"overlaps {furthest.name}"
            if volume.offset in at:
                problem = f"begins where {at[volume.offset]} begins, and is examined there"
                marked = replace(volume, state=VolumeState.DAMAGED, filesystem=None, scheme=None)
            parts = filter(None, (problem, marked.problem))
            marked = replace(marked, problem="; ".join(parts))
        if examined:
            at.setdefault(volume.offset, volume.name)
            if furthest is None or _end(volume) > _end(furthest):
                furthest = volume
        result.append(marked)
    return result


def _end(volume: Volume) -> int:
    return volume.offset + volume.length


def _uncovered(taken: list[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    at = 0
    for start, end in [*taken, (size, size)]:
        if at < start:
            yield at, start
        at = max(at, end)


def _within(region: Region, start: int, end: int) -> Region | None:
    """Return the part of a region that lies there."""
    first = max(region.offset, start)
    length = min(region.offset + region.length, end) - first
    return replace(region, offset=first, length=length) if length > 0 else None


def _merged(regions: list[Region], start: int, end: int) -> Iterator[Region]:
    """Yield the regions within a gap, cut to it, those that touch as one."""
    current: Region | None = None
    for region in filter(None, (_within(region, start, end) for region in regions)):
        if current is not None and region.offset <= current.offset + current.length:
            reached = region.offset + region.length - current.offset
            current = Region(
                offset=current.offset,
                length=max(current.length, reached),
                description=f"{current.description}, {region.description}",
                problem="; ".join(filter(None, (current.problem, region.problem))) or None,
                damaged=current.damaged or region.damaged,
                details=current.details | region.details,
            )
            continue
        if current is not None:
            yield current
        current = region
    if current is not None:
        yield current
