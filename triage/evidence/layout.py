"""The names of a volume as rows of the index: sorted by directory and name, breadth first.

What a bulk reader has found, in any order, becomes what `tree.walk` would have made of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from triage.evidence.arrays import Array, Bools, Ints, Names, gather_names, ragged, sort_names
from triage.evidence.beginnings import NOWHERE
from triage.evidence.index import (
    MAX_DEPTH,
    META_ALLOCATED,
    NAME_ALLOCATED,
    NO_ATTRIBUTE,
    NO_TIME,
    TYPES,
    Column,
    Index,
    pack,
)
from triage.evidence.tree import Listed, WalkProblem
from triage.model import EntryType

DESCEND = 128
"""In the flags of a row, beside those of the index: a directory whose content can be listed."""

_DIRECTORY = TYPES.index(EntryType.DIRECTORY)
_UNREADABLE = "directory_unreadable"


@dataclass(slots=True, kw_only=True)
class Files:
    """What the metadata of files says; all arrays are indexed by the number of a record."""

    root: int
    listable: Bools  # its content can be read, if it is a directory
    times: list[Ints]  # modified, accessed, changed, created in ns, or NO_TIME
    numbers: Ints | None = None  # the address of each record, ascending, where it is not its number


@dataclass(slots=True, kw_only=True)
class Rows:
    """Every name that the index will have."""

    files: Files
    names: Names
    directory: Array  # record
    record: Array
    flags: Array  # of the index, and DESCEND
    attribute: Array | None = None  # as in the index; no attributes at all if None
    known: Bools  # the record is that of the name
    offset: Array  # in the pool of names
    length: Array
    size: Ints
    place: Ints | None = None  # see `beginnings`; not known at all if None

    def listed(self, max_entries: int) -> Listed:
        """Lay the rows out breadth first and freeze them. Nothing is left afterwards."""
        pool = self.names.pool()

        def ties(rows: Ints) -> Ints:
            record = self.record[rows].astype(np.int64) << 32
            return record if self.attribute is None else record | self.attribute[rows] + 1

        order = sort_names(pool, self.directory, (self.offset, self.length), ties)
        layout = _Layout(self, order, files=self.files)
        del order, self.directory
        layout.go(max_entries)
        places = None
        if self.place is not None:
            places = _column(self.place, layout.rows, NOWHERE).tobytes()
            self.place = None
        text = gather_names(pool, self.offset[layout.rows], self.length[layout.rows])
        del pool, self.offset
        self.names.clear()
        block = pack(
            len(layout.rows) + 1,
            self._columns(*layout.take()),
            layout.listed.astype(np.int32).data,
            layout.first.astype(np.int32).data,
            [b"/", text],
        )
        return Listed(block=block, problems=layout.problems(block), places=places)

    def _columns(self, rows: Ints, parents: Ints) -> Iterator[Column]:
        """Yield the columns of the index in their order, row 0 being the root.

        Each column is let go as soon as it has been handed over.
        """
        root = _DIRECTORY | NAME_ALLOCATED | META_ALLOCATED
        yield np.concatenate(([-1], parents)).astype(np.int32).data
        ends = np.cumsum(self.length[rows] + np.int64(1)) + 1
        yield np.concatenate(([1], ends)).astype(np.uint32).data
        del ends, parents, self.length
        yield _column(self.flags & ~np.uint8(DESCEND), rows, root).data
        del self.flags
        numbers, times = self.files.numbers, self.files.times
        address = self.record.astype(np.int64) if numbers is None else numbers[self.record]
        yield _column(address, rows, -1).data
        del address, numbers
        if self.attribute is None:
            yield np.full(len(rows) + 1, NO_ATTRIBUTE, dtype=np.int32).data
        else:
            yield _column(self.attribute, rows, NO_ATTRIBUTE).data
            del self.attribute
        yield _column(self.size, rows, 0).data
        del self.size
        record, unknown = self.record[rows], np.flatnonzero(~self.known[rows]) + 1
        del rows, self.record, self.known
        while times:
            time = _column(times.pop(0), record, NO_TIME)
            time[unknown] = NO_TIME
            yield time.data


def _column(column: Array, rows: Ints, root: int) -> Array:
    result = np.empty(len(rows) + 1, dtype=column.dtype)
    result[0] = root
    result[1:] = column.take(rows)
    return result


class _Layout:
    """Directories level by level, entered as `tree.walk` enters them."""

    rows: Ints  # of the table, in the order of the index
    parents: Ints  # rows of the index
    listed: Ints
    first: Ints

    def __init__(self, table: Rows, order: Ints, *, files: Files) -> None:
        self._table, self._order = table, order
        self._listable, self._root = files.listable, files.root
        self._count = np.bincount(table.directory, minlength=len(files.listable))
        self._start = np.cumsum(self._count) - self._count
        self._problems: list[tuple[str, int]] = []

    def go(self, max_entries: int) -> None:
        """Follow directories from the root until all are listed or the limit is reached."""
        table = self._table
        seen = np.zeros(len(self._count), dtype=np.bool_)
        seen[self._root] = True
        directories, places = (
            np.array([self._root]),
            np.array([0]),
        )  # records, and rows of the index
        rows: list[Ints] = []
        parents: list[Ints] = []
        listed: list[Ints] = []
        first: list[Ints] = []
        depth, total, full = 0, 1, False
        while len(directories) and not full:
            depth += 1
            readable = self._listable[directories]
            troubles = [(place, 0, _UNREADABLE, place) for place in places[~readable]]
            directories, places = directories[readable], places[readable]
            count = self._count[directories]
            before = total + np.cumsum(count) - count
            if len(count) and before[-1] + count[-1] > max_entries:
                stop = int(np.argmax(before + count > max_entries))
                place = places[stop]
                troubles = [trouble for trouble in troubles if trouble[0] < place]
                troubles.append((place, 0, "entry_limit", place))
                directories, places = directories[:stop], places[:stop]
                count, before, full = count[:stop], before[:stop], True
            level = self._order[ragged(self._start[directories], count)]
            rows.append(level)
            parents.append(np.repeat(places, count))
            listed.append(places)
            first.append(before)
            enter = np.flatnonzero(table.flags[level] & DESCEND)
            if depth >= MAX_DEPTH:
                troubles += [
                    (parents[-1][at], 1, "depth_limit", total + at) for at in enter.tolist()
                ]
                enter = enter[:0]
            record = table.record[level[enter]]
            new = np.zeros(len(enter), dtype=np.bool_)
            new[np.unique(record, return_index=True)[1]] = True
            new &= ~seen[record]
            troubles += [
                (parents[-1][at], 1, "directory_loop", total + at)
                for at in enter[~new].tolist()
                if _allocated(table.flags[level[at]])
            ]
            seen[record] = True
            self._problems += [(code, int(row)) for _, _, code, row in sorted(troubles)]
            directories, places = record[new], total + enter[new]
            total += len(level)
        self.rows, self.parents = np.concatenate(rows), np.concatenate(parents).astype(np.int32)
        self.listed = np.concatenate(listed)
        self.first = np.append(np.concatenate(first), total)
        del self._order, self._count, self._start

    def take(self) -> tuple[Ints, Array]:
        """Hand over `rows` and `parents`."""
        rows, parents = self.rows, self.parents
        del self.rows, self.parents
        return rows, parents

    def problems(self, block: bytearray) -> tuple[WalkProblem, ...]:
        """Name what went wrong by path; a directory ends in `/`."""
        index = Index(memoryview(block), volume="")
        return tuple(
            WalkProblem(
                code=code,
                path=f"{index.path(row).rstrip('/')}/",
                deleted=code == _UNREADABLE and not index.entry(row).allocation.allocated,
            )
            for code, row in self._problems
        )


def _allocated(flags: int) -> bool:
    return flags & (NAME_ALLOCATED | META_ALLOCATED) == NAME_ALLOCATED | META_ALLOCATED
