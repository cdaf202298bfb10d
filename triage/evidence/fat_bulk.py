"""FAT12, 16 and 32 listed in bulk: the table at once, and all directories of a level together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from triage.evidence.arrays import Array, Bools, Ints, check, groups
from triage.evidence.bulk import TreeInBulk
from triage.evidence.fat import FatTree
from triage.evidence.fat_entries import DELETED, DOT, LONG_NAME, Entries
from triage.evidence.fat_names import named
from triage.evidence.fat_volume import ENTRY, FatVolume, fat_volume
from triage.evidence.fat_walk import FIRST_CLUSTER, MOST_BYTES, ROOT, FatWalk, Found, Level
from triage.evidence.filesystem import TskTree
from triage.evidence.index import Named
from triage.evidence.tree import Listed
from triage.model import Reader

_MOST_CLUSTERS = 1 << 16  # of one directory
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
        walk.scan(np.flatnonzero(volume.following[FIRST_CLUSTER:] == 0) + FIRST_CLUSTER, progress)
        return walk.rows(self.tsk.last_inode).listed(max_entries)


class _Walk(FatWalk[FatVolume]):
    def sectors(self, level: Level) -> tuple[Ints, Ints]:
        """Return owner (its place in the level) and sector of all content, in its order."""
        volume = self.volume
        owner = np.arange(len(level.address))
        current = level.cluster.copy()
        small_root = (level.address == ROOT) & (volume.root == 0)
        check(current <= volume.last, "no such cluster")
        free = volume.following[current] == 0
        check(~level.in_use | (current == 0) | ~free, "a directory in free clusters")
        check(level.in_use | ~free | (current >= FIRST_CLUSTER), "a directory without a place")
        wanted = ~small_root & (current != 0) & (level.in_use | free)
        owners, clusters, steps = [], [], []
        owner, current = owner[wanted], current[wanted]
        step = total = 0
        while len(current):
            check(step < _MOST_CLUSTERS and np.all(current >= FIRST_CLUSTER), "odd chain")
            owners.append(owner)
            clusters.append(current)
            steps.append(np.full(len(owner), step))
            total += len(owner) * volume.cluster * volume.sector
            check(total <= MOST_BYTES, "very large directories")
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

    def decode(self, level: Level, owner: Ints, sectors: Ints) -> Found:
        """Return all names of some directories. Raises Declined."""
        volume = self.volume
        each = volume.sector // ENTRY
        entries = Entries(self.read(sectors).reshape(-1, ENTRY))
        address = self.addresses(sectors).reshape(-1)
        owner = np.repeat(owner, each)
        in_use = level.in_use[owner]
        basic = entries.valid(volume)
        valid = basic.copy()
        valid[~in_use] = entries.thorough(volume)[~in_use]
        self._check(entries, owner, in_use, basic)
        found = named(entries, owner, valid, self.names)
        rows = found.rows
        chosen = Entries(entries.raw[rows])
        return Found(
            owner=level.address[owner[rows]],
            file=Level(
                address=address[rows],
                cluster=chosen.cluster,
                in_use=in_use[rows] & ~chosen.deleted,
                size=chosen.size,
                whole=np.zeros(len(rows), dtype=np.bool_),
            ),
            folder=chosen.directory,
            offset=found.offset,
            length=found.length,
            times=chosen.times(),
        )

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

    def orphans(self, raw: Array) -> tuple[Ints, Bools]:
        """Return which free sectors hold a directory for TSK, and which entries are orphans."""
        some = np.flatnonzero((raw[:, 0, 0] != 0) | (raw[:, 0, 11] & LONG_NAME == LONG_NAME))
        some = some[Entries(raw[some, 0]).thorough(self.volume)] if len(some) else some
        entries = Entries(raw[some].reshape(-1, ENTRY))
        dots = entries.directory & (entries.u8(0) == DOT)
        return some, entries.thorough(self.volume) & ~entries.long & ~dots
