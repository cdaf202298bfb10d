from __future__ import annotations

import hashlib
import itertools
import os
import random
import struct
import zlib
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pyewf
import pytest

from tests.evidence.ewf_writer import (
    CHUNK,
    HEADER,
    Section,
    Segment,
    adler,
    segments,
    table,
    write,
)
from triage.errors import DamagedImageError, EvidenceError, UnsupportedImageError
from triage.evidence import ewf, ewf_sections
from triage.evidence.ewf import EwfImage, open_ewf
from triage.evidence.ewf_sections import header_values
from triage.evidence.ewf_set import SegmentSet, segment_names
from triage.evidence.segments import SegmentFile
from triage.model import Container, ImageInfo

CHUNKS = 12


def _media() -> bytes:
    """Zeros, text and noise in turn; the last chunk is not whole."""
    noise = random.Random(7)  # noqa: S311 - the same bytes every time
    kinds = (bytes(CHUNK), (b"the quick brown fox " * 2000)[:CHUNK])
    parts = [(*kinds, noise.randbytes(CHUNK))[number % 3] for number in range(CHUNKS - 1)]
    return b"".join(parts) + noise.randbytes(512 * 5)


MEDIA = _media()


def _by_pyewf(image: EwfImage, folder: Path) -> bytes:
    handle = pyewf.handle()
    handle.open([str(folder / segment.name) for segment in image.info.segments])
    try:
        assert handle.get_media_size() == image.size
        data: bytes = handle.read_buffer_at_offset(image.size, 0)
        return data
    finally:
        handle.close()


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("per_segment", [100, 5, 1])
def test_reads_what_pyewf_reads(tmp_path: Path, per_segment: int, compress: bool) -> None:
    path = write(tmp_path, segments(MEDIA, per_segment=per_segment, compress=compress))
    image = open_ewf(path)
    assert image.size == len(MEDIA)
    assert image.sector_size == 512
    assert image.read_at(0, image.size) == MEDIA == _by_pyewf(image, tmp_path)
    assert list(image.bad_chunks()) == image.bad_ranges == list(image.missing) == []
    assert len(image.info.segments) == -(-CHUNKS // per_segment)
    image.close()


def test_any_range_is_the_slice_of_the_media(tmp_path: Path) -> None:
    image = open_ewf(write(tmp_path, segments(MEDIA, per_segment=4)))
    edges = sorted({0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 4 * CHUNK, len(MEDIA) - 1, len(MEDIA)})
    for start, length in itertools.product(edges, (0, 1, 512, CHUNK, 3 * CHUNK, len(MEDIA))):
        assert image.read_at(start, length) == MEDIA[start : start + length]
    assert image.read_at(len(MEDIA) + 10, 5) == b""


@pytest.mark.parametrize(("offset", "length"), [(-1, 5), (0, -5)])
def test_refuses_a_negative_range(tmp_path: Path, offset: int, length: int) -> None:
    image = open_ewf(write(tmp_path, segments(MEDIA)))
    with pytest.raises(EvidenceError):
        image.read_at(offset, length)


def test_stored_hashes_and_header_are_reported(tmp_path: Path) -> None:
    info = open_ewf(write(tmp_path, segments(MEDIA))).info
    assert info.stored_hashes == {
        "md5": hashlib.md5(MEDIA, usedforsecurity=False).hexdigest(),
        "sha1": hashlib.sha1(MEDIA, usedforsecurity=False).hexdigest(),
    }
    assert info.header == {
        "description": "a disk",
        "case_number": "case 7",
        "evidence_number": "item 3",
        "examiner_name": "E. Xaminer",
        "notes": "no notes",
        "acquiry_software_version": "6.19",
        "acquiry_operating_system": "Linux",
        "acquiry_date": "2023-11-14T22:13:20Z",
        "system_date": "2023-11-14T22:13:20Z",
    }
    assert info.notes == ()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("\t\t\t\t\t\t\t2024 2 3 4 5 6\t\t", {"acquiry_date": "2024-02-03T04:05:06"}),
        ("\t\t\t\t\t\t\t99999999999999999999\t\t0", {"acquiry_date": "99999999999999999999"}),
        ("\t\t\t\t\t\t\t2024 13 3 4 5 6\t\t", {"acquiry_date": "2024 13 3 4 5 6"}),
        ("\t\t\t\t\t\t\t\t\tdeadbeef", {"password": "set"}),
        ("only one value", {"description": "only one value"}),
    ],
)
def test_header_values(line: str, expected: dict[str, str]) -> None:
    assert header_values(HEADER.format(line).encode()) == expected


