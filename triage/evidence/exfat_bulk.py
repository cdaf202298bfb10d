"""exFAT listed in bulk: the bitmap at once, and all directories of a level together."""

# ruff: noqa: PLR2004 - the numbers are those of the format

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from triage.evidence.arrays import Array, Bools, Ints, check, groups
from triage.evidence.bulk import TreeInBulk
from triage.evidence.exfat import ExfatTree
from triage.evidence.exfat_entries import (
    BITMAP,
    FILE,
    GUID,
    LABEL,
    NAME,
    STREAM,
    TEXFAT,
    UPCASE,
    WHOLE,
    Entries,
    Sets,
    find_sets,
    take_names,
)
from triage.evidence.exfat_volume import ExfatVolume, exfat_volume
from triage.evidence.fat_volume import ENTRY
from triage.evidence.fat_walk import FIRST_CLUSTER, MOST_BYTES, ROOT, FatWalk, Found, Level
from triage.evidence.filesystem import TskTree
from triage.evidence.index import NO_TIME, Named
from triage.evidence.tree import Listed
from triage.model import Reader

_END_OF_CHAIN = 0x0FFFFFF8
_MOST_CLUSTERS = 1 << 16  # of one directory
_SPECIAL = frozenset({0x81, 0x82, 0x83, 0xA0})
_NAMES = {BITMAP: b"$ALLOC_BITMAP", UPCASE: b"$UPCASE_TABLE", GUID: b"$VOLUME_GUID"}
_TAG = b" (Volume Label Entry)"
_LONGEST_LABEL = 15  # units


class ExfatInBulk(TreeInBulk):
    """An exFAT volume."""

    def __init__(self, image: Reader, offset: int, tsk: TskTree) -> None:
        super().__init__(image, offset, tsk)
        self._single = ExfatTree(image, offset, tsk)

    def listing(self, directory: Named) -> list[Named]:
        """Return a directory's names. Raises EvidenceError."""
        return self._single.listing(directory)

    def listed(self, max_entries: int, progress: Callable[[int], None]) -> Listed:
        """List the volume. Raises Declined and EvidenceError."""
        volume = exfat_volume(self.image, self.offset, self.tsk)
        walk = _Walk(self.image, self.offset, volume)
        walk.go(max_entries, progress)
        free = np.flatnonzero(~volume.allocated)
        walk.scan(free, progress)
        return walk.rows(self.tsk.last_inode).listed(max_entries)


