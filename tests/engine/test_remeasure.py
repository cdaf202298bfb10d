"""`verify --against`: three counts, and what was not compared is never equal."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
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


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path = tmp_path_factory.mktemp("practice") / "b"
    go(options(PRACTICE, path, only=("chat.pidgin.*",), hash_media=False, plugins="none"))
    return Bundle(path)


def test_a_whole_bundle_is_compared_in_both_ways(practice: Bundle) -> None:
    result = remeasure(practice, PRACTICE)
    assert result.files.raw > 0
    assert result.files.second_reader > 0
    assert result.different == ()
    assert result.findings.raw + result.findings.second_reader > 0
    assert (result.image_hash, result.reader) == ("not computed", "pyewf")


def names(value: object) -> set[str]:
    """Return every key of a record, but for those that depend on the kind or the evidence."""
    if isinstance(value, dict):
        inner = (
            names(item) for name, item in value.items() if name not in ("value", "hashes", "data")
        )
        return set(value).union(*inner)
    return set().union(*map(names, value)) if isinstance(value, list) else set()


def test_the_document_of_the_format_names_every_field(practice: Bundle) -> None:
    document = (ROOT / "docs/bundle-format.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([a-z_0-9]+)(?:\[\])?`", document))
    for records in (practice.findings, practice.files, practice.coverage, practice.custody):
        for record in records():
            assert names(record) <= told
    assert set(practice.run) - {"clock", "contract", "jobs"} <= told
    assert set(practice.seal.predicate) <= told
    events = {event["event"] for event in practice.custody()}
    assert events <= set(re.findall(r"`([a-z]+\.[a-z]+)`", document))