@pytest.mark.parametrize("data", [b"", b"main", b"1\nmain\na\n", b"\xff\xfe\x00", b"\xff" * 50])
def test_header_values_of_garbage_are_none(data: bytes) -> None:
    assert header_values(data) == {}


def test_header_bytes_that_are_not_text_survive() -> None:
    assert header_values(b"1\nmain\na\nM\xfcller\n") == {"description": "M\udcfcller"}


def test_contradicting_hashes_are_noted(tmp_path: Path) -> None:
    made = segments(MEDIA)
    other = b"\x11" * 16 + bytes(16)
    made[0].find("hash").body = other + adler(other)
    info = open_ewf(write(tmp_path, made)).info
    assert "two different md5 hashes are stored" in info.notes


def test_no_stored_hash_is_noted(tmp_path: Path) -> None:
    made = segments(MEDIA)
    made[0].sections = [s for s in made[0].sections if s.type not in {"hash", "digest"}]
    info = open_ewf(write(tmp_path, made)).info
    assert info.stored_hashes == {}
    assert info.notes == ("no acquisition hash is stored",)


def test_acquisition_errors_are_reported(tmp_path: Path) -> None:
    image = open_ewf(write(tmp_path, segments(MEDIA, errors=((8, 2), (64, 1)))))
    assert image.unreadable == ((8 * 512, 1024), (64 * 512, 512))
    assert "the imager could not read 3 sectors and filled them" in image.info.notes


# --- checksums of chunks ------------------------------------------------------------------------


@pytest.mark.parametrize("compress", [True, False])
def test_a_flipped_byte_marks_its_chunk_and_no_other(tmp_path: Path, compress: bool) -> None:
    made = segments(MEDIA, compress=compress)
    sectors = made[0].find("sectors")
    entries = made[0].find("table").body
    (second,) = struct.unpack_from("<I", entries, 24 + 4)
    at = (second & 0x7FFFFFFF) - 76 + 20
    sectors.body = sectors.body[:at] + bytes([sectors.body[at] ^ 0x40]) + sectors.body[at + 1 :]
    image = open_ewf(write(tmp_path, made))
    assert not image.bad_in(0, len(MEDIA))  # nothing was read yet
    data = image.read_at(0, len(MEDIA))
    assert data[:CHUNK] + data[2 * CHUNK :] == MEDIA[:CHUNK] + MEDIA[2 * CHUNK :]
    assert image.bad_ranges == list(image.bad_chunks()) == [(CHUNK, CHUNK)]
    assert image.bad_in(CHUNK, 1)
    assert image.bad_in(0, CHUNK + 1)
    assert not image.bad_in(0, CHUNK)
    assert not image.bad_in(2 * CHUNK, CHUNK)
    assert not image.bad_in(CHUNK, 0)
    stored = bytearray(MEDIA[CHUNK : 2 * CHUNK])
    stored[20] ^= 0x40
    assert data[CHUNK : 2 * CHUNK] == (bytes(CHUNK) if compress else bytes(stored))


def test_bad_neighbours_are_merged(tmp_path: Path) -> None:
    made = segments(MEDIA, compress=False)
    body = bytearray(made[0].find("sectors").body)
    for number in (2, 3, 7, 11):
        body[number * (CHUNK + 4)] ^= 1
    made[0].find("sectors").body = bytes(body)
    image = open_ewf(write(tmp_path, made))
    assert len(list(image.bad_chunks())) == 4
    last = 11 * CHUNK
    assert image.bad_ranges == [
        (2 * CHUNK, 2 * CHUNK),
        (7 * CHUNK, CHUNK),
        (last, len(MEDIA) - last),
    ]


def test_a_chunk_that_inflates_to_more_is_bad_and_does_not_fill_memory(tmp_path: Path) -> None:
    media = bytes(2 * CHUNK)
    made = segments(media)
    bomb = zlib.compress(bytes(50_000_000), 9)
    sectors, base = made[0].find("sectors"), len(Segment(1, made[0].sections[:3]).assembled())
    sectors.body = bomb + zlib.compress(bytes(CHUNK))
    body = table(base, [76 | 1 << 31, 76 + len(bomb) | 1 << 31])
    made[0].find("table").body = made[0].find("table2").body = body
    image = open_ewf(write(tmp_path, made))
    assert image.read_at(0, len(media)) == media
    assert image.bad_ranges == [(0, CHUNK)]


