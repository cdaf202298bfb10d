"""Names of FAT entries, many at once: long names put together, short ones as TSK writes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from triage.evidence.arrays import Array, Bools, Buffer, Ints, Names, check
from triage.evidence.fat_entries import DOT, Entries

_PARTS = np.array([*range(1, 11), *range(14, 26), *range(28, 32)])
_UNITS = 13  # UTF-16 units in one entry
_MOST_PARTS = 20
_FIRST, _DELETED = 0x40, 0xE5
_LABEL = b" (Volume Label Entry)"


@dataclass(slots=True)
class Named:
    """Rows that are names, ascending, and where their names stand in the pool."""

    rows: Ints
    offset: Ints
    length: Ints


def named(entries: Entries, directory: Ints, valid: Bools, names: Names) -> Named:
    """Name the valid rows; long names belong to the next short one. Raises Declined."""
    rows = np.flatnonzero(valid)
    raw, owner = entries.raw[rows], directory[rows]
    long, label = entries.long[rows], entries.label[rows]
    short = ~long & ~label
    parts, group = _parts(raw, owner, long, short)
    shorts = np.flatnonzero(short)
    count = np.bincount(group, minlength=len(shorts)) if len(group) else np.zeros_like(shorts)
    check(not len(count) or int(count.max()) <= _MOST_PARTS, "a very long name")
    offset = np.zeros(len(rows), dtype=np.int64)
    length = np.zeros(len(rows), dtype=np.int64)
    with_long = shorts[count > 0]
    if len(with_long):
        offset[with_long], length[with_long] = _long(raw[parts], count[count > 0], names)
    others = np.concatenate((shorts[count == 0], np.flatnonzero(label)))
    texts = [_short(raw[at].tobytes()) if short[at] else _label(raw[at]) for at in others.tolist()]
    kept = np.ones(len(rows), dtype=np.bool_) & ~long
    check(all(texts), "no name")
    kept[others] = [text not in {b".", b".."} for text in texts]
    if texts:
        offset[others], length[others] = names.add(b"".join(text + b"/" for text in texts))
    return Named(rows[kept], offset[kept], length[kept])


def _parts(raw: Array, owner: Ints, long: Bools, short: Bools) -> tuple[Ints, Ints]:
    """Return the parts of long names, last entry first, and the number of the short one of each."""
    at = np.flatnonzero(long)
    if not len(at):
        return at, at
    before = np.concatenate(([0], np.cumsum(short)))
    group = before[at]
    shorts = np.flatnonzero(short)
    used = group < len(shorts)
    used[used] = owner[shorts[group[used]]] == owner[at[used]]
    sequence, checksum = raw[at, 0], raw[at, 13]
    same = np.concatenate(([False], owner[at][1:] == owner[at][:-1]))
    previous = np.where(same, np.concatenate(([0], checksum[:-1])), 0)
    anew = ((sequence & _FIRST != 0) & (sequence != _DELETED)) | (checksum != previous)
    # What stands in front of the last new beginning of a group is not part of the name.
    total = np.bincount(group, weights=anew, minlength=len(shorts) + 1).astype(np.int64)
    begun = np.cumsum(anew)
    first = np.searchsorted(group, group, "left")
    inside = begun - np.concatenate(([0], begun))[first]
    used &= inside == total[group]
    at, group = at[used], group[used]
    order = np.lexsort((-at, group))
    return at[order], group[order]


def _long(raw: Array, counts: Ints, names: Names) -> tuple[Ints, Ints]:
    buffer = Buffer(len(raw) * _UNITS * 2)
    buffer.bytes[: len(raw) * _UNITS * 2] = raw[:, _PARTS].reshape(-1)
    units = buffer.words16[: len(raw) * _UNITS]
    ends = np.cumsum(counts) * _UNITS
    starts = ends - counts * _UNITS
    zeros = np.append(np.flatnonzero(units == 0), len(units))
    length = np.minimum(zeros[np.searchsorted(zeros, starts)], ends) - starts
    check(length > 0, "empty long name")
    check((length > 2) | (units[starts] != DOT), "dots")  # noqa: PLR2004
    surrogates = units & 0xF800 == 0xD800  # noqa: PLR2004
    check(not np.any(surrogates) or paired(units), "lone surrogates")
    return names.add_utf16(buffer, starts * 2, length)


def paired(units: Array) -> bool:
    """Say whether each high surrogate has its low one."""
    high, low = units & 0xFC00 == 0xD800, units & 0xFC00 == 0xDC00  # noqa: PLR2004
    return np.array_equal(high[:-1], low[1:]) and not low[0] and not high[-1]


def _short(entry: bytes) -> bytes:
    def written(part: bytes, lower: int) -> bytes:
        kept = bytes(byte for byte in part if byte not in {0x00, 0x20, 0xFF})
        return kept.lower() if lower else kept

    stem, extension, case = entry[:8], entry[8:11], entry[12]
    if entry[0] == _DELETED:
        stem = b"_" + stem[1:]
    name = written(stem, case & 0x08)
    if extension[0] not in {0x00, 0x20, 0xFF}:
        name += b"."
    name += written(extension, case & 0x10)
    return bytes(byte if byte <= 0x7E else ord("^") for byte in name)  # noqa: PLR2004


def _label(entry: Array) -> bytes:
    text = bytes(
        byte if byte >= 0x20 and byte != 0xFF else ord("^")  # noqa: PLR2004
        for byte in entry[:11].tobytes()
    )
    return text + _LABEL
