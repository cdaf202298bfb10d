"""The names of an NTFS volume as rows of the index: streams added, sorted, breadth first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from triage.evidence.index import (
    MAX_DEPTH,
    META_ALLOCATED,
    NAME_ALLOCATED,
    NO_ATTRIBUTE,
    NO_TIME,
    REUSED,
    TYPES,
    Column,
    Index,
    pack,
)
from triage.evidence.ntfs_arrays import Array, Ints, check, gather_names, ragged, sort_names
from triage.evidence.ntfs_index import KIND_DIRECTORY, KIND_UNKNOWN
from triage.evidence.ntfs_orphans import ROOT
from triage.evidence.ntfs_records import DIRECTORY, IN_USE, NO_DATA, Records
from triage.evidence.ntfs_table import Table
from triage.evidence.tree import Listed, WalkProblem
from triage.model import EntryType

_DATA = 128 << 16
_MOST_STREAMS = 1 << 22
_FILE, _DIRECTORY, _OTHER = (
    TYPES.index(kind) for kind in (EntryType.FILE, EntryType.DIRECTORY, EntryType.OTHER)
)
_DESCEND = 128  # beside the flags of the index
_TYPE = 3  # bits of the type in them


class Rows:
    """Every row that the index will have, first sorted by directory and name, then laid out."""

    def __init__(self, records: Records, table: Table) -> None:
        self._records = records
        entries, known = table.entries, table.known
        state = np.where(known, records.state[entries.record], 0).astype(np.uint8)
        folder = state & DIRECTORY != 0
        kind = np.where(folder, _DIRECTORY, _FILE).astype(np.uint8)
        kind[~known & (entries.kind == KIND_DIRECTORY)] = _DIRECTORY
        kind[~known & (entries.kind == KIND_UNKNOWN)] = _OTHER
        in_use = state & IN_USE != 0
        flags = kind | entries.allocated * np.uint8(NAME_ALLOCATED)
        flags |= in_use * np.uint8(META_ALLOCATED)
        reused = in_use & ~entries.allocated
        flags |= reused * np.uint8(REUSED)
        enter = folder & ~reused & (entries.record != entries.directory)
        data = records.data[entries.record]
        plain = known & ~folder & (data != NO_DATA)
        attribute = np.where(plain, _DATA | data, NO_ATTRIBUTE).astype(np.int32)
        self.directory, self.record = entries.directory, entries.record
        self.flags = flags | enter * np.uint8(_DESCEND)
        self.attribute, self.known = attribute, known
        self.offset, self.length = entries.offset, entries.length
        self.size = np.where(known, records.size[entries.record], 0)
        records.size = records.data = records.size[:0]
        self._add_streams()

    def _add_streams(self) -> None:
        """Add a row for each named stream of each name."""
        streams = sorted(self._records.streams, key=lambda s: (s.record, s.identifier))
        if not streams:
            return
        records = np.array([stream.record for stream in streams])
        first = np.searchsorted(records, self.record, "left")
        count = np.searchsorted(records, self.record, "right") - first
        count[~self.known] = 0
        check(int(count.sum()) <= _MOST_STREAMS, "too many streams")
        rows = np.repeat(np.arange(len(self.record)), count)
        chosen = [streams[at] for at in ragged(first, count).tolist()]
        pool = self._records.names
        text = bytearray()
        for row, stream in zip(rows.tolist(), chosen, strict=True):
            text += pool.get(int(self.offset[row]), int(self.length[row]))
            text += b":" + stream.name + b"/"
        if not text:
            return
        offset, length = pool.add(bytes(text))
        flags = self.flags[rows] & ~np.uint8(_DESCEND | _TYPE) | np.uint8(_FILE)
        attribute = [_DATA | stream.identifier for stream in chosen]

        def extended(column: Array, more: Array | list[int]) -> Array:
            return np.concatenate((column, np.asarray(more, dtype=column.dtype)))

        self.directory = extended(self.directory, self.directory[rows])
        self.record = extended(self.record, self.record[rows])
        self.flags = extended(self.flags, flags)
        self.attribute = extended(self.attribute, attribute)
        self.known = extended(self.known, self.known[rows])
        self.offset = extended(self.offset, offset)
        self.length = extended(self.length, length)
        self.size = extended(self.size, [stream.size for stream in chosen])

    def listed(self, max_entries: int) -> Listed:
        """Lay the rows out breadth first and freeze them. Nothing is left afterwards."""
        pool = self._records.names.pool()

        def ties(rows: Ints) -> Ints:
            return self.record[rows].astype(np.int64) << 32 | self.attribute[rows] + 1

        order = sort_names(pool, self.directory, (self.offset, self.length), ties)
        layout = _Layout(self, order, records=self._records)
        del order, self.directory
        layout.go(max_entries)
        text = gather_names(pool, self.offset[layout.rows], self.length[layout.rows])
        del pool, self.offset
        self._records.names.clear()
        block = pack(
            len(layout.rows) + 1,
            self._columns(*layout.take()),
            layout.listed.astype(np.int32).data,
            layout.first.astype(np.int32).data,
            [b"/", text],
        )
        return Listed(block=block, problems=layout.problems(block))

    def _columns(self, rows: Ints, parents: Ints) -> Iterator[Column]:
        """Yield the columns of the index in their order, row 0 being the root.

        Each column is let go as soon as it has been handed over.
        """
        records = self._records
        root = _DIRECTORY | NAME_ALLOCATED | META_ALLOCATED
        yield np.concatenate(([-1], parents)).astype(np.int32).data
        ends = np.cumsum(self.length[rows] + np.int64(1)) + 1
        yield np.concatenate(([1], ends)).astype(np.uint32).data
        del ends, parents, self.length
        yield _column(self.flags & ~np.uint8(_DESCEND), rows, root).data
        del self.flags
        yield _column(self.record.astype(np.int64), rows, -1).data
        yield _column(self.attribute, rows, NO_ATTRIBUTE).data
        del self.attribute
        yield _column(self.size, rows, 0).data
        del self.size
        record, unknown = self.record[rows], np.flatnonzero(~self.known[rows]) + 1
        del rows, self.record, self.known
        while records.times:
            time = _column(records.times.pop(0), record, NO_TIME)
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

    def __init__(self, table: Rows, order: Ints, *, records: Records) -> None:
        self._table, self._order = table, order
        self._listable = records.listable
        self._count = np.bincount(table.directory, minlength=len(records.state))
        self._start = np.cumsum(self._count) - self._count
        self._problems: list[tuple[str, int]] = []

    def go(self, max_entries: int) -> None:
        """Follow directories from the root until all are listed or the limit is reached."""
        table = self._table
        seen = np.zeros(len(self._count), dtype=np.bool_)
        seen[ROOT] = True
        directories, places = np.array([ROOT]), np.array([0])  # records, and rows of the index
        rows: list[Ints] = []
        parents: list[Ints] = []
        listed: list[Ints] = []
        first: list[Ints] = []
        depth, total, full = 0, 1, False
        while len(directories) and not full:
            depth += 1
            readable = self._listable[directories]
            troubles = [(place, 0, "directory_unreadable", place) for place in places[~readable]]
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
            enter = np.flatnonzero(table.flags[level] & _DESCEND)
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
            WalkProblem(code=code, path=f"{index.path(row).rstrip('/')}/")
            for code, row in self._problems
        )


def _allocated(flags: int) -> bool:
    return flags & (NAME_ALLOCATED | META_ALLOCATED) == NAME_ALLOCATED | META_ALLOCATED
