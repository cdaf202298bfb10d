from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from triage.errors import (
    DamagedImageError,
    EvidenceError,
    ImageError,
    LimitError,
    UnsupportedImageError,
)
from triage.evidence.raw import open_raw
from triage.evidence.segments import MAX_READ, SegmentFile, clamp
from triage.model import Container

SIZE = 1024
MEDIA = bytes(number % 251 for number in range(3 * SIZE + 512))


def _write(folder: Path, *names: str, size: int = SIZE) -> Path:
    """Write consecutive pieces of MEDIA under the names; return the first path."""
    for number, name in enumerate(names):
        (folder / name).write_bytes(MEDIA[number * size : (number + 1) * size])
    return folder / names[0]


def test_one_file_is_the_media(tmp_path: Path) -> None:
    image = open_raw(_write(tmp_path, "disk.dd", size=len(MEDIA)))
    assert image.info.container is Container.RAW
    assert image.size == len(MEDIA) == image.info.media_size
    assert image.read_at(0, 10**6) == MEDIA
    assert image.read_at(len(MEDIA), 1) == b""
    assert not image.bad_in(0, image.size)


@pytest.mark.parametrize(
    "names",
    [
        ("d.001", "d.002", "d.003", "d.004"),
        ("d.000", "d.001", "d.002", "d.003"),
        ("d.00", "d.01", "d.02", "d.03"),
        ("d.0001", "d.0002", "d.0003", "d.0004"),
        ("d.aa", "d.ab", "d.ac", "d.ad"),
        ("d.AA", "d.AB", "d.AC", "d.AD"),
        ("d.a", "d.b", "d.c", "d.d"),
        ("d.aaa", "d.aab", "d.aac", "d.aad"),
        ("d.raw.001", "d.raw.002", "d.raw.003", "d.raw.004"),
        ("a+(b.001", "a+(b.002", "a+(b.003", "a+(b.004"),
    ],
)
def test_segments_are_joined_in_order(tmp_path: Path, names: tuple[str, ...]) -> None:
    image = open_raw(_write(tmp_path, *names))
    assert image.info.container is Container.SPLIT_RAW
    assert tuple(segment.name for segment in image.info.segments) == names
    assert image.size == len(MEDIA)
    edges = (0, 1, SIZE - 1, SIZE, 2 * SIZE + 5, len(MEDIA) - 1, len(MEDIA))
    for start, length in itertools.product(edges, (0, 1, SIZE, 2 * SIZE + 7, len(MEDIA))):
        assert image.read_at(start, length) == MEDIA[start : start + length]
    assert image.missing == ()
    assert image.info.notes == ()


def test_numbering_goes_on_past_999_and_past_z(tmp_path: Path) -> None:
    for number in range(1, 1002):
        (tmp_path / f"d.{number:03}").write_bytes(number.to_bytes(512, "big"))
    image = open_raw(tmp_path / "d.001")
    assert image.size == 1001 * 512
    assert image.read_at(1000 * 512, 512) == (1001).to_bytes(512, "big")
    image.close()
    for number in range(30):
        (tmp_path / f"e.{chr(97 + number // 26)}{chr(97 + number % 26)}").write_bytes(bytes(512))
    assert open_raw(tmp_path / "e.aa").size == 30 * 512


@pytest.mark.parametrize(
    ("names", "lost"),
    [
        (("d.001", "d.002", "d.003", "d.004"), "d.002"),
        (("d.001", "d.002", "d.003", "d.004"), "d.003"),
        (("d.000", "d.001", "d.002", "d.003"), "d.001"),
        (("d.aa", "d.ab", "d.ac", "d.ad"), "d.ab"),
    ],
)
def test_a_gap_is_refused_naming_the_segment(
    tmp_path: Path, names: tuple[str, ...], lost: str
) -> None:
    path = _write(tmp_path, *names)
    (tmp_path / lost).unlink()
    with pytest.raises(DamagedImageError, match=lost):
        open_raw(path)


def test_an_incomplete_set_reads_around_its_gap(tmp_path: Path) -> None:
    path = _write(tmp_path, "d.001", "d.002", "d.003", "d.004")
    (tmp_path / "d.002").unlink()
    image = open_raw(path, allow_incomplete=True)
    assert image.size == len(MEDIA)
    assert image.missing == ((SIZE, SIZE),)
    assert image.info.notes == ("segment d.002 is missing",)
    assert image.read_at(0, SIZE) == MEDIA[:SIZE]
    assert image.read_at(2 * SIZE, SIZE) == MEDIA[2 * SIZE : 3 * SIZE]
    for start, length in ((SIZE, 1), (SIZE - 1, 2), (0, len(MEDIA)), (2 * SIZE - 1, 5)):
        with pytest.raises(EvidenceError):
            image.read_at(start, length)


@pytest.mark.parametrize(("name", "size"), [("d.002", SIZE - 1), ("d.002", 0), ("d.004", SIZE + 1)])
def test_a_segment_of_another_size_is_refused(tmp_path: Path, name: str, size: int) -> None:
    path = _write(tmp_path, "d.001", "d.002", "d.003", "d.004")
    (tmp_path / name).write_bytes(bytes(size))
    with pytest.raises(DamagedImageError, match=f"segment {name} has {size} bytes"):
        open_raw(path)


