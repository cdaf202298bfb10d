"""Deleted NTFS records that no directory leads to, as TSK's `$OrphanFiles` lists them."""

from __future__ import annotations

import numpy as np

from triage.evidence.arrays import Array, Bools, Ints, check, ragged
from triage.evidence.ntfs_index import KIND_FILE, KIND_UNKNOWN, Entries
from triage.evidence.ntfs_records import BASE, DIRECTORY, IN_USE, OK, USED, FileNames, Records
from triage.evidence.ntfs_table import Table, truncated
from triage.evidence.orphans import DEEPEST, LONGEST_PATH, Search

ROOT = 5
_ORPHAN = BASE | OK | USED


class Orphans:
    """The search for orphans over a complete table."""

    def __init__(self, records: Records, table: Table, names: FileNames) -> None:
        self._records, self._table, self._names = records, table, names
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
        for _ in range(DEEPEST):
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
        check(longest <= LONGEST_PATH, "long paths")
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
        table, state = self._table, self._records.state
        entries = table.entries
        search = Search(
            start=table.start,
            count=table.count,
            record=entries.record,
            reported=~entries.allocated & (entries.record != 0),
            known=table.known,
            lost=state[entries.record] & OK == 0,
            in_use=self._in_use,
            entered=self._entered,
            directory=state & DIRECTORY != 0,
            listable=self._records.listable,
        )
        return search.unnamed(deleted[~self._named()[deleted]].tolist())
