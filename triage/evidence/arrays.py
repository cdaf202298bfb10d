"""What the bulk readers need of numpy: unaligned numbers, ragged runs, names, order.

Nothing here knows a file system. Every function takes and returns whole arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Array: TypeAlias = npt.NDArray[Any]

SEPARATOR = ord("/")
_MOST_NAMES = 1 << 32  # bytes
_PADDING = 16  # bytes behind a buffer, so that a number at its end can be read
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], dtype=np.uint64)
_GATHERED = 1 << 14  # names moved at once
_KEYED = 1 << 16
_HIGH, _LOW, _SURROGATES_END = 0xD800, 0xDC00, 0xE000


class Declined(Exception):  # noqa: N818 - not an error: TSK walks this volume instead
    """The bulk reader met something that it does not read exactly as TSK does."""


def check(fine: Bools | bool | np.bool_, what: str) -> None:
    """Raise Declined unless everything is fine."""
    if not np.all(fine):
        raise Declined(what)


class Buffer:
    """Bytes as little-endian numbers. Offsets are bytes; `u64` takes any, the others aligned."""

    def __init__(self, size: int) -> None:
        """Make `size` zero bytes; reading up to 8 bytes behind them gives zeros."""
        self.bytes = np.zeros(size + _PADDING + -size % 8, dtype=np.uint8)
        self.size = size
        self.words16: Array = self.bytes.view("<u2")
        self.words32: Array = self.bytes.view("<u4")
        self.words64: Array = self.bytes.view("<u8")
        self._signed: Ints = self.bytes.view("<i8")

    def u8(self, at: Ints) -> Ints:
        """Return bytes."""
        return self.bytes.take(at).astype(np.int64)

    def u16(self, at: Ints) -> Ints:
        """Return 16-bit numbers at even offsets."""
        return self.words16.take(at >> 1).astype(np.int64)

    def u32(self, at: Ints) -> Ints:
        """Return 32-bit numbers at offsets that are multiples of 4."""
        return self.words32.take(at >> 2).astype(np.int64)

    def aligned(self, at: Ints) -> Ints:
        """Return signed 64-bit numbers at offsets that are multiples of 8."""
        return self._signed.take(at >> 3)

    def u64(self, at: Ints, size: Ints | None = None) -> Array:
        """Return unsigned numbers of `size` (0 to 8) bytes at any offset."""
        return unaligned(self.words64, at, size)


def unaligned(words: Array, at: Ints, size: Ints | None = None) -> Array:
    """Return little-endian numbers of up to 8 bytes at any byte offset of 64-bit words."""
    index, shift = at >> 3, ((at & 7) << 3).astype(np.uint64)
    value: Array = words.take(index) >> shift
    # A shift by 64 bits is not defined: shift by 63 and by one.
    value |= (words.take(index + 1) << (np.uint64(63) - shift)) << np.uint64(1)
    return value if size is None else value & _MASKS.take(size)


def ragged(starts: Ints, lengths: Ints) -> Ints:
    """Return `starts[0], starts[0]+1, …` for `lengths[0]` numbers, then the same for the next."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    result = np.repeat(starts - (ends - lengths), lengths)
    result += np.arange(total)
    return result


def groups(keys: Array) -> tuple[Ints, Ints]:
    """Return where runs of equal keys begin, and their lengths."""
    if not len(keys):
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    return starts, np.diff(np.append(starts, len(keys)))


def distinct(values: Array) -> Array:
    """Return the values in order, each once; `np.unique` imports a module on first use."""
    values = np.sort(values)
    return values[groups(values)[0]]


def member(values: Array, some: Array) -> Bools:
    """Say which values are among some others; `np.isin` imports a module on first use."""
    if not len(some):
        return np.zeros(len(values), dtype=np.bool_)
    some = np.sort(some)
    at = np.minimum(np.searchsorted(some, values), len(some) - 1)
    found: Bools = some[at] == values
    return found


def text_of(units: list[int]) -> bytes:
    """Return UTF-16 units as the name that TSK makes of them.

    It writes `^` for a lone surrogate, swallows what follows a high one, and stops at a high one at
    the end (tsk_UTF16toUTF8, lenient); a zero ends the name, as in C. `/` is never in a name here.
    """
    out: list[str] = []
    pending = iter(units)
    for unit in pending:
        if not unit:
            break
        if not _HIGH <= unit < _SURROGATES_END:
            out.append(chr(unit))
        elif unit >= _LOW:
            out.append("^")
        else:
            low = next(pending, None)
            if low is None:
                break
            pair = _LOW <= low < _SURROGATES_END
            out.append(chr(0x10000 + (unit - _HIGH << 10) + low - _LOW) if pair else "^")
    return "".join(out).encode().replace(b"/", rb"\x2f")


