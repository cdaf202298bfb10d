"""What every file system gives us, whoever reads it, and the one walk over it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from triage.errors import EvidenceError
from triage.evidence.index import Index, IndexBuilder, Match, Named
from triage.evidence.patterns import PatternSet
from triage.model import ByteRun, Reader


class FileTree(Protocol):
    """One file system, or a logical source that looks like one."""

    name: str  # ntfs, ext4, … or folder, tar, zip

    def root(self) -> Named:
        """Return the root directory."""
        ...

    def listing(self, directory: Named) -> list[Named]:
        """Return the content of a directory, itself and its parent left out.

        Raises EvidenceError when it cannot be read, PartialListingError when some of it cannot.
        """
        ...

    def open(self, address: str) -> Reader:
        """Return the content of the file at a metadata address. Raises EvidenceError."""
        ...

    def runs(self, address: str) -> tuple[ByteRun, ...]:
        """Return where the content lies on the media; empty when that is not known."""
        ...


class PartialListingError(EvidenceError):
    """Some names of a directory cannot be read; `found` are the others."""

    def __init__(self, message: str, found: list[Named]) -> None:
        super().__init__(message)
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkProblem:
    """A directory that could not be walked; `code` is one of our own words."""

    code: (
        str  # directory_unreadable, directory_partly_read, directory_loop, depth_limit, entry_limit
    )
    path: str
    deleted: bool = False
    """The directory is deleted: that its content is gone is no gap in the examination."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Every name of a file system as a frozen index (see `index.pack`), and what went wrong."""

    block: bytearray
    problems: tuple[WalkProblem, ...]
    places: bytes | None = None
    """Where the content of each row begins, as `beginnings` has it; None when that is not known."""


@runtime_checkable
class BulkTree(Protocol):
    """A tree that can list everything at once, faster than directory by directory."""

    def list_all(self, max_entries: int, progress: Callable[[int], None]) -> Listed | None:
        """Return what `walk` would find, or None: then it must go directory by directory."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """The outcome of walking one file system."""

    block: bytearray  # frozen index
    entries: int
    matches: tuple[Match, ...]
    problems: tuple[WalkProblem, ...]
    places: bytes | None = None  # see `Listed`


_REPORT_EVERY = 4096  # directories between two calls of `progress`


def walk(
    tree: FileTree,
    patterns: PatternSet,
    *,
    max_entries: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Walk:
    """List every directory once and match all patterns.

    `progress` gets the number of entries so far.
    """
    listed = tree.list_all(max_entries, progress) if isinstance(tree, BulkTree) else None
    if listed is None:
        listed = _list_each(tree, max_entries, progress)
    index = Index(memoryview(listed.block), volume="")
    return Walk(
        block=listed.block,
        entries=len(index) - 1,
        matches=tuple(index.matches(patterns)),
        problems=listed.problems,
        places=listed.places,
    )


def _list_each(tree: FileTree, max_entries: int, progress: Callable[[int], None]) -> Listed:
    """List directories breadth first, without recursion.

    A directory met a second time under the same metadata address is a loop or a hard link made to
    fool tools: recorded, not entered again.
    """
    builder = IndexBuilder()
    problems: list[WalkProblem] = []
    root = tree.root()
    seen = {root.inode}
    pending: deque[tuple[int, Named, str]] = deque([(0, root, "/")])
    count = 0
    while pending:
        row, directory, path = pending.popleft()
        deleted = not directory.allocation.allocated
        try:
            listing = tree.listing(directory)
        except PartialListingError as error:
            code = "directory_partly_read"
            problems.append(WalkProblem(code=code, path=path, deleted=deleted))
            listing = error.found
        except EvidenceError:
            code = "directory_unreadable"
            problems.append(WalkProblem(code=code, path=path, deleted=deleted))
            continue
        if len(builder) + len(listing) > max_entries:
            problems.append(WalkProblem(code="entry_limit", path=path))
            break
        for child, named in builder.add(row, listing):
            below = f"{path}{named.name.decode('utf-8', 'surrogateescape')}/"
            if builder.too_deep(child):
                problems.append(WalkProblem(code="depth_limit", path=below))
                continue
            if named.inode in seen:
                # A deleted name often points to a directory that lives on under its new name.
                if named.allocation.allocated:
                    problems.append(WalkProblem(code="directory_loop", path=below))
                continue
            seen.add(named.inode)
            pending.append((child, named, below))
        count += 1
        if count % _REPORT_EVERY == 0:
            progress(len(builder))
    return Listed(block=builder.freeze(), problems=tuple(problems))
