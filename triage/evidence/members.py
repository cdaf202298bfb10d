"""Logical sources (a folder, a tar, a zip) as a tree of names: what the three have in common.

A member's address is its ordinal in the tree, counted breadth first with each directory sorted by
the bytes of the names; the root is 0. The same source gives the same ordinals in every process.
"""

from __future__ import annotations

import os
import weakref
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from triage.errors import EvidenceError
from triage.evidence.index import Named
from triage.evidence.tree import WalkProblem
from triage.model import ByteRun, EntryType, FileTimes, ImageInfo, Reader

MAX_DEPTH = 128  # levels of directories
MAX_ENTRIES = 1 << 24
MAX_NOTES = 10_000  # an archive may hold millions of odd names; the first ones tell the story

NO_CONTENT = -1  # not a file
UNREADABLE = -2  # a directory that could not be listed

_NO_TIME = -(2**63)
_TYPES = tuple(EntryType)


class FileReader:
    """The bytes of an open regular file of the host. Owns its descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._finalizer = weakref.finalize(self, os.close, descriptor)
        self._size = os.fstat(descriptor).st_size

    @property
    def size(self) -> int:
        """Length in bytes when it was opened."""
        return self._size

    def close(self) -> None:
        """Close the file; happens by itself when the reader is gone."""
        self._finalizer()
        self._descriptor = -1  # the number will soon mean another file

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes, fewer only at the end. Raises EvidenceError."""
        length = min(length, self._size - offset)
        parts: list[bytes] = []
        while length > 0:
            try:
                data = os.pread(self._descriptor, length, offset)
            except OSError:
                raise EvidenceError(f"content cannot be read at {offset}") from None
            if not data:
                raise EvidenceError(f"content ends early at {offset}")
            parts.append(data)
            offset += len(data)
            length -= len(data)
        return b"".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something odd about a name, without loss of evidence.

    `code` is name_changed, duplicate_path, data_after_end, notes_limit; `stored` is the name as the
    archive has it, undecodable bytes as lone surrogates.
    """

    code: str
    path: str
    stored: str | None = None


class Members:
    """Every name of a source in columns: added in any order, then arranged into ordinals."""

    def __init__(self) -> None:
        self.parents = array("i", [0])
        self.names: list[bytes] = [b""]
        self.sizes = array("q", [0])
        self.contents = array("q", [NO_CONTENT])  # where the source finds the bytes
        self._types = bytearray([_TYPES.index(EntryType.DIRECTORY)])
        self._local = bytearray([0])
        self._times = tuple(array("q", [_NO_TIME]) for _ in range(4))
        self._first = array("i")
        self._count = array("i")

    def __len__(self) -> int:
        return len(self.names)

    def add(
        self,
        parent: int,
        name: bytes,
        kind: EntryType,
        *,
        size: int = 0,
        times: FileTimes | None = None,
        content: int = NO_CONTENT,
    ) -> int:
        """Add one name below a directory added before; return its number so far."""
        self.parents.append(parent)
        self.names.append(name)
        self._types.append(_TYPES.index(kind))
        self.sizes.append(size)
        self.contents.append(content)
        self._local.append(0)
        for column in self._times:
            column.append(_NO_TIME)
        number = len(self.names) - 1
        if times is not None:
            self.set_times(number, times)
        return number

    def set_times(self, number: int, times: FileTimes) -> None:
        """Replace the times of a name."""
        stamps = (times.modified, times.accessed, times.changed, times.created)
        for column, time in zip(self._times, stamps, strict=True):
            fits = time is not None and -(2**63) < time < 2**63
            column[number] = time if time is not None and fits else _NO_TIME
        self._local[number] = times.zone == "local"

    def arrange(self) -> array[int]:
        """Put names in their final order; return ordinal → number before.

        Of equal names in a directory the one added last comes first, and so is what a path leads
        to: extracting would have overwritten the others with it.
        """
        below = sorted(
            range(len(self) - 1, 0, -1),
            key=lambda number: (self.parents[number], self.names[number]),
        )
        owners = [self.parents[number] for number in below]
        order, position = array("i", [0]), 0
        ordinals = array("i", bytes(4 * len(self)))
        while position < len(order):
            number = order[position]
            ordinals[number] = position
            start = bisect_left(owners, number)
            end = bisect_right(owners, number, start)
            self._first.append(len(order))
            self._count.append(end - start)
            order.extend(below[start:end])
            position += 1
        self.parents = array("i", (ordinals[self.parents[number]] for number in order))
        self.names = [self.names[number] for number in order]
        self.sizes = array("q", (self.sizes[number] for number in order))
        self.contents = array("q", (self.contents[number] for number in order))
        self._types = bytearray(self._types[number] for number in order)
        self._local = bytearray(self._local[number] for number in order)
        self._times = tuple(array("q", (c[number] for number in order)) for c in self._times)
        return order

    def kind(self, ordinal: int) -> EntryType:
        """Return what a name stands for."""
        return _TYPES[self._types[ordinal]]

    def children(self, ordinal: int) -> range:
        """Return the ordinals in a directory, sorted by name."""
        first = self._first[ordinal]
        return range(first, first + self._count[ordinal])

    def named(self, directory: int, name: bytes) -> range:
        """Return the ordinals of that name in a directory: several if the archive has several."""
        within = self.children(directory)
        start = bisect_left(self.names, name, within.start, within.stop)
        return range(start, bisect_right(self.names, name, start, within.stop))

    def parts(self, ordinal: int) -> list[bytes]:
        """Return the names from below the root down to a member."""
        result: list[bytes] = []
        while ordinal:
            result.append(self.names[ordinal])
            ordinal = self.parents[ordinal]
        return result[::-1]

    def entry(self, ordinal: int) -> Named:
        """Return a member as the walk wants it."""
        kind = self.kind(ordinal)
        modified, accessed, changed, created = (
            None if column[ordinal] == _NO_TIME else column[ordinal] for column in self._times
        )
        return Named(
            name=self.names[ordinal],
            type=kind,
            inode=ordinal,
            size=self.sizes[ordinal],
            times=FileTimes(
                modified=modified,
                accessed=accessed,
                changed=changed,
                created=created,
                zone="local" if self._local[ordinal] else "utc",
            ),
            descend=kind is EntryType.DIRECTORY,
        )


def path_text(parts: Sequence[bytes]) -> str:
    """Return a path from the root as evidence text."""
    return "/" + b"/".join(parts).decode("utf-8", "surrogateescape")


class LogicalSource(ABC):
    """A folder or an archive as a file system (a `tree.FileTree`).

    Nothing of the evidence is parsed before `root`, `listing` or `open` is called, so that a
    worker can open the source first and lock itself then. `problems` and `notes` are complete as
    soon as one of these has returned.
    """

    name: str  # folder, tar, zip
    info: ImageInfo
    read_beneath: tuple[int, ...] = ()  # directory descriptors that must stay readable
    media: Reader | None = None  # the archive file, which an image hash can be of

    def __init__(self) -> None:
        self.problems: list[WalkProblem] = []
        self.notes: list[Note] = []

    @cached_property
    def _members(self) -> Members:
        return self._scan()

    @abstractmethod
    def _scan(self) -> Members:
        """List every member once. Raises EvidenceError when nothing can be listed."""

    @abstractmethod
    def _content(self, ordinal: int) -> Reader: ...

    @abstractmethod
    def close(self) -> None:
        """Close the descriptors of the source; readers of its members end with it."""

    def root(self) -> Named:
        """Return the root directory. Raises EvidenceError when the source cannot be listed."""
        return self._members.entry(0)

    def listing(self, directory: Named) -> list[Named]:
        """Return the content of a directory. Raises EvidenceError when it cannot be read."""
        members, ordinal = self._members, directory.inode
        if not 0 <= ordinal < len(members) or members.contents[ordinal] == UNREADABLE:
            raise EvidenceError("directory cannot be read")
        return [members.entry(child) for child in members.children(ordinal)]

    def open(self, address: str) -> Reader:
        """Return the content of a file. Raises EvidenceError."""
        return self._content(self._file(address))

    def runs(self, address: str) -> tuple[ByteRun, ...]:
        """Return where the content lies in the archive file; empty when that is not known."""
        self._file(address)
        return ()

    def _file(self, address: str) -> int:
        members = self._members
        ordinal = int(address) if address.isdecimal() and len(address) < len("9" * 10) else -1
        if not 0 <= ordinal < len(members):
            raise EvidenceError("no such member")
        if members.kind(ordinal) is not EntryType.FILE:
            raise EvidenceError("not a regular file", where=path_text(members.parts(ordinal)))
        return ordinal

    def _note(self, code: str, path: str, stored: bytes | None = None) -> None:
        if len(self.notes) < MAX_NOTES:
            text = None if stored is None else stored.decode("utf-8", "surrogateescape")
            self.notes.append(Note(code=code, path=path, stored=text))
        elif len(self.notes) == MAX_NOTES:
            self.notes.append(Note(code="notes_limit", path="/"))

    def _problem(self, code: str, path: str) -> None:
        if len(self.problems) < MAX_NOTES:
            self.problems.append(WalkProblem(code=code, path=path))
        elif len(self.problems) == MAX_NOTES:
            self.problems.append(WalkProblem(code="problems_limit", path="/"))
