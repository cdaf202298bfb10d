from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pyewf
import pytest

from tests.training.media.described import MIB, START, described
from triage.errors import TrainingError
from triage.evidence.image import open_image
from triage.training.media import Disk, write_e01, write_raw
from triage.training.media.ewf import Acquisition, write_ewf
from triage.training.media.partitions import lay_out

DISK = Disk(scheme="gpt", volumes=(described("ext4"),), signature=0x5EED0011)
TEXTS = {"case": "Übung 1", "evidence": "2", "examiner": "T. Rainer", "notes": "training data"}
ACQUISITION = Acquisition(**TEXTS, when=START)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("raw") / "disk.raw"
    write_raw(DISK, path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ewf") / "disk.E01"
    assert write_e01(DISK, path, **TEXTS, when=START) == (path,)
    return path


def test_we_read_the_same_media(image: Path, media: bytes) -> None:
    with open_image(image) as opened:
        assert opened.read_at(0, opened.size) == media
        assert opened.bad_ranges == []
        stored = dict(opened.info.stored_hashes)
    assert stored["md5"] == hashlib.md5(media, usedforsecurity=False).hexdigest()
    assert stored["sha1"] == hashlib.sha1(media, usedforsecurity=False).hexdigest()


def test_libewf_reads_the_same_media_and_header(image: Path, media: bytes) -> None:
    handle = pyewf.handle()
    handle.open([str(image)])
    try:
        assert handle.read_buffer(handle.get_media_size()) == media
        header = handle.get_header_values()
    finally:
        handle.close()
    assert header["case_number"] == TEXTS["case"]
    assert header["examiner_name"] == TEXTS["examiner"]
    assert header["notes"] == TEXTS["notes"]


def test_another_verifier_agrees(image: Path) -> None:
    program = shutil.which("ewfverify")
    if program is None:
        pytest.skip("ewfverify is not installed")
    command = [program, "-q", "-d", "sha1", str(image)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_it_is_small_and_the_same_on_every_machine(image: Path) -> None:
    data = image.read_bytes()
    assert len(data) < MIB // 2
    assert hashlib.sha256(data).hexdigest() == DIGEST


DIGEST = "cf43f3242db3bc0759fa1332b6a69628be57c06ffc59cfaf9c8482ddc34f1cb8"


def test_several_segments(media: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.training.media.ewf._PER_TABLE", 100)
    path = tmp_path / "disk.E01"
    made = write_ewf(lay_out(DISK), path, ACQUISITION, segment=1 << 14)
    assert [one.suffix for one in made] == [".E01", ".E02", ".E03", ".E04"][: len(made)]
    assert len(made) > 2
    with open_image(path) as opened:
        assert opened.read_at(0, opened.size) == media


@pytest.mark.parametrize("name", ["disk.E01", "disk.E02"])
def test_an_existing_segment_is_never_touched(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triage.training.media.ewf._PER_TABLE", 100)
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        write_ewf(lay_out(DISK), tmp_path / "disk.E01", ACQUISITION, segment=1 << 14)
    assert (tmp_path / name).read_bytes() == b"mine"


@pytest.mark.parametrize(("name", "change"), [("disk.raw", {}), ("disk.E01", {"case": "a\tb"})])
def test_what_no_e01_can_be(name: str, change: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(TrainingError):
        write_ewf(lay_out(DISK), tmp_path / name, replace(ACQUISITION, **change))  # type: ignore[arg-type]