class _Walk(FatWalk[ExfatVolume]):
    def sectors(self, level: Level) -> tuple[Ints, Ints]:
        """Return owner (its place in the level) and sector of all content, in its order."""
        volume = self.volume
        bytes_each = volume.cluster * volume.sector
        root = level.address == ROOT
        count = level.size // bytes_each
        check(level.size % bytes_each == 0, "a directory of odd size")
        check(count <= _MOST_CLUSTERS, "a very large directory")
        check(int(count.sum()) * bytes_each <= MOST_BYTES, "very large directories")
        some = (count > 0) & ~root
        whole = np.flatnonzero(some & level.in_use & level.whole)
        linked = np.flatnonzero(some & level.in_use & ~level.whole | root)
        gone = np.flatnonzero(some & ~level.in_use)
        parts = [
            (np.repeat(whole, count[whole]), _side_by_side(level.cluster[whole], count[whole])),
            self._chains(linked, level.cluster[linked], count[linked]),
            self._recovered(gone, level.cluster[gone], count[gone]),
        ]
        owner, cluster = (np.concatenate(column) for column in zip(*parts, strict=True))
        check((cluster >= FIRST_CLUSTER) & (cluster <= volume.last), "no such cluster")
        check(volume.allocated[cluster] | ~level.in_use[owner], "a directory in free clusters")
        order = np.argsort(owner, kind="stable")
        owner, cluster = owner[order], cluster[order]
        sectors = volume.sector_of(cluster)[:, None] + np.arange(volume.cluster)
        return np.repeat(owner, volume.cluster), sectors.reshape(-1)

    def _chains(self, owner: Ints, current: Ints, count: Ints) -> tuple[Ints, Ints]:
        """Follow the table of clusters; only the root goes on to its end."""
        volume = self.volume
        owners, clusters = [owner[:0]], [owner[:0]]
        left = np.where(count > 0, count, _MOST_CLUSTERS)
        endless = count == 0
        while len(owner):
            check((current >= FIRST_CLUSTER) & (current <= volume.last), "bad cluster")
            owners.append(owner)
            clusters.append(current)
            current, left = volume.following[current], left - 1
            ended = current >= _END_OF_CHAIN
            check(ended | (left > 0) | ~endless, "a very long root")
            check(~ended | (left == 0) | endless, "a short chain")
            on = ~ended & (left > 0)
            owner, current, left, endless = owner[on], current[on], left[on], endless[on]
        found, cluster = np.concatenate(owners), np.concatenate(clusters)
        pairs = np.sort(found << 32 | cluster)
        check(pairs[1:] != pairs[:-1], "a chain in a circle")
        return found, cluster

    def _recovered(self, owner: Ints, first: Ints, count: Ints) -> tuple[Ints, Ints]:
        """Take the free clusters from the first on, as TSK does for what is deleted."""
        volume = self.volume
        check((first >= FIRST_CLUSTER) & (first <= volume.last), "no such cluster")
        reused = volume.allocated[first]
        check(~reused | (count == 1), "a deleted directory written over")
        free = np.flatnonzero(~volume.allocated)
        at = np.searchsorted(free, first)
        check(reused | (at + count <= len(free)), "a deleted directory at the end")
        chosen = [
            first[row : row + 1] if reused[row] else free[at[row] : at[row] + count[row]]
            for row in range(len(owner))
        ]
        return np.repeat(owner, count), np.concatenate([first[:0], *chosen])

    def decode(self, level: Level, owner: Ints, sectors: Ints) -> Found:
        """Return all names of some directories. Raises Declined."""
        volume = self.volume
        entries = Entries(self.read(sectors).reshape(-1, ENTRY))
        address = self.addresses(sectors).reshape(-1)
        cluster = (sectors - volume.clusters_at) // volume.cluster + FIRST_CLUSTER
        each = volume.sector // ENTRY
        owner, cluster = np.repeat(owner, each), np.repeat(cluster, each)
        allocated = volume.allocated[cluster]
        streams = entries.streams(volume)
        sets = find_sets(entries, owner, streams)
        self._check_whole(entries, level.in_use[owner], owner, sets)
        self._check_next(address, cluster, allocated, sets)
        offset, length = take_names(entries, sets, self.names)
        file, stream = Entries(entries.raw[sets.file]), Entries(entries.raw[sets.file + 1])
        alive = allocated[sets.file] & file.used
        whole = stream.raw[:, 1] & WHOLE != 0
        first = stream.number(20, 4)
        check(~(alive & whole) | (first <= volume.last), "no such cluster")
        found = Found(
            owner=level.address[owner[sets.file]],
            file=Level(
                address=address[sets.file],
                cluster=first,
                in_use=alive,
                size=stream.number(24, 8),
                whole=whole,
            ),
            folder=file.raw[:, 4] & 0x10 != 0,
            offset=offset,
            length=length,
            times=file.times(),
        )
        return self._with_specials(found, entries, level.address[owner], address, allocated)

    def _check_whole(self, entries: Entries, in_use: Bools, owner: Ints, sets: Sets) -> None:
        """Decline a directory in which TSK leaves out entries in front of the end.

        A deleted file without a name is an orphan for TSK, wherever it lies.
        """
        start, count = groups(owner)
        ends = np.cumsum(entries.raw[:, 0] == 0)
        before = np.repeat(ends[start] - (entries.raw[start, 0] == 0), count)
        belongs = np.zeros(len(owner) + 1, dtype=np.int64)
        np.add.at(belongs, sets.file, 1)
        np.add.at(belongs, sets.file + 2 + sets.pieces, -1)
        kind = entries.kind
        plain = entries.used & ((kind == FILE) | (kind == STREAM) | (kind == NAME))
        lost = plain & in_use & (ends == before) & (np.cumsum(belongs)[:-1] == 0)
        check(~lost, "a name that is left out")
        unnamed = entries.files() & ~entries.used & in_use
        unnamed[sets.file] = False
        check(~unnamed, "orphans")
        complete = entries.raw[sets.file, 1].astype(np.int64) == sets.pieces + 1
        check(complete | ~entries.used[sets.file], "a set that is cut")

    def _check_next(self, address: Ints, cluster: Ints, allocated: Bools, sets: Sets) -> None:
        """Decline where TSK, which looks for a stream behind its file, would find another."""
        apart = address[sets.file + 1] != address[sets.file] + 1
        rows = sets.file[apart]
        linked = self.volume.following[cluster[rows]] == cluster[rows + 1]
        check(allocated[rows] & linked, "a set in two places")
        size = self.volume.cluster * self.volume.sector
        for number in cluster[rows].tolist():
            place = int(self.volume.sector_of(np.array(number))) * self.volume.sector + size
            behind = np.frombuffer(self.image.read_at(self.offset + place, ENTRY), dtype=np.uint8)
            check(len(behind) == ENTRY and behind[0] & 0x7F != STREAM, "a set in two places")

    def _with_specials(
        self, found: Found, entries: Entries, owner: Ints, address: Ints, allocated: Bools
    ) -> Found:
        """Add label, bitmap and the like, which lie in the root."""
        kinds = (BITMAP, UPCASE, LABEL, GUID, TEXFAT)
        special = np.zeros(len(owner), dtype=np.bool_)
        for kind in kinds:
            special |= entries.kind == kind
        units = entries.raw[:, 1]
        unlabelled = (entries.kind == LABEL) & entries.used
        unlabelled &= (units == 0) | (units > _LONGEST_LABEL)  # to TSK it is not an entry then
        rows = np.flatnonzero(special & allocated & ~unlabelled)
        if not len(rows):
            return found
        check(owner[rows] == ROOT, "a special entry")
        texts, sizes = [], []
        for row in rows.tolist():
            text, size = self._special(entries.raw[row])
            texts.append(text)
            sizes.append(size)
        offset, length = self.names.add(b"".join(text + b"/" for text in texts))
        none = np.zeros(len(rows), dtype=np.int64)
        every = np.ones(len(rows), dtype=np.bool_)
        files = Level(
            address=np.concatenate((found.file.address, address[rows])),
            cluster=np.concatenate((found.file.cluster, none)),
            in_use=np.concatenate((found.file.in_use, every)),
            size=np.concatenate((found.file.size, sizes)),
            whole=np.concatenate((found.file.whole, ~every)),
        )
        return Found(
            owner=np.concatenate((found.owner, owner[rows])),
            file=files,
            folder=np.concatenate((found.folder, ~every)),
            offset=np.concatenate((found.offset, offset)),
            length=np.concatenate((found.length, length)),
            times=[np.concatenate((time, none + NO_TIME)) for time in found.times],
        )

    def _special(self, entry: Array) -> tuple[bytes, int]:
        """Return name and size of an entry that is no file."""
        volume, raw = self.volume, Entries(entry[np.newaxis])
        check(int(entry[0]) in _SPECIAL, "a special entry")
        kind, cluster, size = int(entry[0]) & 0x7F, int(raw.number(20, 4)[0]), 0
        if kind == LABEL:
            text = entry[2 : 2 + 2 * int(entry[1])].tobytes()
            check(all(0x20 <= unit < 0xD800 for unit in memoryview(text).cast("H")), "odd label")
            label = text.decode("utf-16-le").encode()
            check(b"/" not in label, "odd label")
            return label + _TAG, 0
        if kind != GUID:
            size = int(raw.number(24, 8)[0])
            check(FIRST_CLUSTER <= cluster <= volume.last, "a special entry")
            check(0 < size <= volume.heap and volume.allocated[cluster], "a special entry")
        check(kind != BITMAP or size == (volume.count + 7) // 8, "a special entry")
        return _NAMES[kind], size

    def orphans(self, raw: Array) -> tuple[Ints, Bools]:
        """Return which free sectors hold a directory for TSK, and which entries are orphans."""
        first = raw[:, 0]
        kind = first[:, 0] & 0x7F
        some = np.flatnonzero((kind == FILE) | (kind == STREAM) | (kind == NAME))
        heads = Entries(first[some])
        some = some[heads.files() | heads.streams(self.volume) | heads.names()]
        return some, Entries(raw[some].reshape(-1, ENTRY)).files()


def _side_by_side(first: Ints, count: Ints) -> Ints:
    ends = np.cumsum(count)
    return np.repeat(first - (ends - count), count) + np.arange(int(ends[-1]) if len(ends) else 0)
