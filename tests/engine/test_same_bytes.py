"""Same image, same version, same options: the same bytes, whatever the surroundings."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT, Triage

PRACTICE = ROOT / "triage" / "training" / "practice.E01"
RECORDS = ("findings", "files", "coverage", "problems")


def records(bundle: Path) -> dict[str, bytes]:
    return {name: (bundle / "data" / f"{name}.jsonl").read_bytes() for name in RECORDS}


@pytest.fixture(scope="module")
def first(triage: Triage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("first") / "b"
    assert triage("run", PRACTICE, "-o", path, "--jobs", "1").code == 3
    found = records(path)
    assert found["findings"].count(b"\n") > 50
    return found


@pytest.mark.parametrize(
    ("jobs", "surroundings"),
    [
        ("4", {}),
        ("2", {"TZ": "America/St_Johns"}),
        ("1", {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "1"}),
        ("2", {"PYTHONHASHSEED": "77", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}),
    ],
)
def test_same_bytes(
    triage: Triage,
    first: dict[str, bytes],
    tmp_path: Path,
    jobs: str,
    surroundings: dict[str, str],
) -> None:
    triage("run", PRACTICE, "-o", tmp_path / "b", "--jobs", jobs, env=surroundings)
    assert records(tmp_path / "b") == first


def test_another_folder_and_name(triage: Triage, first: dict[str, bytes], tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "renamed.bin"
    copy.parent.mkdir()
    shutil.copy(PRACTICE, copy)
    triage("run", copy, "-o", tmp_path / "b", cwd=tmp_path)
    assert records(tmp_path / "b") == first
