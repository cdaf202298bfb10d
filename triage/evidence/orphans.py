"""Deleted files that no directory leads to: which of them TSK lists in `$OrphanFiles`.

What TSK does (tsk/fs/fs_dir.c) depends on the order in which it meets things; so does this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from triage.evidence.arrays import Bools, Ints, check

DEEPEST = 100
"""Levels; TSK stops at 128, in an order of its own."""

LONGEST_PATH = 3500
"""Bytes; TSK stops at 4096."""

_MOST_ENTERED = 1 << 20  # directories; hostile ones lead to each other in endless ways


@dataclass(slots=True, kw_only=True)
class Search:
    """All names of a volume, those of a directory side by side; `.` and `..` left out."""

    start: Ints  # by directory: its first row
    count: Ints
    record: Ints  # by row: what it names
    reported: Bools  # a deleted name of something that is not record 0
    known: Bools  # the record is still that of the name
    lost: Bools  # there is no such record
    in_use: Bools
    entered: Bools  # TSK would look into it
    directory: Bools  # by record
    listable: Bools
    _left: int = field(default=_MOST_ENTERED)

    def unnamed(self, candidates: Iterable[int]) -> list[int] | None:
        """Return those of some records that are listed, ascending records given.

        None when TSK cannot tell. Raises Declined when the tree is deeper than TSK is sure to
        follow.
        """
        below: set[int] = set()  # what an orphan directory leads to
        found: list[int] = []
        for record in candidates:
            if record in below:
                continue
            found.append(record)
            if self.directory[record]:
                if not self.listable[record]:
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

        def rows(directory: int) -> range:
            start = int(self.start[directory])
            return range(start, start + int(self.count[directory]))

        path: list[int] = []
        pending = [iter(rows(record))]
        while pending:
            row = next(pending[-1], None)
            if row is None:
                pending.pop()
                if path:
                    path.pop()
                continue
            child = int(self.record[row])
            if self.reported[row] and (self.lost[row] or self.known[row]):
                number = 0 if self.lost[row] else child  # TSK has an empty record then
                if (not self.lost[row] and self.in_use[row]) or number in below:
                    return
                below.add(number)
            if self.entered[row] and child not in path and self.listable[child]:
                self._left -= 1
                check(len(path) < DEEPEST and self._left > 0, "deep orphans")
                path.append(child)
                pending.append(iter(rows(child)))
