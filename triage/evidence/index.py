"""The index of one file system: every name, in columns, in one block of shareable memory.

A directory's children stand in consecutive rows, sorted by name, so listing is a slice and a path
is found by descending. Worker processes map the same block, read-only. Row 0 is the root.

Matching happens while the index is built: the walk carries one pattern state a directory
(see `patterns`), so no pattern is ever tried against a list of paths.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from triage.errors import WorkerError
from triage.evidence.patterns import PatternSet
from triage.model import Allocation, Entry, EntryType, EvidencePath, FileTimes

_TYPES = (EntryType.FILE, EntryType.DIRECTORY, EntryType.LINK, EntryType.OTHER)
_TYPE_CODES = {kind: code for code, kind in enumerate(_TYPES)}
_NAME_ALLOCATED, _META_ALLOCATED, _REUSED, _LOCAL_TIMES = 4, 8, 16, 32  # above two bits of type
_NO_TIME = -(2**63)
_MAX_DEPTH = 128  # deeper trees are made to break tools; the walk stops and says so

_HEADER = struct.Struct("<8sQQ")  # magic, rows, bytes of names
_MAGIC = b"TRIAGE\x01\x00"
_COLUMNS = (
    ("parent", "i"),
    ("first_child", "i"),
    ("child_count", "i"),
    ("name_end", "q"),  # the name begins where the one before ends
    ("flags", "B"),
    ("inode", "q"),
    ("attribute", "i"),  # type << 16 | id; -1 when the file system has no attributes
    ("size", "q"),
    ("modified", "q"),
    ("accessed", "q"),
    ("changed", "q"),
    ("created", "q"),
)


_NO_TIMES = FileTimes()
_ALLOCATED = Allocation(name=True, metadata=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One name in a directory, as a file system lists it."""

    name: bytes
    type: EntryType
    inode: int
    attribute: int = -1
    size: int = 0
    times: FileTimes = _NO_TIMES
    allocation: Allocation = _ALLOCATED
    descend: bool = False  # a directory whose content can be listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A row that patterns ask for; numbers are positions in the pattern set."""

    row: int
    patterns: tuple[int, ...]


class IndexBuilder:
    """Collects directories breadth first, matching all patterns on the way."""

    def __init__(self, patterns: PatternSet) -> None:
        self._patterns = patterns
        self._columns = {name: array(code) for name, code in _COLUMNS}
        self._names = bytearray()
        self._states = [PatternSet.ROOT]
        self._depths = array("B", [0])
        self.matches: list[Match] = []
        self._append(-1, Named(name=b"", type=EntryType.DIRECTORY, inode=-1))

    def __len__(self) -> int:
        return len(self._columns["parent"])

    def _append(self, parent: int, named: Named) -> None:
        self._names += named.name
        allocation, times = named.allocation, named.times
        flags = _TYPE_CODES[named.type]
        flags |= _NAME_ALLOCATED * allocation.name | _META_ALLOCATED * allocation.metadata
        flags |= _REUSED * allocation.reused | _LOCAL_TIMES * (times.zone == "local")
        for column, value in (
            ("parent", parent),
            ("first_child", 0),
            ("child_count", 0),
            ("name_end", len(self._names)),
            ("flags", flags),
            ("inode", named.inode),
            ("attribute", named.attribute),
            ("size", named.size),
            ("modified", _stored(times.modified)),
            ("accessed", _stored(times.accessed)),
            ("changed", _stored(times.changed)),
            ("created", _stored(times.created)),
        ):
            self._columns[column].append(value)

    def add(self, parent: int, listing: list[Named]) -> Iterator[tuple[int, Named]]:
        """Add the content of a directory; yield (row, name) of the directories to list next.

        Must be called once a directory. Names deeper than 128 levels are added, not yielded.
        """
        listing.sort(key=lambda named: (named.name, named.inode, named.attribute))
        first = len(self)
        self._columns["first_child"][parent] = first
        self._columns["child_count"][parent] = len(listing)
        depth = self._depths[parent] + 1
        for row, named in enumerate(listing, first):
            self._append(parent, named)
            state, files, folders = self._patterns.step(
                self._states[parent], named.name.decode("utf-8", "surrogateescape")
            )
            self._states.append(state)
            self._depths.append(min(depth, 255))
            found = folders if named.type is EntryType.DIRECTORY else files
            if found and named.type is not EntryType.LINK:
                self.matches.append(Match(row=row, patterns=found))
        for row, named in enumerate(listing, first):
            if named.descend and depth < _MAX_DEPTH:
                yield row, named

    def freeze(self) -> bytes:
        """Return the block: header, columns, names."""
        parts = [_HEADER.pack(_MAGIC, len(self), len(self._names))]
        for name, _ in _COLUMNS:
            data = self._columns[name].tobytes()
            parts.append(data + bytes(-len(data) % 8))
        parts.append(bytes(self._names))
        return b"".join(parts)


