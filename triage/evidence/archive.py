"""What tar and zip have in common: stored names made into a tree, content inside one file."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from triage.errors import EvidenceError
from triage.evidence.members import (
    MAX_DEPTH,
    MAX_ENTRIES,
    NO_CONTENT,
    FileReader,
    LogicalSource,
    Members,
    path_text,
)
from triage.model import Container, EntryType, FileTimes, ImageInfo, Reader, Segment

MAX_NAME = 1 << 16  # bytes of a stored name with its directories


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A run of bytes of another reader, which may be cut short."""

    whole: Reader
    start: int
    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes, fewer only at the end. Raises EvidenceError."""
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        data = self.whole.read_at(self.start + offset, length)
        if len(data) != length:
            raise EvidenceError(f"content ends early at {offset + len(data)}")
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes that had to be decompressed."""

    data: bytearray

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes, fewer only at the end."""
        return bytes(memoryview(self.data)[offset : offset + max(0, length)])


class ArchiveSource(LogicalSource):
    """A source whose members have stored names: any bytes, in any order, more than once."""

    container: Container

    def __init__(self, archive: FileReader | Reader, *, file_name: str) -> None:
        super().__init__()
        self.media: Reader | None = archive
        self.info = ImageInfo(
            container=self.container,
            segments=(Segment(name=file_name, size=archive.size),),
            media_size=None,
            sector_size=None,
            stored_hashes={},
            header={},
            notes=(),
        )
        self._archive = archive
        self._directories: dict[tuple[int, bytes], int] = {}

    def close(self) -> None:
        """Close the archive file; readers of its members end with it."""
        if isinstance(self._archive, FileReader):  # else it belongs to whoever opened it
            self._archive.close()

    def _place(
        self,
        members: Members,
        stored: bytes,
        kind: EntryType,
        *,
        size: int = 0,
        times: FileTimes | None = None,
        content: int = NO_CONTENT,
    ) -> int | None:
        """Add a member where its stored name leads inside the root; None when limits forbid it."""
        parts = normalised(stored)
        if not parts or not self._allowed(members, stored, parts):
            return None
        directories = self._directories
        parent = 0
        for part in parts[:-1]:
            key = (parent, part)
            if key not in directories:
                directories[key] = members.add(parent, part, EntryType.DIRECTORY)
            parent = directories[key]
        key = (parent, parts[-1])
        if kind is not EntryType.DIRECTORY:
            return members.add(*key, kind, size=size, times=times, content=content)
        if key not in directories:
            directories[key] = members.add(*key, kind)
        if times is not None:
            members.set_times(directories[key], times)
        return directories[key]

    def _allowed(self, members: Members, stored: bytes, parts: list[bytes]) -> bool:
        """Whether a name keeps to the limits; record what is odd or wrong about it."""
        if len(stored) > MAX_NAME:
            self._problem("name_limit", path_text([stored[:256]]))
        elif len(parts) > MAX_DEPTH:
            self._problem("depth_limit", path_text(parts[:MAX_DEPTH]))
        elif len(members) + len(parts) > MAX_ENTRIES:
            self._problem("entry_limit", path_text(parts))
        else:
            if b"/".join(parts) != stored.removeprefix(b"./").removesuffix(b"/"):
                self._note("name_changed", path_text(parts), stored)
            return True
        return False

    def _directory(self, parts: Sequence[bytes]) -> int | None:
        """Return the number of a directory from before the members were arranged."""
        number: int | None = 0
        for part in parts:
            number = None if number is None else self._directories.get((number, part))
        return number

    def _arrange(self, members: Members) -> array[int]:
        """Arrange the members and note the names that stand there more than once."""
        order = members.arrange()
        for ordinal in range(2, len(members)):
            same_place = members.parents[ordinal] == members.parents[ordinal - 1]
            if same_place and members.names[ordinal] == members.names[ordinal - 1]:
                self._note("duplicate_path", path_text(members.parts(ordinal)))
        return order


def normalised(stored: bytes) -> list[bytes]:
    """Return the parts of a stored name as if extracted below a root that `..` cannot leave."""
    parts: list[bytes] = []
    for part in stored.split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return parts
