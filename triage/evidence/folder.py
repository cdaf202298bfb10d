"""A folder of the host as a logical source: read below one descriptor, links never followed."""

from __future__ import annotations

import os
import stat
import weakref
from itertools import islice
from pathlib import Path

from triage.errors import EvidenceError, ImageError
from triage.evidence.members import (
    MAX_DEPTH,
    MAX_ENTRIES,
    UNREADABLE,
    FileReader,
    LogicalSource,
    Members,
    path_text,
)
from triage.model import Container, EntryType, FileTimes, ImageInfo, Reader

_DIRECTORY = getattr(os, "O_DIRECTORY", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
# NONBLOCK: a file that has become a pipe must not hang us. NOATIME: reading leaves no trace.
_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_NO_ACCESS_TIME = getattr(os, "O_NOATIME", 0)  # for owners only


class FolderSource(LogicalSource):
    """A folder and all below it. Problems: entry_unreadable, depth_limit, entry_limit.

    Of the times only the modification is given: the others tell when the folder was copied to this
    host, and when it was read.
    """

    name = "folder"
    info = ImageInfo(
        container=Container.FOLDER,
        segments=(),
        media_size=None,
        sector_size=None,
        stored_hashes={},
        header={},
        notes=(),
    )

    def __init__(self, path: Path) -> None:
        """Open the folder; `path` itself may be a link. Raises ImageError."""
        super().__init__()
        try:
            self._root = os.open(path, _READ | _DIRECTORY)
        except OSError as error:
            raise ImageError(f"folder cannot be opened: {os.strerror(error.errno or 0)}") from None
        self._finalizer = weakref.finalize(self, os.close, self._root)
        self.read_beneath = (self._root,)

    def close(self) -> None:
        """Close the folder."""
        self._finalizer()

    def _scan(self) -> Members:
        members = Members()
        pending: list[tuple[int, list[bytes]]] = [(0, [])]
        while pending:
            number, parts = pending.pop()
            if len(parts) >= MAX_DEPTH:
                self._problem("depth_limit", path_text(parts))
                members.contents[number] = UNREADABLE
                continue
            try:
                found = self._list(members, number, parts)
            except OSError:
                members.contents[number] = UNREADABLE  # the walk reports it
                continue
            pending += [(child, [*parts, members.names[child]]) for child in found]
            if len(members) >= MAX_ENTRIES:
                self._problem("entry_limit", path_text(parts))
                break
        self.problems.sort(key=lambda problem: (problem.path, problem.code))
        members.arrange()
        return members

    def _list(self, members: Members, number: int, parts: list[bytes]) -> list[int]:
        """Add the content of a directory; return the directories in it."""
        directories: list[int] = []
        descriptor = self._descend(parts, _DIRECTORY)
        try:
            with os.scandir(descriptor) as found:
                room = MAX_ENTRIES - len(members)
                entries = sorted(islice(found, room), key=lambda entry: os.fsencode(entry.name))
                for entry in entries:
                    name = os.fsencode(entry.name)
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except OSError:
                        self._problem("entry_unreadable", path_text([*parts, name]))
                        members.add(number, name, EntryType.OTHER)
                        continue
                    child = members.add(
                        number,
                        name,
                        _kind(status.st_mode),
                        size=status.st_size if stat.S_ISREG(status.st_mode) else 0,
                        times=FileTimes(modified=status.st_mtime_ns),
                    )
                    if stat.S_ISDIR(status.st_mode):
                        directories.append(child)
        finally:
            os.close(descriptor)
        return directories

    def _descend(self, parts: list[bytes], flags: int) -> int:
        """Open what `parts` name, one by one, so that no part can be a link."""
        # Not a dup: processes that share the root would share its position in the listing.
        current = _open_at(b".", _READ | _DIRECTORY, self._root)
        for depth, part in enumerate(parts, 1):
            wanted = flags if depth == len(parts) else _DIRECTORY
            try:
                below = _open_at(part, _READ | _NO_FOLLOW | wanted, current)
            finally:
                os.close(current)
            current = below
        return current

    def _content(self, ordinal: int) -> Reader:
        parts = self._members.parts(ordinal)
        try:
            descriptor = self._descend(parts, 0)
        except OSError:
            raise EvidenceError("file cannot be opened", where=path_text(parts)) from None
        reader = FileReader(descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            reader.close()
            raise EvidenceError("no longer a regular file", where=path_text(parts))
        return reader


def _open_at(name: bytes, flags: int, directory: int) -> int:
    try:
        return os.open(name, flags | _NO_ACCESS_TIME, dir_fd=directory)
    except PermissionError:
        return os.open(name, flags, dir_fd=directory)


def _kind(mode: int) -> EntryType:
    if stat.S_ISREG(mode):
        return EntryType.FILE
    if stat.S_ISDIR(mode):
        return EntryType.DIRECTORY
    return EntryType.LINK if stat.S_ISLNK(mode) else EntryType.OTHER
