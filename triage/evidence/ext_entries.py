"""Entries of ext directories, read in bulk as TSK reads them: deleted names in the gaps included.

TSK goes through a block from its start (ext2fs_dent_parse_block). An entry that could be one is
taken, anything else is passed by four bytes at a time. Where an entry reaches further than its name
needs, the gap is searched for deleted ones. All blocks are gone through side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from triage.evidence.arrays import Array, Bools, Buffer, Ints, Names
from triage.evidence.ext_geometry import Geometry

_LAST_TYPE = 7  # a symbolic link
_LONGEST_NAME = 255
_SMALLEST = 3  # words of an entry with a name of one byte


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """Blocks in a buffer, ascending; offsets are multiples of 4."""

    directory: Ints  # number
    deleted: Bools  # the directory is, and so are its names
    start: Ints
    end: Ints


@dataclass(slots=True, kw_only=True)
class Entries:
    """Names in directories, in the order in which TSK meets them."""

    directory: Array
    record: Array
    allocated: Bools
    kind: Array  # as in the entry; 0 is not told
    offset: Array  # in the pool of names
    length: Array

    def take(self, rows: Ints | Bools) -> Entries:
        """Return some of them."""
        return Entries(**{name: getattr(self, name)[rows] for name in self.__slots__})


def joined(parts: list[Entries]) -> Entries:
    """Return all of them, one behind the other."""
    return Entries(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in Entries.__slots__
        }
    )


def find_entries(buffer: Buffer, regions: Regions, sizes: Geometry, names: Names) -> Entries:
    """Return the entries in all regions."""
    place, region, length, reach = _candidates(buffer, regions, sizes)
    taken, deleted = _taken(place, buffer.words32.take(place) == 0, length, reach, regions)
    place, region = place[taken], region[taken]
    second = buffer.words32.take(place + 1)
    offset, size = names.add_bytes(
        buffer.bytes, (place << 2) + 8, (second >> 16 & 0xFF).astype(np.int64)
    )
    kind = (second >> 24).astype(np.uint8)
    kind[kind > _LAST_TYPE] = 0
    return Entries(
        directory=regions.directory[region].astype(np.int32),
        record=buffer.words32.take(place).astype(np.int32),
        allocated=~(deleted | regions.deleted[region]),
        kind=kind if sizes.typed else np.zeros_like(kind),
        offset=offset.astype(np.uint32),
        length=size.astype(np.uint16),
    )


def _candidates(buffer: Buffer, regions: Regions, sizes: Geometry) -> tuple[Ints, Ints, Ints, Ints]:
    """Return what could be an entry: its place, its region, the words it needs and those it has."""
    words = buffer.words32[: buffer.size // 4 + 1]
    second = words[1:]
    length = second >> 16
    if sizes.typed:
        length &= 0xFF
    reach = second & 0xFFFF
    fine = (length != 0) & (reach >= length + 8) & (reach & 3 == 0)
    fine &= words[:-1] <= sizes.inodes + 1
    if not sizes.typed:
        fine &= length <= _LONGEST_NAME
    place = np.flatnonzero(fine)
    long = (length.take(place).astype(np.int64) + 11) >> 2
    far = reach.take(place).astype(np.int64) >> 2
    region = np.searchsorted(regions.start >> 2, place, "right") - 1
    end = (regions.end >> 2)[region]
    inside = (far >= long) & (place + far <= end) & (place + _SMALLEST <= end)
    return place[inside], region[inside], long[inside], far[inside]


def _taken(
    place: Ints, empty: Bools, length: Ints, reach: Ints, regions: Regions
) -> tuple[Ints, Bools]:
    """Return which candidates TSK takes, ascending, and which of these are deleted.

    Everything is counted in words.
    """
    at, end = regions.start >> 2, regions.end >> 2
    gap = np.zeros(len(at), dtype=np.int64)  # words left in which entries are deleted
    found: list[Ints] = []
    gone: list[Bools] = []
    last = len(place)
    while True:
        candidate = np.searchsorted(place, at)
        there = candidate < last
        there[there] = place[candidate[there]] < end[there]
        if not np.all(there):
            at, end, gap, candidate = at[there], end[there], gap[there], candidate[there]
        if not len(at):
            break
        here, long = place[candidate], length[candidate]
        gap = np.maximum(gap - (here - at), 0)
        passed = (gap > 0) & (gap < long)
        took = ~passed
        found.append(candidate[took])
        gone.append((gap[took] > 0) | empty[found[-1]])
        gap -= np.where(passed, 1, np.minimum(long, gap))
        spare = reach[candidate] - long
        fresh = took & (gap == 0)
        opens = fresh & (spare >= _SMALLEST)
        gap[opens] = spare[opens]
        at = here + np.where(passed, 1, np.where(fresh & ~opens, reach[candidate], long))
    if not found:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
    taken, deleted = np.concatenate(found), np.concatenate(gone)
    order = np.argsort(taken, kind="stable")
    return taken[order], deleted[order]
