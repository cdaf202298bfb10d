"""The records of an NTFS $MFT, decoded in bulk to what The Sleuth Kit makes of them one by one.

Sources: the layout of records and attributes is that of the NTFS documentation of the Linux-NTFS
project; what is made of odd values was read from TSK 4.15 (tsk/fs/ntfs.c) and is held to it by the
differential test. Anything that TSK would treat as corrupt raises `Declined`: it then walks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from triage.evidence.arrays import Array, Bools, Buffer, Declined, Ints, Names, check
from triage.evidence.beginnings import BEGINNING, INSIDE, NOWHERE
from triage.evidence.index import NO_TIME
from triage.evidence.ntfs_attributes import (
    ATTRIBUTE_LIST,
    DATA,
    FILE_NAME,
    INDEX_ALLOCATION,
    INDEX_ROOT,
    STANDARD_INFORMATION,
    Attributes,
    Runs,
    attributes,
    check_repeated,
    check_resident,
    fix_up,
)
from triage.evidence.ntfs_index import Entries, Regions, find_entries

OK, IN_USE, DIRECTORY, BASE, USED, LISTED = 1, 2, 4, 8, 16, 32
"""Bits of a record's state: readable, allocated, a directory, not an extension of another record,
has attributes, has an attribute list."""

NO_DATA = -1  # no unnamed data attribute

_HEAD, _LASTING_HEAD, _ROOT_HEAD = 16, 64, 32  # bytes of headers
_DOS = 2  # name space of short names, which are never listed
_EPOCH = 116_444_736_000_000_000  # 1970-01-01 as FILETIME
_SECOND = 10_000_000
_LATEST = (1 << 32) * _SECOND  # TSK keeps seconds in 32 bits
_LARGEST = 1 << 62
_LAST_CLUSTER = 1 << 40
_LARGEST_UNIT = 16  # of compression: the power of two, in clusters
_LARGEST_INDEX = 128 << 20  # bytes of one directory, as TSK limits it
_FORBIDDEN = 0x0001 | 0x4000 | 0x8000  # compressed, encrypted, sparse: never an index
_BOOT = 7
_LONGEST = 512  # bytes that TSK keeps of a name in a record


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """Sizes in bytes; `blocks` is the number of clusters, `records` that of MFT records."""

    cluster: int
    record: int
    index: int
    blocks: int
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """The index allocation of a directory: `runs` are (first cluster, clusters)."""

    directory: int
    size: int
    runs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A named data stream."""

    record: int
    identifier: int
    size: int
    name: bytes


@dataclass(slots=True, kw_only=True)
class FileNames:
    """Every name that records give themselves, in the order of records; short names left out."""

    record: Ints
    parent: Ints
    sequence: Ints  # of the parent
    offset: Ints  # in the pool of names
    length: Ints

    def take(self, rows: Ints | Bools) -> FileNames:
        """Return some of them."""
        return FileNames(
            record=self.record[rows],
            parent=self.parent[rows],
            sequence=self.sequence[rows],
            offset=self.offset[rows],
            length=self.length[rows],
        )


