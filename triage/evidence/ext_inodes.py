"""All inodes of an ext volume that were ever used, decoded in bulk as TSK decodes them.

Times are read as TSK 4.15 reads them (ext2fs_dinode_copy): seconds without sign, and the two bits
that extend them beyond 2106 left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from triage.evidence.arrays import Array, Bools, Ints, check
from triage.evidence.bulk import Media
from triage.evidence.ext_geometry import Geometry
from triage.evidence.index import NO_TIME

REGULAR, DIRECTORY, LINK = 0o100000, 0o040000, 0o120000
FORMAT = 0o170000
"""Bits of a mode that say what kind of file it is."""

EXTENTS, INLINE = 0x80000, 0x10000000
"""Flags: the blocks are those of an extent tree; the content lies in the inode."""

FIRST_BLOCK = 10
"""The first of the 15 words of an inode that lead to its blocks."""

_CHUNK = 4 << 20  # bytes
_WORDS = 40  # of an inode that matter
_SMALL = 32  # words of an inode of 128 bytes
_MODE, _SIZE, _ACCESSED, _CHANGED, _MODIFIED, _FLAGS, _SIZE_HIGH = 0, 1, 2, 3, 4, 8, 27
_CHANGED_NS, _MODIFIED_NS, _ACCESSED_NS, _CREATED, _CREATED_NS = 33, 34, 35, 36, 37
_NS = 1_000_000_000
_DIRECT = 12  # pointers to blocks
_SHORTEST_APART, _LONGEST_LINK = 60, 4096  # bytes of a link's target that TSK reads from blocks


@dataclass(slots=True, kw_only=True)
class Inodes:
    """The inodes that are allocated or hold anything, by number ascending."""

    number: Ints
    mode: Array
    allocated: Bools
    used: Bools  # TSK's word for: its inode was changed at some time
    size: Ints
    times: list[Ints]  # modified, accessed, changed, created: ns or NO_TIME
    directory: Ints  # rows of the directories
    head: Array  # the words of each directory's inode


def read_inodes(media: Media, sizes: Geometry, seen: Callable[[int], None]) -> Inodes:
    """Read all inode tables. Raises Declined and EvidenceError."""
    parts: list[Inodes] = []
    for first, data, allocated in _chunks(media, sizes):
        parts.append(_decode(sizes, first, data, allocated))
        seen(first)

    def joined(name: str) -> Array:
        return np.concatenate([getattr(part, name) for part in parts])

    base = 0
    for part in parts:
        part.directory += base
        base += len(part.number)
    return Inodes(
        number=joined("number"),
        mode=joined("mode"),
        allocated=joined("allocated"),
        used=joined("used"),
        size=joined("size"),
        times=[np.concatenate([part.times.pop(0) for part in parts]) for _ in range(4)],
        directory=joined("directory"),
        head=joined("head"),
    )


def _chunks(media: Media, sizes: Geometry) -> Iterator[tuple[int, Array, Bools]]:
    """Yield (number of the first, words of inodes, whether they are allocated)."""
    step = max(1, _CHUNK // sizes.inode)
    group, last = 0, len(sizes.tables)
    span = sizes.per_group * sizes.inode
    while group < last:
        stop = group + 1
        # Tables often lie side by side (flex_bg).
        while (
            stop < last
            and (stop - group + 1) * sizes.per_group <= step
            and sizes.tables[stop] == sizes.tables[stop - 1] + span
        ):
            stop += 1
        begin = group * sizes.per_group
        count = min(stop * sizes.per_group, sizes.inodes) - begin
        bits = np.concatenate([_bitmap(media, sizes, one) for one in range(group, stop)])
        for at in range(0, count, step):
            some = min(step, count - at)
            place = int(sizes.tables[group]) + at * sizes.inode
            data = media.read(place, some * sizes.inode)
            words = np.frombuffer(data, dtype="<u4").reshape(some, sizes.inode // 4)
            yield begin + at + 1, words, bits[at : at + some]
        group = stop


def _bitmap(media: Media, sizes: Geometry, group: int) -> Bools:
    data = media.read(int(sizes.bitmaps[group]), sizes.block)
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8), bitorder="little")
    return bits[: sizes.per_group].astype(np.bool_)


def _decode(sizes: Geometry, first: int, words: Array, allocated: Bools) -> Inodes:
    kept = np.flatnonzero(words[:, :_WORDS].any(axis=1) | allocated)
    words = words[kept, :_WORDS]
    mode = words[:, _MODE].astype(np.uint16)
    kind = mode & FORMAT
    size = words[:, _SIZE].astype(np.int64)
    if sizes.large:
        long = kind == REGULAR
        size[long] += words[long, _SIZE_HIGH].astype(np.int64) << 32
    _check_links(sizes, words, kind, size)
    directory = np.flatnonzero(kind == DIRECTORY)
    return Inodes(
        number=(kept + first).astype(np.int32),
        mode=mode,
        allocated=allocated[kept],
        used=words[:, _CHANGED] != 0,
        size=size,
        times=_times(sizes, words),
        directory=directory,
        head=words[directory, :_SMALL],
    )


def _times(sizes: Geometry, words: Array) -> list[Ints]:
    fine = sizes.extended and words.shape[1] > _SMALL
    places = [(_MODIFIED, _MODIFIED_NS), (_ACCESSED, _ACCESSED_NS), (_CHANGED, _CHANGED_NS)]
    times = []
    for seconds, nanoseconds in [*places, (_CREATED, _CREATED_NS)]:
        if seconds == _CREATED and not fine:
            times.append(np.full(len(words), NO_TIME, dtype=np.int64))
            continue
        time = words[:, seconds].astype(np.int64) * _NS
        none = time == 0
        if fine:
            time += words[:, nanoseconds] >> 2
        time[none] = NO_TIME
        times.append(time)
    return times


def flags(head: Array) -> Array:
    """Return the flags of inodes."""
    words: Array = head[:, _FLAGS]
    return words


def _check_links(sizes: Geometry, words: Array, kind: Array, size: Ints) -> None:
    """Raise Declined where TSK could not read the target of a link: it then gives half an inode."""
    link = (kind == LINK) & (size >= _SHORTEST_APART) & (size < _LONGEST_LINK)
    link &= words[:, _FLAGS] & (EXTENTS | INLINE) == 0
    rows = np.flatnonzero(link)
    count = np.minimum(-(-size[rows] // sizes.block), _DIRECT)
    for number in range(_DIRECT):
        chosen = rows[count > number]
        check(words[chosen, FIRST_BLOCK + number] < sizes.blocks, "target of a link is not there")
