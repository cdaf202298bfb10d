"""The directories of an ext volume, their blocks read in long strokes.

A directory of a few plain runs is read by us; for one with an extent tree of its own, indirect
blocks, holes or its names in the inode, TSK says what its content is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import numpy as np

from triage.errors import EvidenceError
from triage.evidence.arrays import Array, Bools, Buffer, Ints, Names, check, ragged
from triage.evidence.bulk import Media, fill
from triage.evidence.ext_entries import Entries, Regions, find_entries
from triage.evidence.ext_geometry import Geometry
from triage.evidence.ext_inodes import EXTENTS, FIRST_BLOCK, INLINE, Inodes, flags
from triage.evidence.filesystem import TskTree

_BATCH = 4 << 20  # bytes of directories
_EXTENT_MAGIC = 0xF30A
_MOST_EXTENTS = 4  # in an inode
_MOST_BLOCKS = 1 << 15  # of an extent; more would mean that they were never written
_DIRECT = 12
_LARGEST = 256 << 20  # bytes of all directories that are not plain; TSK is slow with long ones
_MOST_ENTRIES = 1 << 26


def read_directories(
    media: Media,
    tsk: TskTree,
    sizes: Geometry,
    inodes: Inodes,
    names: Names,
    *,
    seen: Callable[[int], None],
) -> tuple[list[Entries], Bools]:
    """Return the entries of all directories, and which directories can be listed.

    Those of a directory come in its order; `seen` gets how many there are by now. Raises Declined
    and EvidenceError.
    """
    head, size = inodes.head, inodes.size[inodes.directory]
    number = inodes.number[inodes.directory]
    deleted = ~inodes.allocated[inodes.directory]
    mapped = flags(head) & EXTENTS != 0
    inline = ~mapped & (flags(head) & INLINE != 0)
    # TSK reads whole blocks, and gives a directory up where one ends early.
    listable = (size > 0) & (inline | (size % sizes.block == 0))
    starts, lengths = _runs(head, mapped)
    plain = listable & ~inline & _plain(starts, lengths, size, sizes)
    parts: list[Entries] = []
    total = 0
    for buffer, owner, start, end in _plain_blocks(
        media, sizes, starts[plain], lengths[plain], size[plain]
    ):
        directory = np.flatnonzero(plain)[owner]
        regions = Regions(
            directory=number[directory], deleted=deleted[directory], start=start, end=end
        )
        parts.append(find_entries(buffer, regions, sizes, names))
        total += len(parts[-1].record)
        check(total < _MOST_ENTRIES, "too many names")
        seen(total)
    others = np.flatnonzero(listable & ~plain)
    contents = _contents(tsk, number, size, others)
    for buffer, owner, start, end in _other_blocks(contents, listable, sizes.block):
        regions = Regions(directory=number[owner], deleted=deleted[owner], start=start, end=end)
        parts.append(find_entries(buffer, regions, sizes, names))
        total += len(parts[-1].record)
        check(total < _MOST_ENTRIES, "too many names")
        seen(total)
    return parts, listable


def _contents(
    tsk: TskTree, number: Ints, size: Ints, rows: Ints
) -> Iterator[tuple[int, bytes | None]]:
    """Yield the rows of directories and what TSK reads of them; None when it cannot."""
    left = _LARGEST
    for row in rows.tolist():
        left -= int(size[row])
        content = None
        if left >= 0:
            with contextlib.suppress(EvidenceError):
                content = tsk.open(str(number[row])).read_at(0, int(size[row]))
        yield row, content


def _other_blocks(
    contents: Iterator[tuple[int, bytes | None]], listable: Bools, block: int
) -> Iterator[tuple[Buffer, Ints, Ints, Ints]]:
    """Yield the same as `_plain_blocks` of what TSK has read; note what it could not."""
    batch: list[tuple[int, bytes]] = []
    waiting = 0
    for row, content in contents:
        if content is None:
            listable[row] = False
            continue
        batch.append((row, content))
        waiting += len(content)
        if waiting >= _BATCH:
            yield _gathered(batch, block)
            batch, waiting = [], 0
    if batch:
        yield _gathered(batch, block)


def _gathered(batch: list[tuple[int, bytes]], block: int) -> tuple[Buffer, Ints, Ints, Ints]:
    """Put contents behind each other, each beginning at a multiple of 4."""
    length = np.array([len(content) for _, content in batch])
    padded = length + -length % 4
    place = np.cumsum(padded) - padded
    buffer = Buffer(int(padded.sum()))
    for at, (_, content) in zip(place.tolist(), batch, strict=True):
        buffer.bytes[at : at + len(content)] = np.frombuffer(content, dtype=np.uint8)
    count = -(-length // block)
    which = np.repeat(np.arange(len(batch)), count)
    start = place[which] + ragged(np.zeros_like(count), count) * block
    end = np.minimum(start + block, (place + length)[which])
    return buffer, np.array([row for row, _ in batch])[which], start, end


def _runs(head: Array, mapped: Bools) -> tuple[Ints, Ints]:
    """Return (first blocks, lengths) of the runs of each directory, 12 for each; -1 is odd."""
    words = head[:, FIRST_BLOCK : FIRST_BLOCK + 15].astype(np.int64)
    starts = words[:, :_DIRECT].copy()
    starts[starts == 0] = -1
    lengths = np.ones_like(starts)
    tree = words[mapped]
    count, depth = tree[:, 0] >> 16, tree[:, 1] >> 16
    odd = (tree[:, 0] & 0xFFFF != _EXTENT_MAGIC) | (depth != 0)
    odd |= (count < 1) | (count > _MOST_EXTENTS)
    first, length = np.zeros((2, len(tree), _DIRECT), dtype=np.int64)
    expected = np.zeros(len(tree), dtype=np.int64)
    for extent in range(_MOST_EXTENTS):
        block, blocks, low = (tree[:, 3 * extent + word] for word in (3, 4, 5))
        there = extent < count
        # Above 16 bits are those of the address that TSK puts in the wrong place.
        odd |= there & ((block != expected) | (blocks < 1) | (blocks > _MOST_BLOCKS))
        first[:, extent] = np.where(there, low, 0)
        length[:, extent] = np.where(there, blocks, 0)
        expected += length[:, extent]
    first[odd, 0] = -1
    starts[mapped], lengths[mapped] = first, length
    return starts, lengths


def _plain(starts: Ints, lengths: Ints, size: Ints, sizes: Geometry) -> Bools:
    """Say which directories consist of the runs alone, all of them on the image."""
    end = np.cumsum(lengths, axis=1)
    needed = end - lengths < (size // sizes.block)[:, np.newaxis]
    there = (starts >= 0) & (starts + lengths <= sizes.blocks)
    enough: Bools = end[:, -1] * sizes.block >= size
    enough &= np.all(there | ~needed, axis=1)
    return enough


def _plain_blocks(
    media: Media, sizes: Geometry, starts: Ints, lengths: Ints, size: Ints
) -> Iterator[tuple[Buffer, Ints, Ints, Ints]]:
    """Yield (content, and for each block in it the row of its directory, where it starts, ends)."""
    check(int(size.sum()) <= media.size, "directories overlap")
    before = np.cumsum(lengths, axis=1) - lengths
    used = np.clip((size // sizes.block)[:, np.newaxis] - before, 0, lengths)
    order = np.argsort(starts[:, 0], kind="stable")
    used, starts = used[order], starts[order]
    owner, run = np.nonzero(used)
    first, count = starts[owner, run], used[owner, run]
    # Every block is complete in itself, so they are read one batch of blocks after the other.
    blocks = ragged(first, count)
    owners = np.repeat(order[owner], count)
    step = _BATCH // sizes.block
    for at in range(0, len(blocks), step):
        some = blocks[at : at + step]
        buffer = Buffer(len(some) * sizes.block)
        place = np.arange(len(some)) * sizes.block
        new = np.flatnonzero(np.diff(some, prepend=-1) != 1)
        long = np.diff(new, append=len(some)) * sizes.block
        pieces = zip(
            (media.offset + some[new] * sizes.block).tolist(),
            place[new].tolist(),
            long.tolist(),
            strict=True,
        )
        fill(media.image, buffer.bytes.data, sorted(pieces))
        yield buffer, owners[at : at + step], place, place + sizes.block
