"""FAT12, 16 and 32 listed in bulk: the table at once, and all directories of a level together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from triage.evidence.arrays import (
    Array,
    Bools,
    Ints,
    Names,
    check,
    distinct,
    groups,
    member,
)
from triage.evidence.bulk import TreeInBulk, fill
from triage.evidence.fat import FatTree
from triage.evidence.fat_entries import DELETED, DOT, LONG_NAME, Entries
from triage.evidence.fat_names import named
from triage.evidence.fat_volume import ENTRY, FatVolume, fat_volume
from triage.evidence.filesystem import TskTree
from triage.evidence.index import (
    LOCAL_TIMES,
    META_ALLOCATED,
    NAME_ALLOCATED,
    NO_TIME,
    TYPES,
    Named,
)
from triage.evidence.layout import DESCEND, Files, Rows
from triage.evidence.tree import Listed
from triage.model import EntryType, Reader

_ROOT = 2
_MOST_CLUSTERS = 1 << 16  # of one directory
_MOST_BYTES = 1 << 30  # of the directories of one level
_SCANNED = 4 << 20  # bytes of free clusters looked through at once
_FILE, _DIRECTORY = TYPES.index(EntryType.FILE), TYPES.index(EntryType.DIRECTORY)
_IN_USE = NAME_ALLOCATED | META_ALLOCATED
_END_OF_CHAIN = 0x0FFFFFF8
_FIRST_FOUR = 4  # entries; TSK trusts a directory less when they are all wrong


class FatInBulk(TreeInBulk):
    """A FAT volume."""

    def __init__(self, image: Reader, offset: int, tsk: TskTree) -> None:
        super().__init__(image, offset, tsk)
        self._single = FatTree(image, offset, tsk)

    def listing(self, directory: Named) -> list[Named]:
        """Return a directory's names. Raises EvidenceError."""
        return self._single.listing(directory)

    def listed(self, max_entries: int, progress: Callable[[int], None]) -> Listed:
        """List the volume. Raises Declined and EvidenceError."""
        volume = fat_volume(self.image, self.offset, self.tsk)
        walk = _Walk(self.image, self.offset, volume)
        walk.go(max_entries, progress)
        walk.scan(progress)
        return walk.rows(self.tsk.last_inode).listed(max_entries)


@dataclass(slots=True)
class _Level:
    """Directories of one level: their addresses, first clusters, whether they are in use."""

    address: Ints
    cluster: Ints
    in_use: Bools