def _stored(time: int | None) -> int:
    return _NO_TIME if time is None or not -(2**63) < time < 2**63 else time


class Index:
    """Read-only view of a frozen index."""

    def __init__(self, block: memoryview, *, volume: str) -> None:
        magic, rows, names = _HEADER.unpack_from(block)
        if magic != _MAGIC:
            raise WorkerError("not an index")
        self.volume = volume
        self._rows = rows
        at = _HEADER.size
        self._columns: dict[str, memoryview[int]] = {}
        for name, code in _COLUMNS:
            length = rows * array(code).itemsize
            self._columns[name] = block[at : at + length].cast(code)  # type: ignore[call-overload] # codes are literals
            at += length + -length % 8
        self._names = block[at : at + names]

    def __len__(self) -> int:
        return self._rows

    def name(self, row: int) -> bytes:
        """Return the name of a row, as the file system has it."""
        ends = self._columns["name_end"]
        return bytes(self._names[ends[row - 1] if row else 0 : ends[row]])

    def path(self, row: int) -> EvidencePath:
        """Return the path of a row from the root, starting with `/`."""
        parents, parts = self._columns["parent"], []
        while row > 0:
            parts.append(self.name(row).decode("utf-8", "surrogateescape"))
            row = parents[row]
        return EvidencePath("/" + "/".join(reversed(parts)))

    def parent(self, row: int) -> int:
        """Return the row of the directory; the root is its own."""
        return max(0, self._columns["parent"][row])

    def children(self, row: int) -> range:
        """Return the rows of a directory's content, sorted by name."""
        first = self._columns["first_child"][row]
        return range(first, first + self._columns["child_count"][row])

    def is_directory(self, row: int) -> bool:
        """Whether a row is a directory."""
        return _TYPES[self._columns["flags"][row] & 3] is EntryType.DIRECTORY

    def allocated(self, row: int) -> bool:
        """Whether name and metadata of a row are both in use."""
        wanted = _NAME_ALLOCATED | _META_ALLOCATED
        return bool(self._columns["flags"][row] & wanted == wanted)

    def child(self, row: int, name: str) -> int | None:
        """Return the child of that name: exact before any case, allocated before deleted."""
        folded, best = name.casefold(), None
        for candidate in self.children(row):
            text = self.name(candidate).decode("utf-8", "surrogateescape")
            if text == name and self.allocated(candidate):
                return candidate
            if text.casefold() == folded and (
                best is None or (self.allocated(candidate) and not self.allocated(best))
            ):
                best = candidate
        return best

    def descend(self, row: int, parts: list[str]) -> int | None:
        """Follow names from a directory; `.` and `..` are understood and stop at the root."""
        current: int | None = row
        for part in parts:
            if current is None:
                return None
            if part == "..":
                current = self.parent(current)
            elif part not in ("", "."):
                current = self.child(current, part)
        return current

    def entry(self, row: int) -> Entry:
        """Return a row as an entry."""
        columns = self._columns
        flags = columns["flags"][row]
        inode, attribute = columns["inode"][row], columns["attribute"][row]
        address = str(inode)
        if attribute >= 0:
            address += f"-{attribute >> 16}-{attribute & 0xFFFF}"

        def time(column: str) -> int | None:
            value: int = columns[column][row]
            return None if value == _NO_TIME else value

        return Entry(
            volume=self.volume,
            path=self.path(row),
            address=address,
            type=_TYPES[flags & 3],
            size=columns["size"][row],
            times=FileTimes(
                modified=time("modified"),
                accessed=time("accessed"),
                changed=time("changed"),
                created=time("created"),
                zone="local" if flags & _LOCAL_TIMES else "utc",
            ),
            allocation=Allocation(
                name=bool(flags & _NAME_ALLOCATED),
                metadata=bool(flags & _META_ALLOCATED),
                reused=bool(flags & _REUSED),
            ),
        )

    def find(self, row: int, pattern: str) -> Iterator[int]:
        """Yield the rows of allocated files below a directory that match, sorted by path."""
        patterns = PatternSet([pattern])
        pending = [(child, PatternSet.ROOT) for child in reversed(self.children(row))]
        while pending:
            current, state = pending.pop()
            below, files, _ = patterns.step(
                state, self.name(current).decode("utf-8", "surrogateescape")
            )
            if self.is_directory(current):
                if below != PatternSet.DEAD:
                    pending.extend((child, below) for child in reversed(self.children(current)))
            elif files and self.allocated(current):
                yield current
