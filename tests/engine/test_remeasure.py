"""`verify --against`: three counts, and what was not compared is never equal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.runs import PRACTICE, go, options
from triage.bundle import Bundle
from triage.engine.remeasure import remeasure
from triage.errors import TriageError

CONTENT = bytes(range(256)) * 16


class Few:
    """A bundle with handmade file records; one finding rests on each of them."""

    def __init__(self, *files: dict[str, Any], sha256: str | None = None) -> None:
        self.run = {"image": {"hashes": {"sha256": sha256} if sha256 else {}}}
        self._files = files

    def files(self) -> Iterator[dict[str, Any]]:
        yield from self._files

    def findings(self) -> Iterator[dict[str, Any]]:
        for file in self._files:
            yield {"source": {"file": file["key"]}}
        yield {"source": {"file": None}}


def file(*runs: tuple[int, int, int], content: bytes, storage: str = "plain") -> dict[str, Any]:
    return {
        "key": f"e-{runs}",
        "volume": "p1",
        "path": "/a",
        "address": "5",
        "within": None,
        "size": len(content),
        "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
        "byte_runs": [
            {"file_offset": at, "image_offset": on, "length": length, "storage": storage}
            for at, on, length in runs
        ],
    }


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.raw"
    path.write_bytes(CONTENT)
    return path


def test_fragments_are_put_together_from_raw_bytes(image: Path) -> None:
    whole = hashlib.sha256(CONTENT).hexdigest()
    fragments = file((100, 0, 50), (0, 512, 100), content=CONTENT[512:612] + CONTENT[:50])
    result = remeasure(Few(fragments, sha256=whole), image)  # type: ignore[arg-type]
    assert (result.files.raw, result.files.different, result.image_hash) == (1, 0, "match")
    assert result.findings.not_compared == {"rests on no file": 1}


@pytest.mark.parametrize(
    "record",
    [
        file((0, 0, 10), content=b"something else"),
        file((0, 4090, 10), content=CONTENT[:10]),  # past the end of the media
    ],
)
def test_what_differs_is_named(image: Path, record: dict[str, Any]) -> None:
    result = remeasure(Few(record), image)  # type: ignore[arg-type]
    assert (result.files.raw, result.files.different) == (0, 1)
    assert result.different == ("p1/a",)


def test_a_file_that_was_not_hashed_is_not_compared(image: Path) -> None:
    record = {**file((0, 0, 10), content=b""), "hashes": {}}
    result = remeasure(Few(record), image)  # type: ignore[arg-type]
    assert result.files.not_compared == {"was not hashed in the run": 1}
    assert "1 not compared" in result.files.sentence


def test_another_media_is_said(image: Path) -> None:
    result = remeasure(Few(sha256="0" * 64), image)  # type: ignore[arg-type]
    assert (result.image_hash, result.different) == ("mismatch", ("image hash",))


def test_a_folder_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(TriageError, match="no byte runs"):
        remeasure(Few(), tmp_path)  # type: ignore[arg-type]


def test_a_whole_bundle_is_compared_in_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "b"
    go(options(PRACTICE, path, only=("chat.pidgin.*",), hash_media=False, plugins="none"))
    result = remeasure(Bundle(path), PRACTICE)
    assert result.files.raw > 0
    assert result.files.second_reader > 0
    assert result.different == ()
    assert result.findings.raw + result.findings.second_reader > 0
    assert (result.image_hash, result.reader) == ("not computed", "pyewf")
