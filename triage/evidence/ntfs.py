"""NTFS listed in bulk: the whole of $MFT and of all directory indexes, not file by file.

Where TSK gives a strange answer this reader gives it too; the differential test says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from triage.evidence.arrays import Names, check
from triage.evidence.beginnings import beginnings
from triage.evidence.bulk import TreeInBulk
from triage.evidence.ntfs_index import KIND_DIRECTORY, Entries
from triage.evidence.ntfs_layout import laid_out
from triage.evidence.ntfs_listed import complete
from triage.evidence.ntfs_orphans import ROOT, Orphans
from triage.evidence.ntfs_read import chunks, geometry, on_media, read_indexes, record_part
from triage.evidence.ntfs_records import DIRECTORY, IN_USE, OK, Records
from triage.evidence.ntfs_table import Table
from triage.evidence.tree import Listed
from triage.model import Reader

_ORPHANS = b"$OrphanFiles"


class NtfsTree(TreeInBulk):
    """An NTFS volume."""

    def listed(self, max_entries: int, progress: Callable[[int], None]) -> Listed:
        """List the volume. Raises Declined and EvidenceError."""
        names = Names()
        records = Records(geometry(self.image, self.offset, self.tsk), names)
        for first, buffer in chunks(self.image, self.tsk, records.geometry):
            records.decode(buffer, first)
            progress(min(first, max_entries))
        records.place = on_media(records.place, self.offset, self.tsk)
        file_names = complete(records, self.tsk)
        records.finish()
        records.entries += read_indexes(self.image, self.offset, records)
        check(records.listable[ROOT], "no root directory")
        table = Table(records, records.entries, file_names)
        _add_orphans(records, table, Orphans(records, table, file_names))
        del file_names
        rows = laid_out(records, table)
        del table
        return rows.listed(max_entries)

    def beginnings(
        self, places: Sequence[int], sizes: Sequence[int]
    ) -> Iterator[tuple[int, bytes | None]]:
        """Yield where each file begins on the media, and its first bytes; None: not so easily."""
        record = geometry(self.image, self.offset, self.tsk).record

        def inside(media: Reader, offset: int, length: int) -> bytes | None:
            return record_part(media, offset, length, volume=self.offset, size=record)

        return beginnings(self.image, places, sizes, inside)


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
