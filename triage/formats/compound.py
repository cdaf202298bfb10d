"""Compound files (OLE 2): streams in storages, as Outlook's messages and jump lists have them.

Read with olefile, which bounds its walks by the size of the file. Names are told apart without
regard to case, as Windows does it.

Source: [MS-CFB].
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final, TypeAlias

import olefile

from triage.errors import LimitError, ParseError
from triage.formats.file_object import FileObject

if TYPE_CHECKING:
    from triage.model import Reader

MAGIC: Final = bytes.fromhex("d0cf11e0a1b11ae1")
"""The first bytes of a compound file."""

LIMIT: Final = 256 << 20
"""Bytes of the largest file that is read."""

ENTRY_LIMIT: Final = 100_000
"""Streams that one file may have."""

StreamPath: TypeAlias = tuple[str, ...]
"""Names of the storages from the root, and the name of the stream."""

_SMALLEST = 1536  # header, one sector of the table, one of the directory


class Compound:
    """An open compound file. Raises ParseError, LimitError, or EvidenceError from reading."""

    def __init__(self, reader: Reader) -> None:
        if reader.size > LIMIT:
            raise LimitError(f"a compound file larger than {LIMIT} bytes")
        if reader.size < _SMALLEST or reader.read_at(0, len(MAGIC)) != MAGIC:
            raise ParseError("not a compound file")
        self._source = FileObject(reader)
        with self._source.own_words("the compound file"):
            # What olefile forgives, it may say with a warning.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._file = olefile.OleFileIO(self._source)
            paths = [tuple(path) for path in self._file.listdir(streams=True)]
        if len(paths) > ENTRY_LIMIT:
            raise LimitError(f"a compound file with more than {ENTRY_LIMIT} streams")
        self.streams: tuple[StreamPath, ...] = tuple(paths)
        """The path of each stream, in the order of the directory."""
        self._folded = {_fold(path): path for path in paths}
        self._below: dict[StreamPath, set[str]] = {}
        for path in self._folded:
            for depth in range(len(path)):
                self._below.setdefault(path[:depth], set()).add(path[depth])

    def below(self, *path: str) -> tuple[str, ...]:
        """Return what lies directly in a storage, streams and storages, sorted, in lower case."""
        return tuple(sorted(self._below.get(_fold(path), ())))

    def size(self, *path: str) -> int | None:
        """Return the length of a stream in bytes as its entry says it, None without the stream."""
        found = self._folded.get(_fold(path))
        if found is None:
            return None
        with self._source.own_words("the compound file"):
            return int(self._file.get_size(list(found)))

    def read(self, *path: str, limit: int = LIMIT) -> bytes | None:
        """Return the first bytes of a stream, None when there is no such stream."""
        found = self._folded.get(_fold(path))
        if found is None:
            return None
        with self._source.own_words("a stream of the compound file"):
            return bytes(self._file.openstream(list(found)).read(limit))


def _fold(path: StreamPath) -> StreamPath:
    return tuple(name.casefold() for name in path)
