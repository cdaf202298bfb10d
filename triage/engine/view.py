"""One volume as an extractor may see it, and the artifact that it is handed.

Everything opened is remembered, so that the bundle can name every file that was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

from triage.artifact import READ_LIMIT, Fact, Lock, Unprotected
from triage.credentials import Credential, CredentialKind
from triage.engine.unprotect import unprotect
from triage.errors import EvidenceError, LimitError, ParseError
from triage.evidence.index import Index
from triage.evidence.tree import FileTree
from triage.findings import Finding
from triage.formats.sqlite import Database, SqlCipher, open_database
from triage.formats.sqlite_free import FreeRow
from triage.model import Entry, EvidencePath, Reader

F = TypeVar("F", bound=Finding)

_MOST_LOCKS = 1000  # of one artifact
_CACHED = 8 << 20  # files up to this many bytes are read once and kept for the task


@dataclass(slots=True)
class Access:
    """What was done with one file in one task."""

    row: int
    entry: Entry
    reader: Reader | None = None  # None: could not be opened
    content: bytes | None = None  # whole, for small files
    broken: bool = False  # some bytes could not be read
    withheld: bool = False  # its extractor says that it holds a secret


class _Memory:
    """A small file, read once."""

    def __init__(self, access: Access) -> None:
        self._content = access.content or b""

    @property
    def size(self) -> int:
        return len(self._content)

    def read_at(self, offset: int, length: int) -> bytes:
        return self._content[offset : offset + length] if offset >= 0 else b""


class _Watched:
    """A large file: read in place, remembering failure and the bytes that were asked for."""

    def __init__(self, access: Access, reader: Reader, task: Task) -> None:
        self._access, self._reader, self._task = access, reader, task

    @property
    def size(self) -> int:
        return self._reader.size

    def read_at(self, offset: int, length: int) -> bytes:
        self._task.spend(length)
        try:
            return self._reader.read_at(offset, length)
        except EvidenceError:
            self._access.broken = True
            raise


@dataclass(slots=True, kw_only=True)
class Task:
    """One run of one extractor over one artifact."""

    tree: FileTree
    index: Index
    budget: int  # bytes that may be read
    facts: Sequence[Fact[Finding]]
    may_decrypt: bool = False
    given: Callable[[EvidencePath], Sequence[Credential]] = lambda _: ()  # that fit a path
    passwords: int = 0  # that may be tried for one key
    password_cost: int = 0  # that may still be spent
    locks: list[Lock] | None = None  # collected only when they are asked for
    limit: str | None = None  # what was left undone, because of which limit
    accesses: dict[int, Access] = field(default_factory=dict)
    troubles: list[tuple[str, str | None]] = field(default_factory=list)
    deleted: dict[int, list[FreeRow]] = field(default_factory=dict)  # of databases, by row
    putting_back: bool = False  # databases are shown with those rows in them

    def with_deleted(self) -> Task:
        """Return the task once more, over databases that have their deleted rows."""
        return replace(
            self,
            putting_back=True,
            limit=None,
            accesses={},
            troubles=[],
            locks=None if self.locks is None else [],
        )

    def spend(self, length: int) -> None:
        """Count bytes read. Raises LimitError past the profile's limit for one artifact."""
        self.budget -= max(0, length)
        if self.budget < 0:
            raise LimitError("more bytes than the profile allows for one artifact")

    def tries(
        self, path: EvidencePath, cost: int, kind: CredentialKind = CredentialKind.PASSWORD
    ) -> Iterator[Credential]:
        """Yield passwords, or what else costs something to try, while the limits allow it."""
        tried = 0
        for credential in self.given(path):
            if credential.kind is not kind:
                continue
            if tried >= self.passwords or cost > self.password_cost:
                self.limit = "not every password was tried"
                return
            tried += 1
            self.password_cost -= max(0, cost)
            yield credential

    def keys(self, path: EvidencePath, kind: CredentialKind) -> tuple[Credential, ...]:
        """Return what else was given for a file."""
        return tuple(given for given in self.given(path) if given.kind is kind)

    def access(self, row: int) -> Access:
        """Open a file, or return what an earlier call opened."""
        known = self.accesses.get(row)
        if known is None:
            known = self.accesses[row] = Access(row=row, entry=self.index.entry(row))
            known.reader = self.tree.open(known.entry.address)
            if known.reader.size <= _CACHED:
                self.spend(known.reader.size)
                try:
                    known.content = known.reader.read_at(0, known.reader.size)
                except EvidenceError:
                    known.broken = True
        if known.reader is None:
            raise EvidenceError("content cannot be read")
        return known

    def reader(self, row: int) -> Reader:
        """Return the content of a row."""
        access = self.access(row)
        if access.content is not None:
            return _Memory(access)
        assert access.reader is not None  # noqa: S101 - `access` raised otherwise
        return _Watched(access, access.reader, self)


