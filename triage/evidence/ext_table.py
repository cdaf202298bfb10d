"""All names of an ext volume, each once in its directory, and the inodes that they lead to."""

from __future__ import annotations

import numpy as np

from triage.evidence.arrays import Array, Bools, Ints, Names, check, distinct, groups
from triage.evidence.ext_entries import Entries, joined
from triage.evidence.ext_inodes import DIRECTORY, FORMAT, LINK, REGULAR, Inodes
from triage.evidence.index import META_ALLOCATED, NAME_ALLOCATED, NO_TIME, REUSED, TYPES
from triage.evidence.layout import DESCEND, Files, Rows
from triage.model import EntryType

NO_KIND, KIND_DIRECTORY = 0, 2
"""What an entry says of the file it names."""

_KIND_REGULAR, _KIND_LINK = 1, 7
_ROOT = 2
_ORPHANS = b"$OrphanFiles"
_DOTS = (b".", b"..")
_FILE, _FOLDER, _LINK, _OTHER = (
    TYPES.index(kind)
    for kind in (EntryType.FILE, EntryType.DIRECTORY, EntryType.LINK, EntryType.OTHER)
)


class Table:
    """The entries of every directory, `.` and `..` among them.

    Directories and records are ranks: places in `numbers`, which has every inode that is named or
    was ever used.
    """

    def __init__(
        self, inodes: Inodes, listed: list[Entries], listable: Bools, last: int, names: Names
    ) -> None:
        """Join what was found; `last` is the number of TSK's directory of orphans.

        `listed` is emptied. Raises Declined when the root cannot be listed.
        """
        self.names = names
        offset, length = names.add(_ORPHANS + b"/")
        directory = _entries([_ROOT], [last], KIND_DIRECTORY, offset, length, allocated=True)
        entries = joined([*listed, directory])
        listed.clear()
        entries = entries.take(np.argsort(entries.directory, kind="stable"))
        entries = entries.take(_once(entries, names))
        numbers = distinct(np.concatenate((inodes.number, entries.record, [0, _ROOT, last])))
        self.numbers: Ints = numbers.astype(np.int64)
        entries.directory = np.searchsorted(numbers, entries.directory).astype(np.int32)
        entries.record = np.searchsorted(numbers, entries.record).astype(np.int32)
        self.entries = entries
        self._inodes, self._place = inodes, np.searchsorted(numbers, inodes.number)
        self.root, self.orphans = np.searchsorted(numbers, (_ROOT, last)).tolist()
        self.kind = self.of(inodes.mode & FORMAT, 0)
        self.allocated = self.of(inodes.allocated, 0)
        self.used = self.of(inodes.used, 0)
        self.listable = np.zeros(len(numbers), dtype=np.bool_)
        self.listable[self._place[inodes.directory]] = listable
        check(bool(self.listable[self.root]), "no root directory")
        self.kind[self.orphans] = DIRECTORY
        self.allocated[self.orphans] = self.listable[self.orphans] = True
        self.dots = _dots(entries, names)

    def of(self, column: Array, other: int) -> Array:
        """Return a column of the inodes by rank, `other` where there was never an inode."""
        result = np.full(len(self.numbers), other, dtype=column.dtype)
        result[self._place] = column
        return result

    def add_orphans(self, found: list[int]) -> None:
        """Put records into TSK's directory of orphans."""
        if not found:
            return
        text = "".join(f"OrphanFile-{number}/" for number in self.numbers[found].tolist())
        offset, length = self.names.add(text.encode())
        directory = [self.orphans] * len(found)
        more = _entries(directory, found, NO_KIND, offset, length, allocated=False)
        self.entries = joined([self.entries, more])
        self.dots = np.append(self.dots, np.zeros(len(found), dtype=np.bool_))

    def rows(self) -> Rows:
        """Return every row that the index will have. Nothing is left afterwards."""
        entries = self.entries.take(~self.dots & (self.entries.length > 0))
        del self.entries, self.dots
        record = entries.record
        known = record != 0  # rank 0 is the number 0
        types = np.full(len(self.numbers), _OTHER, dtype=np.uint8)
        for mode, code in ((REGULAR, _FILE), (DIRECTORY, _FOLDER), (LINK, _LINK)):
            types[self.kind == mode] = code
        told = np.full(256, _OTHER, dtype=np.uint8)
        told[[_KIND_REGULAR, KIND_DIRECTORY, _KIND_LINK]] = _FILE, _FOLDER, _LINK
        flags = np.where(known, types[record], told[entries.kind])
        in_use = self.allocated[record]
        reused = in_use & ~entries.allocated
        enter = known & (flags == _FOLDER) & ~reused & (record != entries.directory)
        flags |= entries.allocated * np.uint8(NAME_ALLOCATED)
        flags |= in_use * np.uint8(META_ALLOCATED)
        flags |= reused * np.uint8(REUSED)
        flags |= enter * np.uint8(DESCEND)
        size = self.of(self._inodes.size, 0)[record]
        times = self._inodes.times
        files = Files(
            root=self.root,
            listable=self.listable,
            times=[self.of(times.pop(0), NO_TIME) for _ in range(len(times))],
            numbers=self.numbers,
        )
        return Rows(
            files=files,
            names=self.names,
            directory=entries.directory,
            record=record,
            flags=flags,
            known=known,
            offset=entries.offset,
            length=entries.length,
            size=size,
        )


def _entries(
    directory: list[int],
    record: list[int],
    kind: int,
    offset: Ints,
    length: Ints,
    *,
    allocated: bool,
) -> Entries:
    return Entries(
        directory=np.array(directory, dtype=np.int32),
        record=np.array(record, dtype=np.int32),
        allocated=np.full(len(record), allocated, dtype=np.bool_),
        kind=np.full(len(record), kind, dtype=np.uint8),
        offset=offset.astype(np.uint32),
        length=length.astype(np.uint16),
    )


def _once(entries: Entries, names: Names) -> Ints:
    """Return the rows to keep: each name of a file once, the first that is allocated or the first.

    TSK compares each name of a directory with all before it (tsk_fs_dir_add); the result is this.
    """
    key = entries.directory.astype(np.int64) << 32 | entries.record
    order = np.argsort(key, kind="stable")
    starts, lengths = groups(key[order])
    keep: Ints = np.arange(len(key))
    dropped: list[int] = []
    many = lengths > 1
    for start, length in zip(starts[many].tolist(), lengths[many].tolist(), strict=True):
        chosen: dict[bytes, int] = {}
        for row in order[start : start + length].tolist():
            name = names.get(int(entries.offset[row]), int(entries.length[row]))
            first = chosen.setdefault(name, row)
            if first != row:
                dropped.append(row)
                if entries.allocated[row] and not entries.allocated[keep[first]]:
                    keep[first] = row
    result: Ints = np.delete(keep, dropped)
    return result


def _dots(entries: Entries, names: Names) -> Bools:
    """Say which names are `.` or `..`."""
    result = np.zeros(len(entries.length), dtype=np.bool_)
    for row in np.flatnonzero((entries.length == 1) | (entries.length == len(".."))).tolist():
        name = names.get(int(entries.offset[row]), int(entries.length[row]))
        result[row] = name in _DOTS
    return result