@dataclass(slots=True)
class _Walk:
    image: Reader
    offset: int
    volume: FatVolume
    names: Names = field(default_factory=Names)
    columns: dict[str, list[Array]] = field(default_factory=dict)
    sizes: list[tuple[Ints, Ints]] = field(default_factory=list)  # of directories

    def go(self, max_entries: int, progress: Callable[[int], None]) -> None:
        """Decode all directories level by level."""
        seen, count = np.array([_ROOT]), 0
        level = _Level(seen, np.array([self.volume.root]), np.array([True]))
        while len(level.address):
            owner, sectors = self._sectors(level)
            check(len(sectors) * self.volume.sector <= _MOST_BYTES, "very large directories")
            found = self._decode(level, owner, sectors)
            count += len(found.address)
            check(count <= max_entries, "limit")
            progress(count)
            first = np.sort(np.unique(found.address, return_index=True)[1])
            first = first[~member(found.address[first], seen)]
            seen = np.concatenate((seen, found.address[first]))
            level = _Level(found.address[first], found.cluster[first], found.in_use[first])

    def _sectors(self, level: _Level) -> tuple[Ints, Ints]:
        """Return owner (its place in the level) and sector of all content, in its order."""
        volume = self.volume
        owner = np.arange(len(level.address))
        current = level.cluster.copy()
        small_root = (level.address == _ROOT) & (volume.root == 0)
        check(current <= volume.last, "no such cluster")
        free = volume.following[current] == 0
        check(~level.in_use | (current == 0) | ~free, "a directory in free clusters")
        check(level.in_use | ~free | (current >= _ROOT), "a directory without a place")
        wanted = ~small_root & (current != 0) & (level.in_use | free)
        owners, clusters, steps = [], [], []
        owner, current = owner[wanted], current[wanted]
        step = 0
        while len(current):
            check(step < _MOST_CLUSTERS and np.all(current >= _ROOT), "odd chain")
            owners.append(owner)
            clusters.append(current)
            steps.append(np.full(len(owner), step))
            following = volume.following[current]
            goes_on = level.in_use[owner] & (following < _END_OF_CHAIN & volume.mask)
            owner, current = owner[goes_on], following[goes_on]
            check(current <= volume.last, "bad cluster")
            check(volume.following[current] != 0, "a chain into free clusters")
            step += 1
        none = np.zeros(0, dtype=np.int64)
        owner, cluster = np.concatenate([none, *owners]), np.concatenate([none, *clusters])
        pairs = np.sort(owner << 32 | cluster)
        check(pairs[1:] != pairs[:-1], "a chain in a circle")
        order = np.lexsort((np.concatenate([none, *steps]), owner))
        owner, cluster = owner[order], cluster[order]
        size = np.bincount(owner, minlength=len(level.address)) * volume.cluster * volume.sector
        self.sizes.append((level.address, size))
        sectors = volume.sector_of(cluster)[:, None] + np.arange(volume.cluster)
        owner = np.repeat(owner, volume.cluster)
        if np.any(small_root):
            fixed = np.arange(volume.data, volume.clusters_at)
            return np.zeros(len(fixed), dtype=np.int64), fixed
        return owner, sectors.reshape(-1)

    def _decode(self, level: _Level, owner: Ints, sectors: Ints) -> _Level:
        volume = self.volume
        each = volume.sector // ENTRY
        entries = Entries(self._read(sectors).reshape(-1, ENTRY))
        address = ((sectors - volume.data) * each)[:, None] + np.arange(each) + 3
        address, owner = address.reshape(-1), np.repeat(owner, each)
        in_use = level.in_use[owner]
        basic = entries.valid(volume)
        valid = basic.copy()
        valid[~in_use] = entries.thorough(volume)[~in_use]
        self._check(entries, owner, in_use, basic)
        found = named(entries, owner, valid, self.names)
        rows = found.rows
        chosen = Entries(entries.raw[rows])
        alive = in_use[rows] & ~chosen.deleted
        folder = chosen.directory
        enter = np.where(address[rows] == level.address[owner[rows]], 0, DESCEND)
        flags = np.where(folder, _DIRECTORY | enter, _FILE) | LOCAL_TIMES
        flags = (flags | np.where(alive, _IN_USE, 0)).astype(np.uint8)
        self._add(
            directory=level.address[owner[rows]],
            address=address[rows],
            flags=flags,
            offset=found.offset,
            length=found.length,
            size=chosen.size,
            **dict(
                zip(("modified", "accessed", "changed", "created"), chosen.times(), strict=True)
            ),
        )
        return _Level(address[rows][folder], chosen.cluster[folder], alive[folder])

    def _add(self, **columns: Array) -> None:
        for name, column in columns.items():
            self.columns.setdefault(name, []).append(column)

    def _check(self, entries: Entries, owner: Ints, in_use: Bools, basic: Bools) -> None:
        """Decline directories that TSK reads with less trust, and those it leaves names out of."""
        start, count = groups(owner)
        check(count >= _FIRST_FOUR, "a short directory")
        wrong = ~(basic[start] | basic[start + 1] | basic[start + 2] | basic[start + 3])
        first = entries.u8(0)
        used = np.add.reduceat((first != 0).astype(np.int64), start) if len(start) else start
        check(~(wrong & in_use[start]) | (used == 0), "a directory that may be none")
        end = np.cumsum(first == 0)
        before = np.repeat(end[start] - (first[start] == 0), count)
        inside = end == before
        plain = (first != DELETED) & (first != DOT) & ~entries.long
        plain &= entries.u8(11) & 0x08 == 0
        check(~(inside & in_use & plain & ~basic), "a name that is left out")

    def _read(self, sectors: Ints) -> Array:
        size = self.volume.sector
        order = np.argsort(sectors, kind="stable")
        places = (self.offset + sectors[order] * size).tolist()
        data = np.zeros(len(sectors) * size, dtype=np.uint8)
        pieces = [(at, to * size, size) for at, to in zip(places, order.tolist(), strict=True)]
        fill(self.image, memoryview(data.data), pieces)
        return data

    def scan(self, progress: Callable[[int], None]) -> None:
        """Decline where free clusters hold what TSK would list as an orphan."""
        volume, named_ = self.volume, self._deleted()
        free = np.flatnonzero(volume.following[_ROOT:] == 0) + _ROOT
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
                self._scan(at, min(step, start + length - at), named_)
            progress(0)

    def _deleted(self) -> Ints:
        address, flags = (np.concatenate(self.columns[name]) for name in ("address", "flags"))
        return distinct(address[flags & META_ALLOCATED == 0])

    def _scan(self, sector: int, count: int, known: Ints) -> None:
        volume = self.volume
        data = self.image.read_at(self.offset + sector * volume.sector, count * volume.sector)
        check(len(data) == count * volume.sector, "cut")
        each = volume.sector // ENTRY
        raw = np.frombuffer(data, dtype=np.uint8).reshape(count, each, ENTRY)
        some = np.flatnonzero((raw[:, 0, 0] != 0) | (raw[:, 0, 11] & LONG_NAME == LONG_NAME))
        some = some[Entries(raw[some, 0]).thorough(volume)] if len(some) else some
        if not len(some):
            return
        entries = Entries(raw[some].reshape(-1, ENTRY))
        dots = entries.directory & (entries.u8(0) == DOT)
        orphan = entries.thorough(volume) & ~entries.long & ~dots
        address = ((sector + some - volume.data) * each)[:, None] + np.arange(each) + 3
        check(member(address.reshape(-1)[orphan], known), "orphans")

    def rows(self, last: int) -> Rows:
        """Return every name, the files that TSK invents too."""
        self._virtual(last)
        column = {name: np.concatenate(parts) for name, parts in self.columns.items()}
        self.columns.clear()
        numbers, first = np.unique(np.append(column["address"], _ROOT), return_index=True)
        first[first == len(column["address"])] = 0  # the root: its times are not in the index
        record = np.searchsorted(numbers, column["address"])
        size = column["size"]
        folders = np.concatenate([address for address, _ in self.sizes])
        lengths = np.concatenate([length for _, length in self.sizes])
        order = np.argsort(folders)
        folders, lengths = folders[order], lengths[order]
        at = np.minimum(np.searchsorted(folders, column["address"]), len(folders) - 1)
        size = np.where(folders[at] == column["address"], lengths[at], size)
        return Rows(
            files=Files(
                root=int(np.searchsorted(numbers, _ROOT)),
                listable=np.ones(len(numbers), dtype=np.bool_),
                times=[
                    column[name][first] for name in ("modified", "accessed", "changed", "created")
                ],
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
            directory=np.full(len(address), _ROOT),
            address=address,
            flags=flags,
            offset=offset,
            length=length,
            size=np.array([*(size for _, size in made), 0]),
            modified=none,
            accessed=none,
            changed=none,
            created=none,
        )
