"""What the image says about itself, and what hashing and reading it show."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import IMAGES, lines
from tests.engine.runs import At, go, options, small_image
from tests.evidence.ewf_writer import CHUNK, segments, write
from triage.errors import ExitCode, InterruptedRunError

PLUGIN = '''
"""Reads every text file."""
from collections.abc import Iterator
from triage.api import Artifact, Confidence, Shows, WebSite, extractor

@extractor(name="test.text.files", paths=("**/*.txt",), yields=(WebSite,))
def texts(artifact: Artifact) -> Iterator[WebSite]:
    """Yield the name of a text."""
    artifact.read()
    yield WebSite(host=artifact.entry.name, trace="test", shows=Shows.PRESENT,
                  confidence=Confidence.POSSIBLE, checks=("seen",))
'''
SMALL = 1157120  # where the content of /docs/small.txt lies


@pytest.fixture(scope="module")
def media() -> bytes:
    return gzip.decompress((IMAGES / "ext4.raw.gz").read_bytes())


@pytest.fixture
def chosen(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "texts.py").write_text(PLUGIN)
    return {"plugins": str(tmp_path / "plugins"), "only": ("test.*",)}


def flip(folder: Path, media: bytes) -> Path:
    """Write an image in which a byte of small.txt's chunk was changed after it was acquired."""
    made = segments(media, compress=False)
    body = bytearray(made[0].find("sectors").body)
    number = SMALL // CHUNK
    body[number * (CHUNK + 4) + SMALL % CHUNK] ^= 1
    made[0].find("sectors").body = bytes(body)
    return write(folder, made)


def coverage(bundle: Path, step: str) -> list[dict[str, Any]]:
    return [line for line in lines(bundle / "data" / "coverage.jsonl") if line["step"] == step]


@pytest.mark.parametrize("hash_media", [True, False])
def test_findings_that_rest_on_a_bad_chunk_say_so(
    tmp_path: Path, media: bytes, chosen: dict[str, Any], *, hash_media: bool
) -> None:
    image = flip(tmp_path, media)
    result = go(options(image, tmp_path / "b", hash_media=hash_media, **chosen))
    data = tmp_path / "b" / "data"
    read = {file["path"]: file["read"] for file in lines(data / "files.jsonl")}
    assert read["/docs/small.txt"] == "bad_chunk"
    bad = {path for path, how in read.items() if how == "bad_chunk"}
    for record in lines(data / "findings.jsonl"):
        expected = ["seen", "bad_chunk"] if record["source"]["path"] in bad else ["seen"]
        assert record["checks"] == expected
    counted = {line["path"] for line in coverage(tmp_path / "b", "file") if line["counts"]}
    assert "/docs/small.txt" in counted
    assert counted <= bad
    assert result.exit_code == (ExitCode.MISMATCH if hash_media else ExitCode.INCOMPLETE)


def test_bad_metadata_is_said_without_an_image_hash(
    tmp_path: Path, media: bytes, chosen: dict[str, Any]
) -> None:
    made = segments(media, compress=False)
    body = bytearray(made[0].find("sectors").body)
    body[1024 + 200] ^= 1  # reserved bytes of the superblock
    made[0].find("sectors").body = bytes(body)
    result = go(options(write(tmp_path, made), tmp_path / "b", hash_media=False, **chosen))
    (line,) = coverage(tmp_path / "b", "media")
    assert (line["reason"], line["offset"], line["length"]) == ("bad_chunk", 0, CHUNK)
    assert result.exit_code == ExitCode.INCOMPLETE


def test_what_the_imager_could_not_read_is_not_taken_for_content(
    tmp_path: Path, media: bytes, chosen: dict[str, Any]
) -> None:
    errors = ((SMALL // 512, 1), (SMALL // 512 + 1, 1), (0, 1))
    image = write(tmp_path, segments(media, errors=errors))
    result = go(options(image, tmp_path / "b", **chosen))
    ranges = [
        (line["reason"], line["offset"], line["length"])
        for line in coverage(tmp_path / "b", "media")
    ]
    assert sorted(ranges) == [
        ("acquisition_error", 0, 512),
        ("acquisition_error", SMALL - SMALL % 512, 1024),
    ]
    read = {file["path"]: file["read"] for file in lines(tmp_path / "b" / "data" / "files.jsonl")}
    assert [path for path, how in read.items() if how == "bad_chunk"] == ["/docs/small.txt"]
    assert result.exit_code == ExitCode.INCOMPLETE
    problems = lines(tmp_path / "b" / "data" / "problems.jsonl")
    assert [p["code"] for p in problems if p["code"].startswith("image")] == ["image_note"]


def test_notes_name_no_file(tmp_path: Path, media: bytes, chosen: dict[str, Any]) -> None:
    found = []
    for stem in ("disk", "other-name"):
        (tmp_path / stem).mkdir()
        made = segments(media)
        body = bytearray(made[0].find("table").body)
        body[-1] ^= 1
        made[0].find("table").body = bytes(body)
        image = write(tmp_path / stem, made, stem=stem)
        go(options(image, tmp_path / f"{stem}.bundle", **chosen))
        found.append((tmp_path / f"{stem}.bundle" / "data" / "problems.jsonl").read_bytes())
    assert found[0] == found[1]
    assert b"image_note" in found[0]
    assert b"segment 1:" in found[0]


@pytest.mark.parametrize("resumed", [False, True])
def test_an_image_that_is_written_to_meanwhile_is_said(tmp_path: Path, *, resumed: bool) -> None:
    image = small_image(tmp_path / "image.tar")

    class Touching(At):
        def progress(self, done: int) -> None:
            super().progress(done)
            os.utime(image, ns=(1, 1))

    chosen = options(image, tmp_path / "b")
    if resumed:
        with pytest.raises(InterruptedRunError):
            go(chosen, At("context"))
    result = go(replace(chosen, resume=True), Touching("never"))
    assert result.exit_code == ExitCode.INCOMPLETE
    reasons = [line["reason"] for line in coverage(tmp_path / "b", "image")]
    assert reasons == ["image_changed"]
    problems = lines(tmp_path / "b" / "data" / "problems.jsonl")
    assert "image_changed" in {problem["code"] for problem in problems}
    assert not json.loads((tmp_path / "b" / "data" / "run.json").read_text())["repeatable"]


def test_what_is_odd_about_an_archive_is_said(tmp_path: Path) -> None:
    path = tmp_path / "odd.tar"
    with tarfile.open(path, "w") as tar:
        for name in ("../up.txt", "a/../b.txt", "twice.txt", "twice.txt"):
            member = tarfile.TarInfo(name)
            member.size = 1
            tar.addfile(member, io.BytesIO(b"x"))
        gone = tarfile.TarInfo("link.txt")
        gone.type, gone.linkname = tarfile.LNKTYPE, "nowhere"
        tar.addfile(gone)
    result = go(options(path, tmp_path / "b", only=("bad.*",)))
    problems = lines(tmp_path / "b" / "data" / "problems.jsonl")
    assert Counter(problem["code"] for problem in problems) == {
        "name_changed": 2,
        "duplicate_path": 1,
        "link_target_missing": 1,
    }
    assert {problem["locator"] for problem in problems if problem["code"] == "name_changed"} == {
        "../up.txt",
        "a/../b.txt",
    }
    (line,) = coverage(tmp_path / "b", "directory")
    assert (line["path"], line["reason"]) == ("/link.txt", "link_target_missing")
    assert result.exit_code == ExitCode.INCOMPLETE
