"""A nursery lends copies of itself to runs in processes of their own."""

from __future__ import annotations

import os
from contextlib import closing

import pytest

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
