"""Where credentials come from, and what is said about them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import Triage
from triage import profile
from triage.batch.plan import Job
from triage.batch.settings import Settings
from triage.cli.batch import _with_credentials
from triage.cli.credentials import VARIABLE, read_credentials
from triage.errors import UsageError

GIVEN = "- password: hunter2\n- volume_password: hunter2\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(GIVEN)
    path.chmod(0o600)
    return path


def test_a_file_the_environment_and_standard_input(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    chosen = profile.load([])
    assert read_credentials(None, chosen) == ()
    named = read_credentials(str(file), chosen)
    assert [one.value for one in named] == [b"hunter2", b"hunter2"]
    monkeypatch.setenv(VARIABLE, str(file))
    assert read_credentials(None, chosen) == named
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(GIVEN.encode())))
    assert read_credentials("-", chosen) == named
    said = capsys.readouterr()
    assert "others" not in said.err
    assert "hunter2" not in said.err + said.out


def test_what_is_warned_about(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.chmod(0o640)
    read_credentials(str(file), profile.load([]))
    assert "others can read the credentials file" in capsys.readouterr().err


def test_the_command_uses_them_and_never_says_them(
    triage: Triage, file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / "a.txt").write_text("nothing")
    ran = triage("run", folder, "-o", tmp_path / "b", "--credentials", file, "--format", "json")
    assert ran.code == 0, ran.err
    said = json.loads((tmp_path / "b" / "data" / "run.json").read_text())
    assert said["options"]["credentials"] == {"password": 1, "volume_password": 1}
    assert "hunter2" not in ran.out + ran.err


def test_a_batch_refuses_standard_input() -> None:
    with pytest.raises(UsageError, match="more than once"):
        _with_credentials(Settings(), "-", profile.load([]))


def test_a_batch_hands_on_the_path_and_not_the_value(file: Path) -> None:
    settings = _with_credentials(Settings(), str(file), profile.load([]))
    job = Job(name="a", image=Path("a"), case=None, exhibit=None, segments=())
    options = settings.options(job, Path("b"), profile=profile.load([]), signer=None, resume=False)
    assert len(options.credentials) == 2
    command = settings.arguments(job, Path("b"), resume=False)
    assert f"--credentials={file}" in command
    assert "hunter2" not in " ".join(command) + repr(settings) + repr(options)
