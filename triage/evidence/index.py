"""The index of one file system: every name, in columns, in one block of shareable memory.

Rows stand breadth first: the content of a directory in consecutive rows, sorted by name, and
directories listed in the order of their rows. So listing is a slice, a path is found by
descending, and patterns are matched over the names of many directories at once. Worker processes
map the same block, read-only. Row 0 is the root.

The block: a header, one array a column in the order of `COLUMNS` (each padded to 8 bytes), the
rows of the directories that were listed, where the content of each begins (one more at the end),
and all names, each followed by `/`.
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import NamedTuple, TypeAlias

import numpy as np

from triage.errors import EvidenceError, WorkerError
from triage.evidence.arrays import Array
from triage.evidence.beginnings import NOWHERE
from triage.evidence.patterns import PatternSet
from triage.model import Allocation, Entry, EntryType, EvidencePath, FileTimes

TYPES = (EntryType.FILE, EntryType.DIRECTORY, EntryType.LINK, EntryType.OTHER)
"""What the two low bits of the column `flags` say."""
NAME_ALLOCATED, META_ALLOCATED, REUSED, LOCAL_TIMES = 4, 8, 16, 32
NO_TIME = -(2**63)
NO_ATTRIBUTE = -1
MAX_DEPTH = 128  # deeper trees are made to break tools; names below are listed, not entered

_MAX_NAMES = 2**32 - 1  # bytes
_BATCH = 1 << 16  # rows matched at once
_TYPE_CODES = {kind: code for code, kind in enumerate(TYPES)}
_HEADER = struct.Struct("<8sQQQ")  # magic, rows, listed directories, bytes of names
_MAGIC = b"TRIAGE\x02" + (b"L" if sys.byteorder == "little" else b"B")
COLUMNS = {
    "parent": "i",
    "name_end": "I",  # behind the `/`; the name begins where the one before ends
    "flags": "B",
    "inode": "q",
    "attribute": "i",  # type << 16 | id
    "size": "q",
    "modified": "q",
    "accessed": "q",
    "changed": "q",
    "created": "q",
}
"""The columns of a block and their types, as `array` calls them."""

_NO_TIMES = FileTimes()
_ALLOCATED = Allocation(name=True, metadata=True)


class Named(NamedTuple):
    """One name in a directory, as a file system lists it; a tuple, as there are millions."""

    name: bytes
    type: EntryType
    inode: int
    attribute: int = NO_ATTRIBUTE
    size: int = 0
    times: FileTimes = _NO_TIMES
    allocation: Allocation = _ALLOCATED
    descend: bool = False  # a directory whose content can be listed


_SORTED_BY = attrgetter("name", "inode", "attribute")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A row that patterns ask for; numbers are positions in the pattern set."""

    row: int
    patterns: tuple[int, ...]


class IndexBuilder:
    """Collects directories breadth first."""

    def __init__(self) -> None:
        self._columns = {name: array(code) for name, code in COLUMNS.items()}
        self._names = bytearray()
        self._listed = array("i")
        self._first = array("i")
        self._depths = array("B")
        self._append(-1, [Named(name=b"", type=EntryType.DIRECTORY, inode=-1)])
        self._depths.append(0)

    def __len__(self) -> int:
        return len(self._depths)

    def _append(self, parent: int, listing: list[Named]) -> None:
        columns, end = self._columns, len(self._names)
        names = [named.name for named in listing]
        text = b"/".join(names) + b"/"
        if text.count(b"/") != len(names):  # never a separator inside a name
            names = [name.replace(b"/", rb"\x2f") for name in names]
            text = b"/".join(names) + b"/"
        if end + len(text) > _MAX_NAMES:
            raise EvidenceError("more than 4 GiB of names")
        self._names += text
        ends = columns["name_end"]
        for name in names:
            end += len(name) + 1
            ends.append(end)
        times = [named.times for named in listing]
        columns["parent"].extend([parent] * len(names))
        columns["flags"].extend(map(_flags, listing))
        columns["inode"].extend([named.inode for named in listing])
        columns["attribute"].extend([named.attribute for named in listing])
        columns["size"].extend([named.size for named in listing])
        columns["modified"].extend([_stored(time.modified) for time in times])
        columns["accessed"].extend([_stored(time.accessed) for time in times])
        columns["changed"].extend([_stored(time.changed) for time in times])
        columns["created"].extend([_stored(time.created) for time in times])

    def add(self, parent: int, listing: list[Named]) -> list[tuple[int, Named]]:
        """Add the content of a directory; return (row, name) of the directories to list next.

        Must be called once a directory, in the order of their rows. Raises EvidenceError when
        names need more than 4 GiB.
        """
        first = len(self)
        if listing:
            listing.sort(key=_SORTED_BY)
            self._append(parent, listing)
        self._listed.append(parent)
        self._first.append(first)
        depth = self._depths[parent] + 1
        self._depths.extend([min(depth, MAX_DEPTH)] * len(listing))
        return [(row, named) for row, named in enumerate(listing, first) if named.descend]

    def too_deep(self, row: int) -> bool:
        """Whether a directory lies so deep that what is in it is not listed: 128 levels."""
        return self._depths[row] >= MAX_DEPTH

    def freeze(self) -> bytearray:
        """Return the block. The builder is empty afterwards."""
        rows = len(self)
        self._first.append(rows)
        columns = (self._columns.pop(name) for name in COLUMNS)
        return pack(rows, columns, self._listed, self._first, [self._names])


