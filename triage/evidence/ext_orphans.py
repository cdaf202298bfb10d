"""Deleted inodes that no directory leads to, as TSK's `$OrphanFiles` lists them, and some more.

TSK gives up the whole search where a deleted directory among them has no content left, and that is
what Linux leaves of every one on ext4. Here such a directory is listed and nothing is below it.
"""

from __future__ import annotations

import numpy as np

from triage.evidence.arrays import Bools, Ints, check, distinct, ragged
from triage.evidence.ext_inodes import DIRECTORY
from triage.evidence.ext_table import KIND_DIRECTORY, NO_KIND, Table
from triage.evidence.orphans import DEEPEST, LONGEST_PATH, Search


def orphans(table: Table) -> list[int]:
    """Return the ranks of the orphans. Raises Declined when the tree is too deep for TSK."""
    entries = table.entries
    in_use = table.allocated[entries.record]
    directory = table.kind == DIRECTORY
    entered = (entries.kind == KIND_DIRECTORY) | (entries.kind == NO_KIND)
    entered &= directory[entries.record] & (entries.allocated | ~in_use) & ~table.dots
    entered &= entries.record != table.orphans
    deleted = np.flatnonzero(table.used & ~table.allocated)
    named = _named(table, entered)
    rows = np.flatnonzero(~table.dots)
    count, start = _places(entries.directory[rows], len(table.numbers))
    record = entries.record[rows]
    search = Search(
        start=start,
        count=count,
        record=record,
        reported=~entries.allocated[rows] & (record != 0),
        known=np.ones(len(rows), dtype=np.bool_),
        lost=np.zeros(len(rows), dtype=np.bool_),
        in_use=in_use[rows],
        entered=entered[rows],
        directory=directory & table.listable,
        listable=table.listable,
    )
    return search.unnamed(deleted[~named[deleted]].tolist()) or []


def _places(directory: Ints, records: int) -> tuple[Ints, Ints]:
    """Return how many rows each directory has, and its first."""
    count = np.bincount(directory, minlength=records)
    return count, np.cumsum(count) - count


def _named(table: Table, entered: Bools) -> Bools:
    """Say which deleted inodes some directory below the root leads to, `.` and `..` among them."""
    entries = table.entries
    count, start = _places(entries.directory, len(table.numbers))
    reached = np.zeros(len(table.numbers), dtype=np.bool_)
    longest = np.zeros(len(table.numbers), dtype=np.int64)
    reached[table.root] = True
    level = np.array([table.root])
    named: Bools = np.zeros(len(table.numbers), dtype=np.bool_)
    for _ in range(DEEPEST):
        rows = ragged(start[level], count[level])
        named[entries.record[rows]] = True
        rows = rows[entered[rows]]
        child = entries.record[rows]
        rows = rows[~reached[child] & table.listable[child]]
        if not len(rows):
            break
        child = entries.record[rows]
        longest[child] = longest[entries.directory[rows]] + entries.length[rows] + 1
        level = distinct(child)
        reached[level] = True
    else:
        check(fine=False, what="deep tree")
    check(longest <= LONGEST_PATH, "long paths")
    return named & ~table.allocated
