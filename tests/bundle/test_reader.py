from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from triage import canonical
from triage.bundle import Bundle, SealResult
from triage.errors import BundleError

Alter: TypeAlias = Callable[[Path], object]


def write(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def test_a_bundle_gives_its_records(good: tuple[Path, SealResult]) -> None:
    bundle = Bundle.open(good[0])
    assert bundle.run["tool"] == "0.1.0"
    findings = list(bundle.findings())
    assert len(findings) == 4
    assert [record["id"] for record in findings] == sorted(record["id"] for record in findings)
    assert [record["key"] for record in bundle.files()] == ["a", "b"]
    assert [record["outcome"] for record in bundle.coverage()] == ["absent"]
    assert list(bundle.problems()) == []
    assert [event["seq"] for event in bundle.custody()] == [0, 1, 2]
    assert bundle.get(findings[2]["id"]) == findings[2]
    assert bundle.get("f-none") is None
    assert bundle.secrets([]) == []


def test_exported_evidence_is_found_by_its_hash(good: tuple[Path, SealResult]) -> None:
    bundle = Bundle.open(good[0])
    digest = hashlib.sha256(b"torrc, as it was").hexdigest()
    assert bundle.file_path(digest).read_bytes() == b"torrc, as it was"
    for other in ("0" * 64, "../run.json", ""):
        with pytest.raises(BundleError):
            bundle.file_path(other)


def test_a_field_that_is_new_stays(sealed: Path) -> None:
    write(sealed / "data/findings.jsonl", b'{ "id": "f-1", "new": [1.5] }\n')
    assert list(Bundle.open(sealed).findings()) == [{"id": "f-1", "new": [1.5]}]


BROKEN: dict[str, bytes] = {
    "not JSON": b'{"id":"a"}\n{\n',
    "not an object": b'{"id":"a"}\n1\n',
    "not UTF-8": b'{"id":"a"}\n"\xff"\n',
    "nested without end": b'{"id":"a"}\n' + b"[" * 99999 + b"\n",
    "cut": b'{"id":"a"}\n{"id":"b"}',
    "huge number": b'{"id":"a"}\n' + b"1" * 5000 + b"\n",
    "huge line": b'{"id":"a"}\n"' + b"x" * canonical.MAX_LINE + b'"\n',
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_record_is_named_by_its_line(sealed: Path, data: bytes) -> None:
    write(sealed / "data/findings.jsonl", data)
    records = Bundle.open(sealed).findings()
    assert next(records) == {"id": "a"}
    with pytest.raises(BundleError, match=r"findings\.jsonl line 2"):
        next(records)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"contract": 2}', b" " * 2**25])
def test_a_run_that_cannot_be_read_is_said_so(sealed: Path, data: bytes) -> None:
    write(sealed / "data/run.json", data)
    with pytest.raises(BundleError):
        Bundle.open(sealed)


@pytest.mark.parametrize("name", ["run.json", "findings.jsonl"])
@pytest.mark.parametrize("kind", ["absent", "folder", "link"])
def test_a_missing_file_is_a_bundle_error(sealed: Path, name: str, kind: str) -> None:
    path = sealed / "data" / name
    moved = path.rename(sealed.parent / name)
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(moved)
    with pytest.raises(BundleError):
        list(Bundle.open(sealed).findings())


def test_only_finished_bundles_open(sealed: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "absent", sealed.rename(tmp_path / "b.partial")):
        with pytest.raises(BundleError):
            Bundle.open(path)
