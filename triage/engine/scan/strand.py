"""Pieces of evidence laid end to end, so that many small ones cost as much as one large one.

Pieces that follow each other in the same file touch. Before all others lie zeros, more of them
than any reader of text looks across, so that nothing is found that begins in one and ends in
another. A place in the strand leads back to the bytes of a file and of the media.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from triage.errors import EvidenceError
from triage.model import ByteRun, Reader, Storage

BETWEEN: Final = bytes(512)
_ALIGNED: Final = 16  # text of two bytes a character reads otherwise at odd places
_BLOCK: Final = 1 << 20
_PARTS: Final = 16
_SMALLEST: Final = 4096  # bytes given up at once when they cannot be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """`length` bytes of a reader from `at` on. `row` None: they belong to no file."""

    row: int | None
    reader: Reader
    at: int  # in the reader
    file_offset: int  # without a file: the place on the media
    image_offset: int | None
    length: int
    storage: Storage
    member: tuple[str, ...] = ()  # of an archive: the names that lead to it

    @property
    def end(self) -> int:
        """Where it ends in its file."""
        return self.file_offset + self.length


@dataclass(slots=True)
class Strand:
    """Some pieces, in order."""

    pieces: Sequence[Piece]
    begun: Callable[[int | None], None] = lambda _: None  # a piece of this row is read next
    unread: dict[int | None, int] = field(default_factory=dict)
    """Bytes that could not be read and count as zeros, by row."""
    _starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._starts, at = [], 0
        for number, piece in enumerate(self.pieces):
            if not self._touches(number):
                at += len(BETWEEN) + (piece.file_offset - at) % _ALIGNED
            self._starts.append(at)
            at += piece.length

    def _touches(self, number: int) -> bool:
        if not number:
            return False
        before, piece = self.pieces[number - 1], self.pieces[number]
        same = before.row == piece.row and before.member == piece.member
        return same and before.end == piece.file_offset

    def blocks(self) -> Iterator[bytes]:
        """Yield the whole strand in blocks of about a MiB."""
        held, done = bytearray(), 0
        for piece, start in zip(self.pieces, self._starts, strict=True):
            held += bytes(start - done)
            done = start + piece.length
            self.begun(piece.row)
            for at in range(0, piece.length, _BLOCK):
                held += self._read(piece, piece.at + at, min(_BLOCK, piece.length - at))
                if len(held) >= _BLOCK:
                    yield bytes(held)
                    held.clear()
        if held:
            yield bytes(held)

    def _read(self, piece: Piece, at: int, length: int) -> bytes:
        try:
            data = piece.reader.read_at(at, length)
        except EvidenceError:
            if length > _SMALLEST:
                step = max(_SMALLEST, length // _PARTS)
                parts = range(at, at + length, step)
                return b"".join(self._read(piece, p, min(step, at + length - p)) for p in parts)
            data = b""
        if len(data) < length:
            self.unread[piece.row] = self.unread.get(piece.row, 0) + length - len(data)
        return data.ljust(length, b"\0")

    def runs(self, start: int, end: int) -> tuple[Piece, tuple[ByteRun, ...]]:
        """Return the piece in which a place lies, and the byte runs up to `end` within its file.

        Without a file `file_offset` counts from the place itself.
        """
        number = max(0, bisect_right(self._starts, start) - 1)
        first = self.pieces[number]
        runs = []
        while number < len(self.pieces):
            piece, begin = self.pieces[number], self._starts[number]
            low, high = max(start, begin) - begin, min(end - begin, piece.length)
            if low >= high or (piece.row, piece.member) != (first.row, first.member):
                break
            runs.append(
                ByteRun(
                    file_offset=piece.file_offset + low if piece.row is not None else 0,
                    image_offset=None if piece.image_offset is None else piece.image_offset + low,
                    length=high - low,
                    storage=piece.storage,
                )
            )
            number += 1
            if number == len(self.pieces) or not self._touches(number):
                break
        return first, tuple(runs)

    def offset(self, place: int) -> int:
        """Return where a place lies in its file; without a file, on the media."""
        number = max(0, bisect_right(self._starts, place) - 1)
        return self.pieces[number].file_offset + place - self._starts[number]
