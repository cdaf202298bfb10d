"""A batch on a real Dask scheduler with real workers, one of which is killed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Triage
from triage.batch.cluster import _check_encrypted
from triage.batch.commands import LEASH
from triage.errors import UsageError

TREES = ("wallet/electrum", "tor/client")
DATA = ("findings", "files", "coverage", "problems")

# The first run that a worker starts is its last: the worker dies as by `kill -9`.
DYING = """
import os, signal, subprocess
from triage.batch import commands

class Popen(subprocess.Popen):
    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        try:
            os.close(os.open({mark!r}, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

class Patched:
    Popen, PIPE = Popen, subprocess.PIPE

commands.subprocess = Patched
"""


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """A scheduler with two workers, each with one thread; the first to run something dies."""
    preload = tmp_path / "dying.py"
    preload.write_text(DYING.format(mark=str(tmp_path / "died")))
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DASK_DISTRIBUTED__WORKER__PRELOAD": str(preload),
        "DASK_DISTRIBUTED__DIAGNOSTICS__NVML": "false",
        "DASK_TEMPORARY_DIRECTORY": str(tmp_path),
    }

    def start(stack: contextlib.ExitStack, name: str, *arguments: str) -> subprocess.Popen[str]:
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{name}", *arguments],
                env=environment,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        )
        stack.callback(process.kill)
        return process

    with contextlib.ExitStack() as stack:
        served = start(
            stack, "dask_scheduler", "--host=127.0.0.1", "--port=0", "--no-dashboard", "--no-show"
        )
        assert served.stderr
        address = next(
            line.rpartition(" ")[2].strip() for line in served.stderr if "Scheduler at:" in line
        )
        workers = [
            start(stack, "dask_worker", address, "--nthreads=1", "--no-nanny", "--no-dashboard")
            for _ in range(2)
        ]
        for worker in workers:
            assert worker.stderr
            assert any("Starting established connection" in line for line in worker.stderr)
        yield address


def data(out: Path, name: str) -> dict[str, bytes]:
    return {part: (out / name / "data" / f"{part}.jsonl").read_bytes() for part in DATA}


def test_a_cluster_gives_the_same_bytes_whoever_dies(
    scheduler: str, triage: Triage, tmp_path: Path
) -> None:
    sheet = tmp_path / "list.yaml"
    sheet.write_text(json.dumps([{"image": str(t), "exhibit": t.parents[1].name} for t in trees()]))
    given: tuple[Any, ...] = ("batch", sheet, "--no-hash", "--jobs", "1", "--format", "jsonl")
    far = triage(*given, "-o", tmp_path / "far", "--scheduler", scheduler)
    assert far.code == 0, far.err
    assert (tmp_path / "died").exists()
    near = triage(*given, "-o", tmp_path / "near")
    assert near.code == 0, near.err
    finished = [
        line for line in map(json.loads, far.out.splitlines()) if line["event"] == "finished"
    ]
    names = sorted(line["bundle"] for line in finished)
    assert len(names) == len(TREES)
    for name in names:
        assert data(tmp_path / "far", name) == data(tmp_path / "near", name)
        assert data(tmp_path / "far", name)["findings"]
    assert {path.name for path in (tmp_path / "far" / "logs").iterdir()} == {
        name.replace(".bundle", ".log") for name in names
    }


def trees() -> Iterator[Path]:
    for name in TREES:
        yield min((ROOT / "fixtures" / name).glob("*/tree"))


@pytest.mark.parametrize(
    "address", ["tcp://10.1.2.3:8786", "lab:8786", "ws://lab:1", "tcp://[::2]:1", "tcp://["]
)
def test_off_this_machine_only_tls_is_spoken(address: str) -> None:
    with pytest.raises(UsageError, match="only TLS"):
        _check_encrypted(address)


@pytest.mark.parametrize(
    "address", ["tls://lab:8786", "tcp://127.0.0.1:1", "localhost:8786", "tcp://[::1]:1"]
)
def test_on_this_machine_or_encrypted_is_well(address: str) -> None:
    _check_encrypted(address)


def test_a_run_dies_with_its_batch(tmp_path: Path) -> None:
    theirs, ours = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "triage", "run", ROOT / "fixtures", "-o", tmp_path / "b"],
        stdin=theirs,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), LEASH: "1"},
    )
    os.close(theirs)
    assert done.returncode == -9
    assert not (tmp_path / "b").exists()
