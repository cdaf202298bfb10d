"""The worker's side: the bytes of a part, from wherever they lie, once through everything.

What lies plainly on the media is read there, as `dd` would see it; what is compressed or stands in
a metadata entry is read through the file system. Of a deleted file only those clusters count that
no other file has now: the rest is somebody else's content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec
import numpy as np

from triage.engine import messages as m
from triage.engine.place import Place
from triage.engine.scan.inside import MARK, Member, Opening, is_archive
from triage.engine.scan.plan import PART, Plan
from triage.engine.scan.seekers import SEEKERS, Seeker, Watch
from triage.engine.scan.sightings import PLACES, Seen, Sightings
from triage.engine.scan.strand import Piece, Strand
from triage.errors import EvidenceError
from triage.evidence.extents import Extents
from triage.evidence.free_space import FreeSpace
from triage.evidence.index import Index
from triage.evidence.tree import FileTree
from triage.formats.scan import scan_blocks
from triage.model import ByteRun, Reader, Storage

BEFORE: Final = 256 << 10
BEHIND: Final = 128 << 10
"""Bytes around a part of something larger: what begins in it is seen whole, in its context."""

_ROUNDED: Final = 64 << 10  # what is outside of the scope is left out to the end of its cluster
_HELD: Final = 32 << 20  # bytes out of archives that are scanned at once
_PLAIN: Final = (Storage.PLAIN, Storage.SPARSE)


class Ground(Protocol):
    """What bytes are scanned of: the media, or a layer on them."""

    def bad_in(self, offset: int, length: int) -> bool:
        """Whether bytes that are not sound were met there."""
        ...

    def on_media(self, runs: Iterable[ByteRun]) -> tuple[ByteRun, ...]:
        """Return byte runs as they lie on the media."""
        ...


@dataclass(slots=True, kw_only=True)
class Volume:
    """One volume as a worker scans it."""

    tree: FileTree
    index: Index
    plan: Plan
    media: Reader | None
    free: FreeSpace | None

    def runs(self, row: int) -> tuple[ByteRun, ...]:
        """Return where the content of a row lies."""
        return self.tree.runs(self.index.address(row))


def _in(free: Extents | None, start: int, end: int) -> list[tuple[int, int]]:
    """Return the parts of a stretch that are free; all of it where that is not asked."""
    return [(start, end)] if free is None else list(free.within(start, end))


def _archives(pieces: Sequence[Piece]) -> Iterator[int]:
    """Yield the rows of files that begin like an archive."""
    for piece in pieces:
        if piece.row is not None and piece.file_offset == 0:
            with suppress(EvidenceError):
                if is_archive(piece.reader.read_at(piece.at, MARK)):
                    yield piece.row


def _of_member(row: int, member: Member) -> Piece:
    return Piece(
        row=row,
        reader=member.reader,
        at=0,
        file_offset=0,
        image_offset=None,
        length=member.reader.size,
        storage=Storage.NESTED,
        member=member.names,
    )


class _Nothing:
    """The content of a file that cannot be opened: all of it is unread."""

    size = 0

    def read_at(self, offset: int, length: int) -> bytes:
        del offset, length
        raise EvidenceError("content cannot be opened")


@dataclass(slots=True)
class _Laid:
    """Where the content of files lies, for the reply."""

    rows: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    overwritten: int = 0

    def add(
        self, row: int, runs: Sequence[ByteRun], *, free: Extents | None, rounded: bool
    ) -> None:
        """Note where a file lies; of a deleted one what is free, the rest is another's."""
        for run in runs:
            if run.image_offset is None or run.storage is Storage.RESIDENT:
                continue
            end = run.image_offset + run.length
            end += -end % _ROUNDED if rounded else 0
            for start, stop in _in(free, run.image_offset, end):
                self.rows.append(row)
                self.starts.append(start)
                self.ends.append(stop)

    def packed(self) -> bytes:
        return np.array([self.rows, self.starts, self.ends], dtype="<i8").T.tobytes()