def test_a_short_segment_in_the_middle_does_not_shift_the_rest(tmp_path: Path) -> None:
    path = _write(tmp_path, "d.001", "d.002", "d.003", "d.004")
    os.truncate(tmp_path / "d.002", SIZE - 100)
    image = open_raw(path, allow_incomplete=True)
    assert image.missing == ((2 * SIZE - 100, 100),)
    assert image.read_at(2 * SIZE, SIZE) == MEDIA[2 * SIZE : 3 * SIZE]
    with pytest.raises(EvidenceError):
        image.read_at(2 * SIZE - 101, 2)


@pytest.mark.parametrize(
    ("names", "given", "first"),
    [
        (("d.001", "d.002"), "d.002", "d.001"),
        (("d.000", "d.001"), "d.001", "d.000"),
        (("d.002", "d.003"), "d.003", "d.001, which is not here"),
        (("d.aa", "d.ab"), "d.ab", "d.aa"),
        (("d.a", "d.b"), "d.b", "d.a"),
    ],
)
def test_a_later_segment_is_refused_with_the_name_of_the_first(
    tmp_path: Path, names: tuple[str, ...], given: str, first: str
) -> None:
    _write(tmp_path, *names)
    with pytest.raises(UnsupportedImageError, match=f"give the first one, {first}"):
        open_raw(tmp_path / given)


@pytest.mark.parametrize("name", ["d.dd", "d.2024", "d.20240101", "d.img", "d.7", "d", "d.raw"])
def test_a_name_that_only_looks_numbered_is_a_whole_image(tmp_path: Path, name: str) -> None:
    image = open_raw(_write(tmp_path, name, "e.aa", "d.txt"))
    assert image.info.container is Container.RAW
    assert image.size == SIZE


def test_other_files_beside_a_split_image_are_not_part_of_it(tmp_path: Path) -> None:
    path = _write(tmp_path, "d.aa", "d.ab")
    for name in ("d.md", "d.zz", "d.abc", "d.AC", "d.aa.txt", "D.ac"):
        (tmp_path / name).write_bytes(b"notes")
    assert open_raw(path).size == 2 * SIZE
    path = _write(tmp_path, "x.001", "x.002")
    (tmp_path / "x.2024").write_bytes(b"notes")
    assert open_raw(path).size == 2 * SIZE


def test_a_lone_first_segment_is_noted(tmp_path: Path) -> None:
    image = open_raw(_write(tmp_path, "d.001"))
    assert image.info.container is Container.RAW
    assert "d.002 is not beside it" in image.info.notes[0]


@pytest.mark.parametrize(
    ("name", "size", "note"),
    [("d.E01", 1024, "named .E01"), ("d.dd", 1000, "not a multiple of 512")],
)
def test_what_is_odd_is_noted(tmp_path: Path, name: str, size: int, note: str) -> None:
    (tmp_path / name).write_bytes(bytes(size))
    assert note in open_raw(tmp_path / name).info.notes[0]


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1)])
def test_refuses_a_negative_range(tmp_path: Path, offset: int, length: int) -> None:
    with pytest.raises(EvidenceError):
        open_raw(_write(tmp_path, "d.dd")).read_at(offset, length)


def test_one_read_is_bounded() -> None:
    assert clamp(10, 1 << 60, 50) == 40
    with pytest.raises(LimitError):
        clamp(0, MAX_READ + 1, 1 << 50)


def test_a_file_that_shrinks_is_an_error_not_zeros(tmp_path: Path) -> None:
    path = _write(tmp_path, "d.dd")
    image = open_raw(path)
    assert image.changed() == ()
    os.truncate(path, 100)
    with pytest.raises(EvidenceError, match="become shorter"):
        image.read_at(0, SIZE)
    assert image.changed() == ("d.dd",)


def test_a_closed_image_cannot_be_read(tmp_path: Path) -> None:
    image = open_raw(_write(tmp_path, "d.001", "d.002"))
    image.close()
    image.close()
    with pytest.raises(EvidenceError):
        image.read_at(0, 1)


def test_descriptors_are_not_inherited_and_read_only(tmp_path: Path) -> None:
    file = SegmentFile(_write(tmp_path, "d.dd"))
    assert not os.get_inheritable(file.fileno())
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(file.fileno(), b"x")
    file.close()


def test_a_fifo_or_a_folder_named_like_a_segment_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path, "d.001")
    os.mkfifo(tmp_path / "d.002")
    with pytest.raises(ImageError, match="neither a file"):
        open_raw(path)
    (tmp_path / "d.002").unlink()
    (tmp_path / "d.002").mkdir()
    with pytest.raises(ImageError, match="neither a file"):
        open_raw(path)


def test_sample_split_raw_is_the_media_of_the_sample_e01() -> None:
    if "TRIAGE_SAMPLES" not in os.environ:
        pytest.skip("TRIAGE_SAMPLES is not set")
    from triage.evidence.ewf import open_ewf  # noqa: PLC0415 - only for the sample

    folder = Path(os.environ["TRIAGE_SAMPLES"]) / "images"
    raw, packed = open_raw(folder / "ext2.splitraw.000"), open_ewf(folder / "ext2.E01")
    assert raw.read_at(0, raw.size) == packed.read_at(0, packed.size)
    with pytest.raises(UnsupportedImageError, match=r"ext2\.splitraw\.000"):
        open_raw(folder / "ext2.splitraw.001")