class Names:
    """Names in UTF-8, one behind the other, each followed by `/`."""

    def __init__(self) -> None:
        self._pool = bytearray()  # padded, so that numbers can be read at the end
        self._end = 0

    def add_utf16(self, buffer: Buffer, starts: Ints, lengths: Ints) -> tuple[Ints, Ints]:
        """Take names of `lengths` units at even `starts`; return offsets and lengths in bytes."""
        if not len(starts):
            return starts, lengths
        # One unit more than the name, made the separator.
        units = buffer.words16.take(ragged(starts >> 1, lengths + 1))
        ends = np.cumsum(lengths + 1) - 1
        units[ends] = SEPARATOR
        odd = (units >= _HIGH) & (units < _SURROGATES_END)
        odd |= (units == SEPARATOR) | (units == 0)
        odd[ends] = False
        by_hand: dict[int, bytes] = {}
        if np.any(odd):
            numbers = np.searchsorted(ends, np.flatnonzero(odd))
            for number in distinct(numbers).tolist():
                chosen = units[ends[number] - lengths[number] : ends[number]]
                by_hand[number] = text_of(chosen.tolist())
                chosen[:] = ord("?")
        text = units.astype("<u2", copy=False).tobytes().decode("utf-16-le").encode()
        if by_hand:
            names = text.split(b"/")
            for number, name in by_hand.items():
                names[number] = name
            text = b"/".join(names)
        return self.add(text)

    def add_bytes(self, buffer: Array, starts: Ints, lengths: Ints) -> tuple[Ints, Ints]:
        """Take names as they are, of bytes at `starts`; a zero ends a name, as in C."""
        if not len(starts):
            return starts, lengths
        data = buffer.take(ragged(starts, lengths + 1))
        ends = np.cumsum(lengths + 1) - 1
        data[ends] = SEPARATOR
        odd = (data == SEPARATOR) | (data == 0)
        odd[ends] = False
        text: bytes = data.tobytes()
        if np.any(odd):
            by_hand: dict[int, bytes] = {}
            for number in distinct(np.searchsorted(ends, np.flatnonzero(odd))).tolist():
                chosen = data[ends[number] - lengths[number] : ends[number]]
                by_hand[number] = chosen.tobytes().partition(b"\0")[0].replace(b"/", rb"\x2f")
                chosen[:] = ord("?")
            names = data.tobytes().split(b"/")
            for number, name in by_hand.items():
                names[number] = name
            text = b"/".join(names)
        return self.add(text)

    def add(self, data: bytes) -> tuple[Ints, Ints]:
        """Take UTF-8 names, each followed by `/`; return offsets and lengths in bytes."""
        ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == SEPARATOR)
        starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
        offsets = starts + self._end
        self._end += len(data)
        check(self._end < _MOST_NAMES, "more than 4 GiB of names")
        self._pool[offsets[0] if len(offsets) else self._end :] = data
        self._pool += bytes(_PADDING + -self._end % 8)
        return offsets, ends - starts

    def get(self, offset: int, length: int) -> bytes:
        """Return one name."""
        return bytes(self._pool[offset : offset + length])

    def pool(self) -> Array:
        """Return all bytes; nothing can be added as long as someone holds them."""
        return np.frombuffer(self._pool, dtype=np.uint8)

    def equal(self, left: tuple[Ints, Ints], right: tuple[Ints, Ints]) -> Bools:
        """Say which names are the same; each side is offsets and lengths."""
        same: Bools = left[1] == right[1]
        words: Array = self.pool().view("<u8")
        todo, depth = np.flatnonzero(same), 0
        while len(todo):
            size = np.minimum(left[1][todo] - depth, 8)
            todo, size = todo[size > 0], size[size > 0]
            equal = unaligned(words, left[0][todo] + depth, size) == unaligned(
                words, right[0][todo] + depth, size
            )
            same[todo[~equal]] = False
            todo, depth = todo[equal], depth + 8
        return same

    def clear(self) -> None:
        """Forget all names."""
        self._pool, self._end = bytearray(), 0


def gather_names(pool: Array, offsets: Ints, lengths: Ints) -> bytearray:
    """Return names in a new order, each followed by `/`."""
    result = bytearray()
    for at in range(0, len(offsets), _GATHERED):
        starts = offsets[at : at + _GATHERED].astype(np.int64)
        sizes = lengths[at : at + _GATHERED].astype(np.int64) + 1
        part = pool.take(ragged(starts, sizes))
        part[np.cumsum(sizes) - 1] = SEPARATOR
        result += part.data
    return result


def sort_names(
    pool: Array, group: Array, names: tuple[Array, Array], ties: Callable[[Ints], Ints]
) -> Ints:
    """Return the order by group, then by the bytes of the name, then by `ties` of the rows.

    Eight bytes of the names are compared at a time, and only where all before them are equal.
    """
    offsets, lengths = names
    words: Array = pool.view("<u8")

    def key(rows: Ints, depth: int) -> Array:
        keys = np.empty(len(rows), dtype=np.uint64)
        for first in range(0, len(rows), _KEYED):
            part = rows[first : first + _KEYED]
            left = np.clip(lengths.take(part).astype(np.int64) - depth, 0, 8)
            at = np.where(left > 0, offsets.take(part).astype(np.int64) + depth, 0)
            keys[first : first + _KEYED] = unaligned(words, at, left).byteswap()
        return keys

    order: Ints = np.arange(len(group))
    keys = key(order, 0)
    order = np.lexsort((keys, group))
    active, run = _tied(keys, group, order)
    del keys
    depth = 8
    while len(active):
        rows = order[active]
        last = depth >= int(lengths.take(rows).max())
        keys = ties(rows) if last else key(rows, depth)
        sorting = np.lexsort((keys, run))
        order[active] = rows[sorting]
        if last:
            break
        still, run = _tied(keys, run, sorting)
        active = active[still]
        depth += 8
    return order


def _tied(keys: Array, run: Array, order: Ints) -> tuple[Ints, Ints]:
    """Return the places in an order where neighbours are equal, and a number for each such run."""
    same = np.ones(len(order) + 1, dtype=np.bool_)
    for values in (keys, run):
        ordered = values[order]
        same[1:-1] &= ordered[1:] == ordered[:-1]
        del ordered
    same[0] = same[-1] = False
    places = np.flatnonzero(same[1:] | same[:-1])
    return places, np.cumsum(~same[places])