@pytest.mark.parametrize("entry", [0, 40, 0x7FFFFFF0])
def test_an_offset_outside_its_section_is_a_bad_chunk(tmp_path: Path, entry: int) -> None:
    made = segments(MEDIA, compress=False)
    base = len(Segment(1, made[0].sections[:3]).assembled())
    entries = [76 + number * (CHUNK + 4) for number in range(CHUNKS)]
    entries[5] = entry
    made[0].find("table").body = made[0].find("table2").body = table(base, entries)
    image = open_ewf(write(tmp_path, made))
    assert len(image.read_at(0, len(MEDIA))) == len(MEDIA)
    assert (5 * CHUNK, CHUNK) in list(image.bad_chunks())


def test_offsets_past_two_gib_use_all_bits_and_are_not_compressed() -> None:
    entries = array("I", [0x7FFF0000 | 1 << 31, 0x7FFFFF00, 0x80007F00, 0x8000FF00])
    assert ewf._overflow(entries) == 2
    assert ewf._overflow(array("I", [1, 2, 3])) == 3


class _Huge:
    """A segment of 4 GiB that holds three chunks and their table."""

    name = "huge.E01"

    def __init__(self, parts: dict[int, bytes]) -> None:
        self._parts = parts

    def read_at(self, offset: int, length: int) -> bytes:
        return self._parts[offset][:length]


def test_chunks_on_both_sides_of_two_gib_are_read() -> None:
    first, second, third = MEDIA[:CHUNK], MEDIA[CHUNK : 2 * CHUNK], MEDIA[2 * CHUNK : 3 * CHUNK]
    packed = zlib.compress(second)
    places = [0x7FFF0000, 0x7FFF0000 + CHUNK + 4, 0x7FFF0000 + CHUNK + 4 + len(packed)]
    places[2] = 0x80000010
    entries = struct.pack("<3I", places[0], places[1] | 1 << 31, places[2])
    file = _Huge(
        {
            7: entries,
            places[0]: first + adler(first),
            places[1]: packed,
            places[2]: third + adler(third),
        }
    )
    huge = ewf_sections.Table(
        file=cast("SegmentFile", file),
        entries_at=7,
        count=3,
        base=0,
        data_start=76,
        data_end=places[2] + CHUNK + 4,
    )
    info = ImageInfo(
        container=Container.EWF,
        segments=(),
        media_size=3 * CHUNK,
        sector_size=512,
        stored_hashes={},
        header={},
        notes=(),
    )
    image = EwfImage(
        SegmentSet(
            files=(),
            chunk_size=CHUNK,
            placed=((0, huge),),
            size=3 * CHUNK,
            info=info,
            unreadable=(),
        )
    )
    assert image.read_at(0, 3 * CHUNK) == first + second + third
    assert image.bad_ranges == []


# --- damaged sets -------------------------------------------------------------------------------


def _lose(number: int) -> Callable[[Path, list[Segment]], None]:
    return lambda folder, _: (folder / f"disk.E{number:02}").unlink()


def _cut(number: int, keep: float) -> Callable[[Path, list[Segment]], None]:
    def cut(folder: Path, _: list[Segment]) -> None:
        path = folder / f"disk.E{number:02}"
        os.truncate(path, int(path.stat().st_size * keep))

    return cut


def _renumber(folder: Path, _: list[Segment]) -> None:
    path = folder / "disk.E02"
    data = path.read_bytes()
    path.write_bytes(data[:9] + struct.pack("<H", 7) + data[11:])


def _double(folder: Path, _: list[Segment]) -> None:
    (folder / "disk.E02").write_bytes((folder / "disk.E01").read_bytes())


def _overwrite(folder: Path, _: list[Segment]) -> None:
    (folder / "disk.E03").write_bytes(b"not an image" * 100)


def _change(number: int, kind: str, **changes: object) -> Callable[[Path, list[Segment]], None]:
    def change(folder: Path, made: list[Segment]) -> None:
        section = made[number - 1].find(kind)
        for name, value in changes.items():
            setattr(section, name, value)
        write(folder, made)

    return change


