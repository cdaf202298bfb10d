"""YAFFS2 in a dump of NAND flash: recognised by how pages and their spare areas agree.

YAFFS2 has no mark and no superblock: each page is an object header or content, and tags in the
spare area behind it say of which object. TSK reads pages of 2048 bytes with 64 of spare alone, and
guesses where in the spare area the tags lie. So that neither it nor we are fooled, the guess is
made here as TSK makes it, and then held against the headers: the tags must say the same as they.

Sources: yaffs2 `yaffs_guts.h`, `yaffs_packedtags2.c`, `mkyaffs2image.c`; TSK 4.15 `yaffs.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from triage.errors import EvidenceError
from triage.evidence.arrays import Array, Ints, groups
from triage.model import Reader

NAME = "yaffs2"
PAGE, SPARE = 2048, 64  # bytes, as TSK has them
PAGES_A_BLOCK = 64
LONGEST_LINK = 160
_OTHERS = ((4096, 128), (4096, 224), (8192, 256), (8192, 448))  # geometries that TSK does not read

_LOOKED_AT = 16  # blocks at the start of which one must hold something
_SAMPLED = 10  # blocks, and pages of each, that TSK guesses from
_TAGS = 16  # bytes
_HEADER = 512  # bytes of a page that an object header can use
_LEAST_HEADERS = 2
_MOST_BLOCKS = 1 << 16  # 8.6 GB, more than any device with YAFFS2
_MOST_STEPS = 4_000_000_000  # TSK sorts pages into lists; about ten seconds

_FIRST_SEQUENCE, _LAST_SEQUENCE = 0x1000, 0xEFFFFF00
_LAST_OBJECT = 0x3FFFF
_ERASED = 0xFF
_EXTRA, _PARENT, _TYPE = 0x80000000, 0x0FFFFFFF, 28
_CHECKPOINT = 0x21  # the sequence of blocks in which the driver keeps its own state
_FILE, _LINK, _FOLDER, _HARD_LINK, _SPECIAL = 1, 2, 3, 4, 5
_MODES = {_FILE: 0o100000, _LINK: 0o120000, _FOLDER: 0o040000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flash:
    """A flash with YAFFS2 on it. `problem` is why TSK cannot read it, in our own words."""

    page: int
    spare: int
    problem: str | None = None


def recognise(reader: Reader, offset: int, length: int) -> Flash | None:
    """Say whether YAFFS2 lies there; None when it does not."""
    length = min(length, reader.size - offset)
    try:
        for page, spare in ((PAGE, SPARE), *_OTHERS):
            sample = _sample(_Blocks(reader, offset, length, page, spare))
            places = _places(sample, page) if sample is not None else []
            if sample is None or not any(_agree(sample, page, place) for place in places):
                continue
            if (page, spare) != (PAGE, SPARE):
                problem = f"pages of {page} and {spare} bytes, which are not read"
                return Flash(page=page, spare=spare, problem=problem)
            return Flash(page=page, spare=spare, problem=_problem(reader, offset, length))
    except EvidenceError:
        return None
    return None


@dataclass(frozen=True, slots=True)
class _Blocks:
    reader: Reader
    offset: int
    length: int
    page: int
    spare: int

    @property
    def count(self) -> int:
        """Whole erase blocks of 64 pages."""
        return self.length // (self.stride * PAGES_A_BLOCK)

    @property
    def stride(self) -> int:
        return self.page + self.spare

    def pages(self, block: int, count: int) -> Array:
        """Return the first pages of a block as rows."""
        at = self.offset + block * PAGES_A_BLOCK * self.stride
        data = self.reader.read_at(at, count * self.stride)
        return np.frombuffer(data, dtype=np.uint8).reshape(-1, self.stride)

    def written(self, block: int) -> bool:
        """Whether the block holds enough for TSK: its tenth page has a spare area in use."""
        at = (block * PAGES_A_BLOCK + _SAMPLED - 1) * self.stride + self.page
        spare = self.reader.read_at(self.offset + at, self.spare)
        return bool(spare.strip(b"\x00\xff"))


def _sample(blocks: _Blocks, most: int = _LOOKED_AT) -> Array | None:
    """Return the pages that TSK would guess from, those of one block behind those of the other."""
    found: list[Array] = []
    for block in range(min(blocks.count, most)):
        if blocks.written(block):
            found.append(blocks.pages(block, _SAMPLED))
            if len(found) == _SAMPLED:
                break
    return np.stack(found) if found else None


def _places(sample: Array, page: int) -> list[int]:
    """Return where in the spare area the tags may lie, as TSK decides it (yaffs.cpp)."""
    spare = sample[:, :, page:]
    size = spare.shape[2]
    found = []
    for place in range(size - _TAGS + 1):
        tags = spare[:, :, place : place + _TAGS]
        later = tags[:, 1:]
        sequence = later[:, :, :4]
        fine = (
            not np.any(np.all(sequence == _ERASED, axis=2))
            and not np.any(np.all(sequence == 0, axis=2))
            and np.array_equal(sequence, tags[:, :-1, :4])
            and not np.any(np.all(later[:, :, 4:8] == 0, axis=2))
            and not np.any(np.all(later == later[:, :, :1], axis=2))
        )
        if fine:
            found.append(place)
    good = [place for place in found if not np.all(spare[:, 1:, place] == _ERASED)]
    return good + [place for place in found if place not in good]


def _agree(sample: Array, page: int, place: int) -> bool:
    """Whether the headers among the pages say the same as tags at this place."""
    headers = others = wrong = 0
    for row in sample.reshape(-1, sample.shape[2]):
        sequence, number, chunk, count = _numbers(row[page + place : page + place + _TAGS])
        if sequence == _CHECKPOINT:
            continue
        if not _FIRST_SEQUENCE <= sequence <= _LAST_SEQUENCE:
            wrong += 1
        elif chunk & _EXTRA or chunk == 0:
            said = (number >> _TYPE, chunk & _PARENT) if chunk & _EXTRA else None
            fits = _is_header(row[:page].tobytes(), said)
            headers, wrong = headers + fits, wrong + (not fits)
        elif number <= _LAST_OBJECT and 0 < count <= page:
            others += 1
        else:
            wrong += 1
    return headers >= _LEAST_HEADERS and wrong * 8 <= headers + others


def _numbers(data: Array) -> tuple[int, ...]:
    return tuple(np.frombuffer(data.tobytes(), dtype="<u4").tolist())


def _is_header(page: bytes, said: tuple[int, int] | None) -> bool:
    """Whether a page is an object header, of the type and with the parent that its tags say."""
    kind, parent = (int.from_bytes(page[at : at + 4], "little") for at in (0, 4))
    mode = int.from_bytes(page[0x10C:0x110], "little")
    return (
        _FILE <= kind <= _SPECIAL
        and 0 < parent <= _LAST_OBJECT
        and (kind not in _MODES or mode & 0o170000 == _MODES[kind])
        and b"\x00" in page[10 : 10 + 256]
        and page[_HEADER:].strip(b"\xff") == b""
        # The low bits: tags keep flags of their own above the parent.
        and (said is None or (said[0] == kind and said[1] & _LAST_OBJECT == parent & _LAST_OBJECT))
    )


def _problem(reader: Reader, offset: int, length: int) -> str | None:
    """Return why TSK would not read this as it is."""
    blocks = _Blocks(reader, offset, length, PAGE, SPARE)
    if blocks.count > _MOST_BLOCKS:
        return "more than 8 GB, which is not read"
    sample = _sample(blocks, blocks.count)
    places = _places(sample, PAGE) if sample is not None else []
    if sample is None or not places or not _agree(sample, PAGE, places[0]):
        return "the place of the tags cannot be told, so it is not read"
    if _steps(blocks, places[0]) > _MOST_STEPS:
        return "too many pages of one object, which is not read"
    return None


def _steps(blocks: _Blocks, place: int) -> int:
    """Return how often TSK goes from one page to the next to sort them: it uses plain lists."""
    numbers: Ints = np.sort(np.concatenate([*_objects(blocks, place), np.zeros(0, dtype="<i8")]))
    _, counts = groups(numbers)
    within = int(np.sum(counts * counts)) // 2
    return within + int(np.sum(counts * np.arange(len(counts))))


def _objects(blocks: _Blocks, place: int) -> Iterator[Any]:
    """Yield the object numbers of all pages in use, block by block."""
    for block in range(blocks.count + 1):
        at = block * PAGES_A_BLOCK * blocks.stride
        count = min(PAGES_A_BLOCK, (blocks.length - at) // blocks.stride)
        if count <= 0:
            return
        spare = blocks.pages(block, count)[:, PAGE + place : PAGE + place + _TAGS]
        tags = np.ascontiguousarray(spare).view("<u4").astype(np.int64)
        header = tags[:, 2] & _EXTRA != 0
        number = np.where(header, tags[:, 1] & _PARENT, tags[:, 1])
        used = (tags[:, 0] >= _FIRST_SEQUENCE) & (tags[:, 0] <= _LAST_SEQUENCE)
        yield number[used & (number <= _LAST_OBJECT)]
