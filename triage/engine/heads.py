"""The worker's side of recognition by content: the first bytes of every file, once.

Files are read in the order in which they lie on the media, as far as the index tells. Whether a
row is read at all is decided here, before the first byte: a border of the scope is one for us too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from triage.content import HEAD
from triage.engine import messages as m
from triage.engine.accounts import Accounts
from triage.engine.place import Place
from triage.engine.recognition import Recognition
from triage.engine.source import Ground, Source
from triage.errors import EvidenceError, LimitError, ParseError
from triage.evidence.arrays import Bools
from triage.evidence.beginnings import NOWHERE, HeadTree, PlacedTree
from triage.evidence.index import Index
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import FileTree
from triage.model import Reader

_BAD_CLUSTERS = "8-"  # $BadClus of NTFS lists what cannot be read; in a sound volume all of it
_REPORT_EVERY = 512  # files between two progress replies


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The rows of a volume whose content may be looked at, in order; and how many may not."""

    rows: Sequence[int]
    places: Sequence[int]  # of the first rows; those of the others are not known
    sizes: Sequence[int]  # of the same
    left_out: int

    @classmethod
    def of(
        cls,
        index: Index,
        places: memoryview[int] | None,
        request: m.Recognise,
        known: Accounts,
        changed: Bools | None = None,
    ) -> Candidates:
        """Take the files of an index that the scope allows; of a snapshot those that changed.

        Deleted ones too, unless their metadata belongs to another file now. What lies where they
        did may be another file's by now: a test that it passes is then about those bytes.
        """
        files = index.files(places)
        rows = files.tolist() if changed is None else files[changed[files]].tolist()
        total = len(rows)
        outside = {match.row for match in index.matches(PatternSet(request.exclude))}
        names = {name.casefold() for name in request.accounts}

        def allowed(row: int) -> bool:
            if row in outside:
                return False
            if not names:
                return True
            account = known.of(index.volume, index.path(row))
            ids = account and {account.name.casefold(), (account.id or "").casefold()}
            return bool(ids and names & ids)

        if outside or names:
            rows = [row for row in rows if allowed(row)]
        known_places = [] if places is None else [places[row] for row in rows]
        known_places = known_places[: bisect_left(known_places, True, key=NOWHERE.__eq__)]
        return cls(
            rows=rows,
            places=known_places,
            sizes=[index.size(row) for row, _ in zip(rows, known_places, strict=False)],
            left_out=total - len(rows),
        )


@dataclass(frozen=True, slots=True)
class _File:
    """One row as a `recognition.Candidate`."""

    tree: FileTree
    index: Index
    row: int

    def open(self) -> Reader:
        return self.tree.open(self.index.address(self.row))

    def beside(self, suffix: str) -> Reader | None:
        name = self.index.name(self.row).decode("utf-8", "surrogateescape")
        row = self.index.child(self.index.parent(self.row), name + suffix)
        if row is None or self.index.is_directory(row):
            return None
        return self.tree.open(self.index.address(row))


@dataclass(slots=True, kw_only=True)
class Heads:
    """Looks at the files of one volume."""

    source: Source
    ground: Ground
    tree: FileTree
    index: Index
    recognition: Recognition
    candidates: Candidates
    place: Place
    examined: int = field(default=0, init=False)
    _head: Callable[[str, int], bytes] | None = field(init=False)

    def __post_init__(self) -> None:
        self._head = self.tree.head if isinstance(self.tree, HeadTree) else None

    def look(
        self, request: m.Recognise, progress: Callable[[int], None]
    ) -> Iterator[m.Recognised | m.Unread]:
        """Yield what the tests say about the files of one part."""
        avoid = frozenset(request.avoid)
        self.examined = 0
        part = slice(request.first, request.first + request.count)
        rows = self.candidates.rows[part]
        easy = self._easy(self.candidates.places[part], self.candidates.sizes[part])
        for row in rows:
            head = next(easy, None)
            if row in avoid:
                continue
            self.examined += 1
            if self.examined % _REPORT_EVERY == 0:
                progress(self.examined)
            self.place.mark(row)
            if head is None:
                head = self._quick(row)
            if head is None or self.recognition.possible(head, self.index.size(row)):
                yield from self._look(row)

    def _quick(self, row: int) -> bytes | None:
        """Return the first bytes where the tree has a short way to them."""
        if self._head is not None:
            with suppress(EvidenceError):
                return self._head(self.index.address(row), HEAD)
        return None

    def _easy(self, places: Sequence[int], sizes: Sequence[int]) -> Iterator[bytes | None]:
        """Yield the first bytes of files as they lie on the media; None: open the file instead.

        What is read so is only good for saying that a file is nothing to us.
        """
        if not places or not isinstance(self.tree, PlacedTree):
            return
        with suppress(EvidenceError):
            for offset, head in self.tree.beginnings(places, sizes):
                sound = head is not None and not self.ground.bad_in(offset, len(head))
                yield head if sound else None

    def _look(self, row: int) -> Iterator[m.Recognised | m.Unread]:
        file = _File(self.tree, self.index, row)
        tests: tuple[int, ...] = ()
        code = None
        try:
            reader = file.open()
            head = reader.read_at(0, min(HEAD, reader.size))
            if self._damaged(row, len(head)):
                code = "bad_chunk"
            size = self.index.size(row)
            if self.recognition.possible(head, size):
                tests = self.recognition.tests(head, size, file)
        except (ParseError, LimitError):
            code = "not_parsed"
        except EvidenceError:
            bad = self.tree.name == "ntfs" and self.index.address(row).startswith(_BAD_CLUSTERS)
            code = None if bad else "unreadable"
        if tests:
            yield m.Recognised(row=row, entry=self.index.entry(row), tests=tests)
        elif code is not None:
            yield m.Unread(row=row, entry=self.index.entry(row), code=code)

    def _damaged(self, row: int, length: int) -> bool:
        """Whether a checksum of what was just read did not fit, or the imager filled it."""
        if not self.source.bad_ranges() and not self.source.unreadable:
            return False
        return any(
            run.image_offset is not None
            and run.file_offset < length
            and self.ground.bad_in(run.image_offset, min(run.length, length - run.file_offset))
            for run in self.tree.runs(self.index.address(row))
        )
