"""Pieces end to end: what is found in a strand leads back to the bytes it was found in."""

from __future__ import annotations

import pytest

from triage.engine.scan.seekers import REACH, Watch
from triage.engine.scan.strand import BETWEEN, Piece, Strand
from triage.errors import EvidenceError
from triage.findings import Finding
from triage.model import Storage


class Bytes:
    """A reader that fails where `bad` says so."""

    def __init__(self, data: bytes, bad: range = range(0)) -> None:
        self.data, self.bad = data, bad

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        if offset < self.bad.stop and offset + length > self.bad.start:
            raise EvidenceError("bad")
        return self.data[offset : offset + length]


MEDIA = bytes(range(256)) * 1024


def piece(
    row: int | None, offset: int, place: int, length: int, reader: Bytes | None = None
) -> Piece:
    return Piece(
        row=row,
        reader=reader or Bytes(MEDIA),
        at=place,
        file_offset=offset,
        image_offset=place,
        length=length,
        storage=Storage.PLAIN,
    )


def test_fragments_touch_and_files_do_not() -> None:
    strand = Strand([piece(1, 0, 100, 10), piece(1, 10, 700, 5), piece(2, 0, 300, 4)])
    whole = b"".join(strand.blocks())
    one, two = MEDIA[100:110] + MEDIA[700:705], MEDIA[300:304]
    begin, after = len(BETWEEN), 2 * len(BETWEEN) + 16
    assert whole == bytes(begin) + one + bytes(after - begin - 15) + two
    first, runs = strand.runs(begin + 8, begin + 14)
    assert first.row == 1
    assert [(run.file_offset, run.image_offset, run.length) for run in runs] == [
        (8, 108, 2),
        (10, 700, 4),
    ]
    assert strand.runs(begin + 12, after + 2)[1][-1].image_offset == 702  # cut at its end
    assert len(strand.runs(begin + 12, after + 2)[1]) == 1
    assert strand.offset(after + 1) == 1
    assert strand.runs(begin + 16, begin + 20)[1] == ()  # between files there is nothing


def test_a_hole_parts_what_stands_on_either_side() -> None:
    strand = Strand([piece(1, 0, 100, 10), piece(1, 4096, 110, 10)])
    assert b"".join(strand.blocks()).strip(b"\0") == MEDIA[100:110] + bytes(518) + MEDIA[110:120]


def test_characters_of_two_bytes_stay_at_even_places() -> None:
    strand = Strand([piece(n, offset, 100, 3) for n, offset in enumerate((0, 0, 7, 12))])
    b"".join(strand.blocks())
    for start in range(5000):
        found = strand.runs(start, start + 1)[1] if start >= 512 else ()
        if found:
            assert start % 16 == found[0].file_offset % 16


def test_only_what_cannot_be_read_is_missing() -> None:
    reader = Bytes(bytes([7]) * (3 << 20), range(1_500_000, 1_500_001))
    strand = Strand([piece(5, 0, 0, 3 << 20, reader)])
    whole = b"".join(strand.blocks())
    assert len(whole) == (3 << 20) + 512
    assert whole.count(0) - 512 == strand.unread[5] == 4096
    cut = Strand([piece(None, 0, len(MEDIA) - 10, 100)])
    assert b"".join(cut.blocks())[-100:] == MEDIA[-10:] + bytes(90)
    assert cut.unread == {None: 90}


@pytest.mark.parametrize("size", [1000, REACH, 3 * REACH + 17, 1 << 20])
def test_seekers_see_each_thing_once(size: int) -> None:
    data = bytearray(700_000)
    places = [0, 5, REACH - 3, REACH, 2 * REACH - 1, 400_000, 699_997]
    for place in places:
        data[place : place + 3] = b"abc"

    def seeker(window: bytes) -> list[tuple[int, int, Finding]]:
        found, at = [], window.find(b"abc")
        while at >= 0:
            found.append((at, at + 3, at))
            at = window.find(b"abc", at + 1)
        return found  # type: ignore[return-value]  # any object will do

    watch = Watch([seeker])
    blocks = [bytes(data[at : at + size]) for at in range(0, len(data), size)]
    assert b"".join(watch.over(blocks)) == data
    assert [start for start, _, _ in watch.found] == places
