"""The segment files of one EWF image: found beside the first, checked, their chunks in order.

pyewf opens a set whose middle or last segment is missing as if nothing were wrong; here every
segment but the last must end in `next`, the last in `done`, and each carry its own number.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from triage.errors import DamagedImageError, EvidenceError, ImageError, UnsupportedImageError
from triage.evidence.ewf_sections import (
    Geometry,
    SegmentContent,
    Table,
    read_segment,
    segment_number,
)
from triage.evidence.segments import SegmentFile, neighbours
from triage.model import Container, ImageInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSet:
    """Everything that reading the media needs. Offsets and lengths in bytes of the media."""

    files: tuple[SegmentFile, ...]
    chunk_size: int
    placed: tuple[tuple[int, Table], ...]  # number of its first chunk → table, ascending
    size: int
    info: ImageInfo
    unreadable: tuple[tuple[int, int], ...]  # (offset, length), as the imager reported


def read_set(path: Path, *, allow_incomplete: bool) -> SegmentSet:
    """Open and check the segments of the image whose first one is `path`: see `open_ewf`."""
    collector = _Collector(path, allow_incomplete=allow_incomplete)
    try:
        return collector.collect()
    except BaseException:
        collector.close()
        raise


class _Collector:
    def __init__(self, path: Path, *, allow_incomplete: bool) -> None:
        self._path = path
        self._lenient = allow_incomplete
        self._files: list[SegmentFile] = []
        self._segments: dict[int, SegmentContent] = {}
        self._notes: list[str] = []

    def close(self) -> None:
        for file in self._files:
            file.close()

    def collect(self) -> SegmentSet:
        self._read(1, self._path)
        geometry = self._segments[1].geometry
        if geometry is None:
            raise DamagedImageError("has no volume section", where=self._path.name)
        self._follow()
        for number, segment in tuple(self._segments.items()):
            self._same_set(number, segment, geometry)
        ordered = [self._segments[number] for number in sorted(self._segments)]
        for segment in ordered:
            self._notes += segment.notes
        placed, size = self._place(geometry)
        stored = self._stored_hashes(ordered)
        unreadable = tuple(
            (first * geometry.sector_size, count * geometry.sector_size)
            for segment in ordered
            for first, count in segment.unreadable
        )
        if unreadable:
            total = sum(length for _, length in unreadable) // geometry.sector_size
            self._notes.append(f"the imager could not read {total} sectors and filled them")
        if not stored:
            self._notes.append("no acquisition hash is stored")
        info = ImageInfo(
            container=Container.EWF,
            segments=tuple(file.segment for file in self._files),
            media_size=size,
            sector_size=geometry.sector_size,
            stored_hashes=stored,
            header=self._segments[1].header,
            notes=tuple(self._notes),
        )
        return SegmentSet(
            files=tuple(self._files),
            chunk_size=geometry.chunk_size,
            placed=tuple(placed),
            size=size,
            info=info,
            unreadable=unreadable,
        )

    def _problem(self, message: str, name: str) -> None:
        error = DamagedImageError(message, where=name)
        if not self._lenient:
            raise error
        self._notes.append(str(error))

    def _read(self, number: int, path: Path) -> None:
        file = SegmentFile(path)
        self._files.append(file)
        content = SegmentContent(number=number)
        try:
            found = segment_number(file)
            if found != number:
                raise _misnumbered(file.name, found, number)
            self._segments[number] = content
            read_segment(file, content)
        except (DamagedImageError, EvidenceError) as error:
            if not self._lenient or (number == 1 and content.geometry is None):
                raise
            self._notes.append(str(error))

    def _follow(self) -> None:
        """Read the later segments. The set must be whole, and end where it says so."""
        names = _Names(self._path)
        last = max((number for number in names.numbers if names.is_segment(number)), default=1)
        for number in range(2, last + 1):
            before = self._segments.get(number - 1)
            if before is not None and before.ending == "done":
                self._notes.append(
                    f"ends with {names.of(number - 1)}; {names.of(last)} is not part of it"
                )
                return
            self._read_if_there(number, names)
        final = self._segments.get(last)
        if final is None or final.ending == "next":
            self._read_if_there(last + 1, names)

    def _read_if_there(self, number: int, names: _Names) -> None:
        if number in names.numbers:
            self._read(number, self._path.with_name(names.of(number)))
        else:
            self._problem("this segment is missing", names.of(number))

    def _same_set(self, number: int, segment: SegmentContent, geometry: Geometry) -> None:
        other = segment.geometry
        if other is None:
            return
        if any(other.set_id) and any(geometry.set_id) and other.set_id != geometry.set_id:
            self._problem("belongs to another image", self._name(number))
            del self._segments[number]

    def _name(self, number: int) -> str:
        return next(
            (file.name for file in self._files if segment_number(file) == number), str(number)
        )

    def _place(self, geometry: Geometry) -> tuple[list[tuple[int, Table]], int]:
        """Return each table with the number of its first chunk, and the size of the media.

        Nothing in a segment says which chunks it holds. Those before the first hole are counted
        from the start; those behind the last one back from the end, if the set has an end.
        """
        needed = -(-geometry.media_size // geometry.chunk_size)
        if geometry.chunks != needed:
            self._notes.append(
                f"says it has {geometry.chunks} chunks, but its sectors make {needed}"
            )
        whole = [n for n, segment in self._segments.items() if segment.ending is not None]
        front: list[Table] = []
        number = 1
        while number in self._segments:
            front += self._segments[number].tables
            if number not in whole or self._segments[number].ending == "done":
                break
            number += 1
        complete = number in self._segments and self._segments[number].ending == "done"
        placed = list(_numbered(front, 0))
        held = sum(table.count for table in front)
        size = geometry.media_size
        if complete and held < needed:
            self._problem(
                f"holds {held} of the {needed} chunks that its size needs", self._path.name
            )
            size = held * geometry.chunk_size
        elif complete and held > needed:
            self._notes.append(f"holds {held} chunks, {held - needed} more than its size needs")
        elif not complete:
            size = min(size, max(geometry.chunks, held) * geometry.chunk_size)
            placed += self._behind(number, whole, needed, held)
        if size == 0:
            raise DamagedImageError("holds no chunk", where=self._path.name)
        return placed, size

    def _behind(
        self, broken: int, whole: list[int], needed: int, held: int
    ) -> Iterator[tuple[int, Table]]:
        last = max(self._segments)
        if self._segments[last].ending != "done":
            return
        back: list[Table] = []
        number = last
        while number > broken and number in whole:
            back = self._segments[number].tables + back
            number -= 1
        start = needed - sum(table.count for table in back)
        if back and start >= held:
            self._notes.append("segments behind the hole are placed by counting from the end")
            yield from _numbered(back, start)

    def _stored_hashes(self, segments: list[SegmentContent]) -> dict[str, str]:
        stored: dict[str, str] = {}
        for segment in segments:
            for name, value in segment.hashes:
                if stored.setdefault(name, value) != value:
                    self._notes.append(f"two different {name} hashes are stored")
        return stored


class _Names:
    """The names of a set, found whatever their case: .E01 and .e02 occur together."""

    def __init__(self, first: Path) -> None:
        self._first = first
        expected = (first.name, *segment_names(first.name))
        present = neighbours(first)
        exact = set(present)
        folded = {name.casefold(): name for name in sorted(present)}
        found = {
            number: name if name in exact else folded.get(name.casefold())
            for number, name in enumerate(expected, start=1)
        }
        self._expected = expected
        self._found = {number: name for number, name in found.items() if name is not None}
        self.numbers = frozenset(self._found) - {1}

    def of(self, number: int) -> str:
        """Return the name that a segment has, or would have."""
        if number in self._found:
            return self._found[number]
        return self._expected[number - 1] if number <= len(self._expected) else f"number {number}"

    def is_segment(self, number: int) -> bool:
        """Whether the file is one: image.vhd beside image.E01 is named like segment 11,960."""
        try:
            file = SegmentFile(self._first.with_name(self._found[number]))
        except ImageError:
            return False
        try:
            return segment_number(file) > 0
        except (DamagedImageError, EvidenceError):
            return False
        finally:
            file.close()


def _misnumbered(name: str, found: int, expected: int) -> ImageError:
    if expected > 1:
        return DamagedImageError(f"is number {found} inside, not {expected}", where=name)
    stem, _, suffix = name.rpartition(".")
    first = f"the first one, {stem}.{suffix[0]}01" if suffix[1:].isdigit() else "the first one"
    return UnsupportedImageError(f"is segment {found} of an EWF image; give {first}", where=name)


def segment_names(first: str) -> Iterator[str]:
    """Yield the names of the later segments: E02 … E99, EAA … EZZ, FAA … ZZZ.

    A first segment with another kind of name stands alone.
    """
    stem, dot, suffix = first.rpartition(".")
    if not dot or len(suffix) != 3 or suffix[1:] != "01" or suffix[0] not in string.ascii_letters:  # noqa: PLR2004
        return
    letters = string.ascii_lowercase if suffix[0].islower() else string.ascii_uppercase
    yield from (f"{stem}.{suffix[0]}{number:02}" for number in range(2, 100))
    for one in letters[letters.index(suffix[0]) :]:
        yield from (f"{stem}.{one}{two}{three}" for two in letters for three in letters)


def _numbered(tables: list[Table], first: int) -> Iterator[tuple[int, Table]]:
    for table in tables:
        yield first, table
        first += table.count
