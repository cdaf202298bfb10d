"""A file system for SQLite that holds evidence: reads come from Readers, writes stay in memory.

SQLite must write to show the truth: it rolls back a hot journal and may reset a write-ahead log.
Here those writes go to an overlay of blocks above the evidence and die with it. Nothing reaches a
file of this host, and no name from the evidence is ever opened: the only files are those mounted.
There is no shared memory, so connections must use `PRAGMA locking_mode=EXCLUSIVE`.
"""
# ruff: noqa: N802, D102 - the methods are SQLite's: https://www.sqlite.org/c3ref/io_methods.html

from __future__ import annotations

import itertools
from functools import cache
from typing import TYPE_CHECKING, Any

import apsw

from triage.errors import LimitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triage.model import Reader

NAME = "triage-evidence"
CIPHER_NAME = f"multipleciphers-{NAME}"  # SQLite3 Multiple Ciphers makes this wrapper on demand

_BLOCK = 4096
_HEAP = 256 << 20  # bytes that SQLite may allocate in this process, whatever a database claims
_SECTOR = 4096


class Overlay:
    """The bytes of a Reader with changes above them, at most `limit` bytes of changes."""

    def __init__(self, base: Reader | None, *, limit: int) -> None:
        self.size = base.size if base else 0
        self._base = base
        self._base_size = self.size  # what is left of the base after truncation
        self._blocks: dict[int, bytearray] = {}
        self._limit = limit

    def read(self, offset: int, length: int) -> bytes:
        """Return the bytes as they are now, fewer only at the end."""
        if offset + length > self.size:
            length = max(0, self.size - offset)
        if not self._blocks:
            return self._below(offset, length)
        parts = []
        for index, start, size in _pieces(offset, length):
            block = self._blocks.get(index)
            below = index * _BLOCK + start
            parts.append(block[start : start + size] if block else self._below(below, size))
        return b"".join(parts)

    def write(self, offset: int, data: bytes) -> None:
        """Change bytes, growing the file when needed. Raises LimitError."""
        done = 0
        for index, start, size in _pieces(offset, len(data)):
            block = self._blocks.get(index)
            if block is None:
                if (len(self._blocks) + 1) * _BLOCK > self._limit:
                    raise LimitError(f"recovery would change more than {self._limit} bytes")
                block = self._blocks[index] = bytearray(self._below(index * _BLOCK, _BLOCK))
            block[start : start + size] = data[done : done + size]
            done += size
        self.size = max(self.size, offset + len(data))

    def truncate(self, size: int) -> None:
        """Cut the file; what grows there again later is zeros."""
        self.size = size
        self._base_size = min(self._base_size, size)
        last, keep = divmod(size, _BLOCK)
        for index in [index for index in self._blocks if index >= last]:
            if index == last and keep:
                self._blocks[index][keep:] = bytes(_BLOCK - keep)
            else:
                del self._blocks[index]

    def _below(self, offset: int, length: int) -> bytes:
        there = max(0, min(length, self._base_size - offset))
        data = self._base.read_at(offset, there) if self._base and there else b""
        return data if len(data) == length else data[:there].ljust(length, b"\0")


def _pieces(offset: int, length: int) -> Iterator[tuple[int, int, int]]:
    """Cut a range at block borders: block number, start inside the block, size."""
    end = offset + length
    while offset < end:
        index, start = divmod(offset, _BLOCK)
        size = min(_BLOCK - start, end - offset)
        yield index, start, size
        offset += size


class EvidenceFile:
    """One open file, as apsw wants it. Locks always succeed: nobody else can have it open."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay

    def xRead(self, amount: int, offset: int) -> bytes:
        return self._overlay.read(offset, amount)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._overlay.write(offset, data)

    def xTruncate(self, newsize: int) -> None:
        self._overlay.truncate(newsize)

    def xFileSize(self) -> int:
        return self._overlay.size

    def xSync(self, flags: int) -> None: ...

    def xLock(self, level: int) -> None: ...

    def xUnlock(self, level: int) -> None: ...

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, op: int, ptr: int) -> bool:  # noqa: ARG002 - SQLite's signature
        return False

    def xSectorSize(self) -> int:
        return _SECTOR

    def xDeviceCharacteristics(self) -> int:
        return 0

    def xClose(self) -> None: ...


class EvidenceVFS(apsw.VFS):
    """All mounted databases of this process, under names of our own making."""

    def __init__(self) -> None:
        super().__init__(NAME, "")
        self._files: dict[str, Overlay] = {}
        self._limits: dict[str, int] = {}
        self._numbers = itertools.count()

    def mount(self, main: Reader, *, wal: Reader | None, journal: Reader | None, limit: int) -> str:
        """Make a database openable and return its file name; `limit` bytes of changes per file."""
        name = f"/{next(self._numbers)}.db"
        sidecars = {name: main, f"{name}-wal": wal, f"{name}-journal": journal}
        for path, reader in sidecars.items():
            self._limits[path] = limit
            if reader is not None:
                self._files[path] = Overlay(reader, limit=limit)
        return name

    def unmount(self, name: str) -> None:
        """Forget a database and all changes; its connection must be closed."""
        for path in (name, f"{name}-wal", f"{name}-journal"):
            self._files.pop(path, None)
            self._limits.pop(path, None)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> Any:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path not in self._limits:  # a temporary file, or a name from inside the evidence
            raise apsw.CantOpenError("not a mounted file")
        flags[1] = flags[0]
        if path not in self._files:
            self._files[path] = Overlay(None, limit=self._limits[path])
        return EvidenceFile(self._files[path])

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: ARG002 - SQLite's signature
        return pathname in self._files and self._files[pathname].size > 0

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: ARG002 - SQLite's signature
        self._files.pop(filename, None)

    def xFullPathname(self, name: str) -> str:
        return name

    def xDlOpen(self, filename: str) -> int:  # noqa: ARG002 - SQLite's signature
        return 0


@cache
def evidence_vfs() -> EvidenceVFS:
    """Return the one instance. It is never unregistered: the cipher wrapper keeps a pointer."""
    apsw.hard_heap_limit(_HEAP)
    return EvidenceVFS()
