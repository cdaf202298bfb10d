"""What many tests need: the real command, the samples, bundles made by a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.nursery import shared_nursery
from triage.registry import NONE

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "fixtures" / "images"


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Triage = Callable[..., Ran]


@pytest.fixture(scope="session")
def triage() -> Triage:
    """Run the real command in a process of its own."""

    def run(
        *arguments: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None
    ) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "triage", *(os.fspath(argument) for argument in arguments)],
            capture_output=True,
            encoding="utf-8",
            check=False,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(autouse=True, scope="session")
def quick_workers() -> Iterator[None]:
    """Let all runs of this process share a nursery: half a second saved with each."""
    with shared_nursery(NONE):
        yield


@pytest.fixture(scope="session")
def samples() -> Path:
    """Real data written by real programs; not part of the project."""
    folder = os.environ.get("TRIAGE_SAMPLES")
    if not folder:
        pytest.skip("TRIAGE_SAMPLES does not name the folder of samples")
    return Path(folder)


def lines(path: Path) -> list[dict[str, Any]]:
    """Read a JSONL file of a bundle."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-expected",
        action="store_true",
        help="write the expected.jsonl of the fixtures anew",
    )
