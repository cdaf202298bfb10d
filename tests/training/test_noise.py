"""Ordinary files: the same each time, and nothing in them."""

from __future__ import annotations

import io
import zipfile

from triage.formats.scan import scan
from triage.training.noise import noise
from triage.training.tree import Inventor, moment

BEFORE = moment("2025-03-01T00:00:00")


def test_the_same_seed_gives_the_same_files() -> None:
    first, again, other = (
        list(noise(Inventor(seed), 12, home="home/a", before=BEFORE)) for seed in ("x", "x", "y")
    )
    assert first == again != other
    assert len({file.path for file in first}) == 12
    assert all(file.path.startswith("home/a/") and file.modified <= BEFORE for file in first)


def test_the_scan_finds_nothing() -> None:
    files = list(noise(Inventor("x"), 60, home="", before=BEFORE))
    assert {file.path.rpartition(".")[2] for file in files} >= {"txt", "csv", "jpg", "png", "docx"}
    for file in files:
        assert scan(file.data) == []
        if file.path.endswith(".docx"):
            with zipfile.ZipFile(io.BytesIO(file.data)) as packed:
                assert packed.testzip() is None
