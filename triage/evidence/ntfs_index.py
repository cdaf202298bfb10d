"""Directory indexes of NTFS, read in bulk as The Sleuth Kit reads them: deleted names included.

TSK does not follow the tree. It goes through a region of an index from its start: where something
looks like an entry of this directory it takes it and jumps behind it, else it goes on by four
bytes, also behind the used part, where deleted entries remain (tsk/fs/ntfs_dent.cpp). The parent's
number stands in every entry, so all candidates of many regions are found by one comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from triage.evidence.arrays import Array, Bools, Buffer, Ints, Names, check, distinct, member

_SECTOR = 512
_MAGIC = int.from_bytes(b"INDX", "little")
_LIST = 24  # of an index record: where the offsets count from
_HEAD, _FIXED = 16, 66  # bytes of an entry before $FILE_NAME, and of that before the name
_SMALLEST = _HEAD + _FIXED + 1  # TSK wants one byte of name, and one more
_DOS, _LAST_NAME_SPACE = 2, 3
_DIRECTORY = 0x10000000  # in the flags of $FILE_NAME
# TSK believes a deleted entry only if its times, in units of 100 s, lie between 1970 and 2019.
_1970 = (369 * 365 + 89) * 24 * 36
_2019 = _1970 + (50 * 365 + 6) * 24 * 36
_NOBODY = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """Stretches of a buffer that hold entries, in ascending order."""

    owner: Ints  # the directory
    start: Ints
    used: Ints  # bytes from the start; behind them everything is deleted
    end: Ints
    deleted: Bools  # the directory is, and so are its names


@dataclass(slots=True, kw_only=True)
class Entries:
    """Names in directories, in the order in which TSK meets them."""

    directory: Ints
    record: Ints
    sequence: Ints
    allocated: Bools
    kind: Array  # see `KIND_…`
    offset: Ints  # in the pool of names
    length: Ints

    def take(self, rows: Ints | Bools) -> Entries:
        """Return some of them."""
        return Entries(**{name: getattr(self, name)[rows] for name in self.__slots__})


KIND_FILE, KIND_DIRECTORY, KIND_UNKNOWN = 0, 1, 2
"""What an entry says of the file it names."""


def joined(parts: list[Entries]) -> Entries:
    """Return all of them, one behind the other."""
    return Entries(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in Entries.__slots__
        }
    )


def find_entries(buffer: Buffer, regions: Regions, last: int, names: Names) -> Entries:
    """Return the entries in all regions; `last` is the highest number a file may have."""
    words = buffer.words32
    region, at = _candidates(buffer, regions)
    word = at >> 2
    low, high = words.take(word).astype(np.int64), words.take(word + 1).astype(np.int64)
    record = low | (high & 0xFFFF) << 32
    sizes = words.take(word + 2).astype(np.int64)
    size, stream = sizes & 0xFFFF, sizes >> 16
    end = regions.end[region]
    fine = (record <= last) & (size > stream) & (size & 3 == 0)
    fine &= size <= end - regions.start[region]
    slack = (stream == 0) | (at + size > regions.start[region] + regions.used[region])
    fine[slack] &= _plausible(buffer, at[slack])
    length = buffer.u8(at + _HEAD + 64)
    # A deleted entry has lost its length: TSK guesses it from that of the name.
    following = at + np.where(stream == 0, (_HEAD + _FIXED + 2 * length + 3) & ~3, size)
    rows = _chained(np.flatnonzero(fine), region, at, following)
    rows = rows[buffer.u8(at[rows] + _HEAD + 65) != _DOS]
    rows = rows[at[rows] + _HEAD + _FIXED + 2 * length[rows] < end[rows]]
    place, region = at[rows], region[rows]
    offsets, lengths = names.add_utf16(buffer, place + _HEAD + _FIXED, length[rows])
    check(record[rows] < last, "an entry points to the directory of orphans")
    flags = words.take((place + _HEAD + 56) >> 2)
    return Entries(
        directory=regions.owner[region].astype(np.int32),
        record=record[rows].astype(np.int32),
        sequence=(high[rows] >> 16).astype(np.uint32),
        allocated=~(slack[rows] | regions.deleted[region]),
        kind=(flags & _DIRECTORY != 0).astype(np.uint8),
        offset=offsets.astype(np.uint32),
        length=lengths.astype(np.uint16),
    )


def _candidates(buffer: Buffer, regions: Regions) -> tuple[Ints, Ints]:
    """Return (region, offset) of whatever names its region's directory as its parent."""
    bounds = np.stack((regions.start, np.maximum(regions.end, regions.start)), axis=1).ravel() >> 2
    total = buffer.size >> 2
    check((bounds[1:] >= bounds[:-1]), "index regions out of order")
    owners = np.full(len(bounds) + 1, _NOBODY, dtype=np.uint32)
    owners[1::2] = regions.owner
    wanted = np.repeat(owners, np.diff(np.concatenate(([0], bounds, [total]))))
    at = np.flatnonzero(buffer.words32[_HEAD >> 2 : total] == wanted[: total - (_HEAD >> 2)]) << 2
    region = np.searchsorted(regions.start, at, "right") - 1
    inside = (region >= 0) & (at + _SMALLEST < regions.end[region])
    region, at = region[inside], at[inside]
    inside = buffer.u16(at + _HEAD + 4) == 0  # the parent's number has 48 bits
    return region[inside], at[inside]