@dataclass(slots=True, kw_only=True)
class Sweep:
    """Scans parts and answers what stands in them."""

    ground: Ground
    place: Place
    progress: Callable[[int], None]
    most: int  # different things of one file that are listed
    send_secrets: bool
    inflated: int = 1 << 30  # bytes that may come out of one archive
    seekers: Sequence[Seeker] = SEEKERS

    def files(self, volume: Volume, request: m.ScanFiles) -> Iterator[m.AnyReply]:
        """Scan some files of a volume."""
        pieces: list[Piece] = []
        laid, files = _Laid(), 0
        part = request.part
        for row in volume.plan.rows[part.first : part.first + part.count]:
            if row in request.avoid:
                continue
            self.place.mark(row)
            files += row not in volume.plan.excluded
            pieces += self._pieces(volume, row, part.at, laid)
        strand = Strand(pieces, lambda row: self.place.mark(-1 if row is None else row))
        end = part.at + PART if volume.plan.sizes[part.first] > PART else None
        yield from self._sightings(strand, volume, part.at, end)
        if part.at == 0:
            yield from self._inside(volume, pieces)
        yield m.Scanned(
            files=files if part.at == 0 else 0,
            size=sum(piece.length for piece in pieces),
            unread=sum(n for row, n in strand.unread.items() if self._allocated(volume, row)),
            unread_deleted=sum(
                n for row, n in strand.unread.items() if not self._allocated(volume, row)
            ),
            overwritten=laid.overwritten,
            laid=laid.packed(),
        )

    def space(self, media: Reader, request: m.ScanSpace) -> Iterator[m.AnyReply]:
        """Scan some stretches of the media."""
        pieces = [
            Piece(
                row=None,
                reader=media,
                at=start,
                file_offset=start,
                image_offset=start,
                length=end - start,
                storage=Storage.PLAIN,
            )
            for start, end in Extents.unpacked(request.stretches)
        ]
        strand = Strand(pieces)
        yield from self._sightings(strand, None, request.first, request.last)
        yield m.Scanned(
            files=0,
            size=sum(piece.length for piece in pieces),
            unread=sum(strand.unread.values()),
            unread_deleted=0,
            overwritten=0,
            laid=b"",
        )

    def _inside(self, volume: Volume, pieces: Sequence[Piece]) -> Iterator[m.AnyReply]:
        """Scan what archives hold, some members at a time."""
        archives = members = size = unread = cut = 0
        held: list[Piece] = []
        for row in _archives(pieces):
            self.place.mark(row)
            opening = Opening(left=self.inflated)
            try:
                reader = volume.tree.open(volume.index.address(row))
            except EvidenceError:
                continue
            archives += 1
            for member in opening.members(reader):
                held.append(_of_member(row, member))
                members, size = members + 1, size + held[-1].length
                self.progress(size)
                if sum(piece.length for piece in held) > _HELD:
                    yield from self._sightings(Strand(held), None, 0, None)
                    held = []
            unread, cut = unread + opening.unread, cut + opening.cut
        yield from self._sightings(Strand(held), None, 0, None)
        if archives:
            yield m.Inside(archives=archives, members=members, size=size, unread=unread, cut=cut)

    @staticmethod
    def _allocated(volume: Volume, row: int | None) -> bool:
        return row is not None and volume.index.allocated(row)

    def _pieces(self, volume: Volume, row: int, at: int, laid: _Laid) -> Iterator[Piece]:
        """Yield what of a file is read in a part that begins at byte `at` of it."""
        runs, size = volume.runs(row), volume.index.size(row)
        excluded, deleted = row in volume.plan.excluded, not volume.index.allocated(row)
        free = volume.free.free if volume.free is not None and deleted else None
        if volume.media is not None and at == 0:
            laid.add(row, runs, free=None if excluded else free, rounded=excluded)
        if excluded:
            return
        plain = volume.media is not None and bool(runs)
        if volume.media is None or not plain or any(run.storage not in _PLAIN for run in runs):
            yield from self._through_tree(volume, row, runs, at, min(size, at + PART + BEHIND))
            return
        low, high = max(0, at - BEFORE), at + PART + BEHIND
        for run in runs:
            first = max(run.file_offset, low)
            last = min(run.file_offset + run.length, high)
            if run.image_offset is None or first >= last:
                continue
            place = run.image_offset + first - run.file_offset
            wanted = _in(free, place, place + last - first)
            laid.overwritten += last - first - sum(end - start for start, end in wanted)
            for start, end in wanted:
                yield Piece(
                    row=row,
                    reader=volume.media,
                    at=start,
                    file_offset=first + start - place,
                    image_offset=start,
                    length=end - start,
                    storage=Storage.PLAIN,
                )

    @staticmethod
    def _through_tree(
        volume: Volume, row: int, runs: Sequence[ByteRun], at: int, end: int
    ) -> Iterator[Piece]:
        low = max(0, at - BEFORE)
        try:
            reader = volume.tree.open(volume.index.address(row))
        except EvidenceError:
            reader = _Nothing()
        storage = runs[0].storage if runs else Storage.PLAIN
        place = volume.plan.places.get(row) if storage is Storage.RESIDENT else None
        if storage is Storage.PLAIN and volume.media is None and len(runs) == 1:
            place = runs[0].image_offset  # a member of a tar
        if end > low:
            yield Piece(
                row=row,
                reader=reader,
                at=low,
                file_offset=low,
                image_offset=None if place is None else place + low,
                length=end - low,
                storage=storage,
            )

    def _sightings(
        self, strand: Strand, volume: Volume | None, first: int, last: int | None
    ) -> Iterator[m.Sighted | m.MoreSeen]:
        """Scan a strand; what begins at bytes `first` to `last` of a file or the media counts."""
        sightings = Sightings(self.most)
        counting = _Counting(sightings, strand, volume, first, last)
        watch = Watch(self.seekers)
        for hit in scan_blocks(watch.over(self._counted(strand))):
            counting.add(hit.start, hit.end, hit.what, hit.encoding)
        for start, end, what in watch.found:
            counting.add(start, end, what, "ascii")
        for (row, member), finding, sighting in sightings.findings():
            value = msgspec.to_builtins(finding)
            if not self.send_secrets:
                value["secret"] = None
            yield m.Sighted(
                row=row,
                member=member,
                first=sighting.first,
                count=sighting.count,
                runs=self.ground.on_media(sighting.runs)[:PLACES],
                bad=any(
                    run.image_offset is not None
                    and self.ground.bad_in(run.image_offset, run.length)
                    for run in sighting.runs
                ),
                found=m.Found(kind=finding.kind, finding=value),
            )
        for (row, member), count in sightings.more.items():
            yield m.MoreSeen(row=row, member=member, count=count)

    def _counted(self, strand: Strand) -> Iterator[bytes]:
        done = 0
        for block in strand.blocks():
            yield block
            done += len(block)
            self.progress(done)


@dataclass(slots=True)
class _Counting:
    """Takes what a scan finds, as far as this part is the one to tell it."""

    sightings: Sightings
    strand: Strand
    volume: Volume | None
    first: int
    last: int | None

    def add(self, start: int, end: int, what: Seen, encoding: str) -> None:
        piece, runs = self.strand.runs(start, end)
        offset = self.strand.offset(start)
        if not runs or offset < self.first or (self.last is not None and offset >= self.last):
            return
        place = runs[0].image_offset
        if self.volume is not None and place is not None:
            plan = self.volume.plan
            if piece.row not in plan.places and plan.inside.hold(place):
                return  # in $MFT: told where the file that it belongs to is read
        self.sightings.add((piece.row, piece.member), what, offset, encoding, runs)
