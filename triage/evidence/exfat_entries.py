"""Directory entries of exFAT, many at once: which TSK takes for one, and what it makes of them.

A file is a set of entries: one of the file, one of its stream, and its name in pieces. Layout:
Microsoft, exFAT specification, section 7. Every rule is one of TSK 4.15 (tsk/fs/exfatfs_meta.c,
exfatfs_dent.c), odd ones too.
"""

# ruff: noqa: PLR2004 - the numbers are those of the format

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from triage.evidence.arrays import Array, Bools, Buffer, Ints, Names, check
from triage.evidence.exfat_volume import ExfatVolume
from triage.evidence.fat_entries import ns, seconds
from triage.evidence.fat_names import paired
from triage.evidence.index import NO_TIME

IN_USE = 0x80
BITMAP, UPCASE, LABEL, FILE, GUID, TEXFAT, STREAM, NAME = (
    *(0x01, 0x02, 0x03, 0x05),
    *(0x20, 0x21, 0x40, 0x41),
)
WHOLE = 0x02
"""Of the flags of a stream: its clusters lie side by side."""

_UNITS = 15  # UTF-16 units in one entry
_LEAST, _MOST = 2, 18  # entries of a set behind the first
_DOTS = frozenset({b".", b".."})


@dataclass(slots=True)
class Entries:
    """Rows of 32 bytes."""

    raw: Array

    def number(self, at: int, size: int) -> Ints:
        """Return a number of each; one of 8 bytes beyond 2^63 is negative."""
        part = np.ascontiguousarray(self.raw[:, at : at + size])
        return part.view(f"<u{size}").reshape(-1).astype(np.int64)

    @property
    def kind(self) -> Array:
        """What each is, in use or not."""
        kind: Array = self.raw[:, 0] & 0x7F
        return kind

    @property
    def used(self) -> Bools:
        """Whether each is in use."""
        used: Bools = self.raw[:, 0] >= IN_USE
        return used

    def files(self) -> Bools:
        """Say which begin the set of a file."""
        count = self.raw[:, 1]
        fine = (self.kind == FILE) & (count >= _LEAST) & (count <= _MOST)
        fine[fine] = self.raw[fine, 8:22].any(axis=1)
        result: Bools = fine
        return result

    def streams(self, volume: ExfatVolume) -> Bools:
        """Say which tell where the content of a file lies."""
        fine = self.kind == STREAM
        some = Entries(self.raw[fine])
        size, cluster = some.number(24, 8), some.number(20, 4)
        there = (size > 0) & (size <= volume.heap) & (cluster >= 2) & (cluster <= volume.last)
        fine[fine] = (size == 0) | there
        result: Bools = fine
        return result

    def names(self) -> Bools:
        """Say which hold a piece of a name."""
        found: Bools = self.kind == NAME
        return found

    def times(self) -> list[Ints]:
        """Return modified, accessed, changed and created of files: ns of the wall clock."""
        none = np.zeros(len(self.raw), dtype=np.int64)
        modified_tens, created_tens = self.number(21, 1), self.number(20, 1)
        modified = seconds(self.number(14, 2), self.number(12, 2), modified_tens)
        created = seconds(self.number(10, 2), self.number(8, 2), created_tens)
        return [
            ns(modified, modified_tens % 100 * 10_000_000),
            ns(seconds(self.number(18, 2), self.number(16, 2), none), none),
            np.full(len(self.raw), NO_TIME, dtype=np.int64),
            ns(created, created_tens % 100 * 10_000_000),
        ]


@dataclass(slots=True, kw_only=True)
class Sets:
    """Files: the row of the first entry of each, ascending, and how many pieces its name has."""

    file: Ints
    pieces: Ints


def find_sets(entries: Entries, owner: Ints, streams: Bools) -> Sets:
    """Return the sets that give a name; each ends where TSK would end it."""
    kind, used = entries.kind, entries.used
    broken = np.ones(len(kind) + 1, dtype=np.bool_)
    broken[1:-1] = (kind[1:] != NAME) | (used[1:] != used[:-1]) | (owner[1:] != owner[:-1])
    file = np.flatnonzero(entries.files())
    file = file[file + 2 < len(kind)]
    fine = streams[file + 1] & (used[file + 1] == used[file]) & (owner[file + 1] == owner[file])
    file = file[fine]
    breaks = np.flatnonzero(broken)
    run = breaks[np.searchsorted(breaks, file + 2)] - (file + 2)
    pieces = np.minimum(run, entries.raw[file, 1].astype(np.int64) - 1)
    some = (pieces > 0) & (entries.raw[file + 1, 3] > 0)
    return Sets(file=file[some], pieces=pieces[some])


def take_names(entries: Entries, sets: Sets, names: Names) -> tuple[Ints, Ints]:
    """Put the pieces of each name together. Raises Declined on names that TSK changes."""
    total = int(sets.pieces.sum())
    ends = np.cumsum(sets.pieces)
    rows = np.repeat(sets.file + 2 - (ends - sets.pieces), sets.pieces) + np.arange(total)
    buffer = Buffer(total * _UNITS * 2)
    buffer.bytes[: total * _UNITS * 2] = entries.raw[rows, 2:].reshape(-1)
    units = buffer.words16[: total * _UNITS]
    starts = (ends - sets.pieces) * _UNITS
    told = entries.raw[sets.file + 1, 3].astype(np.int64)
    length = np.minimum(told, sets.pieces * _UNITS)
    check(units[starts] != 0, "empty name")
    surrogates = units & 0xF800 == 0xD800
    check(not np.any(surrogates) or paired(units), "lone surrogates")
    offset, size = names.add_utf16(buffer, starts * 2, length)
    for row in np.flatnonzero(size <= 2).tolist():
        check(names.get(int(offset[row]), int(size[row])) not in _DOTS, "dots")
    return offset, size
