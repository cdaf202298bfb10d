"""A nursery lends copies of itself to runs in processes of their own."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path

import pytest

from triage.batch.commands import Commands
from triage.engine.nursery import Nursery
from triage.errors import WorkerError
from triage.registry import NONE


def ended(nursery: Nursery) -> int | None:
    """Start a worker, leave it without a word, and return how it ended."""
    pipes = [*os.pipe(), *os.pipe()]
    child = nursery.launch(pipes[0], pipes[3], ())
    for descriptor in pipes:
        os.close(descriptor)
    child.wait(30)
    return child.returncode


def test_copies_start_workers_and_end_one_by_one() -> None:
    with closing(Nursery(NONE)) as nursery:
        first, second = (Nursery(NONE, lent=nursery.lend().detach()) for _ in range(2))
        expected = ended(nursery)
        assert expected is not None
        assert (ended(first), ended(second)) == (expected, expected)
        first.close()
        assert ended(second) == expected
        second.close()
        assert ended(nursery) == expected


def test_one_that_has_ended_lends_nothing() -> None:
    nursery = Nursery(NONE)
    nursery.close()
    with pytest.raises(WorkerError, match="cannot be lent"):
        nursery.lend()


def test_without_it_a_run_of_a_batch_starts_its_own(tmp_path: Path) -> None:
    nursery = Nursery(NONE)
    nursery.close()
    (tmp_path / "in").mkdir()
    run = ("run", str(tmp_path / "in"), "-o", str(tmp_path / "b"), "--format", "json")
    answer = Commands(nursery).run([*run, "--profile", "quick"], tmp_path / "logs" / "b.log")
    assert answer.value()["exit_code"] == 0
    assert json.loads((tmp_path / "b" / "data" / "run.json").read_bytes())["exit_code"] == 0
