"""One given password or key: what it is, where it stands in the file, what it may be tried on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache

from triage.evidence.patterns import PatternSet


class CredentialKind(StrEnum):
    """What an entry of the credentials file is."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    KEY = "key"
    KEY_FILE = "key_file"
    NT_HASH = "nt_hash"
    DPAPI_BACKUP_KEY = "dpapi_backup_key"
    BITLOCKER_RECOVERY_KEY = "bitlocker_recovery_key"
    VOLUME_PASSWORD = "volume_password"  # noqa: S105 - the name of a kind

    @property
    def for_volumes(self) -> bool:
        """Whether it opens nothing but volumes."""
        return self in (self.BITLOCKER_RECOVERY_KEY, self.VOLUME_PASSWORD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One entry. `value` is never shown; `str()` says which entry it is, and that may be."""

    number: int  # in the file, from 1
    kind: CredentialKind
    value: bytes = field(repr=False)  # of text its UTF-8
    extractors: tuple[str, ...] = ()  # globs over names; none given: any
    paths: tuple[str, ...] = ()  # patterns like those of extractors
    accounts: tuple[str, ...] = ()  # globs over names and ids of accounts

    def __str__(self) -> str:
        return f"entry {self.number} of the credentials file"

    @property
    def text(self) -> str:
        """The value as text."""
        return self.value.decode("utf-8")

    def fits(self, *, extractor: str, path: str, account: Iterable[str | None]) -> bool:
        """Whether it may be tried there; `account` are the names and ids of whose file it is."""
        if self.extractors and not any(fnmatchcase(extractor, glob) for glob in self.extractors):
            return False
        if self.paths and not _patterns(self.paths).matches(path):
            return False
        names = [name.casefold() for name in account if name]
        return not self.accounts or any(
            fnmatchcase(name, glob.casefold()) for name in names for glob in self.accounts
        )


@lru_cache(maxsize=1024)
def _patterns(paths: tuple[str, ...]) -> PatternSet:
    return PatternSet(paths)


def counts(credentials: Iterable[Credential]) -> dict[str, int]:
    """Return how many there are of each kind: all that a bundle may say about them."""
    return dict(sorted(Counter(given.kind.value for given in credentials).items()))
