from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest

from triage.report import templating


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Templates in a folder that may be written to, with nothing compiled."""
    (tmp_path / "one.html").write_text("{{ 6 * 7 }}")
    monkeypatch.setattr(templating, "_FOLDER", tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    templating.templates.cache_clear()
    yield tmp_path / "__pycache__"
    templating.templates.cache_clear()


def again() -> bytes:
    templating.templates.cache_clear()
    return templating.rendered("one.html", {})


def test_what_was_compiled_is_kept(cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert again() == b"42"
    assert len(list(cached.iterdir())) == 1
    monkeypatch.setattr(jinja2.Environment, "compile", None)
    assert again() == b"42"


def test_another_template_is_compiled_anew(cached: Path) -> None:
    again()
    (cached.parent / "one.html").write_text("{{ 6 * 8 }}")
    assert again() == b"48"
    assert len(list(cached.iterdir())) == 1


@pytest.mark.parametrize("damage", [b"", b"x", b"\0" * 64, b"\0" * 4000])
def test_what_is_damaged_is_compiled_anew(cached: Path, damage: bytes) -> None:
    again()
    for path in cached.iterdir():
        path.write_bytes(damage)
    assert again() == b"42"


@pytest.mark.parametrize("kept", [40, 70, 100])
def test_what_was_cut_off_is_compiled_anew(cached: Path, kept: int) -> None:
    again()
    for path in cached.iterdir():
        path.write_bytes(path.read_bytes()[:kept])
    assert again() == b"42"


def test_a_folder_that_cannot_be_written_to_costs_time_only(cached: Path) -> None:
    cached.write_text("in the way")
    assert again() == b"42"
    assert cached.read_text() == "in the way"
