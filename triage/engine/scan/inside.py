"""What stands inside of archives and compressed files: zip and its kin, gzip, bzip2, xz, zstd.

Documents of Office and LibreOffice, APK, JAR and EPUB are zips. Bounded are the bytes that come out
of one file, the members, and how deep archives lie in archives; a zip whose members overlap or
expand without end is refused by its reader. Not read, and counted: 7z, RAR, encrypted members.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import zstandard

from triage.errors import TriageError
from triage.evidence.archive import Memory
from triage.evidence.tree import FileTree
from triage.evidence.zip import ZipSource, is_zip
from triage.model import EntryType, Reader

DEEPEST: Final = 3
"""Archives in archives that are entered, the outermost counted."""

MARK: Final = 6
"""Bytes at the beginning of a file that tell."""

_MEMBERS: Final = 10_000  # of one file of the image, all depths together
_RATIO: Final = 1100  # bytes out for one in: more is no deflate
_PIECE: Final = 1 << 20
_STREAM: Final = "decoded"  # name of what a compressed file holds

_DECODERS: Final[tuple[tuple[bytes, Callable[[], Any]], ...]] = (
    (b"\x1f\x8b\x08", lambda: zlib.decompressobj(31)),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=256 << 20)),
)
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_WINDOW: Final = 128 << 20  # bytes of what came out that a stream of zstd may refer to
_CLOSED: Final = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07")
_STREAMS: Final = (*(mark for mark, _ in _DECODERS), _ZSTD)


def is_archive(head: bytes) -> bool:
    """Whether a file that begins like this is opened here, or counted as one that is not."""
    return is_zip(head) or head.startswith((*_STREAMS, *_CLOSED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Content of an archive: the names that lead to it, one for each depth."""

    names: tuple[str, ...]
    reader: Reader


@dataclass(slots=True)
class Opening:
    """One file of the image, opened to the depth and the bytes that are allowed."""

    left: int  # bytes that may still come out
    left_members: int = _MEMBERS
    cut: bool = False  # a limit left something out
    unread: int = 0  # members that are encrypted, damaged or packed in an unknown way
    _pending: list[tuple[tuple[str, ...], Reader]] = field(default_factory=list)

    def members(self, reader: Reader) -> Iterator[Member]:
        """Yield everything inside, each member before what is inside of it."""
        self._pending = [((), reader)]
        while self._pending:
            names, outer = self._pending.pop()
            try:
                head = outer.read_at(0, MARK)
                yield from self._zip(names, outer) if is_zip(head) else self._stream(names, outer)
            except TriageError:
                self.unread += 1

    def _zip(self, names: tuple[str, ...], outer: Reader) -> Iterator[Member]:
        source = ZipSource(outer, file_name="")
        for name, address, size in _files(source):
            if not self.left_members or size > self.left:
                self.cut = True
                continue
            self.left_members -= 1
            try:
                inner = source.open(address)
            except TriageError:
                self.unread += 1
                continue
            self.left -= inner.size
            yield self._member((*names, name), inner)
        self.unread += len(source.problems)

    def _stream(self, names: tuple[str, ...], outer: Reader) -> Iterator[Member]:
        head = outer.read_at(0, MARK)
        if not head.startswith(_STREAMS):
            self.unread += head.startswith(_CLOSED)
            return
        make = next((make for mark, make in _DECODERS if head.startswith(mark)), None)
        most = min(self.left, outer.size * _RATIO)
        data, whole = _decoded(outer, make, most) if make else _frames(outer, most)
        self.unread += not whole and len(data) < self.left
        self.cut |= len(data) >= self.left
        self.left -= len(data)
        if data:
            yield self._member((*names, f"/{_STREAM}"), Memory(data=data))

    def _member(self, names: tuple[str, ...], inner: Reader) -> Member:
        try:
            deeper = is_archive(inner.read_at(0, MARK))
        except TriageError:
            deeper = False
        if deeper and len(names) < DEEPEST:
            self._pending.append((names, inner))
        self.cut |= deeper and len(names) >= DEEPEST
        return Member(names=names, reader=inner)


def _files(tree: FileTree) -> Iterator[tuple[str, str, int]]:
    """Yield path, address and size of the files of a tree, whose depth is bounded already."""
    pending = [("", tree.root())]
    while pending:
        path, directory = pending.pop()
        for named in tree.listing(directory):
            below = f"{path}/{named.name.decode('utf-8', 'surrogateescape')}"
            if named.descend:
                pending.append((below, named))
            elif named.type is EntryType.FILE and named.size:
                yield below, str(named.inode), named.size


class _File:
    """A reader as zstd takes it."""

    def __init__(self, reader: Reader) -> None:
        self._reader, self._at = reader, 0

    def read(self, length: int) -> bytes:
        data = self._reader.read_at(self._at, min(length, _PIECE))
        self._at += len(data)
        return data


def _frames(outer: Reader, most: int) -> tuple[bytearray, bool]:
    """Return what comes out of a stream of zstd, and whether that is all of it."""
    data = bytearray()
    decoder = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    try:
        with decoder.stream_reader(_File(outer), read_across_frames=True) as stream:  # type: ignore[arg-type]  # reads is all that it does
            while len(data) < most:
                piece = stream.read(min(_PIECE, most - len(data)))
                if not piece:
                    return data, True
                data += piece
    except (zstandard.ZstdError, TriageError):
        pass  # what came out until then counts
    return data, False


def _decoded(outer: Reader, make: Callable[[], Any], most: int) -> tuple[bytearray, bool]:
    """Return what comes out, and whether that is all of it: streams may follow each other."""
    data, decoder, at = bytearray(), make(), 0
    chunk = b""
    try:
        while len(data) < most:
            if not chunk:
                chunk = outer.read_at(at, _PIECE)
                at += len(chunk)
                if not chunk:
                    return data, False
            room = min(_PIECE, most - len(data))
            data += decoder.decompress(chunk, room)
            chunk = getattr(decoder, "unconsumed_tail", b"")
            while not (decoder.eof or chunk or getattr(decoder, "needs_input", True)):
                if len(data) >= most:
                    return data, False
                data += decoder.decompress(b"", min(_PIECE, most - len(data)))
            if decoder.eof:
                chunk = decoder.unused_data.lstrip(b"\0")
                if not chunk and at >= outer.size:
                    return data, True
                decoder = make()
    except (zlib.error, OSError, EOFError, lzma.LZMAError, TriageError):
        pass  # what came out until then counts
    return data, False
