"""Directories of ext4: entries in blocks, without an index.

A removed name is only skipped: the entry before it becomes longer and covers it (Linux,
Documentation/filesystems/ext4, "Linear Directories"). One that would be the first of its block has
none before it and loses its inode number, so a living name goes there where there is one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

_HEADER = 8


@dataclass(frozen=True, slots=True)
class Name:
    """An entry of a directory."""

    name: bytes
    inode: int
    kind: int  # 1 file, 2 folder, 7 link
    deleted: bool = False

    @property
    def length(self) -> int:
        """Bytes that it needs."""
        return _HEADER + -(-len(self.name) // 4) * 4


def directory_blocks(names: Iterable[Name], block: int) -> bytes:
    """Return the blocks of a directory; the first two names are `.` and `..`."""
    pending = list(names)
    blocks = []
    while pending:
        taken: list[Name] = []
        room = block
        while pending:
            following = 0
            if not taken:
                living = (at for at, name in enumerate(pending) if not name.deleted)
                following = next(living, 0)
            if pending[following].length > room:
                break
            room -= pending[following].length
            taken.append(pending.pop(following))
        blocks.append(_block(taken, block))
    return b"".join(blocks)


def _block(names: list[Name], block: int) -> bytes:
    data = bytearray(block)
    end = block  # where the entry that covers this place ends
    at = sum(name.length for name in names)
    for number in reversed(range(len(names))):
        name = names[number]
        at -= name.length
        covered = name.deleted and number > 0
        length = name.length if covered else end - at
        inode = 0 if name.deleted and number == 0 else name.inode
        row = struct.pack("<IHBB", inode, length, len(name.name), name.kind) + name.name
        data[at : at + len(row)] = row
        if not covered:
            end = at
    return bytes(data)
