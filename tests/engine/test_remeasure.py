"""`verify --against`: three counts, and what was not compared is never equal."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.engine.runs import PRACTICE, go, options
from triage.bundle import Bundle
from triage.engine.remeasure import remeasure
from triage.errors import UsageError

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


STATE = b"TorVersion Tor 0.4.8.9\nLastWritten 2024-02-21 08:15:00\n"


def archive(at: Path) -> Path:
    """Two accounts: one file stored as it is, one deflated."""
    with zipfile.ZipFile(at / "x.zip", "w") as made:
        made.writestr("home/alice/.tor/state", STATE)
        made.writestr("home/bob/.tor/state", STATE, compress_type=zipfile.ZIP_DEFLATED)
    return at / "x.zip"


def test_members_of_an_archive_are_read_again(tmp_path: Path) -> None:
    source = archive(tmp_path)
    go(options(source, tmp_path / "b", only=("tor.data-directory.*",), plugins="none"))
    result = remeasure(Bundle(tmp_path / "b"), source)
    assert (result.files.raw, result.files.second_reader) == (1, 1)
    assert (result.files.different, dict(result.files.not_compared)) == (0, {})
    assert result.findings.raw + result.findings.second_reader > 1


def test_files_of_a_folder_are_read_again(tmp_path: Path) -> None:
    (tmp_path / "d\udcff").mkdir()
    for name in ("a", "d\udcff/b", "changed", "gone"):
        (tmp_path / name).write_bytes(CONTENT)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    raw = base64.b64encode(b"/d\xff/b").decode("ascii")
    plain = {**file(content=CONTENT), "path_raw": None}
    records = [
        {**plain, "key": name, "path": f"/{name}"} for name in ("a", "changed", "gone", "link")
    ]
    records.append({**plain, "key": "b", "path": "/d\\xff/b", "path_raw": raw})
    records.append({**plain, "key": "in", "within": {"path": "/x.zip"}})
    (tmp_path / "changed").write_bytes(CONTENT + b"!")
    (tmp_path / "gone").unlink()
    result = remeasure(Few(*records), tmp_path)  # type: ignore[arg-type]
    assert (result.files.raw, result.files.different) == (2, 3)
    assert result.files.not_compared == {"inside another file": 1}
    assert result.different == ("p1/changed", "p1/gone", "p1/link")
    assert result.image_hash == "not applicable"


def folder(at: Path) -> Path:
    return at


@pytest.mark.parametrize("made", [folder, archive], ids=lambda made: made.__name__)
def test_another_kind_of_evidence_is_refused(
    made: Callable[[Path], Path], practice: Bundle, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="examined was a"):
        remeasure(practice, made(tmp_path))


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
