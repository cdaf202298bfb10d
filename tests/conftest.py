"""What many tests need: the real command, the samples, bundles made by a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NoReturn

import pytest

from tests.nursery import shared_nursery
from triage.cli import command
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
    """Run the real command in a process of its own.

    It is forked from this one, which has imported everything and shares its nursery: a second
    saved with each. With an environment of its own it gets an interpreter of its own.
    """

    def run(
        *arguments: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None
    ) -> Ran:
        if env is not None:
            done = subprocess.run(
                [sys.executable, "-m", "triage", *(os.fspath(one) for one in arguments)],
                capture_output=True,
                encoding="utf-8",
                check=False,
                cwd=cwd,
                env={**os.environ, "PYTHONPATH": str(ROOT), **env},
            )
            return Ran(done.returncode, done.stdout, done.stderr)
        with TemporaryFile() as out, TemporaryFile() as err:
            child = os.fork()
            if child == 0:
                _become_command([os.fspath(argument) for argument in arguments], cwd, out, err)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            out.seek(0)
            err.seek(0)
            return Ran(code, out.read().decode("utf-8"), err.read().decode("utf-8"))

    return run


def _become_command(
    arguments: list[str],
    cwd: Path | None,
    out: IO[bytes],
    err: IO[bytes],
) -> NoReturn:
    """Be `triage` with these arguments, without a terminal, to the end of this process."""
    code = 70
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdin, sys.stdout, sys.stderr = (
            open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - descriptors
            for number, mode in ((0, "r"), (1, "w"), (2, "w"))
        )
        os.chdir(cwd or Path.cwd())
        sys.argv = ["triage", *arguments]
        code = command.invoke()
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on
        traceback.print_exc()
    finally:
        os._exit(code)


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
