"""The names of an NTFS volume as rows of the index, its streams as names of their own."""

from __future__ import annotations

import numpy as np

from triage.evidence.arrays import Array, check, ragged
from triage.evidence.beginnings import NOWHERE
from triage.evidence.index import META_ALLOCATED, NAME_ALLOCATED, NO_ATTRIBUTE, REUSED, TYPES
from triage.evidence.layout import DESCEND, Files, Rows
from triage.evidence.ntfs_index import KIND_DIRECTORY, KIND_UNKNOWN
from triage.evidence.ntfs_orphans import ROOT
from triage.evidence.ntfs_records import DIRECTORY, IN_USE, NO_DATA, Records
from triage.evidence.ntfs_table import Table
from triage.model import EntryType

_DATA = 128 << 16
_MOST_STREAMS = 1 << 22
_FILE, _DIRECTORY, _OTHER = (
    TYPES.index(kind) for kind in (EntryType.FILE, EntryType.DIRECTORY, EntryType.OTHER)
)
_TYPE = 3  # bits of the type in the flags of the index


def laid_out(records: Records, table: Table) -> Rows:
    """Return every row that the index will have; the sizes in `records` are gone then."""
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
    rows = Rows(
        files=Files(root=ROOT, listable=records.listable, times=records.times),
        names=records.names,
        directory=entries.directory,
        record=entries.record,
        flags=flags | enter * np.uint8(DESCEND),
        attribute=attribute,
        known=known,
        offset=entries.offset,
        length=entries.length,
        size=np.where(known, records.size[entries.record], 0),
        place=np.where(plain, records.place[entries.record], NOWHERE),
    )
    records.size = records.data = records.place = records.size[:0]
    _add_streams(records, rows, attribute)
    return rows


def _add_streams(records: Records, rows: Rows, attribute: Array) -> None:
    """Add a row for each named stream of each name."""
    streams = sorted(records.streams, key=lambda s: (s.record, s.identifier))
    if not streams:
        return
    owners = np.array([stream.record for stream in streams])
    first = np.searchsorted(owners, rows.record, "left")
    count = np.searchsorted(owners, rows.record, "right") - first
    count[~rows.known] = 0
    check(int(count.sum()) <= _MOST_STREAMS, "too many streams")
    named = np.repeat(np.arange(len(rows.record)), count)
    chosen = [streams[at] for at in ragged(first, count).tolist()]
    text = bytearray()
    for row, stream in zip(named.tolist(), chosen, strict=True):
        text += rows.names.get(int(rows.offset[row]), int(rows.length[row]))
        text += b":" + stream.name + b"/"
    if not text:
        return
    offset, length = rows.names.add(bytes(text))
    flags = rows.flags[named] & ~np.uint8(DESCEND | _TYPE) | np.uint8(_FILE)

    def extended(column: Array, more: Array | list[int]) -> Array:
        return np.concatenate((column, np.asarray(more, dtype=column.dtype)))

    rows.directory = extended(rows.directory, rows.directory[named])
    rows.record = extended(rows.record, rows.record[named])
    rows.flags = extended(rows.flags, flags)
    rows.attribute = extended(attribute, [_DATA | stream.identifier for stream in chosen])
    rows.known = extended(rows.known, rows.known[named])
    rows.offset = extended(rows.offset, offset)
    rows.length = extended(rows.length, length)
    if rows.place is not None:
        rows.place = extended(rows.place, [NOWHERE] * len(chosen))
    rows.size = extended(rows.size, [stream.size for stream in chosen])