def _foreign(folder: Path, _: list[Segment]) -> None:
    other = segments(MEDIA[::-1][:512] + MEDIA[512:], per_segment=4)
    (folder / "disk.E02").write_bytes(other[1].assembled())


def _bad_tables(folder: Path, made: list[Segment]) -> None:
    for kind in ("table", "table2"):
        body = bytearray(made[1].find(kind).body)
        body[30] ^= 1
        made[1].find(kind).body = bytes(body)
    write(folder, made)


DAMAGE = [
    pytest.param(_lose(2), "disk.E02", id="middle missing"),
    pytest.param(_lose(3), "disk.E03", id="last missing"),
    pytest.param(_cut(3, 0.5), "disk.E03", id="last cut"),
    pytest.param(_cut(2, 0.5), "disk.E02", id="middle cut"),
    pytest.param(_cut(2, 0), "disk.E02", id="middle empty"),
    pytest.param(_renumber, "disk.E02", id="misnumbered"),
    pytest.param(_double, "disk.E02", id="doubled"),
    pytest.param(_overwrite, "disk.E03", id="not a segment"),
    pytest.param(_foreign, "disk.E02", id="of another set"),
    pytest.param(_bad_tables, "disk.E02", id="both tables bad"),
    pytest.param(_change(2, "sectors", following=13), "disk.E02", id="points back"),
    pytest.param(_change(2, "sectors", following=1 << 60), "disk.E02", id="points out"),
    pytest.param(_change(2, "sectors", size=500), "disk.E02", id="two ends"),
    pytest.param(_change(2, "table", bad_checksum=True), "disk.E02", id="bad checksum"),
    pytest.param(_change(3, "hash", body=bytes(32) + b"\x01" * 4), "disk.E03", id="bad hash"),
    pytest.param(_change(3, "done", type="next"), "disk.E04", id="no end"),
    pytest.param(_change(3, "digest", type="ltree"), "disk.E03", id="logical inside"),
]


@pytest.mark.parametrize(("damage", "name"), DAMAGE)
def test_a_damaged_set_is_refused_naming_the_segment(
    tmp_path: Path, damage: Callable[[Path, list[Segment]], None], name: str
) -> None:
    made = segments(MEDIA, per_segment=4)
    path = write(tmp_path, made)
    damage(tmp_path, made)
    with pytest.raises(DamagedImageError, match=name) as caught:
        open_ewf(path)
    assert caught.value.where == name


@pytest.mark.parametrize(("damage", "name"), DAMAGE)
def test_an_incomplete_set_opens_with_what_is_there(
    tmp_path: Path, damage: Callable[[Path, list[Segment]], None], name: str
) -> None:
    made = segments(MEDIA, per_segment=4)
    path = write(tmp_path, made)
    damage(tmp_path, made)
    image = open_ewf(path, allow_incomplete=True)
    assert any(name in note for note in image.info.notes)
    held = bytearray(MEDIA[: image.size])
    for start, length in image.missing:
        held[start : start + length] = bytes(length)
        with pytest.raises(EvidenceError):
            image.read_at(start, 1)
    assert image.read_at(0, 4 * CHUNK) == MEDIA[: 4 * CHUNK]
    at = 0
    for start, length in (*image.missing, (image.size, 0)):
        assert image.read_at(at, start - at) == held[at:start]
        at = start + length


def test_behind_a_hole_chunks_are_counted_from_the_end(tmp_path: Path) -> None:
    path = write(tmp_path, segments(MEDIA, per_segment=3))
    (tmp_path / "disk.E02").unlink()
    image = open_ewf(path, allow_incomplete=True)
    assert image.missing == ((3 * CHUNK, 3 * CHUNK),)
    assert image.read_at(6 * CHUNK, len(MEDIA)) == MEDIA[6 * CHUNK :]
    with pytest.raises(EvidenceError):
        image.read_at(6 * CHUNK - 1, 2)


def test_between_two_holes_nothing_is_placed(tmp_path: Path) -> None:
    path = write(tmp_path, segments(MEDIA, per_segment=2))
    (tmp_path / "disk.E02").unlink()
    (tmp_path / "disk.E04").unlink()
    image = open_ewf(path, allow_incomplete=True)
    assert image.missing == ((2 * CHUNK, 6 * CHUNK),)
    assert image.read_at(8 * CHUNK, len(MEDIA)) == MEDIA[8 * CHUNK :]


