"""A disk of a virtual machine as blocks that lie anywhere, or nowhere; what its readers share."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Final, Literal, Protocol

from triage.errors import ParseError
from triage.evidence.segments import clamp
from triage.model import Reader

CACHE: Final = 8 << 20
"""Bytes of tables, and of inflated blocks, that the reader of one file keeps."""

_SMALLEST_CACHE, _LARGEST_CACHE = 4, 64  # tables or blocks
_CODES: Final = {4: "I" if array("I").itemsize == 4 else "L", 8: "Q"}  # noqa: PLR2004 - bytes


class BlockMap(Protocol):
    """Where the blocks of a disk lie. Numbers count from 0, sizes are bytes."""

    size: int  # of the disk
    block: int
    header: dict[str, str]
    notes: tuple[str, ...]
    identity: str  # by which a file that holds the differences names this one; "" where it has none

    def read(self, number: int, start: int, length: int) -> bytes:
        """Return a part of a block, zeros where nothing was written. Raises EvidenceError."""
        ...


class Disk(Reader, Protocol):
    """The bytes of a disk."""

    @property
    def identity(self) -> str:
        """By which others name it."""
        ...


class Beside(Protocol):
    """What lies in the folder of a file: a disk may stand in several."""

    def file(self, name: str) -> Reader:
        """Open a file; of a path the last name counts. Raises ParseError when it is not there."""
        ...

    def disk(self, name: str, *, raw: bool = False) -> Disk:
        """Open the disk that a file holds. Raises ParseError when it is not there or not read."""
        ...


class BlockDisk:
    """Random access to the bytes of a disk."""

    def __init__(self, blocks: BlockMap) -> None:
        self.blocks = blocks
        self.size = blocks.size
        self.identity = blocks.identity

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer only at the end. Raises EvidenceError."""
        end = offset + clamp(offset, length, self.size)
        parts = []
        while offset < end:
            number, start = divmod(offset, self.blocks.block)
            wanted = min(end - offset, self.blocks.block - start)
            parts.append(self.blocks.read(number, start, wanted))
            offset += wanted
        return b"".join(parts)


def beneath(parent: Reader | None, offset: int, length: int) -> bytes:
    """Return what shows where a file holds nothing: its parent's bytes, zeros behind its end."""
    data = parent.read_at(offset, length) if parent is not None and offset < parent.size else b""
    return data.ljust(length, b"\0")


def numbers(raw: bytes, width: Literal[4, 8], order: Literal["little", "big"]) -> array[int]:
    """Return a table of unsigned numbers, as compact as it was stored."""
    found = array(_CODES[width], raw)
    if order != sys.byteorder:
        found.byteswap()
    return found


def kept(size: int) -> int:
    """Return how many things of so many bytes are kept."""
    return max(_SMALLEST_CACHE, min(_LARGEST_CACHE, CACHE // max(1, size)))


def last_name(name: str) -> str:
    """Return the last part of a path of any system. Raises ParseError when that names no file."""
    last = name.replace("\\", "/").rpartition("/")[2]
    if last in ("", ".", "..") or "\0" in last:
        raise ParseError("names a file by an odd name")
    return last


class Joined:
    """Bytes of several readers behind each other; None: zeros."""

    def __init__(self, pieces: Sequence[tuple[int, Reader | None]]) -> None:
        self._pieces = pieces
        self.size = sum(length for length, _ in pieces)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer only at the end. Raises EvidenceError."""
        end, at, parts = offset + clamp(offset, length, self.size), 0, []
        for size, reader in self._pieces:
            low, high = max(offset, at), min(end, at + size)
            if low < high:
                parts.append(beneath(reader, low - at, high - low))
            at += size
        return b"".join(parts)
