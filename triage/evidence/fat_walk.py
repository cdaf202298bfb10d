"""All directories of a FAT or exFAT volume, level by level; what both have in common.

What an entry is and where a directory lies is left to each. Names without a place in a directory
of the volume, those that TSK would list as orphans, are not looked for beyond finding that there
are some: then the volume is TSK's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from triage.evidence.arrays import Array, Bools, Ints, Names, check, distinct, groups, member
from triage.evidence.bulk import fill
from triage.evidence.fat_volume import ENTRY, FatVolume
from triage.evidence.index import LOCAL_TIMES, META_ALLOCATED, NAME_ALLOCATED, NO_TIME, TYPES
from triage.evidence.layout import DESCEND, Files, Rows
from triage.model import EntryType, Reader

ROOT = 2
FIRST_CLUSTER = 2
MOST_BYTES = 1 << 30  # of the directories of one level
_DECODED = 4 << 20  # bytes of directories decoded at once
_SCANNED = 4 << 20  # bytes of free clusters looked through at once
_FILE, _DIRECTORY = TYPES.index(EntryType.FILE), TYPES.index(EntryType.DIRECTORY)
_IN_USE = NAME_ALLOCATED | META_ALLOCATED
_TIMES = ("modified", "accessed", "changed", "created")

VolumeT = TypeVar("VolumeT", bound=FatVolume)


@dataclass(slots=True, kw_only=True)
class Level:
    """Directories of one level, and what is known of them."""

    address: Ints
    cluster: Ints  # the first
    in_use: Bools
    size: Ints  # bytes; 0 where only the table of clusters tells
    whole: Bools  # the clusters lie side by side, whatever the table says

    def take(self, rows: Ints | Bools) -> Level:
        """Return some of them."""
        return Level(**{name: getattr(self, name)[rows] for name in self.__slots__})


def joined(parts: list[Level]) -> Level:
    """Return all of them, one behind the other."""
    return Level(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in Level.__slots__
        }
    )


@dataclass(slots=True, kw_only=True)
class Found:
    """Names and what they stand for."""

    owner: Ints  # address of the directory
    file: Level  # of all of them, files too
    folder: Bools
    offset: Ints  # in the pool of names
    length: Ints
    times: list[Ints]  # modified, accessed, changed, created: ns of the wall clock, or NO_TIME


@dataclass(slots=True)
class FatWalk(ABC, Generic[VolumeT]):
    """One volume while it is listed."""

    image: Reader
    offset: int
    volume: VolumeT
    names: Names = field(default_factory=Names)
    columns: dict[str, list[Array]] = field(default_factory=dict)
    sizes: list[tuple[Ints, Ints]] = field(default_factory=list)
    """Addresses of directories and the bytes of their clusters, where entries do not say it."""

    @abstractmethod
    def sectors(self, level: Level) -> tuple[Ints, Ints]:
        """Return owner (its place in the level) and sector of all content, in its order."""

    @abstractmethod
    def decode(self, level: Level, owner: Ints, sectors: Ints) -> Found:
        """Return all names of some directories. Raises Declined."""

    @abstractmethod
    def orphans(self, raw: Array) -> tuple[Ints, Bools]:
        """Look through free sectors, each (entries, bytes of an entry).

        Return the sectors that TSK takes for those of a directory, and for each of their entries
        whether it would be listed as an orphan when no directory names it.
        """

    def go(self, max_entries: int, progress: Callable[[int], None]) -> None:
        """Decode all directories level by level. Raises Declined and EvidenceError."""
        seen, count = np.array([ROOT]), 0
        level = Level(
            address=seen,
            cluster=np.array([self.volume.root]),
            in_use=np.array([True]),
            size=np.array([0]),
            whole=np.array([False]),
        )
        while len(level.address):
            owner, sectors = self.sectors(level)
            check(len(sectors) * self.volume.sector <= MOST_BYTES, "very large directories")
            below: list[Level] = []
            for some in self._portions(owner):
                found = self.decode(level, owner[some], sectors[some])
                self._take(found)
                below.append(found.file.take(found.folder))
                count += len(found.owner)
                check(count <= max_entries, "limit")
                progress(count)
            if not below:
                break
            folders = joined(below)
            first = np.sort(np.unique(folders.address, return_index=True)[1])
            first = first[~member(folders.address[first], seen)]
            seen = np.concatenate((seen, folders.address[first]))
            level = folders.take(first)

    def _portions(self, owner: Ints) -> Iterator[slice]:
        """Divide a level between directories: decoding takes many times their size."""
        starts, _ = groups(owner)
        step = _DECODED // self.volume.sector
        at = 0
        while at < len(owner):
            following = np.searchsorted(starts, at + step)
            end = int(starts[following]) if following < len(starts) else len(owner)
            yield slice(at, end)
            at = end

    def _take(self, found: Found) -> None:
        enter = np.where(found.file.address == found.owner, 0, DESCEND)
        flags = np.where(found.folder, _DIRECTORY | enter, _FILE) | LOCAL_TIMES
        flags = (flags | np.where(found.file.in_use, _IN_USE, 0)).astype(np.uint8)
        self._add(
            directory=found.owner,
            address=found.file.address,
            flags=flags,
            offset=found.offset,
            length=found.length,
            size=found.file.size,
            **dict(zip(_TIMES, found.times, strict=True)),
        )

    def _add(self, **columns: Array) -> None:
        for name, column in columns.items():
            self.columns.setdefault(name, []).append(column)

    def read(self, sectors: Ints) -> Array:
        """Return the bytes of sectors in their order. Raises EvidenceError."""
        size = self.volume.sector
        order = np.argsort(sectors, kind="stable")
        places = (self.offset + sectors[order] * size).tolist()
        data = np.zeros(len(sectors) * size, dtype=np.uint8)
        pieces = [(at, to * size, size) for at, to in zip(places, order.tolist(), strict=True)]
        fill(self.image, memoryview(data.data), pieces)
        return data

    def addresses(self, sectors: Ints) -> Ints:
        """Return TSK's address of each entry in sectors, (sectors, entries)."""
        each = self.volume.sector // ENTRY
        return self.volume.address(0) + (sectors * each)[:, None] + np.arange(each)

    def scan(self, free: Ints, progress: Callable[[int], None]) -> None:
        """Decline where free clusters hold what TSK would list as an orphan."""
        volume, named = self.volume, self._deleted()
        sectors = volume.sector_of(free)
        breaks = np.flatnonzero(np.diff(free) != 1) + 1
        runs = [
            (int(part[0]), len(part) * volume.cluster)
            for part in np.split(sectors, breaks)
            if len(part)
        ]
        tail = volume.clusters_at + volume.count * volume.cluster
        if tail < volume.sectors:
            runs.append((tail, volume.sectors - tail))
        for start, length in runs:
            step = _SCANNED // volume.sector
            for at in range(start, start + length, step):
                self._scan(at, min(step, start + length - at), named)
            progress(0)

    def _deleted(self) -> Ints:
        address, flags = (np.concatenate(self.columns[name]) for name in ("address", "flags"))
        return distinct(address[flags & META_ALLOCATED == 0])

    def _scan(self, sector: int, count: int, known: Ints) -> None:
        volume = self.volume
        data = self.image.read_at(self.offset + sector * volume.sector, count * volume.sector)
        check(len(data) == count * volume.sector, "cut")
        raw = np.frombuffer(data, dtype=np.uint8).reshape(count, -1, ENTRY)
        some, orphan = self.orphans(raw)
        if len(some):
            addresses = self.addresses(sector + some).reshape(-1)
            check(member(addresses[orphan], known), "orphans")

    def rows(self, last: int) -> Rows:
        """Return every name, the files that TSK invents too."""
        self._virtual(last)
        column = {name: np.concatenate(parts) for name, parts in self.columns.items()}
        self.columns.clear()
        numbers, first = np.unique(np.append(column["address"], ROOT), return_index=True)
        first[first == len(column["address"])] = 0  # the root: its times are not in the index
        record = np.searchsorted(numbers, column["address"])
        size = column["size"]
        if self.sizes:
            folders = np.concatenate([address for address, _ in self.sizes])
            lengths = np.concatenate([length for _, length in self.sizes])
            order = np.argsort(folders)
            folders, lengths = folders[order], lengths[order]
            at = np.minimum(np.searchsorted(folders, column["address"]), len(folders) - 1)
            size = np.where(folders[at] == column["address"], lengths[at], size)
        return Rows(
            files=Files(
                root=int(np.searchsorted(numbers, ROOT)),
                listable=np.ones(len(numbers), dtype=np.bool_),
                times=[column[name][first] for name in _TIMES],
                numbers=numbers,
            ),
            names=self.names,
            directory=np.searchsorted(numbers, column["directory"]),
            record=record,
            flags=column["flags"],
            known=np.ones(len(record), dtype=np.bool_),
            offset=column["offset"],
            length=column["length"],
            size=size,
        )

    def _virtual(self, last: int) -> None:
        volume = self.volume
        table = volume.table_sectors * volume.sector
        made = [(b"$MBR", 512), *((b"$FAT%d" % (n + 1), table) for n in range(volume.tables))]
        first = last - volume.tables - 1
        address = np.array([*range(first, first + len(made)), last])
        flags = np.full(len(address), _FILE | LOCAL_TIMES | _IN_USE, dtype=np.uint8)
        flags[-1] = _DIRECTORY | DESCEND | LOCAL_TIMES | _IN_USE
        offset, length = self.names.add(b"".join(n + b"/" for n, _ in made) + b"$OrphanFiles/")
        none = np.full(len(address), NO_TIME, dtype=np.int64)
        self._add(
            directory=np.full(len(address), ROOT),
            address=address,
            flags=flags,
            offset=offset,
            length=length,
            size=np.array([*(size for _, size in made), 0]),
            **dict.fromkeys(_TIMES, none),
        )