@dataclass(slots=True)
class Records:
    """All records in columns, filled chunk by chunk."""

    geometry: Geometry
    names: Names
    state: Array = field(init=False)
    sequence: Array = field(init=False)
    size: Array = field(init=False)
    data: Array = field(init=False)  # id of the unnamed data attribute
    place: Ints = field(init=False)
    """Where unnamed data begins, see `beginnings`: in the volume, or INSIDE of $MFT."""
    times: list[Ints] = field(init=False)  # modified, accessed, changed, created; ns since 1970
    listable: Bools = field(init=False)  # directories whose index is sound
    bases: dict[int, int] = field(default_factory=dict)  # extension record → its base
    streams: list[Stream] = field(default_factory=list)
    allocations: list[Allocation] = field(default_factory=list)
    apart: dict[int, list[int]] = field(default_factory=dict)
    """Sizes of index allocations in records that have an attribute list, or that one leads to."""
    entries: list[Entries] = field(default_factory=list)  # of index roots
    _file_names: list[FileNames] = field(default_factory=list)
    _parents: Bools = field(init=False)  # directories whose root says that there is more
    _allocated: Bools = field(init=False)  # directories with an index allocation

    def __post_init__(self) -> None:
        count = self.geometry.records + 1  # TSK's directory of orphans is the last
        self.state = np.zeros(count, dtype=np.uint8)
        self.sequence = np.zeros(count, dtype=np.uint16)
        self.size = np.zeros(count, dtype=np.int64)
        self.data = np.full(count, NO_DATA, dtype=np.int32)
        self.place = np.full(count, NOWHERE, dtype=np.int64)
        self.times = [np.full(count, NO_TIME, dtype=np.int64) for _ in range(4)]
        self.listable = np.zeros(count, dtype=np.bool_)
        self._parents = np.zeros(count, dtype=np.bool_)
        self._allocated = np.zeros(count, dtype=np.bool_)

    def file_names(self) -> FileNames:
        """Take out all names; those of extension records too."""
        parts, self._file_names = self._file_names, []
        return FileNames(
            record=np.concatenate([part.record for part in parts]),
            parent=np.concatenate([part.parent for part in parts]),
            sequence=np.concatenate([part.sequence for part in parts]),
            offset=np.concatenate([part.offset for part in parts]),
            length=np.concatenate([part.length for part in parts]),
        )

    def decode(self, buffer: Buffer, first: int) -> None:
        """Decode a chunk of whole records, of which the first has the number `first`."""
        size = self.geometry.record
        count = buffer.size // size
        words = buffer.words16[: count * size // 2].reshape(count, size // 2)
        readable = fix_up(words, size)
        start, flags = words[:, 10].astype(np.int64), words[:, 11]
        check(~readable | (start <= size), "attributes begin outside the record")
        base = words[:, 16:19]
        state = readable.astype(np.uint8) * OK
        state |= ((flags & 1) != 0) * np.uint8(IN_USE) | ((flags & 2) != 0) * np.uint8(DIRECTORY)
        state |= ~base.any(axis=1) * np.uint8(BASE)
        for number in np.flatnonzero(readable & base.any(axis=1)).tolist():
            low, middle, high = base[number].tolist()
            self.bases[first + number] = low | middle << 16 | high << 32
        found = attributes(buffer, np.flatnonzero(readable), start, size)
        state[found.record] |= USED
        state[found.record[found.type == ATTRIBUTE_LIST]] |= LISTED
        self.state[first : first + count] = state
        self.sequence[first : first + count] = words[:, 8]
        lasting = found.take(~found.resident)
        check_resident(buffer, found.take(found.resident), size)
        check_repeated(found)
        sizes, runs = self._sizes(buffer, lasting, first)
        self._information(buffer, found, first)
        self._names(buffer, found, first)
        self._data(buffer, found, (lasting, sizes), first)
        self._places(buffer, found, (lasting, runs), first)
        self._directories(buffer, found, first)
        self._index_allocations(lasting, runs, first)

    def _content(self, buffer: Buffer, found: Attributes) -> tuple[Ints, Ints]:
        """Return where the content of resident attributes begins, and its length."""
        check(found.resident, "an attribute that must be resident is not")
        word = buffer.aligned(found.at + 16)
        return found.at + (word >> 32 & 0xFFFF), word & 0xFFFFFFFF

    def _information(self, buffer: Buffer, found: Attributes, first: int) -> None:
        found = found.take(found.type == STANDARD_INFORMATION)
        at, _ = self._content(buffer, found)
        offset = at - found.at
        check((offset >= _HEAD) & (offset <= found.length - 48), "odd $STANDARD_INFORMATION")
        check(offset & 7 == 0, "$STANDARD_INFORMATION at an odd place")
        for column, place in zip(self.times, (8, 24, 16, 0), strict=True):
            since = buffer.aligned(at + place) - _EPOCH  # the largest are negative: not known
            known = (since < _LATEST) & (since >= _SECOND)
            column[first + found.record] = np.where(known, since * 100, NO_TIME)

    def _names(self, buffer: Buffer, found: Attributes, first: int) -> None:
        found = found.take(found.type == FILE_NAME)
        at, _ = self._content(buffer, found)
        offset = at - found.at
        check((offset >= _HEAD) & (offset + 66 <= found.length), "odd $FILE_NAME")
        check(offset & 7 == 0, "$FILE_NAME at an odd place")
        lengths = buffer.u8(at + 64)
        long = np.flatnonzero(buffer.u8(at + 65) != _DOS)
        long = long[np.argsort(found.record[long], kind="stable")]
        at, lengths = at[long], lengths[long]
        check(offset[long] + 66 + 2 * lengths <= found.length[long], "name outside $FILE_NAME")
        parent = buffer.aligned(at)
        offsets, sizes = self.names.add_utf16(buffer, at + 66, lengths)
        for number in np.flatnonzero(sizes >= _LONGEST).tolist():
            text = self.names.get(int(offsets[number]), _LONGEST).decode("utf-8", "ignore")
            sizes[number] = len(text.encode())
            check(bool(sizes[number] < _LONGEST), "name without an end")
        self._file_names.append(
            FileNames(
                record=(first + found.record[long]).astype(np.int32),
                parent=np.minimum(parent & 0xFFFFFFFFFFFF, 0x7FFFFFFF).astype(np.int32),
                sequence=(parent >> 48).astype(np.uint16),
                offset=offsets.astype(np.uint32),
                length=sizes.astype(np.uint16),
            )
        )

    def _data(
        self, buffer: Buffer, found: Attributes, lasting: tuple[Attributes, Ints], first: int
    ) -> None:
        resident = found.take(found.resident & (found.type == DATA))
        _, lengths = self._content(buffer, resident)
        chosen = lasting[0].type == DATA
        others, sizes = lasting[0].take(chosen), lasting[1][chosen]
        record = np.concatenate((resident.record, others.record))
        at = np.concatenate((resident.at, others.at))
        size = np.concatenate((lengths, sizes))
        identifier = np.concatenate((resident.identifier, others.identifier))
        name_length = np.concatenate((resident.name_length, others.name_length))
        name_at = at + np.concatenate((resident.name_offset, others.name_offset))
        order = np.lexsort((at, record))[::-1]  # backwards: of several the first one is to win
        unnamed = order[name_length[order] == 0]
        record_of = first + record[unnamed]
        self.data[record_of] = identifier[unnamed]
        files = self.state[record_of] & DIRECTORY == 0
        self.size[record_of[files]] = size[unnamed][files]
        for number in order[name_length[order] > 0][::-1].tolist():
            start, length = int(name_at[number]), int(name_length[number])
            name = _stream_name(buffer.bytes[start : start + 2 * length].tobytes())
            self.streams.append(
                Stream(
                    record=first + int(record[number]),
                    identifier=int(identifier[number]),
                    size=int(size[number]),
                    name=name,
                )
            )

    def _places(
        self, buffer: Buffer, found: Attributes, lasting: tuple[Attributes, Runs], first: int
    ) -> None:
        """Note where the content of unnamed streams begins, if it stands there as it is read."""
        unnamed = (found.type == DATA) & (found.name_length == 0)
        often = np.bincount(found.record[unnamed], minlength=buffer.size // self.geometry.record)
        resident = found.take(unnamed & found.resident)
        at, _ = self._content(buffer, resident)
        self.place[first + resident.record] = (first * self.geometry.record + at) << 1 | INSIDE
        others, runs = lasting
        rows = np.flatnonzero((others.type == DATA) & (others.name_length == 0))
        rows = rows[(runs.start[rows] == 0) & (others.flags[rows] & _FORBIDDEN == 0)]
        address, clusters = runs.first(rows)
        # A short first run would give a part of the beginning: such a file is opened instead.
        enough = clusters * self.geometry.cluster >= BEGINNING
        start = address[enough] * self.geometry.cluster
        self.place[first + others.record[rows[enough]]] = start << 1
        unsure = first + np.flatnonzero(often != 1)
        self.place[unsure] = NOWHERE
        here = slice(first, first + len(often))
        self.place[here][self.state[here] & LISTED != 0] = NOWHERE

    def _directories(self, buffer: Buffer, found: Attributes, first: int) -> None:
        """Read the index roots of directories: what stands in the record itself."""
        state = self.state[first + found.record]
        chosen = (found.type == INDEX_ROOT) & (state & (DIRECTORY | LISTED) == DIRECTORY)
        roots = found.take(chosen)
        if not len(roots.record):
            return
        at, length = self._content(buffer, roots)
        check(~roots.again & (at & 7 == 0) & (length >= _ROOT_HEAD), "odd index root")
        number = first + roots.record
        self.size[number] = length
        size = self.geometry.record
        compact = Buffer(len(number) * size)
        rows = compact.bytes[: compact.size].reshape(len(number), size)
        rows[:] = buffer.bytes[: buffer.size].reshape(-1, size)[roots.record]
        at += np.arange(len(number)) * size - roots.record * size
        self.read_roots(compact, number, at, length)

    def read_roots(self, buffer: Buffer, directory: Ints, at: Ints, length: Ints) -> None:
        """Read index roots that stand at `at`, in ascending order, one for each directory."""
        begin, used, end, flags = (buffer.u32(at + place) for place in (16, 20, 24, 28))
        sound = (buffer.u32(at) == FILE_NAME) & (begin <= used) & (used <= end)
        # TSK keeps resident content in at least 1024 bytes.
        sound &= 16 + end <= np.maximum(length, 1024)
        check(~sound | ((16 + end <= length) & (begin & 3 == 0)), "index behind its root")
        rooted = directory[sound]
        self.listable[rooted] = True
        self._parents[rooted[flags[sound] & 1 != 0]] = True
        regions = Regions(
            owner=rooted,
            start=(at + 16 + begin)[sound],
            used=(used - begin)[sound],
            end=(at + 16 + end)[sound],
            deleted=self.state[rooted] & IN_USE == 0,
        )
        self.entries.append(find_entries(buffer, regions, self.geometry.records, self.names))

    def _sizes(self, buffer: Buffer, found: Attributes, first: int) -> tuple[Ints, Runs]:
        """Return the size of non-resident attributes and where they lie."""
        word = buffer.aligned(found.at + 32)
        offset, unit = word & 0xFFFF, word >> 16 & 0xFFFF
        check(
            (offset >= _LASTING_HEAD) & (offset < found.length) & (unit <= _LARGEST_UNIT),
            "odd attribute",
        )
        start, allocated, sizes = (buffer.aligned(found.at + place) for place in (16, 40, 48))
        for number, limit in ((start, _LAST_CLUSTER), (allocated, _LARGEST), (sizes, _LARGEST)):
            check((number >= 0) & (number < limit), "huge attribute")
        runs = Runs(
            buffer,
            found.at + offset,
            found.at + found.length,
            boot=first + found.record == _BOOT,
            blocks=self.geometry.blocks,
        )
        # TSK: a size of zero is taken from the runs, as parts of an attribute have no size.
        missing = (sizes == 0) & ~runs.empty
        known = (start + runs.clusters) * self.geometry.cluster
        sizes = np.where(missing, known, sizes)
        allocated = np.where(allocated == 0, sizes, allocated)
        check(allocated >= sizes, "larger than allocated")
        runs.start, runs.allocated = start, allocated
        return sizes, runs

    def _index_allocations(self, found: Attributes, runs: Runs, first: int) -> None:
        state = self.state[first + found.record]
        chosen = found.type == INDEX_ALLOCATION
        apart = chosen & (state & (LISTED | BASE) != BASE) & (runs.start == 0)
        for row in np.flatnonzero(apart).tolist():
            record = first + int(found.record[row])
            self.apart.setdefault(record, []).append(int(runs.allocated[row]))
        chosen &= state & (DIRECTORY | LISTED) == DIRECTORY
        check(~(chosen & found.again), "two index allocations")
        rows = np.flatnonzero(chosen)
        if not len(rows):
            return
        directory, size = first + found.record[rows], runs.allocated[rows]
        self._allocated[directory] = True
        there = runs.clusters[rows] * self.geometry.cluster
        readable = (size <= _LARGEST_INDEX) & (size <= there)
        self.listable[directory[~readable]] = False
        fine = (size == there) & (runs.start[rows] == 0) & (found.flags[rows] & _FORBIDDEN == 0)
        check(~readable | fine, "odd index allocation")
        readable &= size > 0
        rows, directory, size = rows[readable], directory[readable], size[readable]
        single, address = runs.single(rows)
        for row, number, length, alone, start in zip(
            *(column.tolist() for column in (rows, directory, size, single, address)), strict=True
        ):
            if alone:
                pieces = [(start, length // self.geometry.cluster)]
            else:
                pieces = []
                for first_cluster, clusters, sparse in runs.pieces(row):
                    check(not sparse, "index with a hole")
                    pieces.append((first_cluster, clusters))
            self.allocations.append(Allocation(directory=number, size=length, runs=tuple(pieces)))

    def has_allocation(self, directory: int) -> None:
        """Say that a directory has an index allocation."""
        self._allocated[directory] = True

    def finish(self) -> None:
        """Take back directories that promise more names but have no place for them."""
        self.listable &= ~self._parents | self._allocated


def _stream_name(units: bytes) -> bytes:
    """Return the name of a stream as TSK writes it, `/` replaced."""
    try:
        text = units.decode("utf-16-le")
    except UnicodeDecodeError:
        raise Declined("odd name of a stream") from None
    if "\0" in text:
        raise Declined("zero in the name of a stream")
    clean = "".join("^" if char < " " or char == "\x7f" else char for char in text)
    return clean.encode().replace(b"/", rb"\x2f")
