"""All names of an NTFS volume: what the indexes list, and what only the records know.

As TSK does it (ntfs_dir_open_meta): a directory holds what its index says, and every file whose
record names that directory, in that life of it, as its parent and that the index does not list.
"""

from __future__ import annotations

import numpy as np

from triage.evidence.arrays import Array, Bools, Ints, check, groups, member
from triage.evidence.ntfs_index import KIND_UNKNOWN, Entries, joined
from triage.evidence.ntfs_records import IN_USE, OK, FileNames, Records

_LONGEST = 256  # bytes that TSK takes over of a name that only a record has
_BATCH = 1 << 16  # names looked up at once
_MOST = 900_000  # names in a directory; TSK gives up at a million


def truncated(length: Ints) -> Ints:
    """Return the length of names as far as TSK takes them over from a record."""
    return np.minimum(length, _LONGEST).astype(np.uint16)


class Table:
    """The entries of every directory, in TSK's order, each name of a file once."""

    def __init__(self, records: Records, listed: list[Entries], names: FileNames) -> None:
        """Join both sources; `listed` is emptied.

        Raises Declined where a directory is too large for TSK.
        """
        self._records = records
        entries = joined(listed)
        listed.clear()
        entries = joined([entries, self._unlisted(entries, names)])
        entries = entries.take(np.argsort(entries.directory, kind="stable"))
        entries = entries.take(self._once(entries))
        entries = entries.take(records.listable[entries.directory] & ~self._dots(entries))
        self.entries = entries
        self.count: Ints = np.bincount(entries.directory, minlength=len(records.state))
        check(self.count <= _MOST, "too many names in a directory")
        self.start: Ints = np.cumsum(self.count) - self.count
        self.known = self.has_record(entries.record, entries.sequence)
        self.known &= (entries.record != 0) | entries.allocated

    def has_record(self, record: Ints, sequence: Ints) -> Bools:
        """Say whether names still belong to their records; both count how often it was used.

        Freeing a record adds one to its number, so a deleted name is one behind.
        """
        state, now = self._records.state[record], self._records.sequence[record].astype(np.int64)
        expected = np.where((state & IN_USE != 0) | (now == 0), now, now - 1)
        known: Bools = (state & OK != 0) & (expected == sequence)
        return known

    def _unlisted(self, entries: Entries, names: FileNames) -> Entries:
        """Return the names that no allocated entry of the parent's index has."""
        records = self._records
        in_use = records.state & IN_USE != 0
        freed = ~in_use & (records.sequence > 0)
        life = records.sequence - freed
        if np.any(names.parent >= records.geometry.records):
            names = names.take(names.parent < records.geometry.records)
        due = records.listable[names.parent] & (life[names.parent] == names.sequence)
        rows = np.flatnonzero(due)
        rows = rows[~self._listed(entries, names, rows)]
        missing = _key(names.parent[rows], names.record[rows])
        # Then TSK adds every name that the file has in that directory, whatever its life.
        parts = [rows[:0]]
        for at in range(0, len(due) if len(missing) else 0, _BATCH):
            key = _key(names.parent[at : at + _BATCH], names.record[at : at + _BATCH])
            parts.append(at + np.flatnonzero(member(key, missing)))
        names = names.take(np.concatenate(parts))
        names = names.take(records.listable[names.parent])
        sequence = records.sequence[names.record].astype(np.int64) - ~in_use[names.record]
        return Entries(
            directory=names.parent,
            record=names.record,
            sequence=sequence.astype(np.uint32),  # TSK, too, goes from 0 to the largest
            allocated=in_use[names.record],
            kind=np.full(len(names.record), KIND_UNKNOWN, dtype=np.uint8),
            offset=names.offset,
            length=truncated(names.length),
        )

    def _listed(self, entries: Entries, names: FileNames, rows: Ints) -> Bools:
        """Say which of some names have an allocated entry in the index of their parent."""
        order = np.flatnonzero(entries.allocated).astype(np.int32)
        listed = _key(entries.directory[order], entries.record[order])
        sorting = np.argsort(listed, kind="stable").astype(np.int32)
        order, listed = order[sorting], listed[sorting]
        del sorting
        pool = self._records.names
        found = np.zeros(len(rows), dtype=np.bool_)
        several: dict[int, set[bytes]] = {}  # names of a file that has many in one directory
        for at in range(0, len(found), _BATCH):
            part = names.take(rows[at : at + _BATCH])
            offset, length = part.offset.astype(np.int64), part.length.astype(np.int64)
            key = _key(part.parent, part.record)
            first = np.searchsorted(listed, key, "left")
            count = np.searchsorted(listed, key, "right") - first
            one = np.flatnonzero(count == 1)
            row = order[first[one]]
            found[at + one] = pool.equal(
                (entries.offset[row].astype(np.int64), entries.length[row].astype(np.int64)),
                (offset[one], length[one]),
            )
            for number in np.flatnonzero(count > 1).tolist():
                name = pool.get(int(offset[number]), int(length[number]))
                start = int(first[number])
                if start not in several:
                    chosen = order[start : start + int(count[number])].tolist()
                    several[start] = {
                        pool.get(int(entries.offset[row]), int(entries.length[row]))
                        for row in chosen
                    }
                found[at + number] = name in several[start]
        return found

    def _once(self, entries: Entries) -> Ints:
        """Return the rows to keep: one for each name of a file, allocated rather than deleted.

        The allocated one takes the place of the first.
        """
        key = _key(entries.directory, entries.record)
        order = np.argsort(key, kind="stable")
        starts, lengths = groups(key[order])
        keep: Ints = np.arange(len(key))
        dropped: list[int] = []
        pool = self._records.names
        many = lengths > 1
        for start, length in zip(starts[many].tolist(), lengths[many].tolist(), strict=True):
            chosen: dict[bytes, int] = {}
            for row in order[start : start + length].tolist():
                name = pool.get(int(entries.offset[row]), int(entries.length[row]))
                first = chosen.setdefault(name, row)
                if first != row:
                    dropped.append(row)
                    if entries.allocated[row] and not entries.allocated[keep[first]]:
                        keep[first] = row
        result: Ints = np.delete(keep, dropped)
        return result

    def _dots(self, entries: Entries) -> Bools:
        """Say which names are empty, `.` or `..`."""
        few = np.flatnonzero(entries.length <= len(".."))
        result = np.zeros(len(entries.length), dtype=np.bool_)
        for row in few.tolist():
            name = self._records.names.get(int(entries.offset[row]), int(entries.length[row]))
            result[row] = name in (b"", b".", b"..")
        return result

    def add(self, more: list[Entries]) -> None:
        """Add entries behind all others, whatever their directory."""
        parts = [self.known, *(self.has_record(part.record, part.sequence) for part in more)]
        self.known = np.concatenate(parts)
        self.entries = joined([self.entries, *more])


def _key(directory: Array, record: Array) -> Ints:
    return directory.astype(np.int64) << 32 | record
