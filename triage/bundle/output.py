"""A file of a bundle being written: new, hashed on the way, on disk when closed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from types import TracebackType
from typing import Self

from triage.errors import BundleError, TriageError

_FULL = (ENOSPC, EDQUOT, EFBIG)


class NewFile:
    """Used in a `with`: kept, synced and read-only when the block ends, removed when it fails."""

    def __init__(self, path: Path) -> None:
        """Create the file; never opens one that exists, nor through a link."""
        self.path = path
        self.size = 0
        self._digest = hashlib.sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        self._file = os.fdopen(os.open(path, flags, 0o600), "wb")

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written so far."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> int:
        """Append bytes."""
        self._digest.update(data)
        self.size += len(data)
        return self._file.write(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._file.flush()
                os.fsync(self._file.fileno())
                self.path.chmod(0o444)
                self._file.close()
        except BaseException:
            self._discard()
            raise
        if error is not None:
            self._discard()

    def _discard(self) -> None:
        with suppress(OSError):
            self._file.close()  # flushes, which fails again on a full disk
        with suppress(OSError):
            self.path.unlink()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError of the output into a BundleError; errors of the evidence pass."""
    try:
        yield
    except TriageError:  # EvidenceError is an OSError too
        raise
    except OSError as error:
        reason = "the disk is full" if error.errno in _FULL else error.strerror or str(error)
        raise BundleError(f"cannot write the bundle: {reason}", where=str(path)) from error


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
