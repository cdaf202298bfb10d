"""The attributes of many NTFS records, walked side by side.

Sources: the layout is that of the NTFS documentation of the Linux-NTFS project; what is made of
odd values was read from TSK 4.15 (tsk/fs/ntfs.c).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from triage.evidence.arrays import Array, Bools, Buffer, Ints, check, member

STANDARD_INFORMATION, ATTRIBUTE_LIST, FILE_NAME = 0x10, 0x20, 0x30
DATA, INDEX_ROOT, INDEX_ALLOCATION = 0x80, 0x90, 0xA0
_END = 0xFFFFFFFF

_SECTOR = 512
_HEAD, _RESIDENT_HEAD, _LASTING_HEAD = 16, 24, 64  # bytes of headers
_WIDEST = 8  # bytes of a number in a run
_SIGN = 0x80


@dataclass(slots=True)
class Attributes:
    """Attribute headers of one chunk; `at` is the byte in the buffer, a multiple of 8."""

    record: Ints
    at: Ints
    type: Ints
    length: Ints
    again: Bools  # of the same type as the one before
    rest: Ints  # what stands behind type and length

    def take(self, chosen: Bools) -> Attributes:
        """Return some of them."""
        return self.take_rows(np.flatnonzero(chosen))

    def take_rows(self, rows: Ints) -> Attributes:
        """Return some of them, in an order of one's own."""
        return Attributes(
            record=self.record.take(rows),
            at=self.at.take(rows),
            type=self.type.take(rows),
            length=self.length.take(rows),
            again=self.again.take(rows),
            rest=self.rest.take(rows),
        )

    @property
    def resident(self) -> Bools:
        """Whether the content stands in the record."""
        resident: Bools = self.rest & 0xFF == 0
        return resident

    @property
    def name_length(self) -> Ints:
        """Units of the name; TSK takes a name that ends with its attribute for none."""
        units = self.rest >> 8 & 0xFF
        return np.where(2 * units < self.length - self.name_offset, units, 0)

    @property
    def name_offset(self) -> Ints:
        """Where the name stands in the attribute."""
        return self.rest >> 16 & 0xFFFF

    @property
    def flags(self) -> Ints:
        """Whether it is compressed and such."""
        return self.rest >> 32 & 0xFFFF

    @property
    def identifier(self) -> Ints:
        """The number that tells attributes of a type apart."""
        return self.rest >> 48 & 0xFFFF


def fix_up(words: Array, size: int) -> Bools:
    """Put back the last two bytes of every sector; return which records are whole.

    As TSK does it, whatever the signature: `words` are 16-bit numbers, a record a row.
    """
    offset, count = words[:, 2].astype(np.int64), words[:, 3].astype(np.int64)
    sectors = size // _SECTOR
    whole = (count > 0) & (count <= sectors + 1) & (offset + 3 + 2 * (count - 1) <= size)
    fixed = whole & (count > 1)
    check(~fixed | ((offset & 1 == 0) & (offset + 2 * count <= _SECTOR - 2)), "odd update sequence")
    rows = np.flatnonzero(fixed)
    signature = words[rows, offset[rows] >> 1]
    for sector in range(1, sectors + 1):
        also = count[rows] > sector
        rows, signature = rows[also], signature[also]
        last = sector * _SECTOR // 2 - 1
        whole[rows] &= words[rows, last] == signature
        words[rows, last] = words[rows, (offset[rows] >> 1) + sector]
    return whole


def attributes(buffer: Buffer, live: Ints, start: Ints, size: int) -> Attributes:
    """Walk the attributes of all records side by side; stop where TSK stops."""
    steps: list[tuple[Ints, Ints, Ints, Ints, Bools, Ints]] = []
    at = start[live]
    check(at & 7 == 0, "attributes at an odd place")
    previous = np.zeros(len(live), dtype=np.int64)
    while len(live):
        inside = np.flatnonzero(at + _HEAD <= size)
        live, at, previous = live.take(inside), at.take(inside), previous.take(inside)
        place = live * size + at
        head, rest = buffer.aligned(place), buffer.aligned(place + 8)
        kind, length = head & 0xFFFFFFFF, head >> 32 & 0xFFFFFFFF
        more = (length > 0) & (kind != _END) & (at + length <= size)
        more &= rest >> 16 & 0xFFFF <= length
        rows = np.flatnonzero(more)
        if len(rows) < len(live):
            live, at, previous, place = (
                column.take(rows) for column in (live, at, previous, place)
            )
            kind, length, rest = kind.take(rows), length.take(rows), rest.take(rows)
        check((length >= _RESIDENT_HEAD) & (length & 7 == 0), "odd length of an attribute")
        check((kind >= previous) & (kind >= STANDARD_INFORMATION), "odd type of an attribute")
        steps.append((live, place, kind, length, kind == previous, rest))
        at, previous = at + length, kind
    if not steps:
        none = np.zeros(0, dtype=np.int64)
        return Attributes(none, none, none, none, none != 0, none)
    found = Attributes(*(np.concatenate(column) for column in zip(*steps, strict=True)))
    units = found.rest >> 8 & 0xFF
    check(2 * units <= found.length - found.name_offset, "name outside its attribute")
    check(found.resident | (found.length >= _LASTING_HEAD), "short attribute")
    return found


