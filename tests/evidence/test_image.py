from __future__ import annotations

import os
from pathlib import Path

import pytest
import pytsk3

from tests.evidence.ewf_writer import CHUNK, segments, write
from triage.errors import ImageError, UnsupportedImageError
from triage.evidence.image import container_of, open_image
from triage.model import Container

MEDIA = bytes(range(256)) * (5 * CHUNK // 256)


def _samples() -> Path:
    if "TRIAGE_SAMPLES" not in os.environ:
        pytest.skip("TRIAGE_SAMPLES is not set")
    return Path(os.environ["TRIAGE_SAMPLES"]) / "images"


def test_tsk_sees_the_media_and_not_the_container(tmp_path: Path) -> None:
    with open_image(write(tmp_path, segments(MEDIA))) as image:
        tsk = image.as_tsk()
        assert tsk.get_size() == len(MEDIA) == image.size
        assert tsk.read(100, 70_000) == MEDIA[100:70_100]
        assert image.info.container is Container.EWF
        assert image.sector_size == 512


def test_tsk_gets_an_error_and_no_short_answer_where_bytes_are_missing(tmp_path: Path) -> None:
    path = write(tmp_path, segments(MEDIA, per_segment=2))
    (tmp_path / "disk.E02").unlink()
    with open_image(path, allow_incomplete=True) as image:
        assert image.missing == ((2 * CHUNK, 2 * CHUNK),)
        with pytest.raises((OSError, RuntimeError)):
            image.as_tsk().read(2 * CHUNK - 10, 20)
        with pytest.raises((OSError, RuntimeError)):
            pytsk3.FS_Info(image.as_tsk(), offset=2 * CHUNK)


def test_a_bad_chunk_is_visible_after_tsk_read_it(tmp_path: Path) -> None:
    made = segments(MEDIA, compress=False)
    body = bytearray(made[0].find("sectors").body)
    body[CHUNK + 4] ^= 1
    made[0].find("sectors").body = bytes(body)
    with open_image(write(tmp_path, made)) as image:
        image.as_tsk().read(CHUNK, 512)
        assert image.bad_in(CHUNK, 512)
        assert image.bad_ranges == [(CHUNK, CHUNK)]


def test_a_raw_image_is_of_512_byte_sectors_when_nobody_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "disk.dd").write_bytes(MEDIA)
    with open_image(tmp_path / "disk.dd") as image:
        assert image.sector_size == 512
        assert image.info.sector_size is None
        assert image.read_at(5, 5) == MEDIA[5:10]
        assert image.changed() == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"", "is empty"), (bytes(100), "less than a sector")],
)
def test_what_is_no_image_is_an_error_naming_the_file(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "disk.dd"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError, match=words) as caught:
        open_image(path)
    assert caught.value.where == str(path)


def test_special_files_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="neither a file"):
        open_image(tmp_path / "pipe")


def test_a_folder_without_permission_is_a_clear_error(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / "locked").mkdir(mode=0)
    with pytest.raises(ImageError, match="Permission denied"):
        open_image(tmp_path / "locked" / "disk.dd")


def test_a_folder_is_a_container_but_no_disk(tmp_path: Path) -> None:
    assert container_of(tmp_path) is Container.FOLDER
    with pytest.raises(UnsupportedImageError, match="holds files"):
        open_image(tmp_path)


def test_a_sparse_bundle_is_named(tmp_path: Path) -> None:
    for name in ("Info.plist", "token"):
        (tmp_path / name).touch()
    (tmp_path / "bands").mkdir()
    with pytest.raises(UnsupportedImageError, match="sparse bundle"):
        container_of(tmp_path)


@pytest.mark.parametrize(
    "name", ["ext2.E01", "ext2.split.E01", "ext2.splitraw.000", "ext2.vhd", "ext2.vmdk"]
)
def test_sample_file_system_is_read_through_every_container(name: str) -> None:
    with open_image(_samples() / name) as image:
        root = pytsk3.FS_Info(image.as_tsk()).open_dir("/")
        assert b"passwords.txt" in {entry.info.name.name for entry in root}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hfsplus_zlib.dmg", "DMG"),
        ("ext2.split.E02", r"ext2\.split\.E01"),
        ("ext2.splitraw.001", r"ext2\.splitraw\.000"),
        ("dftt-6-undel-fat.zip", "holds files"),
    ],
)
def test_samples_of_other_kinds_are_refused_by_name(name: str, words: str) -> None:
    with pytest.raises(UnsupportedImageError, match=words):
        open_image(_samples() / name)