def _flags(named: Named) -> int:
    allocation = named.allocation
    return (
        _TYPE_CODES[named.type]
        | NAME_ALLOCATED * allocation.name
        | META_ALLOCATED * allocation.metadata
        | REUSED * allocation.reused
        | LOCAL_TIMES * (named.times.zone == "local")
    )


def _stored(time: int | None) -> int:
    return NO_TIME if time is None or not -(2**63) < time < 2**63 else time


Column: TypeAlias = "array[int] | memoryview[int]"


def pack(
    rows: int,
    columns: Iterable[Column],
    listed: Column,
    first: Column,
    names: Sequence[bytes | bytearray],
) -> bytearray:
    """Return the block of `rows` rows.

    The columns come one by one, in the order and with the types of `COLUMNS`, and are not kept.
    `first` has one number more than `listed`. Row 0, the root, has an empty name, and so the first
    part of `names` begins with `/`.
    """
    sizes = [rows * struct.calcsize(code) for code in COLUMNS.values()]
    sizes += [len(column) * column.itemsize for column in (listed, first)]
    at = _HEADER.size
    block = bytearray(at + sum(size + -size % 8 for size in sizes) + sum(map(len, names)))
    _HEADER.pack_into(block, 0, _MAGIC, rows, len(listed), sum(map(len, names)))
    with memoryview(block) as view:
        for size, column in zip(sizes, chain(columns, (listed, first)), strict=True):
            if size:
                view[at : at + size] = memoryview(column).cast("B")
            at += size + -size % 8
        for name in names:
            view[at : at + len(name)] = name
            at += len(name)
    return block