def check_resident(buffer: Buffer, found: Attributes, size: int) -> None:
    """Decline content that lies outside its record."""
    word = buffer.aligned(found.at + 16)
    end = found.at - found.record * size + (word >> 32 & 0xFFFF) + (word & 0xFFFFFFFF)
    check(end <= size, "content outside its record")


def check_repeated(found: Attributes) -> None:
    """Decline non-resident attributes that TSK would join with others of the same id."""
    again = found.again & (found.type != FILE_NAME)
    if not again.any():
        return
    key = found.record << 32 | found.type
    members = found.take(member(key, key[again]))
    order = np.lexsort((members.identifier, members.type, members.record))
    members = members.take_rows(order)
    key = members.record << 32 | members.type
    twice = (key[1:] == key[:-1]) & (members.identifier[1:] == members.identifier[:-1])
    check(~twice, "two attributes with the same id")
    check(members.resident | (members.identifier != 0), "an attribute with the id 0")


class Runs:
    """The run lists of many attributes, walked side by side."""

    start: Ints  # first cluster of the attribute that these runs are for
    allocated: Ints  # bytes

    def __init__(self, buffer: Buffer, at: Ints, end: Ints, *, boot: Bools, blocks: int) -> None:
        count = len(at)
        self.clusters: Ints = np.zeros(count, dtype=np.int64)
        self._number: Ints = np.zeros(count, dtype=np.int64)
        last_sparse = np.zeros(count, dtype=np.bool_)
        previous: Ints = np.zeros(count, dtype=np.int64)
        self._steps: list[tuple[Ints, Ints, Ints, Bools]] = []
        live, at = np.arange(count), at.copy()
        while len(live):
            live = live[at[live] < end[live]]
            head = buffer.u8(at[live])
            live, head = live[head & 15 != 0], head[head & 15 != 0]
            place = at[live] + 1
            length_size, address_size = head & 15, head >> 4
            check(
                (length_size <= _WIDEST)
                & (address_size <= _WIDEST)
                & (length_size + address_size <= end[live] - place),
                "odd run",
            )
            length = buffer.u64(place, length_size)
            check(length <= blocks, "run longer than the volume")
            length = length.astype(np.int64)
            shift = np.where(address_size > 0, 64 - 8 * address_size, 0).astype(np.uint64)
            raw = buffer.u64(place + length_size, address_size)
            delta = (raw << shift).view(np.int64) >> shift.astype(np.int64)
            check((delta >= -blocks) & (delta <= blocks), "run outside the volume")
            # TSK reads these two as sparse, or takes the sign of an address that is not there.
            check((delta != -1) | (previous[live] != 0), "run of NT 4")
            top = buffer.u8(place + length_size - 1)
            check((address_size > 0) | (top < _SIGN), "run length without a sign")
            sparse = (delta == 0) & ~boot[live]
            address = previous[live] + delta
            check(
                sparse | ((address >= 0) & (address + length <= blocks)), "run outside the volume"
            )
            previous[live] = np.where(sparse, previous[live], address)
            self.clusters[live] += length
            self._number[live] += 1
            last_sparse[live] = sparse
            self._steps.append((live, address, length, sparse))
            at[live] = place + length_size + address_size
        # $BadClus: one hole as large as the volume counts as no run at all.
        self.empty = (self._number == 0) | (
            (self._number == 1) & last_sparse & (self.clusters == blocks)
        )

    def single(self, rows: Ints) -> tuple[Bools, Ints]:
        """Say which attributes have one run that is no hole, and where it begins."""
        live, address, _, sparse = self._steps[0]
        at = np.searchsorted(live, rows)
        return (self._number[rows] == 1) & ~sparse[at], address[at]

    def first(self, rows: Ints) -> tuple[Ints, Ints]:
        """Return first cluster and number of clusters of the first run; none if it is a hole."""
        clusters = np.zeros_like(self.clusters)
        address = np.zeros_like(self.clusters)
        for live, start, length, sparse in self._steps[:1]:
            address[live], clusters[live] = start, np.where(sparse, 0, length)
        return address[rows], clusters[rows]

    def pieces(self, row: int) -> list[tuple[int, int, bool]]:
        """Return (first cluster, clusters, sparse) for one attribute."""
        result = []
        for live, address, length, sparse in self._steps[: int(self._number[row])]:
            at = int(np.searchsorted(live, row))
            result.append((int(address[at]), int(length[at]), bool(sparse[at])))
        return result
