"""Raw images, whole or split: the media byte for byte, in one file or in numbered pieces."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

from triage.errors import DamagedImageError, EvidenceError, UnsupportedImageError
from triage.evidence.segments import SegmentFile, clamp, neighbours, open_all
from triage.model import Container, ImageInfo

_SUFFIX = re.compile(r"\.(?:(?P<digits>\d{2,5})|(?P<letters>[a-z]{1,3}|[A-Z]{1,3}))\Z", re.ASCII)
_USUAL_WIDTH = 3  # of `.001`; a lone `.02` or `.2024` may as well be a name
_NEAR = 26
_SECTOR = 512
_OTHER_KINDS = frozenset((".e01", ".s01", ".ex01", ".l01", ".lx01", ".ad1", ".aff", ".aff4")) | {
    *(".vmdk", ".vhd", ".vhdx", ".qcow2", ".vdi", ".dmg")
}


class RawImage:
    """Random access to the media of a raw image.

    `missing` are the (offset, length) ranges that no segment holds, only ever filled with
    `allow_incomplete`; reading there raises EvidenceError.
    """

    sector_size: int | None = None  # raw bytes do not say
    bad_ranges: tuple[tuple[int, int], ...] = ()  # nor have they checksums

    def __init__(
        self, files: dict[int, SegmentFile], lengths: list[int], notes: tuple[str, ...]
    ) -> None:
        """Take segment number → open file, and the length that each segment stands for."""
        self._files = files
        self._starts = [0, *accumulate(lengths)]
        self.size = self._starts[-1]
        self.missing = tuple(self._gaps())
        ordered = tuple(file.segment for _, file in sorted(files.items()))
        self.info = ImageInfo(
            container=Container.RAW if len(lengths) == 1 else Container.SPLIT_RAW,
            segments=ordered,
            media_size=self.size,
            sector_size=None,
            stored_hashes={},
            header={},
            notes=notes,
        )

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes of the media from `offset`, fewer only at its end.

        Raises EvidenceError in a missing range and where the host cannot read.
        """
        end = offset + clamp(offset, length, self.size)
        parts = []
        while offset < end:
            number = bisect_right(self._starts, offset) - 1
            start = self._starts[number]
            wanted = min(end, self._starts[number + 1]) - offset
            file = self._files.get(number)
            data = file.read_at(offset - start, wanted) if file else b""
            if len(data) < wanted:
                raise EvidenceError(f"no segment holds the bytes at {offset + len(data)}")
            parts.append(data)
            offset += wanted
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def bad_in(self, offset: int, length: int) -> bool:  # noqa: ARG002 - the interface of media
        """Return False: raw bytes have no checksum to be wrong."""
        return False

    def changed(self) -> tuple[str, ...]:
        """Return the names of segments that were written to since they were opened."""
        return tuple(file.name for file in self._files.values() if file.changed())

    def close(self) -> None:
        """Close every segment."""
        for file in self._files.values():
            file.close()

    def _gaps(self) -> list[tuple[int, int]]:
        gaps = []
        for number, (start, end) in enumerate(pairwise(self._starts)):
            held = self._files[number].size if number in self._files else 0
            if start + held < end:
                gaps.append((start + held, end - start - held))
        return gaps


