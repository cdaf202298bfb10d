"""The lock names every library of a run, and `doctor` compares what is installed with it."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version

import pytest

from tests.conftest import ROOT
from triage.engine import environment
from triage.engine.doctor import examine
from triage.engine.environment import unlocked

LOCK = (ROOT / "triage" / "locked.txt").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["cluster"]]


@pytest.mark.parametrize("requirement", NEEDED)
def test_every_dependency_is_locked_with_hashes(requirement: str) -> None:
    name = re.match(r"[A-Za-z0-9-]+", requirement)
    assert name
    line = rf"^{name[0].lower()}==\S+.*(\\\n +--hash=sha256:[0-9a-f]{{64}} ?)+"
    assert re.search(line, LOCK, re.MULTILINE), "run .ci/lock"


def test_nothing_else_stands_in_the_lock() -> None:
    entry = r"[a-z0-9-]+==\S+( ; .+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n"
    assert re.fullmatch(f"({entry})+", LOCK)


def test_another_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    before = unlocked()
    monkeypatch.setattr(
        environment, "version", lambda name: "0.1" if name == "click" else version(name)
    )
    found = unlocked()
    assert found.pop("click").startswith("0.1, locked ")
    before.pop("click", None)
    assert found == before


def test_doctor_says_what_is_not_as_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.engine.doctor.unlocked", lambda: {"click": "0.1, locked 8.5.1"})
    (check,) = [check for check in examine() if check.name == "lock"]
    assert check.result == "warn"
    assert "click 0.1, locked 8.5.1" in check.detail
