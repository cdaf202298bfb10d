"""A short campaign of benchmarks/mutate.py, and that the campaign would see what it looks for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from benchmarks import mutate
from benchmarks.mutate import Kind, campaign, kinds, mutant
from triage.engine import nursery
from triage.errors import ImageError, WorkerError

KINDS = {kind.name: kind for kind in kinds(None)}
SAMPLE = KINDS["fat12"]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_no_run_is_lost(kind: Kind) -> None:
    tally = campaign(kind, range(3))
    assert sum(tally.counts.values()) == 3
    assert not tally.told, tally.told


def test_samples_of_apple(samples: Path) -> None:
    apple = [kind for kind in kinds(samples) if kind.name in {"apfs", "hfsplus"}]
    assert len(apple) == 2
    for kind in apple:
        tally = campaign(kind, range(4))
        assert not tally.told, tally.told


def test_a_number_is_the_same_mutant_everywhere() -> None:
    digest = hashlib.sha256()
    for number in range(40):
        made = mutant(SAMPLE, number)
        assert made == mutant(SAMPLE, number)
        digest.update(made)
    assert digest.hexdigest() == "65195f0b082db8ebffbad48c238ded49eaf2225d6dd99131900cf7bf51153174"


def test_checksums_are_mended_so_that_more_than_they_is_tested() -> None:
    for name in ("e01", "gpt"):
        kind = KINDS[name]
        assert kind.reseal is not None
        sound = bytearray(kind.data)
        kind.reseal(sound)
        assert bytes(sound) == kind.data


# A worker that does something else when it is to walk the first volume, the mutated one, or any.
ODD_WORKER = """
import ctypes, time
from triage.engine import nursery
from triage.engine.worker import Worker

def odd(self, request):
    if self.source.volumes[request.volume].name in {volumes}:
        {act}
    walk(self, request)

walk, Worker.walk = Worker.walk, odd
nursery.main()
"""
RAISE = "1 / 0"

Odd = Callable[..., None]


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Odd:
    def use(act: str, *volumes: str) -> None:
        code = ODD_WORKER.format(act=act, volumes=volumes)
        monkeypatch.setattr(nursery, "NURSERY", ("-P", "-c", code))

    return use


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        ("ctypes.string_at(0)", "crash"),
        ("time.sleep(3600)", "hang"),
        ("[bytearray(1 << 26) for _ in range(1 << 20)]", "memory"),
        (RAISE, "error"),
    ],
)
def test_what_a_worker_does_is_contained_and_counted(
    odd: Odd, monkeypatch: pytest.MonkeyPatch, act: str, outcome: str
) -> None:
    odd(act, "p1")
    if outcome == "hang":
        limits = replace(mutate.LIMITS, silent_seconds=1)
        monkeypatch.setattr(mutate, "PROFILE", replace(mutate.PROFILE, limits=limits))
    tally = campaign(SAMPLE, [1])
    assert [told[:2] for told in tally.told] == [(1, outcome)]


def test_the_loss_of_the_sound_volume_is_seen(odd: Odd) -> None:
    odd(RAISE, "p1", "p2")
    ((_, outcome, why),) = campaign(SAMPLE, [1]).told
    assert outcome == "lost"
    assert "the sound volume" in why


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (RuntimeError("x"), "lost"),
        (WorkerError("closed"), "lost"),
        (mutate.ParentHung(), "lost"),
        (ImageError("x"), "refused"),
    ],
)
def test_a_run_without_a_bundle_is_lost_or_refused(
    monkeypatch: pytest.MonkeyPatch, error: Exception, outcome: str
) -> None:
    def run(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(mutate, "run", run)
    assert campaign(SAMPLE, [1]).counts == {outcome: 1}


def test_the_command_counts_and_keeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "mutant"
    assert mutate.main(["fat12", "--replay", "3", "--keep", os.fspath(kept)]) == 0
    assert kept.read_bytes() == mutant(SAMPLE, 3)
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["mutants", *mutate.OUTCOMES]
    assert row.split()[:2] == ["fat12", "1"]