class Index:
    """Read-only view of a frozen index."""

    def __init__(self, block: memoryview, *, volume: str) -> None:
        magic, rows, listed, names = _HEADER.unpack_from(block)
        if magic != _MAGIC:
            raise WorkerError("not an index")
        self.volume = volume
        self._rows: int = rows
        at = _HEADER.size

        def column(code: str, count: int) -> memoryview[int]:
            nonlocal at
            start, length = at, count * struct.calcsize(code)
            at += length + -length % 8
            return block[start : start + length].cast(code)  # type: ignore[call-overload, no-any-return]  # codes are literals

        self._columns: Mapping[str, memoryview[int]] = {
            name: column(code, rows) for name, code in COLUMNS.items()
        }
        self._listed = column("i", listed)
        self._first = column("i", listed + 1)
        self._names = block[at : at + names]

    def __len__(self) -> int:
        return self._rows

    def column(self, name: str) -> Array:
        """Return a column of `COLUMNS` as an array of all rows."""
        column = self._columns[name]
        return np.frombuffer(column, dtype=np.dtype(column.format))

    def name(self, row: int) -> bytes:
        """Return the name of a row, as the file system has it."""
        ends = self._columns["name_end"]
        return bytes(self._names[ends[row - 1] if row else 0 : ends[row] - 1])

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
        at = bisect_left(self._listed, row)
        if at == len(self._listed) or self._listed[at] != row:
            return range(0)
        return range(self._first[at], self._first[at + 1])

    def size(self, row: int) -> int:
        """Return the size of a row in bytes."""
        return self._columns["size"][row]

    def is_directory(self, row: int) -> bool:
        """Whether a row is a directory."""
        return TYPES[self._columns["flags"][row] & 3] is EntryType.DIRECTORY

    def allocated(self, row: int) -> bool:
        """Whether name and metadata of a row are both in use."""
        wanted = NAME_ALLOCATED | META_ALLOCATED
        return bool(self._columns["flags"][row] & wanted == wanted)

    def files(self, places: memoryview[int] | None = None) -> Array:
        """Return the rows of files with content that may be trusted, in the order of the media.

        Deleted ones too, unless their metadata entry belongs to another file now. Those of which
        `places` does not know where their content begins come last, by their metadata entries.
        """
        flags = np.frombuffer(self._columns["flags"], dtype=np.uint8)
        size = np.frombuffer(self._columns["size"], dtype=np.int64)
        wanted = (flags & (3 | REUSED)) == _TYPE_CODES[EntryType.FILE]
        rows = np.flatnonzero(wanted & (size > 0))
        inode = np.frombuffer(self._columns["inode"], dtype=np.int64)
        inode = inode[rows]
        if places is None:
            return rows[np.lexsort((rows, inode))]
        place = np.frombuffer(places, dtype=np.int64)[rows]
        return rows[np.lexsort((rows, inode, place, place == NOWHERE))]

    def child(self, row: int, name: str) -> int | None:
        """Return the child of that name: allocated before deleted, then exact before any case."""
        wanted = name.casefold()
        best, best_rank = None, 4
        children = self.children(row)
        for candidate, text in zip(children, self._text(children).split("/"), strict=False):
            if text == name:
                rank = 0
            elif text.casefold() == wanted:
                rank = 1
            else:
                continue
            rank += 0 if self.allocated(candidate) else 2
            if rank < best_rank:
                best, best_rank = candidate, rank
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

    def address(self, row: int) -> str:
        """Return the metadata address of a row, as `Entry` has it."""
        inode, attribute = self._columns["inode"][row], self._columns["attribute"][row]
        return f"{inode}-{attribute >> 16}-{attribute & 0xFFFF}" if attribute >= 0 else str(inode)

    def entry(self, row: int) -> Entry:
        """Return a row as an entry."""
        columns = self._columns
        flags = columns["flags"][row]

        def time(column: str) -> int | None:
            value: int = columns[column][row]
            return None if value == NO_TIME else value

        return Entry(
            volume=self.volume,
            path=self.path(row),
            address=self.address(row),
            type=TYPES[flags & 3],
            size=columns["size"][row],
            times=FileTimes(
                modified=time("modified"),
                accessed=time("accessed"),
                changed=time("changed"),
                created=time("created"),
                zone="local" if flags & LOCAL_TIMES else "utc",
            ),
            allocation=Allocation(
                name=bool(flags & NAME_ALLOCATED),
                metadata=bool(flags & META_ALLOCATED),
                reused=bool(flags & REUSED),
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

    def matches(self, patterns: PatternSet) -> Iterator[Match]:
        """Yield the rows that patterns ask for, in the order of rows; links are never asked for.

        Every listed directory has one state of the automaton. Neighbours that share a state, and
        nearly all do, are matched in one go over the text of all their names.
        """
        listed, first, flags = self._listed, self._first, self._columns["flags"]
        states = array("i", [PatternSet.DEAD]) * len(listed)
        if listed:
            states[0] = PatternSet.ROOT
        known, at = 1, 0  # directories whose state is known; the next one to match
        while at < len(listed):
            state, end = states[at], at + 1
            while end < known and states[end] == state and first[end + 1] - first[at] <= _BATCH:
                end += 1
            rows = range(first[at], first[end])
            at = end
            known = bisect_left(listed, rows.stop)
            if state == PatternSet.DEAD:
                continue
            start = bisect_left(listed, rows.start)
            states[start:known] = array("i", [patterns.onward(state)]) * (known - start)
            for offset, (below, files, folders) in patterns.search(state, self._text(rows)):
                row = rows[offset]
                kind = TYPES[flags[row] & 3]
                if kind is EntryType.DIRECTORY:
                    position = bisect_left(listed, row, start, known)
                    if position < known and listed[position] == row:
                        states[position] = below
                found = folders if kind is EntryType.DIRECTORY else files
                if found and kind is not EntryType.LINK:
                    yield Match(row=row, patterns=found)

    def _text(self, rows: range) -> str:
        """Return the names of consecutive rows, each followed by `/`."""
        if not rows:
            return ""
        ends = self._columns["name_end"]
        start = ends[rows.start - 1] if rows.start else 0
        return str(self._names[start : ends[rows.stop - 1]], "utf-8", "surrogateescape")
