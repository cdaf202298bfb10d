"""Members of a tar or zip through Python's own readers: a second opinion for `verify --against`.

A run reads archives with code of ours (`evidence.tar`, `evidence.zip`). Of these this shares only
how a stored name becomes a path. Where several members of one size stand at a path it cannot tell
which was meant, and says so.
"""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Final

from triage.errors import EvidenceError
from triage.evidence.archive import normalised
from triage.evidence.members import path_text
from triage.model import Reader

ARCHIVES: Final = frozenset({"tar", "zip"})

_BLOCK: Final = 1 << 20  # bytes
_UTF8_NAME: Final = 0x800  # flag of a zip entry
_ERRORS: Final = (
    *(tarfile.TarError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error),
    *(OSError, EOFError, ValueError, LookupError, RuntimeError, NotImplementedError, MemoryError),
    *(AttributeError, TypeError, OverflowError),
)


class SecondArchive:
    """The files of one archive."""

    def __init__(self, reader: Reader, kind: str) -> None:
        """List a `tar` or `zip`. Raises EvidenceError when Python's reader cannot."""
        file = io.BufferedReader(_File(reader), buffer_size=1 << 16)
        self._members: dict[str, list[tarfile.TarInfo | zipfile.ZipInfo]] = {}
        try:
            if kind == "zip":
                self._archive: tarfile.TarFile | zipfile.ZipFile = zipfile.ZipFile(file)
                for entry in self._archive.infolist():
                    encoding = "utf-8" if entry.flag_bits & _UTF8_NAME else "cp437"
                    self._add(entry.orig_filename.encode(encoding), entry)
            else:
                self._archive = tarfile.open(fileobj=file, mode="r:", encoding="utf-8")  # noqa: SIM115 - lives as long as this
                for member in self._archive:
                    self._add(member.name.encode("utf-8", "surrogateescape"), member)
        except (*_ERRORS, EvidenceError):
            raise EvidenceError("the second reader cannot list this archive") from None

    def _add(self, name: bytes, member: tarfile.TarInfo | zipfile.ZipInfo) -> None:
        self._members.setdefault(path_text(normalised(name)), []).append(member)

    def blocks(self, address: str, path: str, size: int) -> Iterator[bytes]:
        """Yield the content of a file, `size` bytes of it at most. Raises EvidenceError.

        Members are told by their path: an address is an ordinal of our own reader.
        """
        del address
        found = [member for member in self._members.get(path, ()) if _size(member) == size]
        if len(found) != 1:
            raise EvidenceError(
                "several members have this path and size"
                if found
                else "the second reader does not find this file"
            )
        done = 0
        try:
            with self._open(found[0]) as file:
                while done < size:
                    block = file.read(min(_BLOCK, size - done))
                    if not block:
                        return
                    yield block
                    done += len(block)
        except (*_ERRORS, EvidenceError):
            raise EvidenceError("the second reader cannot read this file") from None

    def _open(self, member: tarfile.TarInfo | zipfile.ZipInfo) -> IO[bytes]:
        if isinstance(self._archive, zipfile.ZipFile):
            if not isinstance(member, zipfile.ZipInfo):
                raise EvidenceError("not a member of this archive")
            return self._archive.open(member)
        opened = self._archive.extractfile(member) if isinstance(member, tarfile.TarInfo) else None
        if opened is None:
            raise EvidenceError("not a file")
        return opened


def _size(member: tarfile.TarInfo | zipfile.ZipInfo) -> int:
    return member.file_size if isinstance(member, zipfile.ZipInfo) else member.size


class _File(io.RawIOBase):
    """A reader as a file of Python's."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._reader.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: object) -> int:
        room = memoryview(buffer)  # type: ignore[arg-type]
        data = self._reader.read_at(self._at, len(room))
        room[: len(data)] = data
        self._at += len(data)
        return len(data)
