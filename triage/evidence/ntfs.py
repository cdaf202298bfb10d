"""NTFS listed in bulk: the whole of $MFT and of all directory indexes, not file by file.

The second reader of NTFS. It gives the same names, addresses, sizes, times and allocation as the
walk with TSK, or gives up before it has given anything: then TSK walks. Content and runs are TSK's.
Where TSK itself gives a strange answer this reader gives it too; the differential test says so.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from triage.errors import EvidenceError
from triage.evidence.filesystem import TskTree
from triage.evidence.index import Named
from triage.evidence.ntfs_arrays import Declined, Names, check
from triage.evidence.ntfs_index import KIND_DIRECTORY, Entries
from triage.evidence.ntfs_layout import Rows
from triage.evidence.ntfs_listed import complete
from triage.evidence.ntfs_orphans import ROOT, Orphans
from triage.evidence.ntfs_read import chunks, geometry, read_indexes
from triage.evidence.ntfs_records import DIRECTORY, IN_USE, OK, Records
from triage.evidence.ntfs_table import Table
from triage.evidence.tree import Listed
from triage.model import ByteRun, Reader

_ORPHANS = b"$OrphanFiles"


class NtfsTree:
    """An NTFS volume: listed in bulk when that is safe, everything else by TSK."""

    def __init__(self, image: Reader, offset: int, tsk: TskTree) -> None:
        self.name = tsk.name
        self._image, self._offset, self._tsk = image, offset, tsk

    def root(self) -> Named:
        """Return the root directory."""
        return self._tsk.root()

    def listing(self, directory: Named) -> list[Named]:
        """Return a directory's names. Raises EvidenceError."""
        return self._tsk.listing(directory)

    def open(self, address: str) -> Reader:
        """Return the content of a file or a stream. Raises EvidenceError."""
        return self._tsk.open(address)

    def runs(self, address: str) -> tuple[ByteRun, ...]:
        """Return where the content lies on the media."""
        return self._tsk.runs(address)

    def list_all(self, max_entries: int, progress: Callable[[int], None]) -> Listed | None:
        """Return what a walk with TSK would find, or None when that is not certain."""
        try:
            return self._list_all(max_entries, progress)
        except (Declined, EvidenceError):
            return None
        except (LookupError, ValueError, ArithmeticError, MemoryError):
            return None  # no damage that we did not think of may cost a file

    def _list_all(self, max_entries: int, progress: Callable[[int], None]) -> Listed:
        names = Names()
        records = Records(geometry(self._image, self._offset, self._tsk), names)
        for first, buffer in chunks(self._image, self._tsk, records.geometry):
            records.decode(buffer, first)
            progress(min(first, max_entries))
        file_names = complete(records, self._tsk)
        records.finish()
        records.entries += read_indexes(self._image, self._offset, records)
        check(records.listable[ROOT], "no root directory")
        table = Table(records, records.entries, file_names)
        _add_orphans(records, table, Orphans(records, table, file_names))
        del file_names
        rows = Rows(records, table)
        del table
        return rows.listed(max_entries)


def _add_orphans(records: Records, table: Table, orphans: Orphans) -> None:
    """Give the root TSK's directory of orphans, which has the last number."""
    directory = records.geometry.records
    found = orphans.entries(directory)
    records.state[directory] = OK | IN_USE | DIRECTORY
    records.listable[directory] = found is not None
    offset, length = records.names.add(_ORPHANS + b"/")
    name = Entries(
        directory=np.array([ROOT], dtype=np.int32),
        record=np.array([directory], dtype=np.int32),
        sequence=np.zeros(1, dtype=np.uint32),
        allocated=np.ones(1, dtype=np.bool_),
        kind=np.array([KIND_DIRECTORY], dtype=np.uint8),
        offset=offset.astype(np.uint32),
        length=length.astype(np.uint16),
    )
    table.add([name] if found is None else [name, found])
