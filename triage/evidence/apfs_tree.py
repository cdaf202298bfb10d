"""An APFS volume as a tree of files, its metadata read by libfsapfs.

Content is read from the extents that libfsapfs names, so that the byte runs we report are the
bytes we read; only what has no extents (compressed files, small attributes) comes through it.
Extended attributes are streams, `name:com.apple.quarantine`, at `inode-4-number` (4 is the record
type of an attribute; the number counts the attributes of the file from 0). APFS leaves no deleted
names in its trees, and snapshots are not walked.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pyfsapfs

from triage.errors import EvidenceError, ParseError
from triage.evidence.apfs import without_gaps
from triage.evidence.index import Named
from triage.evidence.tree import PartialListingError
from triage.evidence.window import Window
from triage.model import ByteRun, EntryType, FileTimes, Reader, Storage, Volume

_BLOCK = 1 << 20  # bytes asked of libfsapfs at once
_ROOT = 2  # ROOT_DIR_INO_NUM
_ATTRIBUTE = 4  # APFS_TYPE_XATTR
_MAX_ATTRIBUTES = 1024  # of one file
_MAX_ENTRIES = 1 << 24  # of one directory
_MAX_EXTENTS = 1 << 20  # of one file
_MAX_RUNS = 65536  # of one file
_MAX_SIZE = (1 << 63) - 1
_DECMPFS = b"com.apple.decmpfs"
_RESOURCE_FORK = b"com.apple.ResourceFork"
_SYMLINK = b"com.apple.fs.symlink"
_TYPES = {0o040000: EntryType.DIRECTORY, 0o100000: EntryType.FILE, 0o120000: EntryType.LINK}
# libfsapfs raises OSError with its own long texts, or what a conversion of its values raises.
_ERRORS = (OSError, ValueError, OverflowError, RuntimeError, TypeError, SystemError)


class ApfsTree:
    """One unencrypted volume of a container; `details["uuid"]` of the volume says which."""

    name = "apfs"

    def __init__(self, reader: Reader, volume: Volume) -> None:
        """Open the container at the volume's offset. Raises EvidenceError."""
        length = min(volume.length, reader.size - volume.offset)
        try:
            instead = without_gaps(reader, volume.offset)
        except (ParseError, EvidenceError, struct.error):
            instead = {}
        self._window = Window(reader, volume.offset, length, instead)
        # A volume does not keep its container alive, nor that the object it reads from.
        self._container = pyfsapfs.container()
        try:
            self._container.open_file_object(self._window)
            found = (
                self._container.get_volume(number)
                for number in range(self._container.number_of_volumes)
            )
            wanted = volume.details.get("uuid")
            self._volume = next(item for item in found if item.identifier == wanted)
            locked = self._volume.is_locked()
        except StopIteration:
            raise EvidenceError("volume is not in its container", where=volume.name) from None
        except _ERRORS:
            raise EvidenceError("file system cannot be opened", where=volume.name) from None
        if locked:
            raise EvidenceError("volume is encrypted", where=volume.name)

    def root(self) -> Named:
        """Return the root directory."""
        return Named(name=b"", type=EntryType.DIRECTORY, inode=_ROOT, descend=True)

    def listing(self, directory: Named) -> list[Named]:
        """Return a directory's names, each extended attribute as a name of its own."""
        found = self._entry(directory.inode)
        result: list[Named] = []
        unread = 0
        try:
            count = min(found.number_of_sub_file_entries, _MAX_ENTRIES)
        except _ERRORS:
            raise EvidenceError("directory cannot be read") from None
        for number in range(count):
            try:
                result.extend(self._named(found.get_sub_file_entry(number), directory.inode))
            except _ERRORS:
                unread += 1
        if unread:
            raise PartialListingError(f"{unread} names of a directory cannot be read", result)
        return result

    def _named(self, found: Any, parent: int) -> Iterator[Named]:
        inode: int = found.identifier
        if inode > _MAX_SIZE:
            raise EvidenceError("inode number out of range")
        raw = _name(found) or f"unreadable-name-{inode}".encode()
        kind = _type(found)
        size = 0
        with suppress(*_ERRORS):  # damaged attributes; the name is worth more than the size
            size = len(_target(found)) if kind is EntryType.LINK else int(found.size)
        times = _times(found)
        yield Named(
            name=raw,
            type=kind,
            inode=inode,
            size=min(size, _MAX_SIZE),
            times=times,
            descend=kind is EntryType.DIRECTORY and inode != parent,
        )
        for number, name, length in _attributes(found):
            yield Named(
                name=raw + b":" + name,
                type=EntryType.FILE,
                inode=inode,
                attribute=_ATTRIBUTE << 16 | number,
                size=min(length, _MAX_SIZE),
                times=times,
            )

    def open(self, address: str) -> Reader:
        """Return the content at `inode` or `inode-4-number`. Raises EvidenceError."""
        inode, number = _parsed(address)
        found = self._entry(inode)
        try:
            if number is not None:
                found = found.get_extended_attribute(number)
            elif _type(found) is EntryType.LINK:
                return _Bytes(_target(found))
            size = int(found.size)
            extents = _extents(found)
        except _ERRORS:
            raise EvidenceError("metadata cannot be read") from None
        if extents:
            return _Extents(self._window, size, extents)
        return _Opaque(found, size)

    def runs(self, address: str) -> tuple[ByteRun, ...]:
        """Return the byte runs of the content; offsets are bytes of the media."""
        try:
            inode, number = _parsed(address)
            found = self._entry(inode)
            if number is not None:
                found = found.get_extended_attribute(number)
            size, extents = int(found.size), _extents(found)
            if extents or not size:
                return tuple(self._runs(extents[:_MAX_RUNS], size))
            return tuple(self._stored(found, size)) if number is None else _resident(size)
        except _ERRORS:
            return ()

    def _runs(self, extents: list[tuple[int, int]], size: int) -> Iterator[ByteRun]:
        at = 0
        for place, length in extents:
            if at >= size:
                return
            yield ByteRun(
                file_offset=at,
                image_offset=self._window.offset + place if place else None,
                length=min(length, size - at),
                storage=Storage.PLAIN if place else Storage.SPARSE,
            )
            at += length

    def _stored(self, found: Any, size: int) -> Iterator[ByteRun]:
        """Yield where a compressed file lies; which of its bytes come from where is not told."""
        fork = found.get_extended_attribute_by_name(_RESOURCE_FORK.decode())
        extents = _extents(fork) if fork is not None else []
        if not extents:
            yield from _resident(size)
        for run in self._runs(extents[:_MAX_RUNS], int(fork.size) if extents else 0):
            yield replace(run, file_offset=0, storage=Storage.COMPRESSED)

    def _entry(self, inode: int) -> Any:
        try:
            found = self._volume.get_file_entry_by_identifier(inode)
        except _ERRORS:
            raise EvidenceError("metadata entry cannot be read") from None
        if found is None:
            raise EvidenceError("metadata entry is not there")
        return found


