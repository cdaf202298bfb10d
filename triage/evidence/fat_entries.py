"""Directory entries of FAT, many at once: which TSK takes for one, and what it makes of them.

Every rule is one of TSK 4.15 (tsk/fs/fatxxfs_meta.c, fatxxfs_dent.c), odd ones too.
"""

# ruff: noqa: PLR2004 - the numbers are those of the format

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from triage.evidence.arrays import Array, Bools, Ints
from triage.evidence.fat_volume import FatVolume
from triage.evidence.index import NO_TIME

READ_ONLY, LABEL, DIRECTORY, ARCHIVE, LONG_NAME = 0x01, 0x08, 0x10, 0x20, 0x0F
DELETED, DOT = 0xE5, 0x2E
_NS = 10**9
_LAST_YEAR = 2037 - 1980  # TSK knows no later ones
_E5 = 0x05  # stands for 0xE5 at the start of a name

_BAD_CHARACTERS = np.zeros(256, dtype=np.bool_)
_BAD_CHARACTERS[:0x20] = True
for _byte in b'"*+,./:;<=>?[\\]|':
    _BAD_CHARACTERS[_byte] = True


@dataclass(slots=True)
class Entries:
    """Rows of 32 bytes."""

    raw: Array

    def u8(self, at: int) -> Array:
        """Return a byte of each."""
        return self.raw[:, at]

    def u16(self, at: int) -> Ints:
        """Return a 16-bit number of each."""
        return self.raw[:, at].astype(np.int64) | self.raw[:, at + 1].astype(np.int64) << 8

    @property
    def cluster(self) -> Ints:
        """The first cluster, 32 bits even on FAT12."""
        return self.u16(26) | self.u16(20) << 16

    @property
    def size(self) -> Ints:
        """Bytes; 0 for directories."""
        return self.u16(28) | self.u16(30) << 16

    @property
    def long(self) -> Bools:
        """Whether it is a part of a long name."""
        found: Bools = self.u8(11) & LONG_NAME == LONG_NAME
        return found

    @property
    def label(self) -> Bools:
        """Whether it is the label of the volume."""
        found: Bools = ~self.long & (self.u8(11) & LABEL != 0)
        return found

    @property
    def directory(self) -> Bools:
        """Whether it is a directory."""
        found: Bools = self.u8(11) & DIRECTORY != 0
        return found

    @property
    def deleted(self) -> Bools:
        """Whether its first character says so."""
        found: Bools = self.u8(0) == DELETED
        return found

    def valid(self, volume: FatVolume) -> Bools:
        """Say which pass TSK's basic test, the one for directories in use."""
        cluster, size = self.cluster, self.size
        end = (cluster >= 0x0FFFFFF8 & volume.mask) & (cluster <= 0x0FFFFFFF)
        bad = (cluster > volume.last) & ~end
        bad |= size > volume.count * volume.cluster * volume.sector
        bad |= (size > 0) & (cluster == 0)
        bad |= ~self._short_name()
        nothing = (cluster == 0) & (size == 0)
        for at in (14, 16, 18, 22, 24):
            nothing &= self.u16(at) == 0
        bad |= nothing
        sequence = self.u8(0)
        long = (sequence <= 0x4F) | (sequence == DELETED)
        return np.where(self.long, long, ~bad)

    def thorough(self, volume: FatVolume) -> Bools:
        """Say which pass TSK's whole test, the one for entries that are not in use."""
        attributes = self.u8(11)
        bad = (self.u8(12) & ~np.uint8(0x18)) != 0
        bad |= attributes & 0xC0 != 0
        bad |= (attributes & LABEL != 0) & (attributes & (READ_ONLY | DIRECTORY | ARCHIVE) != 0)
        bad |= self.u8(13) > 200
        for at in (14, 22):
            bad |= ~_is_time(self.u16(at))
        for at in (16, 18, 24):
            date = self.u16(at)
            bad |= (date != 0) & ~(_is_date(date) & (date >> 9 <= _LAST_YEAR))
        fine: Bools = self.valid(volume) & (self.long | ~bad)
        return fine

    def _short_name(self) -> Bools:
        name = self.raw[:, :11]
        bad = _BAD_CHARACTERS[name]
        first, second = name[:, 0], name[:, 1]
        bad[:, 0] &= (first != _E5) & (first != DOT)
        bad[:, 0] |= first == 0x20
        bad[:, 1] = np.where(second == DOT, first != DOT, bad[:, 1])
        space = name == 0x20
        gap = np.zeros(len(name), dtype=np.bool_)
        for at in (1, 2, 3, 4, 5, 6, 9):
            gap |= space[:, at] & ~space[:, at + 1]
        fine: Bools = ~np.any(bad, axis=1) & ~(gap & (self.u8(11) & LABEL == 0))
        return fine

    def times(self) -> list[Ints]:
        """Return modified, accessed, changed and created in ns of the wall clock."""
        none = np.zeros(len(self.raw), dtype=np.int64)
        tens = self.u8(13).astype(np.int64)
        created = seconds(self.u16(16), self.u16(14), tens)
        return [
            ns(seconds(self.u16(24), self.u16(22), none), none),
            ns(seconds(self.u16(18), none, none), none),
            np.full(len(self.raw), NO_TIME, dtype=np.int64),
            ns(created, tens % 100 * 10_000_000),
        ]


def _is_time(time: Ints) -> Bools:
    fine: Bools = (time & 0x1F <= 30) & (time >> 5 & 0x3F <= 59) & (time >> 11 <= 23)
    return fine


def _is_date(date: Ints) -> Bools:
    month = date >> 5 & 0xF
    fine: Bools = (date & 0x1F >= 1) & (month >= 1) & (month <= 12)
    return fine


def seconds(date: Ints, time: Ints, tens: Ints) -> Ints:
    """Return seconds since 1970; 0 for no date, and for one that TSK cannot convert."""
    year, month, day = (date >> 9) + 1980, date >> 5 & 0xF, date & 0x1F
    # Days from civil: Howard Hinnant, chrono-compatible low-level date algorithms.
    shifted = year - (month <= 2)
    era_year = shifted % 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5
    days = era_year * 365 + era_year // 4 - era_year // 100 + day_of_year
    days += shifted // 400 * 146097 - 719468 + day - 1
    second, minute, hour = (time & 0x1F) * 2, time >> 5 & 0x3F, time >> 11
    second = np.where(second > 60, 0, second) + (tens >= 100)
    minute, hour = np.where(minute > 59, 0, minute), np.where(hour > 23, 0, hour)
    result = days * 86400 + hour * 3600 + minute * 60 + second
    return np.where(_is_date(date) & (date >> 9 <= _LAST_YEAR), result, 0)


def ns(seconds: Ints, more: Ints) -> Ints:
    """Return nanoseconds, or NO_TIME where there are no seconds."""
    return np.where(seconds == 0, NO_TIME, seconds * _NS + more)