def open_raw(path: Path, *, allow_incomplete: bool = False) -> RawImage:
    """Open a raw image given its only or its first segment; the others lie beside it.

    First segments are `NAME.000`, `.001`, `.a`, `.aa` and the like. Raises UnsupportedImageError
    when `path` is a later segment, DamagedImageError when a segment is missing or is not as long
    as the first. With `allow_incomplete` what is missing is reported in `missing` instead.
    """
    scheme = _scheme(path)
    names = _set_of(path, scheme) if scheme else {0: path.name}
    count = max(names) + 1
    absent = [scheme.name(number) for number in range(count) if scheme and number not in names]
    if absent and not allow_incomplete:
        raise DamagedImageError(
            f"segment {absent[0]} is missing" + _and_others(absent), where=path.name
        )
    opened = open_all(path.with_name(name) for name in names.values())
    files = dict(zip(names, opened, strict=True))
    odd = _odd_sizes(files, count)
    if odd and not allow_incomplete:
        for file in opened:
            file.close()
        raise DamagedImageError(odd[0], where=path.name)
    return RawImage(
        files,
        [files[0].size] * (count - 1) + [files[count - 1].size],
        (*(f"segment {name} is missing" for name in absent), *odd, *_remarks(path, scheme, files)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scheme:
    """How the segments of one image are numbered; number 0 is the first segment."""

    number: int  # of the file that was given
    name: Callable[[int], str]
    number_of: Callable[[str], int | None]


def _scheme(path: Path) -> _Scheme | None:
    """Return how `path` is numbered, or None when it is a whole image.

    Raises UnsupportedImageError when `path` is not the first segment.
    """
    match = _SUFFIX.search(path.name)
    if match is None:
        return None
    stem = path.name[: match.start()]
    if match["digits"] is not None:
        scheme = _by_digits(path, stem, match["digits"])
    else:
        scheme = _by_letters(path, stem, match["letters"])
    if scheme is None or scheme.number == 0:
        return scheme
    first = scheme.name(0)
    there = path.with_name(first).exists()
    raise UnsupportedImageError(
        f"is a later segment of a split image; give the first one, {first}"
        + ("" if there else ", which is not here"),
        where=path.name,
    )


def _by_digits(path: Path, stem: str, digits: str) -> _Scheme | None:
    width, given = len(digits), int(digits)
    start = 0 if path.with_name(f"{stem}.{0:0{width}}").exists() else 1
    if given > start and width != _USUAL_WIDTH:
        previous = path.with_name(f"{stem}.{given - 1:0{width}}")
        if not previous.exists():
            return None  # image.2024 is a name, not segment 2024
    pattern = re.compile(rf"{re.escape(stem)}\.(\d{{{width},}})", re.ASCII)

    def name(number: int) -> str:
        return f"{stem}.{number + start:0{width}}"

    def number_of(other: str) -> int | None:
        found = pattern.fullmatch(other)
        if found is None or name(number := int(found[1]) - start) != other:
            return None
        return number if number >= 0 else None

    return _Scheme(number=given - start, name=name, number_of=number_of)


def _by_letters(path: Path, stem: str, letters: str) -> _Scheme | None:
    base = ord("a" if letters.islower() else "A")
    width = len(letters)

    def name(number: int) -> str:
        text = ""
        for _ in range(width):
            number, digit = divmod(number, 26)
            text = chr(base + digit) + text
        return f"{stem}.{text}"

    def value(text: str) -> int:
        total = 0
        for char in text:
            total = total * 26 + ord(char) - base
        return total

    def number_of(other: str) -> int | None:
        suffix = other[len(stem) + 1 :]
        fits = other.startswith(f"{stem}.") and len(suffix) == width and suffix.isascii()
        return value(suffix) if fits and suffix.isalpha() and name(value(suffix)) == other else None

    given = value(letters)
    if given and not (
        path.with_name(name(0)).exists() and path.with_name(name(given - 1)).exists()
    ):
        return None  # image.dd is a name, not segment 82
    return _Scheme(number=given, name=name, number_of=number_of)


def _set_of(path: Path, scheme: _Scheme) -> dict[int, str]:
    """Return number → name of every segment beside `path`, in order.

    Behind a gap a name alone is no proof: image.md or image.2024 may lie beside image.aa or
    image.001. It counts when the number is near, or the file is as long as the first segment.
    """
    beside = {}
    for name in neighbours(path):
        number = scheme.number_of(name)
        if number:
            beside[number] = name
    size = _size(path)
    found = {0: path.name}
    for number, name in sorted(beside.items()):
        same_width = len(name) == len(path.name) and name[-1].isdigit()
        near = number - max(found) <= _NEAR
        if same_width or near or _size(path.with_name(name)) == size:
            found[number] = name
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _odd_sizes(files: dict[int, SegmentFile], count: int) -> list[str]:
    """Return what is wrong with the lengths: all but the last equal the first, the last fits."""
    size = files[0].size
    odd = []
    for number, file in files.items():
        last = number == count - 1
        if file.size > size or (file.size < size and not last) or file.size == 0:
            odd.append(f"segment {file.name} has {file.size} bytes, the first one {size}")
    return odd


def _remarks(path: Path, scheme: _Scheme | None, files: dict[int, SegmentFile]) -> Iterator[str]:
    if scheme is not None and len(files) == 1:
        yield f"named like the first of several segments, but {scheme.name(1)} is not beside it"
    if path.suffix.lower() in _OTHER_KINDS:
        yield f"named {path.suffix}, but its bytes are not of that kind: read as raw"
    if sum(file.size for file in files.values()) % _SECTOR:
        yield f"the size is not a multiple of {_SECTOR} bytes"


def _and_others(absent: list[str]) -> str:
    return f", and {len(absent) - 1} more" if len(absent) > 1 else ""