def _resident(size: int) -> tuple[ByteRun, ...]:
    return (ByteRun(file_offset=0, image_offset=None, length=size, storage=Storage.RESIDENT),)


def _parsed(address: str) -> tuple[int, int | None]:
    parts = [int(part) for part in address.split("-")]
    return (parts[0], parts[2]) if len(parts) == 3 else (parts[0], None)  # noqa: PLR2004 - inode-type-id


def _name(found: Any) -> bytes:
    """Return the name of a file or an attribute, what would be a path and not a name escaped.

    Empty when it is not UTF-8, as APFS demands: libfsapfs does not give its bytes.
    """
    try:
        raw: bytes = (found.name or "").encode("utf-8", "surrogatepass")
    except _ERRORS:
        return b""
    if raw in {b".", b".."}:
        return raw.replace(b".", b"\\x2e")
    return raw.replace(b"/", b"\\x2f")


def _type(found: Any) -> EntryType:
    return _TYPES.get(found.file_mode & 0o170000, EntryType.OTHER)


def _target(found: Any) -> bytes:
    return (found.symbolic_link_target or "").encode("utf-8", "surrogatepass")


def _times(found: Any) -> FileTimes:
    # libfsapfs takes the first time of an inode for that of modification and the second for that
    # of creation. It is the other way round in Apple's j_inode_val_t, for TSK, and in what macOS
    # wrote (sleuthkit issue 2068). A later release may mend it, so the dependency has a limit.
    return FileTimes(
        modified=found.get_creation_time_as_integer() or None,
        accessed=found.get_access_time_as_integer() or None,
        changed=found.get_inode_change_time_as_integer() or None,
        created=found.get_modification_time_as_integer() or None,
    )


def _attributes(found: Any) -> Iterator[tuple[int, bytes, int]]:
    """Yield number, name and size of the extended attributes that are not storage of the file."""
    count = min(found.number_of_extended_attributes, _MAX_ATTRIBUTES)
    if not count:
        return
    listed = []
    for number in range(count):
        item = found.get_extended_attribute(number)
        listed.append((number, _name(item) or f"unreadable-name-{number}".encode(), int(item.size)))
    hidden = {_SYMLINK}
    if any(name == _DECMPFS for _, name, _ in listed) and not found.number_of_extents:
        hidden |= {_DECMPFS, _RESOURCE_FORK}
    yield from (item for item in listed if item[1] not in hidden)


def _extents(found: Any) -> list[tuple[int, int]]:
    """Return (place in the container, length); place 0, the container's own block, is a hole."""
    count: int = found.number_of_extents
    if count > _MAX_EXTENTS:
        raise EvidenceError("too many extents")
    return [found.get_extent(number)[:2] for number in range(count)]


class _Bytes:
    """Content that is in memory already."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]


class _Extents:
    """Content that lies in extents."""

    def __init__(self, window: Window, size: int, extents: list[tuple[int, int]]) -> None:
        self._window = window
        self.size = size
        self._extents = extents
        self._starts = [0]
        for _, length in extents:
            self._starts.append(self._starts[-1] + length)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes; raises EvidenceError when bytes inside the declared size are not there."""
        end = min(offset + length, self.size)
        parts: list[bytes] = []
        while offset < end:
            number = bisect_right(self._starts, offset) - 1
            if number >= len(self._extents):
                raise EvidenceError(f"content ends early at {offset}")
            place, extent = self._extents[number]
            within = offset - self._starts[number]
            wanted = min(end - offset, extent - within)
            parts.append(self._window.read_at(place + within, wanted) if place else bytes(wanted))
            offset += wanted
        return b"".join(parts)


class _Opaque:
    """Content that only libfsapfs can put together: compressed, or inside the metadata."""

    def __init__(self, found: Any, size: int) -> None:
        self._found = found
        self.size = size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes; raises EvidenceError when bytes inside the declared size are not there."""
        end = min(offset + length, self.size)
        parts: list[bytes] = []
        while offset < end:
            wanted = min(end - offset, _BLOCK)
            try:
                data: bytes = self._found.read_buffer_at_offset(wanted, offset)
            except _ERRORS:
                raise EvidenceError(f"content cannot be read at {offset}") from None
            if not data:
                raise EvidenceError(f"content ends early at {offset}")
            parts.append(data)
            offset += len(data)
        return b"".join(parts)
