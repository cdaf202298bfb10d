"""What Windows protected for an account, opened with what the examiner gave.

The blob names its master key; the file of that key lies in the account's own profile, in the folder
of its SID. Nothing of another account is tried, and nothing that was not given.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol
from uuid import UUID

from triage.artifact import Unprotected
from triage.credentials import Credential, CredentialKind
from triage.errors import EvidenceError, LimitError, ParseError
from triage.evidence.index import Index
from triage.formats import dpapi
from triage.model import EvidencePath, Reader

_PROFILES = (  # what follows the account's folder, and where its master keys lie below that
    ("/appdata/", "AppData/Roaming/Microsoft/Protect"),  # Windows Vista and later
    ("/application data/", "Application Data/Microsoft/Protect"),  # Windows XP
    ("/local settings/", "Application Data/Microsoft/Protect"),
)
_LONGEST = 1 << 16  # bytes of a master key file


class Tries(Protocol):
    """As much of a task as this needs."""

    index: Index

    def tries(
        self, path: EvidencePath, cost: int, kind: CredentialKind = CredentialKind.PASSWORD
    ) -> Iterator[Credential]:
        """Yield the passwords, or what else is tried, that may be tried on a file."""
        ...

    def keys(self, path: EvidencePath, kind: CredentialKind) -> tuple[Credential, ...]:
        """Return what else was given for a file."""
        ...

    def reader(self, row: int) -> Reader:
        """Return the content of a row."""
        ...


def unprotect(task: Tries, path: EvidencePath, data: bytes, entropy: bytes) -> Unprotected | None:
    """Open a blob that stands in the file at `path`; None when nothing given opens it.

    Raises ParseError when it is no blob.
    """
    blob = dpapi.read_blob(data)
    for row in _files(task.index, path, blob.master_key):
        entry = task.index.entry(row)
        reader = task.reader(row)
        try:
            file = dpapi.read_master_key(reader.read_at(0, min(reader.size, _LONGEST)))
        except LimitError:
            raise
        except (ParseError, EvidenceError):
            continue
        sid = entry.path.rpartition("/")[0].rpartition("/")[2]
        for credential, key in _keys(task, entry.path, file, sid):
            content = blob.opened(key, entropy)
            if content is not None:
                return Unprotected(
                    value=content, opened_by=f"the DPAPI master key that {credential} opens"
                )
    return None


def _files(index: Index, path: EvidencePath, guid: UUID) -> Iterator[int]:
    folded = path.casefold()
    for below, protect in _PROFILES:
        at = folded.find(below)
        if at < 0:
            continue
        home = [part for part in path[:at].split("/") if part]
        row = index.descend(0, [*home, *protect.split("/")])
        if row is not None and index.is_directory(row):
            yield from index.find(row, f"S-1-*/{guid}")
        return


def _keys(
    task: Tries, path: EvidencePath, file: dpapi.MasterKeyFile, sid: str
) -> Iterator[tuple[Credential, bytes]]:
    for password in task.tries(path, file.cost):
        key = dpapi.open_with_password(file, sid, password.text)
        if key is not None:
            yield password, key
            return
    for digest in task.tries(path, file.cost, CredentialKind.NT_HASH):
        key = dpapi.open_with_nt_hash(file, sid, digest.value)
        if key is not None:
            yield digest, key
            return
    for backup in task.keys(path, CredentialKind.DPAPI_BACKUP_KEY):
        try:
            key = dpapi.open_with_backup_key(file, dpapi.read_backup_key(backup.value))
        except ParseError:
            continue
        if key is not None:
            yield backup, key
            return
