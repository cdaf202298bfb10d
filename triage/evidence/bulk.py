"""A file system that is listed in bulk when that is safe, and by TSK when it is not.

A bulk reader gives the same names, addresses, sizes, times and allocation as the walk with TSK, or
gives up before it has given anything: then TSK walks. Content and runs are always TSK's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from triage.errors import EvidenceError
from triage.evidence.arrays import Declined, check
from triage.evidence.filesystem import TskTree
from triage.evidence.index import Named
from triage.evidence.tree import Listed
from triage.model import ByteRun, Reader

_NEAR = 32 << 10  # a gap that is cheaper to read than to leave out
_BATCH = 4 << 20  # bytes read at once


class TreeInBulk(ABC):
    """A volume that one of our readers may list; everything else is TSK's."""

    def __init__(self, image: Reader, offset: int, tsk: TskTree) -> None:
        self.name = tsk.name
        self.image, self.offset, self.tsk = image, offset, tsk

    def root(self) -> Named:
        """Return the root directory."""
        return self.tsk.root()

    def listing(self, directory: Named) -> list[Named]:
        """Return a directory's names. Raises EvidenceError."""
        return self.tsk.listing(directory)

    def open(self, address: str) -> Reader:
        """Return the content of a file or a stream. Raises EvidenceError."""
        return self.tsk.open(address)

    def runs(self, address: str) -> tuple[ByteRun, ...]:
        """Return where the content lies on the media."""
        return self.tsk.runs(address)

    def list_all(self, max_entries: int, progress: Callable[[int], None]) -> Listed | None:
        """Return what a walk with TSK would find, or None when that is not certain."""
        try:
            return self.listed(max_entries, progress)
        except (Declined, EvidenceError):
            return None
        except (LookupError, ValueError, ArithmeticError, MemoryError):
            return None  # no damage that we did not think of may cost a file

    @abstractmethod
    def listed(self, max_entries: int, progress: Callable[[int], None]) -> Listed:
        """List the volume. Raises Declined and EvidenceError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """The part of an image that begins with a volume."""

    image: Reader
    offset: int  # bytes

    @property
    def size(self) -> int:
        """Bytes from the start of the volume to the end of the image."""
        return self.image.size - self.offset

    def read(self, at: int, length: int) -> bytes:
        """Return bytes of the volume. Raises Declined when there are less, and EvidenceError."""
        data = self.image.read_at(self.offset + at, length)
        check(len(data) == length, "metadata is cut")
        return data


def fill(image: Reader, view: memoryview, pieces: list[tuple[int, int, int]]) -> None:
    """Copy pieces of the image into a buffer; neighbours are read in one go.

    A piece is (offset in the image, offset in the buffer, length); they come in the order of the
    image. Raises EvidenceError when one is not all there.
    """
    at = 0
    while at < len(pieces):
        start = end = pieces[at][0]
        stop = at
        while stop < len(pieces) and pieces[stop][0] - end <= _NEAR and end - start < _BATCH:
            end = max(end, pieces[stop][0] + pieces[stop][2])
            stop += 1
        data = image.read_at(start, end - start)
        if len(data) != end - start:
            raise EvidenceError("metadata is cut")
        for place, target, length in pieces[at:stop]:
            view[target : target + length] = data[place - start : place - start + length]
        at = stop
