"""Deleted NTFS records that no directory leads to, as TSK's `$OrphanFiles` lists them.

What TSK does (fs_dir.c) depends on the order in which it meets things; so does this.
"""

from __future__ import annotations

import numpy as np

from triage.evidence.ntfs_arrays import Array, Bools, Ints, check, ragged
from triage.evidence.ntfs_index import KIND_FILE, KIND_UNKNOWN, Entries
from triage.evidence.ntfs_records import BASE, DIRECTORY, IN_USE, OK, USED, FileNames, Records
from triage.evidence.ntfs_table import Table, truncated

ROOT = 5
_DEEPEST = 100  # TSK stops at 128 levels, in an order of its own
_MOST_ENTERED = 1 << 20  # directories; hostile ones lead to each other in endless ways
_LONGEST_PATH = 3500  # and at 4096 bytes
_ORPHAN = BASE | OK | USED


class Orphans:
    """The search for orphans over a complete table."""

    def __init__(self, records: Records, table: Table, names: FileNames) -> None:
        self._records, self._table, self._names = records, table, names
        self._left = _MOST_ENTERED
        state = records.state[table.entries.record]
        self._in_use = state & IN_USE != 0
        self._entered = (
            table.known
            & (state & DIRECTORY != 0)
            & (table.entries.kind != KIND_FILE)
            & (table.entries.allocated | ~self._in_use)
        )

    def entries(self, directory: int) -> Entries | None:
        """Return the content of `$OrphanFiles`; None when TSK cannot list it.

        Raises Declined when the tree is deeper than TSK is sure to follow.
        """
        state = self._records.state
        found = self._unnamed(np.flatnonzero(state & (_ORPHAN | IN_USE) == _ORPHAN))
        if found is None:
            return None
        record = np.array(found, dtype=np.int64)
        first = np.searchsorted(self._names.record, record)
        named = first < np.searchsorted(self._names.record, record, "right")
        offset: Array = np.zeros(len(record), dtype=np.uint32)
        length: Array = np.zeros(len(record), dtype=np.uint16)
        offset[named] = self._names.offset[first[named]]
        length[named] = truncated(self._names.length[first[named]])
        bare = length == 0
        text = "".join(f"OrphanFile-{number}/" for number in record[bare].tolist())
        if text:
            offsets, lengths = self._records.names.add(text.encode())
            offset[bare], length[bare] = offsets, lengths
        return Entries(
            directory=np.full(len(record), directory, dtype=np.int32),
            record=record.astype(np.int32),
            sequence=(self._records.sequence[record].astype(np.int64) - 1).astype(np.uint32),
            allocated=np.zeros(len(record), dtype=np.bool_),
            kind=np.full(len(record), KIND_UNKNOWN, dtype=np.uint8),
            offset=offset,
            length=length,
        )

    def _named(self) -> Bools:
        """Say which deleted records some directory below the root leads to."""
        table, records = self._table, self._records
        named = np.zeros(len(records.state), dtype=np.bool_)
        reached = named.copy()
        longest: Array = np.zeros(len(named), dtype=np.int64)
        level: Ints = np.array([ROOT])
        reached[ROOT] = True
        for _ in range(_DEEPEST):
            rows = ragged(table.start[level], table.count[level])
            child = table.entries.record[rows]
            deleted = table.known[rows] & ~self._in_use[rows]
            named[child[deleted]] = True
            parent = table.entries.directory[rows]
            length = longest[parent] + table.entries.length[rows] + 1
            on = self._entered[rows] & ~reached[child] & records.listable[child]
            level, first = np.unique(child[on], return_index=True)
            if not len(level):
                break
            reached[level] = True
            longest[level] = length[on][first]
        else:
            check(fine=False, what="deep tree")
        check(longest <= _LONGEST_PATH, "long paths")
        # `..` counts as a name of the parent, of which TSK takes the first for each directory.
        names = self._names
        ups = names.take(reached[names.record] & (names.parent < records.geometry.records))
        key = ups.record.astype(np.int64) << 32 | ups.parent
        ups = ups.take(np.unique(key, return_index=True)[1])
        ups = ups.take(ups.record != ROOT)
        free = (records.state[ups.parent] & IN_USE == 0) & (ups.parent != 0)
        named[ups.parent[free & table.has_record(ups.parent, ups.sequence)]] = True
        return named

    def _unnamed(self, deleted: Ints) -> list[int] | None:
        records = self._records
        below: set[int] = set()  # what an orphan directory leads to
        found: list[int] = []
        for record in deleted[~self._named()[deleted]].tolist():
            if record in below:
                continue
            found.append(record)
            if records.state[record] & DIRECTORY:
                if not records.listable[record]:
                    return None
                self._descend(record, below)
        # TSK puts the last in the place of each that an orphan directory turned out to hold, does
        # not look at it again, and never removes the one at the end.
        position = 0
        while position < len(found):
            if found[position] in below and position + 1 < len(found):
                found[position] = found[-1]
                found.pop()
            position += 1
        return found

    def _descend(self, record: int, below: set[int]) -> None:
        """Note what an orphan directory leads to, until TSK would stop."""
        table, state = self._table, self._records.state
        entries = table.entries

        def rows(directory: int) -> range:
            start = int(table.start[directory])
            return range(start, start + int(table.count[directory]))

        path: list[int] = []
        pending = [iter(rows(record))]
        while pending:
            row = next(pending[-1], None)
            if row is None:
                pending.pop()
                if path:
                    path.pop()
                continue
            child = int(entries.record[row])
            if not entries.allocated[row] and child:
                lost = not state[child] & OK  # TSK then has an empty record with the number 0
                if lost or table.known[row]:
                    number = 0 if lost else child
                    if (not lost and self._in_use[row]) or number in below:
                        return
                    below.add(number)
            if self._entered[row] and child not in path and self._records.listable[child]:
                self._left -= 1
                check(len(path) < _DEEPEST and self._left > 0, "deep orphans")
                path.append(child)
                pending.append(iter(rows(child)))