class EvidenceArtifact:
    """The engine's `triage.artifact.Artifact`."""

    def __init__(self, task: Task, row: int) -> None:
        self._task, self._row = task, row
        self._entry = task.index.entry(row)

    @property
    def entry(self) -> Entry:
        """The file system's entry."""
        return self._entry

    @property
    def path(self) -> EvidencePath:
        """Path from the root of the file system."""
        return self._entry.path

    @property
    def may_decrypt(self) -> bool:
        """Whether keys that lie on the image may be used."""
        return self._task.may_decrypt

    def passwords(self, *, cost: int = 0) -> Iterator[Credential]:
        """Yield the passwords given for this file."""
        return self._task.tries(self.path, cost)

    def keys(self, kind: CredentialKind) -> tuple[Credential, ...]:
        """Return what else was given for this file."""
        return self._task.keys(self.path, kind)

    def unprotect(self, blob: bytes, *, entropy: bytes = b"") -> Unprotected | None:
        """Open a blob of Windows' DPAPI with what was given."""
        return unprotect(self._task, self.path, blob, entropy)

    def withhold(self) -> None:
        """Have this file leave the image only encrypted."""
        self._task.access(self._row).withheld = True

    def locked(self, lock: Lock | None) -> None:
        """Hand out what a password can be tried against elsewhere."""
        locks = self._task.locks
        if locks is not None and lock is not None and len(locks) < _MOST_LOCKS:
            locks.append(lock)

    def open(self) -> Reader:
        """Return random access to the content."""
        return self._task.reader(self._row)

    def read(self, limit: int = READ_LIMIT) -> bytes:
        """Return the whole content, up to `limit` bytes."""
        reader = self.open()
        if reader.size > limit:
            raise LimitError(f"longer than {limit} bytes")
        return reader.read_at(0, reader.size)

    def head(self, length: int) -> bytes:
        """Return the first bytes."""
        reader = self.open()
        return reader.read_at(0, min(length, reader.size))

    def text(self, limit: int = READ_LIMIT, encoding: str = "utf-8") -> str:
        """Return the content as text."""
        data = self.read(limit)
        for mark, found in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le")):
            if data.startswith(mark):
                data, encoding = data[len(mark) :], found
        errors = "surrogateescape" if encoding in ("utf-8", "ascii") else "replace"
        return data.decode(encoding, errors)

    @contextmanager
    def sqlite(self, *, key: bytes | SqlCipher | None = None) -> Iterator[Database]:
        """Open as a SQLite database with its side files; what it notes becomes a problem."""
        name = self._entry.name
        with open_database(
            self.open(),
            wal=self._beside(f"{name}-wal"),
            journal=self._beside(f"{name}-journal"),
            cipher=SqlCipher(key=key) if isinstance(key, bytes) else key,
        ) as database:
            if self._task.putting_back:
                yield from self._put_back(database)
                return
            with suppress(ParseError, LimitError, EvidenceError):
                # Whoever reads the database meets what is wrong with it.
                if rows := database.deleted():
                    self._task.deleted[self._row] = rows
            try:
                yield database
            finally:
                for text in database.problems:
                    self.problem(text)

    def _put_back(self, database: Database) -> Iterator[Database]:
        restored = database.put_back(self._task.deleted.get(self._row, ()))
        if restored is None:
            yield database
            return
        with restored:
            yield restored

    def _beside(self, name: str) -> Reader | None:
        found = self.sibling(name)
        return found.open() if found else None

    def _file(self, row: int | None) -> EvidenceArtifact | None:
        if row is None or self._task.index.is_directory(row):
            return None
        return EvidenceArtifact(self._task, row)

    def _folder(self) -> int:
        return self._task.index.parent(self._row)

    def sibling(self, name: str) -> EvidenceArtifact | None:
        """Return a file in the same folder."""
        return self._file(self._task.index.child(self._folder(), name))

    def directory(self) -> Iterator[EvidenceArtifact]:
        """Yield the allocated files of the same folder."""
        for row in self._task.index.children(self._folder()):
            found = self._file(row) if self._task.index.allocated(row) else None
            if found:
                yield found

    def folder(self, name: str) -> bool:
        """Whether the same folder holds a folder of this name."""
        row = self._task.index.child(self._folder(), name)
        return row is not None and self._task.index.is_directory(row)

    def resolve(self, path: str) -> EvidenceArtifact | None:
        """Return the file that a path of that machine names."""
        text = path.replace("\\", "/").removeprefix("//?/").removeprefix("//./")
        drive = text[1:2] == ":"
        start = 0 if drive or text.startswith("/") else self._folder()
        return self._file(self._task.index.descend(start, text[2 * drive :].split("/")))

    def find(self, pattern: str) -> Iterator[EvidenceArtifact]:
        """Yield the allocated files that match below the artifact's folder, or where it points."""
        start = 0 if pattern.startswith("/") else self._folder()
        rest = pattern.removeprefix("/")
        while rest.startswith("../"):
            start, rest = self._task.index.parent(start), rest[3:]
        for row in self._task.index.find(start, rest):
            yield EvidenceArtifact(self._task, row)

    def facts(self, kind: type[F]) -> tuple[Fact[F], ...]:
        """Return the facts of a kind, the own volume first."""
        found = [fact for fact in self._task.facts if isinstance(fact.finding, kind)]
        return tuple(sorted(found, key=lambda fact: fact.volume != self._entry.volume))  # type: ignore[arg-type] # narrowed above

    def problem(self, text: str, *, locator: str | None = None) -> None:
        """Record something odd and go on."""
        self._task.troubles.append((text, locator))
