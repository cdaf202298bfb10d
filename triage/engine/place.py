"""Where a walking worker is: one page of shared memory, so that its death says which directory.

Writing costs a store, not a message. The page outlives the process that wrote it. Like everything
from a worker it is untrusted: the run uses it only to leave out what it names.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable, Mapping

from triage.errors import EvidenceError
from triage.evidence.index import Named
from triage.evidence.tree import BulkTree, FileTree, Listed
from triage.model import ByteRun, Reader

NOWHERE = -1
"""The place before the first directory: the file system as a whole is being opened."""

AT_ONCE = -2
"""The place of a reader that lists everything at once; avoided: directory by directory instead."""

_PAGE = struct.Struct("=Qq")  # steps so far, metadata address


class Place:
    """The worker's side."""

    def __init__(self, descriptor: int | None) -> None:
        """Map the page; None: nobody looks."""
        self._page = bytearray(_PAGE.size) if descriptor is None else mmap.mmap(descriptor, 0)
        self._steps = 0

    def mark(self, address: int) -> None:
        """Say which metadata address is read next."""
        self._steps += 1
        _PAGE.pack_into(self._page, 0, self._steps, address)


def new_page() -> int | None:
    """Return the descriptor of a new page; None where there are no memory files."""
    if not hasattr(os, "memfd_create"):
        return None
    descriptor = os.memfd_create("place")
    try:
        os.ftruncate(descriptor, mmap.PAGESIZE)
    except OSError:  # a limit of this process
        os.close(descriptor)
        return None
    return descriptor


def look(descriptor: int | None) -> tuple[int, int | None]:
    """Return steps so far and address; the address is None when there is nothing to be read.

    Reads and does not map: a worker that cuts the page short must not end the run.
    """
    data = b"" if descriptor is None else os.pread(descriptor, _PAGE.size, 0)
    if len(data) < _PAGE.size:
        return 0, None
    steps, address = _PAGE.unpack(data)
    return steps, address if steps else None


class MarkedTree:
    """A file system whose walk leaves its place in the page and goes round what it must avoid."""

    def __init__(self, tree: FileTree, place: Place, avoid: Mapping[int, str]) -> None:
        self.name = tree.name
        self._tree = tree
        self._place = place
        self._avoid = avoid
        self.unlisted: list[str | None] = []
        """For each directory that could not be listed, in their order: why it was avoided."""

    def root(self) -> Named:
        """Return the root directory."""
        return self._tree.root()

    def list_all(self, max_entries: int, progress: Callable[[int], None]) -> Listed | None:
        """List everything at once where the file system can and there is nothing to avoid."""
        if self._avoid or not isinstance(self._tree, BulkTree):
            return None
        self._place.mark(AT_ONCE)
        return self._tree.list_all(max_entries, progress)

    def listing(self, directory: Named) -> list[Named]:
        """Return the content of a directory. Raises EvidenceError, also when it is avoided."""
        reason = self._avoid.get(directory.inode)
        if reason is not None:
            self.unlisted.append(reason)
            raise EvidenceError(reason)
        self._place.mark(directory.inode)
        try:
            return self._tree.listing(directory)
        except EvidenceError:
            self.unlisted.append(None)
            raise

    def open(self, address: str) -> Reader:
        """Return the content at a metadata address."""
        return self._tree.open(address)

    def runs(self, address: str) -> tuple[ByteRun, ...]:
        """Return where the content lies."""
        return self._tree.runs(address)
