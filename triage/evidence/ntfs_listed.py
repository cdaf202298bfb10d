"""NTFS records with an attribute list, of which there are few: TSK reads their attributes.

Only two things are needed beside: the names in the extension records, which pytsk3 does not give,
and the index of a directory, which TSK would list only after a walk over all of $MFT.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytsk3

from triage.errors import EvidenceError
from triage.evidence.arrays import Buffer, check
from triage.evidence.filesystem import TskTree
from triage.evidence.index import NO_TIME
from triage.evidence.ntfs_attributes import ATTRIBUTE_LIST, INDEX_ALLOCATION, INDEX_ROOT
from triage.evidence.ntfs_records import (
    BASE,
    DIRECTORY,
    IN_USE,
    LISTED,
    OK,
    Allocation,
    FileNames,
    Records,
    Stream,
)

_ENTRY = 26  # bytes of an entry in an attribute list without its name
_LARGEST_LIST = 1 << 20
_LARGEST_INDEX = 128 << 20
_MOST_EXTENSIONS = 256
_PIECE = 1 << 20
_ROOT_HEAD = 32
_RESIDENT = int(pytsk3.TSK_FS_ATTR_INUSE | pytsk3.TSK_FS_ATTR_RES)
_LASTING = int(pytsk3.TSK_FS_ATTR_INUSE | pytsk3.TSK_FS_ATTR_NONRES)


def complete(records: Records, tsk: TskTree) -> FileNames:
    """Read what attribute lists lead to; return the names of all base records.

    Raises Declined and EvidenceError.
    """
    names = records.file_names()
    state = records.state
    listed = np.flatnonzero(state & (LISTED | OK) == LISTED | OK)
    records.streams = [s for s in records.streams if not state[s.record] & LISTED]
    more: list[FileNames] = []
    for record in listed.tolist():
        found = tsk.entry(record)
        extensions = list(_extensions(records, record, found))
        _take(records, tsk, found, [record, *extensions])
        for extension in extensions:
            first, stop = np.searchsorted(names.record, (extension, extension + 1)).tolist()
            part = names.take(np.arange(first, stop))
            part.record[:] = record
            more.append(part)
    names = names.take(state[names.record] & (BASE | OK) == BASE | OK)
    if more:
        parts = [names, *more]
        names = FileNames(
            record=np.concatenate([part.record for part in parts]),
            parent=np.concatenate([part.parent for part in parts]),
            sequence=np.concatenate([part.sequence for part in parts]),
            offset=np.concatenate([part.offset for part in parts]),
            length=np.concatenate([part.length for part in parts]),
        )
        bases = names.take(state[names.record] & BASE != 0)
        names = bases.take(np.argsort(bases.record, kind="stable"))
    return names


def _take(records: Records, tsk: TskTree, found: Any, parts: list[int]) -> None:
    """Take over what TSK says of one record, which lies in several."""
    record = parts[0]
    meta = found.info.meta
    times = tsk.times(meta)
    values = (times.modified, times.accessed, times.changed, times.created)
    for column, value in zip(records.times, values, strict=True):
        column[record] = NO_TIME if value is None else value
    records.size[record] = meta.size
    records.data[record] = -1
    directory = bool(records.state[record] & DIRECTORY)
    unnamed = False
    for attribute, name, size in tsk.streams(found):
        if name is not None:
            records.streams.append(
                Stream(record=record, identifier=attribute & 0xFFFF, size=size, name=name)
            )
        elif not unnamed and not directory:
            unnamed = True
            records.data[record], records.size[record] = attribute & 0xFFFF, size
    if directory:
        sizes = [size for part in parts for size in records.apart.get(part, ())]
        _index(records, record, found, sizes)


def _extensions(records: Records, record: int, found: Any) -> Iterator[int]:
    """Yield the extension records whose names TSK would take, in its order."""
    seen: list[int] = []
    for attribute in found:
        if int(attribute.info.type) != ATTRIBUTE_LIST:
            continue
        data = _content(found, attribute.info, _LARGEST_LIST)
        at = 0
        while at + _ENTRY <= len(data):
            size = int.from_bytes(data[at + 4 : at + 6], "little")
            if not size or at + size > len(data) or at + _ENTRY + 2 * data[at + 6] > len(data):
                break
            number = int.from_bytes(data[at + 16 : at + 22], "little")
            if number != record and number not in seen:
                seen.append(number)
                check(len(seen) <= _MOST_EXTENSIONS, "too many extension records")
            at += size
    for number in seen:
        if not 0 < number < records.geometry.records or not records.state[number] & OK:
            continue
        if records.bases.get(number) == record:
            check(not records.state[number] & LISTED, "an attribute list in an extension record")
            yield number
        else:
            free = not records.state[number] & IN_USE or not records.state[record] & IN_USE
            check(free, "extension of another record")


def _index(records: Records, record: int, found: Any, sizes: list[int]) -> None:
    """Read the index of one directory; of several attributes of a type TSK takes the lowest id.

    `sizes` are those of the index allocations that there are.
    """
    lowest: dict[int, Any] = {}
    for attribute in found:
        kind = int(attribute.info.type)
        if kind not in lowest or attribute.info.id < lowest[kind].info.id:
            lowest[kind] = attribute
    root, rest = lowest.get(INDEX_ROOT), lowest.get(INDEX_ALLOCATION)
    if root is None:
        return
    data = _content(found, root.info, records.geometry.record)
    check(len(data) >= _ROOT_HEAD and int(root.info.flags) & ~_RESIDENT == 0, "odd index root")
    number = np.array([record], dtype=np.int64)
    buffer = _buffer(data)
    zero = np.zeros(1, dtype=np.int64)
    records.read_roots(buffer, number, zero, np.array([len(data)], dtype=np.int64))
    if rest is None:
        return
    records.has_allocation(record)
    runs = [(int(run.addr), int(run.len)) for run in rest]
    check(all(not int(run.flags) for run in rest), "index with holes")
    length = sum(clusters for _, clusters in runs) * records.geometry.cluster
    check(int(rest.info.flags) == _LASTING, "odd index allocation")
    check(sizes == [length] and length <= _LARGEST_INDEX, "odd size of an index")
    records.allocations.append(Allocation(directory=record, size=length, runs=tuple(runs)))


def _buffer(data: bytes) -> Buffer:
    buffer = Buffer(len(data))
    buffer.bytes[: len(data)] = np.frombuffer(data, dtype=np.uint8)
    return buffer


def _content(found: Any, info: Any, limit: int) -> bytes:
    """Return the whole of an attribute. Raises EvidenceError."""
    size = int(info.size)
    check(0 <= size <= limit, "attribute too large")
    parts: list[bytes] = []
    try:
        for at in range(0, size, _PIECE):
            wanted = min(_PIECE, size - at)
            parts.append(found.read_random(at, wanted, int(info.type), int(info.id)))
            check(len(parts[-1]) == wanted, "attribute ends early")
    except (OSError, RuntimeError):
        raise EvidenceError("attribute cannot be read") from None
    return b"".join(parts)
