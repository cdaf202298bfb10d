"""UTF-16 in bytes: where there is some, as UTF-8 with a way back to the bytes.

Text of ASCII alone in UTF-16LE at odd offsets is also UTF-16BE at even ones, but for its ends: both
are read, and the stream keeps of two hits the one at an even offset.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from triage.formats.scan.classes import EIGHT

_EVERY_OTHER: Final = (  # eight flags: where zeros stand in ASCII at even and at odd offsets
    np.uint64(0x0100_0100_0100_0100),
    np.uint64(0x0001_0001_0001_0001),
)
_PARTED = 10  # characters of Asian scripts before a blank, or it is not worth a look
_PARTS: Final = (0x20, 0x3000, 0x0A, 0x3C)  # blanks, line end, the next tag
_COMMA = 0x2C
_PHRASE = 200  # units in which so many words stand
_PURE = 0.9  # share of letters and ASCII in it; of code about half looks so
_NEAR = 8  # groups of eight units around ASCII: the rest of its sentence
_LATIN_END = 0x370
_ASIAN: Final = ((0x1100, 0x1200), (0x3000, 0x3100), (0x4E00, 0xA000), (0xAC00, 0xD7A4))
_ASCII, _TWO_BYTES = 0x80, 0x800

Units = NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """UTF-8 made from UTF-16 units from byte `offset` on; what is no text stands as zeros.

    Where little of the bytes is text only the groups of eight units in `groups` are here.
    """

    encoding: str
    offset: int
    data: bytes
    units: Units
    groups: NDArray[np.intp] | None

    def place(self, position: int) -> int:
        """Return the byte of the original where byte `position` of `data` came from."""
        unit = position
        if len(self.data) != len(self.units):
            sizes = 1 + (self.units >= _ASCII).astype(np.int64) + (self.units >= _TWO_BYTES)
            unit = int(np.searchsorted(np.cumsum(sizes), position, side="right"))
        if self.groups is not None:
            unit = int(self.groups[unit >> 3]) * 8 + (unit & 7)
        return self.offset + 2 * unit


def decoded(data: bytes, *, asian: bool) -> Iterator[Decoded]:
    """Yield the readings of `data` as UTF-16 in which there is text.

    `asian` says whether Asian words are looked for.
    """
    if b"\0" not in data:
        return
    zero = np.frombuffer(data, np.uint8, len(data) & ~7) == 0
    if np.count_nonzero(zero) < _PARTED:  # blanks of any script have one
        return
    for offset, every_other in enumerate(_EVERY_OTHER):
        latin = bool((zero.view(np.uint64) == every_other).any())
        yield from _readings(data, offset, latin=latin, asian=asian)


def _readings(data: bytes, offset: int, *, latin: bool, asian: bool) -> Iterator[Decoded]:
    if not latin and not asian:
        return
    units = _units(data, offset, "<u2")
    groups = _latin_groups(units) if latin else None
    if asian and _has_asian(units):
        yield _whole("utf-16le", offset, units)
    elif groups is not None:
        yield _sparse("utf-16le", offset, units, groups)
    if not offset:
        return
    swapped = _units(data, 0, ">u2")
    if asian and _has_asian(swapped):
        yield _whole("utf-16be", 0, swapped)
    elif groups is not None:
        yield _sparse("utf-16be", 0, swapped, groups)


def _units(data: bytes, offset: int, order: str) -> Units:
    return np.frombuffer(data, order, count=(len(data) - offset) // 2, offset=offset)


def _latin_groups(units: Units) -> NDArray[np.bool_] | None:
    """Return which groups of eight units are near one that is ASCII, or None when there is none."""
    flags = (units - np.uint16(0x20)) < np.uint16(0x5F)
    flags |= units == ord("\n")
    whole = flags[: len(flags) & ~7].view(np.uint64) == EIGHT
    places = np.flatnonzero(whole)
    if len(places) == 0:
        return None
    near = np.zeros(len(whole), np.bool_)
    if len(places) * 4 > len(whole):
        near[:] = True
        return near
    reach = np.arange(-_NEAR, _NEAR + 1)
    near[np.clip(places[:, None] + reach, 0, len(near) - 1)] = True
    return near


def _has_asian(units: Units) -> bool:
    """Whether characters of Asian scripts are parted often, as the words of a seed are."""
    inner = units[1:-1]
    flags = inner == _PARTS[0]
    for part in _PARTS[1:]:
        flags |= inner == part
    parts = np.flatnonzero(flags) + 1
    if len(parts) < _PARTED:
        return False
    following, before = units[parts + 1], units[parts - 1]
    beside = _is_asian(before) | (before == _COMMA)
    beside &= _is_asian(following) | (following < _ASCII)
    parts = parts[beside]
    if len(parts) < _PARTED:
        return False
    near = np.flatnonzero(parts[_PARTED - 1 :] - parts[: 1 - _PARTED] < _PHRASE)
    for first in parts[near[:: _PARTED // 2]].tolist():
        phrase = units[first : first + _PHRASE // 4]
        if np.count_nonzero(_is_asian(phrase) | (phrase < _ASCII)) >= _PURE * len(phrase):
            return True
    return False


def _is_asian(units: Units) -> NDArray[np.bool_]:
    flags = np.zeros(len(units), np.bool_)
    for low, high in _ASIAN:
        flags |= (units >= low) & (units < high)
    return flags


def _whole(encoding: str, offset: int, units: Units) -> Decoded:
    return _decoded(encoding, offset, units, (units < _LATIN_END) | _is_asian(units), None)


def _sparse(encoding: str, offset: int, units: Units, near: NDArray[np.bool_]) -> Decoded:
    groups = None
    if not near.all():
        groups = np.flatnonzero(near[: len(units) // 8])
        units = units[: len(units) & ~7].reshape(-1, 8)[groups].ravel()
    return _decoded(encoding, offset, units, units < _LATIN_END, groups)


def _decoded(
    encoding: str,
    offset: int,
    units: Units,
    kept: NDArray[np.bool_],
    groups: NDArray[np.intp] | None,
) -> Decoded:
    units = np.where(kept, units, 0).astype("<u2")
    if int(units.max()) < _ASCII:
        data = units.astype(np.uint8).tobytes()
    else:
        data = units.tobytes().decode("utf-16-le").encode("utf-8")
    return Decoded(encoding, offset, data, units, groups)
