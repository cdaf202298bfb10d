"""The first bytes of many files, read from the media in long strokes instead of file by file.

A bulk reader leaves, beside the index, where the content of each row begins: one number a row, the
byte on the media << 1, and INSIDE where it stands in its metadata entry; NOWHERE when only the
file system can tell. It is a hint: what is decided upon it is looked at again through the file
system, and a place that a reader is not certain of is NOWHERE.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from triage.errors import EvidenceError
from triage.model import Reader

BEGINNING = 4096
"""Bytes of a file that are of interest."""

NOWHERE, INSIDE = -1, 1

_STROKE = 1 << 20  # bytes read at once
_NEAR = 32 << 10  # a gap that is cheaper to read than to leave out


@runtime_checkable
class PlacedTree(Protocol):
    """A file system that knows what its places mean."""

    def beginnings(
        self, places: Sequence[int], sizes: Sequence[int]
    ) -> Iterator[tuple[int, bytes | None]]:
        """Yield where each file begins on the media, and its first bytes; None: not so easily.

        The places ascend; a size is that of the file.
        """
        ...


@runtime_checkable
class HeadTree(Protocol):
    """A tree that can give the first bytes of a file without the effort of opening it."""

    def head(self, address: str, length: int) -> bytes:
        """Return the first bytes, unchecked. Raises EvidenceError."""
        ...


def beginnings(
    image: Reader,
    places: Sequence[int],
    sizes: Sequence[int],
    inside: Callable[[Reader, int, int], bytes | None],
) -> Iterator[tuple[int, bytes | None]]:
    """Do so for a file system; `inside` reads what stands in a metadata entry."""
    window = _Window(image, 0, b"")
    total = len(places)
    for number, (place, size) in enumerate(zip(places, sizes, strict=True)):
        offset, length = place >> 1, min(size, BEGINNING)
        if not window.holds(offset, offset + length):
            stop, end = number + 1, offset + length
            while stop < total and end - offset < _STROKE:
                following = places[stop] >> 1
                if following - end > _NEAR:
                    break
                end = max(end, following + min(sizes[stop], BEGINNING))
                stop += 1
            window = _Window.read(image, offset, end)
        if place & INSIDE:
            yield offset, inside(window, offset, length)
        else:
            data = window.read_at(offset, length)
            yield offset, data if len(data) == length else None


class _Window:
    """A stroke, as a reader of the media that has nothing else."""

    def __init__(self, image: Reader, start: int, data: bytes) -> None:
        self._image, self._start, self._data = image, start, data

    @classmethod
    def read(cls, image: Reader, start: int, end: int) -> _Window:
        """Read a stroke; it is empty when some of it cannot be read: its files are opened."""
        start = max(0, start - _BEFORE)
        try:
            return cls(image, start, image.read_at(start, end + _BEFORE - start))
        except EvidenceError:
            return cls(image, start, b"")

    @property
    def size(self) -> int:
        return self._image.size

    def holds(self, start: int, end: int) -> bool:
        return self._start <= start and end <= self._start + len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        at = offset - self._start
        return self._data[at : at + length] if at >= 0 else b""


_BEFORE = BEGINNING  # around a stroke, so that metadata entries are whole
