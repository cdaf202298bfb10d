"""NTFS volumes as Windows leaves them: version 3.1, clusters of 4 KiB, an empty $LogFile.

Layout: the NTFS documentation of the Linux-NTFS project. A deleted file is gone from the index of
its folder, its record is free and one sequence number on, and keeps all attributes and runs.
"""

from __future__ import annotations

import struct

from triage.errors import TrainingError
from triage.training.media.canvas import Canvas, Clusters
from triage.training.media.fat_names import is_short
from triage.training.media.model import Volume
from triage.training.media.ntfs_record import (
    CLUSTER,
    DATA,
    FILE_NAME,
    FOLDER,
    IN_USE,
    INDEXED_FOLDER,
    RECORD,
    ROOM,
    Times,
    file_name,
    outside,
    record,
    reference,
    resident,
    standard_information,
)
from triage.training.media.ntfs_security import ADMINISTRATORS, secure
from triage.training.media.ntfs_system import ROOT, Shape, SystemFiles
from triage.training.media.ntfs_tree import Item, names_index
from triage.training.media.tree import Node, grow
from triage.training.media.windows_names import check_name

_FIRST = 64  # record of the first file; those before belong to the file system
_ARCHIVE = 0x20
_TABLE = 4  # cluster of $MFT
_LEAST = 1 << 20  # bytes
_OUTSIDE = 96  # bytes of an attribute whose content lies outside, without its name


def write_ntfs(volume: Volume, start: int) -> Canvas:
    """Return the bytes of an NTFS volume that begins at sector `start` of its disk.

    Raises TrainingError when it is too small or full, or a name is none that Windows gives.
    """
    return _Writer(volume, start).write()


class _Writer:
    def __init__(self, volume: Volume, start: int) -> None:
        self._volume = volume
        self._tree = grow(volume)
        self._shape = shape = _shape(volume, start, len(self._tree.nodes))
        self._canvas = Canvas(volume.size)
        self._clusters = Clusters(
            self._canvas,
            origin=0,
            size=CLUSTER,
            first=0,
            count=shape.count,
            reserved=shape.reserved,
        )
        self._security = secure(node.entry.sid for node in self._tree.nodes)
        self._records: dict[int, bytes] = {}
        self._numbers = {self._tree.root: ROOT}
        for number, node in enumerate(self._tree.nodes, _FIRST):
            self._numbers[node] = number
        self._sizes: dict[Node, tuple[int, int]] = {}  # allocated and used

    def write(self) -> Canvas:
        root, nodes = self._tree.root, self._tree.nodes
        made = (root.entry.created,) * 4
        system = SystemFiles(self._volume, self._shape, self._canvas, self._clusters, made)
        system.make(self._security)
        for node in nodes:
            check_name(node)
            if not node.folder:
                self._file(node)
        for node in nodes:
            if node.folder:
                self._folder(node)
        system.make_root(self._names(root), _times(root))
        self._clusters.strew(self._volume.scraps)
        used = {self._numbers[node] for node in nodes if not node.deleted}
        system.finish(used, self._records)
        return self._canvas

    def _base(self, node: Node) -> list[bytes]:
        """Return what every record begins with.

        Windows sets the times in a name when it gives it, and afterwards only those in the index.
        """
        security = self._security.numbers[node.entry.sid or ADMINISTRATORS]
        name = self._name(node, (node.entry.created,) * 4)
        return [
            standard_information(_times(node), 0 if node.folder else _ARCHIVE, security),
            resident(FILE_NAME, name, indexed=True),
        ]

    def _reference(self, node: Node) -> int:
        """Return how names refer to a node: as it was before it was deleted."""
        number = self._numbers[node]
        return reference(number, number if number == ROOT else 1)

    def _name(self, node: Node, times: Times) -> bytes:
        return file_name(
            self._reference(node.parent or node),
            node.name,
            times,
            attributes=INDEXED_FOLDER if node.folder else _ARCHIVE,
            sizes=self._sizes.get(node, (0, 0)),
            dos=is_short(node.name),
        )

    def _file(self, node: Node) -> None:
        """Make the record of a file; its largest streams go outside until the others fit."""
        streams = {"": node.content, **dict(sorted(node.entry.streams.items()))}
        room = ROOM - sum(map(len, self._base(node)))
        inside: dict[str, bytes] = {}
        for name in sorted(streams, key=lambda name: len(streams[name])):
            attribute = resident(DATA, streams[name], name=name)
            later = sum(
                _OUTSIDE + 2 * len(other) for other in streams if other not in {*inside, name}
            )
            if len(attribute) + later <= room and not (name == "" and node.slack):
                inside[name] = attribute
                room -= len(attribute)
        attributes = []
        for name, data in streams.items():
            slack, kept = b"" if name else node.slack, not node.deleted
            if name in inside:
                attributes.append(inside[name])
            else:
                runs = self._clusters.store(data, slack=slack, allocated=kept)
                attributes.append(outside(DATA, runs, len(data), name=name))
        unit = 8 if "" in inside else CLUSTER
        self._sizes[node] = (-(-len(node.content) // unit) * unit, len(node.content))
        self._keep(node, attributes, 0)

    def _folder(self, node: Node) -> None:
        room = ROOM - sum(map(len, self._base(node)))
        kept = not node.deleted
        attributes = names_index(self._names(node), self._clusters, room=room, allocated=kept)
        self._keep(node, attributes, FOLDER)

    def _names(self, folder: Node) -> list[tuple[str, Item]]:
        return [
            (
                child.name,
                Item(struct.pack("<Q", self._reference(child)), self._name(child, _times(child))),
            )
            for child in folder.children
            if not child.deleted
        ]

    def _keep(self, node: Node, attributes: list[bytes], flags: int) -> None:
        number, kept = self._numbers[node], not node.deleted
        try:
            self._records[number] = record(
                number,
                [*self._base(node), *attributes],
                flags=flags | (IN_USE if kept else 0),
                sequence=1 if kept else 2,
                links=1,
            )
        except TrainingError as error:
            raise TrainingError(error.message, where=node.entry.path) from error


def _shape(volume: Volume, start: int, nodes: int) -> Shape:
    sectors = volume.size // 512 - 1
    records = -(-(_FIRST + nodes) // 4) * 4
    table = range(_TABLE, _TABLE + records * RECORD // CLUSTER)
    count = sectors * 512 // CLUSTER
    if volume.size < _LEAST or table.stop >= count // 2:
        raise TrainingError(f"{volume.size} bytes are too few for NTFS with {nodes} entries")
    return Shape(start=start, sectors=sectors, count=count, table=table, records=records)


def _times(node: Node) -> Times:
    entry = node.entry
    return (entry.created, entry.modified, entry.changed, entry.accessed)
