"""ISO 9660 read by us: Rock Ridge, Joliet, or the plain names, and every record there is.

TSK drops the rest of a directory behind a record it does not like, knows no Rock Ridge names, and
waits for ever where a path table leads nowhere; the format is simple enough to be read whole. An
address is the byte of the volume at which the record of a file stands; for a directory it is the
byte at which its content begins. Times are the wall clock of the writer. Of a disc that has more
than one tree the one with the best names is listed, and what only another leads to in
`$OrphanFiles`. Later sessions are not looked for, files stored interleaved cannot be read, and
zisofs is not unpacked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from triage.errors import EvidenceError
from triage.evidence.index import Named
from triage.evidence.iso9660_records import (
    FOLDER,
    INTERLEAVED,
    MORE,
    SECTOR,
    Record,
    Tree,
    record_at,
    records,
    trees,
)
from triage.evidence.tree import PartialListingError
from triage.model import Allocation, ByteRun, EntryType, FileTimes, Reader, Storage, Volume

NAME = "iso9660"

_LARGEST_FOLDER = 64 << 20  # bytes
_MOST_EXTENTS = 1024  # of one file
_MOST_FOLDERS = 1 << 16  # of each tree, when trees are compared
_OTHERS = Named(name=b"$OrphanFiles", type=EntryType.DIRECTORY, inode=0, descend=True)
_ALLOCATED = Allocation(name=True, metadata=True)


class IsoTree:
    """A disc. Raises EvidenceError when it has no tree that can be read."""

    def __init__(self, image: Reader, volume: Volume) -> None:
        self.name = NAME
        self._volume = _Part(image, volume.offset, volume.length)
        self._trees = trees(self._volume)
        if not self._trees:
            raise EvidenceError("no volume descriptor can be read", where=volume.name)
        self._tree = self._trees[0]
        self._others: list[Named] | None = None

    def root(self) -> Named:
        """Return the root directory."""
        tree = self._tree
        return Named(b"", EntryType.DIRECTORY, tree.root, size=tree.size, descend=True)

    def listing(self, directory: Named) -> list[Named]:
        """Return a directory's names. Raises EvidenceError and PartialListingError."""
        if directory.inode == _OTHERS.inode:
            return list(self._unshared())
        found: list[Named] = []
        whole = directory.size <= _LARGEST_FOLDER
        size = min(directory.size, _LARGEST_FOLDER)
        continued = False
        try:
            for record in records(self._volume, self._tree, directory.inode, size):
                if record is None:
                    whole = False
                elif not continued and not record.moved:
                    found.append(self._named(record))
                continued = record is not None and bool(record.flags & MORE)
        except EvidenceError:
            if not found:
                raise
            whole = False
        if directory.inode == self._tree.root and self._unshared():
            found.append(_OTHERS)
        if not whole:
            raise PartialListingError("some records cannot be read", found)
        return found

    def _named(self, record: Record) -> Named:
        times = FileTimes(
            modified=record.modified,
            accessed=record.accessed,
            created=record.recorded,
            zone="local",
        )
        inode, size, kind = record.at, record.size, EntryType.FILE
        if record.target is not None:
            kind, size = EntryType.LINK, len(record.target)
        elif record.flags & FOLDER:
            kind, inode = EntryType.DIRECTORY, record.start
        elif record.flags & MORE:
            size = self._total(record)
        return Named(
            record.name.replace(b"/", rb"\x2f"),
            kind,
            inode,
            size=size,
            times=times,
            descend=kind is EntryType.DIRECTORY,
        )

    def _total(self, record: Record) -> int:
        try:
            return sum(part.size for part in self._parts(record))
        except EvidenceError:
            return record.size

    def _parts(self, record: Record) -> list[Record]:
        """Return the records of a file in several extents: neighbours, all but the last say so."""
        found = [record]
        while found[-1].flags & MORE and len(found) < _MOST_EXTENTS:
            at = found[-1].at + found[-1].length
            if at % SECTOR and self._volume.read_at(at, 1) == b"\0":
                at += -at % SECTOR
            found.append(record_at(self._volume, self._tree, at))
        return found

    def _unshared(self) -> list[Named]:
        """Return the files to which only other trees lead."""
        if self._others is None:
            known: set[int] = set()
            self._others = []
            for tree in self._trees:
                extents = list(self._files(tree))
                if tree is not self._tree:
                    self._others += [self._named(r) for r in extents if r.start not in known]
                known.update(record.start for record in extents)
        return self._others

    def _files(self, tree: Tree) -> Iterator[Record]:
        """Yield every file of a tree that has content; damage is said when it is listed."""
        pending, seen = [(tree.root, tree.size)], {tree.root}
        while pending:
            start, size = pending.pop()
            try:
                for record in records(self._volume, tree, start, min(size, _LARGEST_FOLDER)):
                    if record is None:
                        continue
                    if not record.flags & FOLDER:
                        if record.size:
                            yield record
                    elif record.start not in seen and len(seen) < _MOST_FOLDERS:
                        seen.add(record.start)
                        pending.append((record.start, record.size))
            except EvidenceError:
                continue

    def open(self, address: str) -> Reader:
        """Return the content of a file, the target of a link. Raises EvidenceError."""
        parts = self._at(address)
        if parts[0].target is not None:
            return _Text(parts[0].target)
        if any(part.flags & INTERLEAVED for part in parts):
            raise EvidenceError("file is stored interleaved, which is not read")
        return _File(self._volume, tuple((part.start, part.size) for part in parts))

    def _at(self, address: str) -> list[Record]:
        if not (address.isascii() and address.isdigit()) or int(address) >= self._volume.size:
            raise EvidenceError("not a metadata address")
        return self._parts(record_at(self._volume, self._tree, int(address)))

    def runs(self, address: str) -> tuple[ByteRun, ...]:
        """Return where the content lies on the media."""
        try:
            parts = self._at(address)
        except EvidenceError:
            return ()
        if parts[0].target is not None:
            length = len(parts[0].target)
            return (
                ByteRun(file_offset=0, image_offset=None, length=length, storage=Storage.RESIDENT),
            )
        found, at = [], 0
        for part in parts:
            if part.size:
                place = self._volume.offset + part.start
                found.append(
                    ByteRun(
                        file_offset=at, image_offset=place, length=part.size, storage=Storage.PLAIN
                    )
                )
            at += part.size
        return tuple(found)


@dataclass(frozen=True, slots=True)
class _Part:
    reader: Reader
    offset: int
    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        length = min(length, self.size - offset)
        return self.reader.read_at(self.offset + offset, length) if length > 0 else b""


@dataclass(frozen=True, slots=True)
class _Text:
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


@dataclass(frozen=True, slots=True)
class _File:
    volume: Reader
    parts: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        """Declared length in bytes."""
        return sum(size for _, size in self.parts)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes; raises EvidenceError when bytes inside the declared size are not there."""
        result, begin = [], 0
        for start, size in self.parts:
            first, end = max(offset, begin), min(offset + length, begin + size)
            if first < end:
                data = self.volume.read_at(start + first - begin, end - first)
                if len(data) < end - first:
                    raise EvidenceError(f"content ends early at {first + len(data)}")
                result.append(data)
            begin += size
        return b"".join(result)