def test_one_good_table_of_two_is_enough_and_is_noted(tmp_path: Path) -> None:
    for kind, used in (("table", "second"), ("table2", "first")):
        made = segments(MEDIA)
        body = bytearray(made[0].find(kind).body)
        body[30] ^= 1
        made[0].find(kind).body = bytes(body)
        image = open_ewf(write(tmp_path, made))
        assert image.read_at(0, len(MEDIA)) == MEDIA
        assert any(f"its {used} copy is used" in note for note in image.info.notes)


def test_tables_that_differ_are_noted(tmp_path: Path) -> None:
    made = segments(MEDIA, compress=False)
    base = len(Segment(1, made[0].sections[:3]).assembled())
    made[0].find("table2").body = table(base, [76] * CHUNKS)
    image = open_ewf(write(tmp_path, made))
    assert "disk.E01: table and table2 differ" in image.info.notes


@pytest.mark.parametrize("sectors", [(1 << 54) // 512, (CHUNKS + 1) * 64, 1 << 63])
def test_a_size_that_the_tables_do_not_hold_is_refused(tmp_path: Path, sectors: int) -> None:
    made = segments(MEDIA)
    body = made[0].find("volume").body
    body = body[:16] + struct.pack("<Q", sectors) + body[24:1048]
    made[0].find("volume").body = body + adler(body)
    path = write(tmp_path, made)
    with pytest.raises(DamagedImageError, match="holds 12 of the"):
        open_ewf(path)
    image = open_ewf(path, allow_incomplete=True)
    assert image.size == CHUNKS * CHUNK
    assert image.missing == ()


@pytest.mark.parametrize(
    ("per_chunk", "sector", "sectors"),
    [(0, 512, 9), (64, 0, 9), (1 << 31, 512, 9), (1 << 20, 1 << 20, 9), (64, 512, 0)],
)
def test_an_impossible_geometry_is_refused(
    tmp_path: Path, per_chunk: int, sector: int, sectors: int
) -> None:
    made = segments(MEDIA)
    body = made[0].find("volume").body
    body = body[:8] + struct.pack("<IIQ", per_chunk, sector, sectors) + body[24:1048]
    made[0].find("volume").body = body + adler(body)
    with pytest.raises(DamagedImageError, match="impossible geometry"):
        open_ewf(write(tmp_path, made), allow_incomplete=True)


@pytest.mark.parametrize("count", [0, CHUNKS + 5, 1 << 31])
def test_a_table_that_cannot_hold_its_entries_is_refused(tmp_path: Path, count: int) -> None:
    made = segments(MEDIA)
    for kind in ("table", "table2"):
        body = made[0].find(kind).body
        head = struct.pack("<I", count) + body[4:20]
        made[0].find(kind).body = head + adler(head) + body[24:]
    with pytest.raises(DamagedImageError, match="cannot hold"):
        open_ewf(write(tmp_path, made))


def test_more_sections_than_any_image_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = segments(MEDIA)
    made[0].sections[0:0] = [Section("x")] * 300
    monkeypatch.setattr(ewf_sections, "_MAX_SECTIONS", 200)
    with pytest.raises(DamagedImageError, match="more than 200 sections"):
        open_ewf(write(tmp_path, made))


def test_a_header_that_inflates_for_ever_is_cut(tmp_path: Path) -> None:
    made = segments(MEDIA, values="")
    bomb = zlib.compress(b"1\nmain\na\n" + b"x" * 30_000_000, 9)
    made[0].sections.insert(-1, Section("header2", bomb))
    image = open_ewf(write(tmp_path, made))
    assert 0 < len(image.info.header["description"]) < 1 << 20


def test_every_truncation_is_refused_or_reads_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, segments(MEDIA[: 3 * CHUNK]))
    data = path.read_bytes()
    for length in [*range(0, 200, 7), *range(200, len(data), 997)]:
        path.write_bytes(data[:length])
        with pytest.raises(DamagedImageError):
            open_ewf(path)


def test_random_damage_never_ends_in_another_error(tmp_path: Path) -> None:
    path = write(tmp_path, segments(MEDIA[: 3 * CHUNK], errors=((1, 1),)))
    data = path.read_bytes()
    draw = random.Random(11)  # noqa: S311 - the same damage every time
    for _ in range(300):
        broken = bytearray(data)
        for _ in range(draw.choice((1, 1, 4, 40))):
            broken[draw.randrange(len(broken))] = draw.randrange(256)
        path.write_bytes(broken)
        try:
            image = open_ewf(path, allow_incomplete=True)
            image.read_at(0, image.size)
            image.close()
        except (DamagedImageError, UnsupportedImageError, EvidenceError):
            continue


# --- names --------------------------------------------------------------------------------------


def test_a_later_segment_is_refused_with_the_name_of_the_first(tmp_path: Path) -> None:
    write(tmp_path, segments(MEDIA, per_segment=4))
    with pytest.raises(UnsupportedImageError, match=r"segment 2 .* disk\.E01"):
        open_ewf(tmp_path / "disk.E02")


def test_segments_are_found_whatever_their_case(tmp_path: Path) -> None:
    path = write(tmp_path, segments(MEDIA, per_segment=4))
    (tmp_path / "disk.E02").rename(tmp_path / "disk.e02")
    assert open_ewf(path).read_at(0, len(MEDIA)) == MEDIA


def test_other_files_named_like_late_segments_are_not_taken_for_some(tmp_path: Path) -> None:
    path = write(tmp_path, segments(MEDIA))
    (tmp_path / "disk.vhd").write_bytes(b"conectix")
    (tmp_path / "disk.TXT").write_bytes(b"notes")
    assert open_ewf(path).info.notes == ()


def test_a_segment_behind_the_end_is_noted(tmp_path: Path) -> None:
    path = write(tmp_path, segments(MEDIA))
    later = segments(MEDIA, per_segment=4)[1]
    (tmp_path / "disk.E02").write_bytes(later.assembled())
    image = open_ewf(path)
    assert image.read_at(0, len(MEDIA)) == MEDIA
    assert image.info.notes == ("ends with disk.E01; disk.E02 is not part of it",)


def test_a_single_segment_may_have_any_name(tmp_path: Path) -> None:
    path = write(tmp_path, segments(MEDIA)).rename(tmp_path / "evidence")
    assert open_ewf(path).read_at(0, 4) == MEDIA[:4]


@pytest.mark.parametrize(
    ("first", "position", "expected"),
    [
        ("a.E01", 0, "a.E02"),
        ("a.E01", 97, "a.E99"),
        ("a.E01", 98, "a.EAA"),
        ("a.E01", 98 + 26 * 26, "a.FAA"),
        ("a.e01", 99, "a.eab"),
        ("a.s01", 98 + 25, "a.saz"),
    ],
)
def test_segment_names(first: str, position: int, expected: str) -> None:
    assert next(itertools.islice(segment_names(first), position, None)) == expected


@pytest.mark.parametrize("first", ["image", "image.raw", "image.E02", "image.001"])
def test_a_name_of_another_kind_has_no_later_segments(first: str) -> None:
    assert list(segment_names(first)) == []


def test_a_written_segment_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, segments(MEDIA))
    image = open_ewf(path)
    assert image.changed() == ()
    os.utime(path, ns=(1, 1))
    assert image.changed() == ("disk.E01",)


def test_reading_from_many_threads_gives_the_same_bytes(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only here

    image = open_ewf(write(tmp_path, segments(MEDIA, per_segment=4)))
    draw = random.Random(5)  # noqa: S311 - the same reads every time
    places = [(draw.randrange(len(MEDIA)), draw.choice((1, 4096, CHUNK))) for _ in range(400)]
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(lambda place: image.read_at(*place), places)
        for (start, length), data in zip(places, results, strict=True):
            assert data == MEDIA[start : start + length]


# --- samples ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ext2.E01", "ext2.split.E01"])
def test_samples_match_their_stored_hash_and_pyewf(name: str) -> None:
    if "TRIAGE_SAMPLES" not in os.environ:
        pytest.skip("TRIAGE_SAMPLES is not set")
    folder = Path(os.environ["TRIAGE_SAMPLES"]) / "images"
    image = open_ewf(folder / name)
    data = image.read_at(0, image.size)
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert image.info.stored_hashes == {"md5": digest}
    assert data == _by_pyewf(image, folder)
