"""An artifact: one matched file of the evidence, as an extractor sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from triage.credentials import Credential, CredentialKind
    from triage.findings import Finding
    from triage.formats.sqlite import Database, SqlCipher
    from triage.model import Entry, EvidencePath, Reader

MIB = 1 << 20
READ_LIMIT = 64 * MIB
"""Most bytes that `read` and `text` return unless the extractor says otherwise."""

F_co = TypeVar("F_co", bound="Finding", covariant=True)
F = TypeVar("F", bound="Finding")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Generic[F_co]):
    """A finding of the first round, and where it was made."""

    finding: F_co
    volume: str
    path: EvidencePath


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What a password can be tried against by other programs: cracking material.

    It is handed out by `Artifact.locked`, and kept only by `export --to hashcat`.
    """

    line: str = field(repr=False)  # as hashcat and john take it
    hashcat: int | None  # mode; None: it has none
    john: str | None  # format
    place: str | None = None  # inside the artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class Unprotected:
    """What Windows protected for an account, and what opened it."""

    value: bytes = field(repr=False)
    opened_by: str  # for a finding's field of that name


class Artifact(Protocol):
    """Read-only access to one file and to what lies around it in the same file system.

    Everything opened through it is recorded in the bundle with its hashes, whether or not a
    finding comes of it. All reading raises EvidenceError when bytes cannot be read and LimitError
    when a limit of the profile would be passed; neither need be caught.
    """

    @property
    def entry(self) -> Entry:
        """Name, address, size, times and allocation of the file."""
        ...

    @property
    def path(self) -> EvidencePath:
        """Path from the root of the file system, `/Users/alice/…`."""
        ...

    @property
    def may_decrypt(self) -> bool:
        """Whether keys that lie on the image may be used (`decrypt: found` in the profile)."""
        ...

    def passwords(self, *, cost: int = 0) -> Iterator[Credential]:
        """Yield the passwords that the examiner gave for this file, in the order of trying.

        `cost` is that of one try (`Kdf.cost`). Past the profile's limits it ends, which is
        recorded; none are yielded where the profile says `decrypt: never`. A finding says what
        opened the file with `str()` of the entry, never with its value.
        """
        ...

    def keys(self, kind: CredentialKind) -> tuple[Credential, ...]:
        """Return what else the examiner gave for this file, in the order of the file."""
        ...

    def unprotect(self, blob: bytes, *, entropy: bytes = b"") -> Unprotected | None:
        """Open a blob of Windows' DPAPI that stands in this file, with what was given.

        The master key is sought in the profile that the file lies in. None when nothing opens it.
        Raises ParseError when it is no blob.
        """
        ...

    def withhold(self) -> None:
        """Have this file leave the image only encrypted: it holds a key, a password, a token.

        For what an extractor reads beside its own file; that is withheld by `holds_secret`.
        """
        ...

    def locked(self, lock: Lock | None) -> None:
        """Hand out what a password can be tried against elsewhere; an ordinary run drops it.

        None for a store that no other program takes.
        """
        ...

    def open(self) -> Reader:
        """Return random access to the content."""
        ...

    def read(self, limit: int = READ_LIMIT) -> bytes:
        """Return the whole content. Raises LimitError when it is longer than `limit` bytes."""
        ...

    def head(self, length: int) -> bytes:
        """Return the first bytes, fewer if the file is shorter."""
        ...

    def text(self, limit: int = READ_LIMIT, encoding: str = "utf-8") -> str:
        """Return the content as text; undecodable bytes become lone surrogates (PEP 383).

        A byte order mark wins over `encoding`; line ends stay as they are.
        """
        ...

    def sqlite(self, *, key: bytes | SqlCipher | None = None) -> AbstractContextManager[Database]:
        """Open as a SQLite database with its `-wal` and `-journal`.

        Bytes are a raw key of SQLCipher 4; `SqlCipher` has the settings of others.
        """
        ...

    def sibling(self, name: str) -> Artifact | None:
        """Return a file in the same folder, by name in any case."""
        ...

    def directory(self) -> Iterator[Artifact]:
        """Yield the allocated files of the same folder, itself included, sorted by name."""
        ...

    def folder(self, name: str) -> bool:
        """Whether the same folder holds a folder of this name."""
        ...

    def resolve(self, path: str) -> Artifact | None:
        r"""Return the file that a path names, in the same file system.

        An absolute path of that machine (`/var/lib/tor`, `C:\Users\x`, any drive letter) starts
        at the root, a relative one in the artifact's folder; `..` and `.` are understood.
        """
        ...

    def find(self, pattern: str) -> Iterator[Artifact]:
        """Yield the allocated files that match below the artifact's folder, sorted by path.

        A pattern that begins with `/` starts at the root of the file system, `../` goes up.
        """
        ...

    def facts(self, kind: type[F]) -> tuple[Fact[F], ...]:
        """Return the facts of a kind named in `needs`: complete, sorted, the own volume first."""
        ...

    def problem(self, text: str, *, locator: str | None = None) -> None:
        """Record something odd and go on: a damaged row, an unknown version."""
        ...
