"""Bytes at offsets of something large, zeros between, and the clusters that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from triage.errors import TrainingError


class Canvas:
    """The bytes of a volume or a disk of `size` bytes, written once each."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._pieces: list[tuple[int, bytes | bytearray]] = []

    def put(self, offset: int, data: bytes | bytearray) -> None:
        """Lay `data` at `offset`; the same place must not be written twice."""
        if data:
            self._pieces.append((offset, data))

    def pieces(self) -> Iterator[tuple[int, bytes | bytearray]]:
        """Yield what was put, ascending. Raises ValueError where two overlap or the size ends."""
        end = 0
        for offset, data in sorted(self._pieces, key=lambda piece: piece[0]):
            if offset < end or offset + len(data) > self.size:
                raise ValueError(f"{len(data)} bytes at {offset} overlap or pass the end")
            end = offset + len(data)
            yield offset, data

    def blocks(self, size: int) -> Iterator[bytes]:
        """Yield everything in blocks of `size` bytes, the last one shorter."""
        zeros = bytes(size)
        pieces = self.pieces()
        piece = next(pieces, None)
        for at in range(0, self.size, size):
            end = min(at + size, self.size)
            block: bytearray | None = None
            while piece is not None and piece[0] < end:
                offset, data = piece
                block = block or bytearray(end - at)
                start, stop = max(offset, at), min(offset + len(data), end)
                block[start - at : stop - at] = data[start - offset : stop - offset]
                if stop < offset + len(data):
                    break
                piece = next(pieces, None)
            yield bytes(block) if block else zeros[: end - at]


Runs = tuple[range, ...]
"""Cluster numbers of a file in its order."""


class Clusters:
    """The clusters of a volume, handed out one after the other and never twice.

    Cluster `first` begins at `origin`; there are `count` of `size` bytes. Those in `reserved` are
    used by the file system itself.
    """

    def __init__(
        self,
        canvas: Canvas,
        *,
        origin: int,
        size: int,
        first: int,
        count: int,
        reserved: Iterable[range] = (),
    ) -> None:
        self.size = size
        self._canvas = canvas
        self._origin = origin
        self._first = first
        self._used = np.zeros(count, dtype=np.bool_)
        self._gaps: list[range] = []
        at = first
        for taken in sorted(reserved, key=lambda one: one.start):
            self._used[taken.start - first : taken.stop - first] = True
            if at < taken.start:
                self._gaps.append(range(at, taken.start))
            at = taken.stop
        self._gaps.append(range(at, first + count))

    @property
    def free(self) -> int:
        """How many clusters hold nothing that is allocated."""
        return len(self._used) - int(self._used.sum())

    @property
    def next(self) -> int:
        """Where the search for the next file would begin."""
        return self._gaps[0].start if self._gaps else self._first

    def bitmap(self) -> bytes:
        """One bit a cluster, lowest first, set when it is allocated."""
        return np.packbits(self._used, bitorder="little").tobytes()

    def used(self, first: int, count: int) -> int:
        """Return how many of `count` clusters from `first` are allocated."""
        return int(self._used[first - self._first : first - self._first + count].sum())

    def take(self, count: int, *, allocated: bool = True) -> Runs:
        """Return the next `count` clusters; not `allocated`: given back and still never reused.

        Raises TrainingError when the volume is full.
        """
        runs = []
        while count:
            if not self._gaps:
                raise TrainingError("does not hold what it should: make it larger")
            gap = self._gaps.pop(0)
            run = gap[:count]
            if len(run) < len(gap):
                self._gaps.insert(0, gap[len(run) :])
            runs.append(run)
            count -= len(run)
            if allocated:
                self._used[run.start - self._first : run.stop - self._first] = True
        return tuple(run for run in runs if run)

    def store(self, data: bytes, *, slack: bytes = b"", allocated: bool = True) -> Runs:
        """Lay `data` into new clusters, `slack` behind it in the last one; return them.

        Raises TrainingError when the volume is full or the slack does not fit.
        """
        if slack and len(slack) > -len(data) % self.size:
            raise TrainingError(f"{len(slack)} bytes do not fit behind the end of the file")
        runs = self.take(-(-len(data) // self.size), allocated=allocated)
        self.fill(runs, data + slack if slack else data)
        return runs

    def fill(self, runs: Runs, data: bytes) -> None:
        """Lay `data` into clusters that were taken."""
        at = 0
        for run in runs:
            part = data[at : at + len(run) * self.size]
            self._canvas.put(self._origin + (run.start - self._first) * self.size, part)
            at += len(run) * self.size

    def strew(self, scraps: Iterable[bytes]) -> None:
        """Lay each scrap at the start of a free cluster."""
        for scrap in scraps:
            self.store(scrap, allocated=False)
