"""Indexes of NTFS: entries in order, in the record or in a tree of blocks.

Layout: the NTFS documentation of the Linux-NTFS project, "Index Root" and "Index Allocation". The
tree is laid from below: full blocks, and one entry between two of them goes a level up.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from triage.training.media.canvas import Clusters
from triage.training.media.ntfs_record import (
    BITMAP,
    CLUSTER,
    FILE_NAME,
    INDEX_ALLOCATION,
    INDEX_ROOT,
    fixed_up,
    outside,
    resident,
)
from triage.training.media.upcase import upper

_BELOW, _LAST = 0x01, 0x02
_BY_NAME = 1  # collation
_HEAD = 16
_FIRST = 0x40  # where entries begin in a block
_CAPACITY = CLUSTER - _FIRST - 24  # the last entry of a block holds no key
_BLOCKS_ROOM = (
    288  # bytes of a record that an index with blocks takes beside the entries of its root
)


@dataclass(frozen=True, slots=True)
class Item:
    """An entry: its first 8 bytes (a reference, or the place of the data), key and data."""

    head: bytes
    key: bytes
    data: bytes = b""

    def encoded(self, below: int | None) -> bytes:
        """Return the entry; `below` is the block of all that comes before it."""
        body = self.key + self.data
        return _entry(self.head, len(self.key), body, 0, below)


def _entry(head: bytes, key: int, body: bytes, flags: int, below: int | None) -> bytes:
    body += bytes(-len(body) % 8)
    if below is not None:
        flags |= _BELOW
        body += struct.pack("<Q", below)
    return head + struct.pack("<HHHxx", _HEAD + len(body), key, flags) + body


def _end(below: int | None) -> bytes:
    return _entry(bytes(8), 0, b"", _LAST, below)


def index(
    name: str,
    items: Sequence[Item],
    *,
    of: int,
    collation: int,
    clusters: Clusters,
    room: int,
    allocated: bool = True,
) -> list[bytes]:
    """Return the attributes of an index over `items`, which are in order.

    `of` is the type of the attribute that the keys are; `room` bytes of the record are left.
    """  # fmt: skip
    level: list[tuple[Item, int | None]] = [(item, None) for item in items]
    last: int | None = None
    blocks: list[bytes] = []
    spare = room - 24 - 32 - 16  # the head of the attribute, its name, and that of the index
    while True:
        entries = b"".join(item.encoded(below) for item, below in level) + _end(last)
        if len(entries) <= spare:
            break
        spare = max(room - _BLOCKS_ROOM, len(_end(0)))
        level, last = _split(level, last, blocks)
    head = struct.pack("<IIIB3x", of, collation, CLUSTER, 1)
    head += struct.pack("<IIIB3x", 16, 16 + len(entries), 16 + len(entries), bool(blocks))
    made = [resident(INDEX_ROOT, head + entries, name=name)]
    if blocks:
        data = b"".join(blocks)
        runs = clusters.store(data, allocated=allocated)
        made.append(outside(INDEX_ALLOCATION, runs, len(data), name=name))
        bits = ((1 << len(blocks)) - 1).to_bytes(-(-len(blocks) // 64) * 8, "little")
        made.append(resident(BITMAP, bits, name=name))
    return made


def names_index(
    names: Iterable[tuple[str, Item]], clusters: Clusters, *, room: int, allocated: bool = True
) -> list[bytes]:
    """Return the attributes of a folder over names in any order."""
    items = [item for _, item in sorted(names, key=lambda pair: upper(pair[0]))]
    return index(
        "$I30", items, of=FILE_NAME, collation=_BY_NAME, clusters=clusters, room=room,
        allocated=allocated,
    )  # fmt: skip


def _split(
    level: list[tuple[Item, int | None]], last: int | None, blocks: list[bytes]
) -> tuple[list[tuple[Item, int | None]], int]:
    """Move a level into blocks; return the one above it, and the block behind all its entries."""
    above: list[tuple[Item, int | None]] = []
    taken: list[tuple[Item, int | None]] = []
    size = 0
    for item, below in level:
        length = len(item.encoded(below))
        if size + length > _CAPACITY:
            between, before = taken.pop()
            above.append((between, len(blocks)))
            blocks.append(_block(taken, before, len(blocks)))
            taken, size = [], 0
        taken.append((item, below))
        size += length
    blocks.append(_block(taken, last, len(blocks)))
    return above, len(blocks) - 1


def _block(taken: list[tuple[Item, int | None]], last: int | None, number: int) -> bytes:
    entries = b"".join(item.encoded(below) for item, below in taken) + _end(last)
    head = struct.pack("<4sHHQQ", b"INDX", 0x28, CLUSTER // 512 + 1, 0, number)
    head += struct.pack(
        "<IIIB3x", _FIRST - 24, _FIRST - 24 + len(entries), CLUSTER - 24, last is not None
    )
    return fixed_up(bytearray(head.ljust(_FIRST, b"\0") + entries), CLUSTER, 0x28)
