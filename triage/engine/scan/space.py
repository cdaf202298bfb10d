"""What lies on the media outside of the files that were scanned, and what each byte of it is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

from triage.engine import messages as m
from triage.engine.scan.plan import PART
from triage.engine.scan.sweep import BEFORE, BEHIND
from triage.evidence.arrays import Ints
from triage.evidence.extents import Extents
from triage.evidence.free_space import FreeSpace
from triage.model import Volume, VolumeState

UNALLOCATED, SLACK, ALLOCATED = "unallocated", "slack", "allocated"
"""What a byte is outside of the content of files: free; behind the end of a file, in its last
cluster; in use by the file system, for its own structures or for files that are longer inside."""

_TRIPLE: Final = 3


Owner: TypeAlias = tuple[int, str, int | None]
"""Volume, what a byte is (empty: nobody can say), the row of the file in whose slack it lies."""


@dataclass(slots=True)
class Laid:
    """Where the content of the files of one volume lies."""

    parts: list[Ints] = field(default_factory=list)  # columns: row, start, end

    def add(self, data: bytes, media: int) -> None:
        """Take what a worker says; what cannot be is left out."""
        whole = len(data) // (8 * _TRIPLE) * 8 * _TRIPLE
        triples = np.frombuffer(data[:whole], "<i8").astype(np.int64).reshape(-1, _TRIPLE)
        starts, ends = triples[:, 1], triples[:, 2]
        self.parts.append(triples[(starts >= 0) & (ends > starts) & (ends <= media + PART)])

    def all(self) -> Ints:
        """Return everything, by end."""
        if not self.parts:
            return np.zeros((0, _TRIPLE), dtype=np.int64)
        found = np.concatenate(self.parts)
        self.parts = [found[np.argsort(found[:, 2], kind="stable")]]
        return self.parts[0]

    def extents(self) -> Extents:
        """Return the bytes."""
        found = self.all()
        return Extents.of(found[:, 1], found[:, 2])


@dataclass(slots=True, kw_only=True)
class Space:
    """The media as far as no file was scanned there."""

    volumes: Sequence[Volume]
    within: str | None  # the layer in which places count; None: the media
    free: Mapping[int, FreeSpace]
    laid: Mapping[int, Laid]
    rest: Extents

    @classmethod
    def of(
        cls,
        volumes: Sequence[Volume],
        *,
        within: str | None = None,
        media: int,
        missing: Iterable[tuple[int, int]],
        left_out: Iterable[int],
        free: Mapping[int, FreeSpace],
        laid: Mapping[int, Laid],
    ) -> Space:
        """Take from the media what files hold, what is missing, and volumes that are left out."""
        rest = Extents.one(0, media)
        for found in laid.values():
            rest -= found.extents()
        out = [(start, start + length) for start, length in missing]
        out += [
            (volumes[number].offset, volumes[number].offset + volumes[number].length)
            for number in left_out
            if volumes[number].within == within
        ]
        for start, end in out:
            rest -= Extents.one(start, end)
        return cls(volumes=volumes, within=within, free=free, laid=laid, rest=rest)

    def requests(self) -> Iterator[m.ScanSpace]:
        """Yield parts of about as many bytes, with some context where a stretch is cut."""
        held: list[tuple[int, int]] = []
        first, total = 0, 0
        for begin, end in self.rest:
            at = begin
            while at < end:
                until = min(end, at + PART - total)
                held.append((max(begin, at - BEFORE), min(end, until + BEHIND)))
                total += until - at
                at = until
                if total >= PART:
                    yield self._request(held, first, at)
                    held, first, total = [], at, 0
        if held:
            yield self._request(held, first, int(self.rest.ends[-1]))

    def owner(self, place: int) -> Owner:
        """Say what a byte belongs to."""
        volume = self._volume(place)
        free = self.free.get(volume)
        if free is None:
            return volume, "", None
        if free.free.hold(place):
            return volume, UNALLOCATED, None
        laid = self.laid[volume].all() if volume in self.laid else np.zeros((0, 3), np.int64)
        at = int(np.searchsorted(laid[:, 2], place, side="right")) - 1
        if at >= 0:
            end = int(laid[at, 2])
            if place < free.cluster_end(end) and not self._between(end, place):
                return volume, SLACK, int(laid[at, 0])
        return volume, ALLOCATED, None

    def _between(self, start: int, end: int) -> bool:
        """Whether not all bytes from one place to another are outside of files."""
        at = bisect_right(self.rest.starts, end) - 1
        return at < 0 or int(self.rest.starts[at]) > start

    def _volume(self, place: int) -> int:
        """Return the smallest volume that holds a byte; of equals the outer one."""
        inside = [
            (volume.length, number)
            for number, volume in enumerate(self.volumes)
            if volume.within == self.within
            and volume.snapshot_of is None
            and volume.offset <= place < volume.offset + volume.length
        ]
        return min(inside)[1] if inside else 0

    def _request(self, held: list[tuple[int, int]], first: int, last: int) -> m.ScanSpace:
        starts = np.array([start for start, _ in held], dtype=np.int64)
        ends = np.array([end for _, end in held], dtype=np.int64)
        stretches = Extents.of(starts, ends).packed()
        return m.ScanSpace(within=self.within, stretches=stretches, first=first, last=last)


def closed(volumes: Sequence[Volume]) -> list[int]:
    """Return the volumes whose bytes say nothing: encrypted, or scanned as what they make up."""
    taken = {
        v.within.rpartition("/")[0]
        for v in volumes
        if v.within and not v.snapshot_of and not (v.in_file and v.within.count("/") == 1)
    }
    return [
        number
        for number, volume in enumerate(volumes)
        if volume.state is VolumeState.LOCKED or volume.name in taken
    ]
