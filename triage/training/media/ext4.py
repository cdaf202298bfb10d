"""ext4 volumes as mke2fs and the kernel leave them: groups, extents, an empty journal.

A deleted file keeps size and extents in its inode and its name under the entry before it, as
ext3 without a journal and debugfs leave it; the kernel's ext4 also clears the extents, which a
practice image that is to be examined by its names cannot want.
"""

from __future__ import annotations

import struct
import zlib

from triage.training.media.canvas import Canvas, Clusters, Runs
from triage.training.media.ext4_directory import Name, directory_blocks
from triage.training.media.ext4_inode import FILE, FOLDER, LINK, Inode, map_blocks
from triage.training.media.ext4_layout import (
    FIRST_FREE,
    Layout,
    Summary,
    layout,
    put_system,
    uuid_of,
)
from triage.training.media.model import Volume
from triage.training.media.tree import Node, grow

_ROOT, _JOURNAL, _LOST = 2, 8, FIRST_FREE
_RESERVED = 10  # inodes that are always in use
_KINDS = {FILE: 1, FOLDER: 2, LINK: 7}
_IN_INODE = 60  # bytes; a shorter target of a link lies in its inode
_LOST_BLOCKS = 12  # as mke2fs, so that e2fsck need not look for room when it is needed
_NS = 10**9


def write_ext4(volume: Volume, _start: int) -> Canvas:
    """Return the bytes of an ext4 volume. Raises TrainingError when it is too small or full."""
    return _Writer(volume).write()


class _Writer:
    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._tree = grow(volume)
        self._shape: Layout = layout(volume, len(self._tree.nodes))
        self._canvas = Canvas(volume.size)
        self._clusters = Clusters(
            self._canvas,
            origin=self._shape.first * self._shape.block,
            size=self._shape.block,
            first=self._shape.first,
            count=self._shape.blocks - self._shape.first,
            reserved=[range(group.start, group.end) for group in self._shape.groups],
        )
        self._numbers = {self._tree.root: _ROOT}
        for number, node in enumerate(self._tree.nodes, _LOST + 1):
            self._numbers[node] = number
        self._inodes: dict[int, bytes] = {}

    def write(self) -> Canvas:
        tree = self._tree
        journal, journal_size = self._journal()
        self._folder(tree.root)
        self._lost_and_found()
        for node in tree.nodes:
            if node.folder:
                self._folder(node)
            else:
                self._file(node)
        self._clusters.strew(self._volume.scraps)
        for number, data in self._inodes.items():
            self._canvas.put(self._shape.place(number), data)
        living = {self._numbers[node]: node for node in tree.nodes if not node.deleted}
        folders = {_ROOT, _LOST, *(number for number, node in living.items() if node.folder)}
        summary = Summary(
            used_inodes=frozenset({*range(1, _RESERVED + 1), _LOST, *living}),
            folders=frozenset(folders),
            time=tree.root.entry.created // _NS,
            journal=journal,
            journal_size=journal_size,
        )
        put_system(self._canvas, self._volume, self._shape, self._clusters, summary)
        return self._canvas

    def _journal(self) -> tuple[bytes, int]:
        """Make an empty journal (JBD2, all numbers big-endian)."""
        block = self._shape.block
        count = 1024 if self._shape.blocks < 32768 else 4096  # noqa: PLR2004 - as mke2fs
        head = struct.pack(">IIIIIIIII", 0xC03B3998, 4, 0, block, count, 1, 1, 0, 0)
        head += struct.pack(">III16sI", 0, 0, 0, uuid_of(self._volume, "volume"), 1)
        runs = self._clusters.take(count)
        self._clusters.fill(runs, head)
        place, own = map_blocks(runs, self._clusters, allocated=True)
        time = self._tree.root.entry.created
        inode = Inode(
            mode=FILE | 0o600,
            owner=0,
            size=count * block,
            times=(time,) * 4,
            links=1,
            blocks=(count + own) * (block // 512),
            place=place,
        )
        self._inodes[_JOURNAL] = inode.encoded()
        return place.ljust(_IN_INODE, b"\0"), count * block

    def _lost_and_found(self) -> None:
        names = [Name(b".", _LOST, _KINDS[FOLDER]), Name(b"..", _ROOT, _KINDS[FOLDER])]
        block = self._shape.block
        empty = struct.pack("<IH2x", 0, block).ljust(block, b"\0")
        data = directory_blocks(names, block) + empty * (_LOST_BLOCKS - 1)
        runs = self._clusters.store(data)
        place, _ = map_blocks(runs, self._clusters, allocated=True)
        time = self._tree.root.entry.created
        inode = Inode(
            mode=FOLDER | 0o700,
            owner=0,
            size=len(data),
            times=(time,) * 4,
            links=2,
            blocks=len(data) // 512,
            place=place,
        )
        self._inodes[_LOST] = inode.encoded()

    def _folder(self, node: Node) -> None:
        own = self._numbers[node]
        above = self._numbers[node.parent] if node.parent else own
        names = [Name(b".", own, _KINDS[FOLDER]), Name(b"..", above, _KINDS[FOLDER])]
        if node.parent is None:
            names.append(Name(b"lost+found", _LOST, _KINDS[FOLDER]))
        names += [
            Name(child.name.encode(), self._numbers[child], _KINDS[_kind(child)], child.deleted)
            for child in node.children
        ]
        data = directory_blocks(names, self._shape.block)
        runs = self._clusters.store(data, allocated=not node.deleted)
        below = sum(child.folder and not child.deleted for child in node.children)
        links = 2 + below + (node.parent is None)  # lost+found
        self._keep(node, runs, len(data), links)

    def _file(self, node: Node) -> None:
        target = (node.entry.target or "").encode()
        if 0 < len(target) < _IN_INODE:
            self._keep(node, (), len(target), 1, place=target)
            return
        data = target or node.content
        runs = self._clusters.store(data, slack=node.slack, allocated=not node.deleted)
        self._keep(node, runs, len(data), 1)

    def _keep(self, node: Node, runs: Runs, size: int, links: int, place: bytes = b"") -> None:
        """Make the inode of a node."""
        own = 0
        if not place:
            place, own = map_blocks(runs, self._clusters, allocated=not node.deleted)
        entry, number = node.entry, self._numbers[node]
        mode = entry.mode
        if mode is None:
            mode = {FOLDER: 0o755, FILE: 0o644, LINK: 0o777}[_kind(node)]
        inode = Inode(
            mode=_kind(node) | mode,
            owner=entry.uid,
            size=size,
            times=(entry.accessed, entry.changed, entry.modified, entry.created),
            links=0 if node.deleted else links,
            deleted_at=entry.changed if node.deleted else 0,
            blocks=(sum(map(len, runs)) + own) * (self._shape.block // 512),
            place=place,
            generation=zlib.crc32(f"{self._volume.serial:x} {number}".encode()),
        )
        self._inodes[number] = inode.encoded()


def _kind(node: Node) -> int:
    if node.folder:
        return FOLDER
    return FILE if node.entry.target is None else LINK