def _plausible(buffer: Buffer, at: Ints) -> Bools:
    """Say which deleted entries TSK believes."""
    name = at + _HEAD
    fine: Bools = buffer.u8(name + 65) <= _LAST_NAME_SPACE
    fine &= (buffer.u8(name + 64) != 0) & (buffer.u8(name + 66) != 0)
    fine &= buffer.u64(name + 40) >= buffer.u64(name + 48)
    for place in (8, 16, 32):  # created, modified, accessed
        time = buffer.u64(name + place) // np.uint64(1_000_000_000)
        fine &= (time >= _1970) & (time <= _2019)
    return fine


def _chained(fine: Ints, region: Ints, at: Ints, following: Ints) -> Ints:
    """Drop what lies inside an entry before it: TSK has jumped over that."""
    region, at, following = region[fine], at[fine], following[fine]
    overlaps = (region[1:] == region[:-1]) & (at[1:] < following[:-1])
    if not overlaps.any():
        return fine
    keep = np.ones(len(fine), dtype=np.bool_)
    for number in distinct(region[1:][overlaps]).tolist():
        first, stop = np.searchsorted(region, (number, number + 1)).tolist()
        free = 0
        for row in range(first, stop):
            keep[row] = at[row] >= free
            if keep[row]:
                free = int(following[row])
    return fine[keep]


def index_records(
    buffer: Buffer, start: Ints, directory: Ints, cluster: int, size: int
) -> tuple[Regions, Ints]:
    """Find the index records of whole index allocations that stand in `buffer`.

    `start` is where the allocation of each directory begins, ascending, and at last the end of all.
    Returns their regions, without saying which directories are deleted, and the directories that
    TSK cannot list because an index record is torn or points outside.
    """
    step = cluster >> 2
    at = np.flatnonzero(buffer.words32[: buffer.size >> 2 : step] == _MAGIC) * cluster
    at = at[at < start[-1]]
    owner = np.searchsorted(start, at, "right") - 1
    end = np.minimum(np.append(at[1:], start[-1]), start[owner + 1])
    whole = _fix_up(buffer, at, end, size)
    begin, used = buffer.u32(at + _LIST), buffer.u32(at + _LIST + 4)
    first = at + _LIST + begin
    whole &= (first <= end) & (at + _LIST + used <= end) & (begin <= used)
    check(~whole | (begin & 3 == 0), "index at an odd place")
    torn = distinct(owner[~whole])
    good = ~member(owner, torn)
    regions = Regions(
        owner=directory[owner[good]],
        start=first[good],
        used=(used - begin)[good],
        end=end[good],
        deleted=np.zeros(int(good.sum()), dtype=np.bool_),
    )
    return regions, directory[torn]


def _fix_up(buffer: Buffer, at: Ints, end: Ints, size: int) -> Bools:
    """Put back the last two bytes of every sector; return which records are whole."""
    offset, count = buffer.u16(at + 4), buffer.u16(at + 6)
    whole: Bools = (count == size // _SECTOR + 1) & (size <= end - at)
    check(whole, "index record of another size")
    check((offset & 1 == 0) & (offset + 2 * count <= _SECTOR - 2), "odd update sequence")
    words, base = buffer.words16, at >> 1
    signature = words.take((at + offset) >> 1)
    for sector in range(1, size // _SECTOR + 1):
        last = base + sector * _SECTOR // 2 - 1
        whole &= words.take(last) == signature
        words[last] = words.take(((at + offset) >> 1) + sector)
    return whole
