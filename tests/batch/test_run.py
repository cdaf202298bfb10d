"""The batch with runs that are pretended: what is recorded, resumed, refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import IMAGES
from triage import canonical
from triage.batch.commands import RESULT
from triage.batch.plan import Job, Plan, make_plan
from triage.batch.run import Batch, Pass
from triage.batch.settings import Settings
from triage.batch.state import EVENTS, State
from triage.errors import (
    AlteredError,
    BundleError,
    DamagedImageError,
    ExitCode,
    InterruptedRunError,
    TriageError,
    UsageError,
)

Act = Callable[[Job, Path], None]


def nothing(job: Job, output: Path) -> None:
    del job, output


class Pretend:
    """Runs nothing; `act` does what a run would do to the host, or raises."""

    def __init__(self, act: Act = nothing, codes: Sequence[int] = ()) -> None:
        self.act = act
        self.codes = dict(enumerate(codes))
        self.runs: list[tuple[str, bool]] = []
        self.stopped = threading.Event()

    def __call__(self, job: Job, output: Path, *, settings: Settings, resume: bool) -> Any:
        del settings
        number = len(self.runs)
        self.runs.append((output.name, resume))
        self.act(job, output)
        result: dict[str, Any] = dict.fromkeys(RESULT, 0)
        result |= {"image_hash": "match", "seal_code": "X", "exit_code": self.codes.get(number, 0)}
        return result

    def interrupt(self) -> None:
        self.stopped.set()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a", "b", "c"):
        shutil.copy(IMAGES / "single.E01", folder / f"{name}.E01")
    return folder


def go(
    images: Path,
    execute: Pretend,
    *,
    resume: bool = False,
    settings: Settings | None = None,
    abreast: int | None = None,
    **more: Any,
) -> ExitCode:
    out = images.parent / "out"
    plan: Plan = make_plan([str(images)], output=out, **more)
    one = Pass(settings=settings or Settings())
    with State(out, resume=resume) as state:
        batch = Batch(folder=out, plan=plan, state=state, execute=execute)
        batch.prepare([one])
        batch.go(one, abreast=abreast)
        return batch.exit_code()


def events(images: Path) -> list[dict[str, Any]]:
    data = (images.parent / "out" / "batch.jsonl").read_bytes()
    lines = data.splitlines()
    assert all(canonical.encode(json.loads(line)) == line for line in lines)
    return [json.loads(line) for line in lines]


def told(images: Path) -> list[tuple[str, str]]:
    return [(event["event"], str(event["bundle"])[:1]) for event in events(images)]


@pytest.mark.parametrize("abreast", [None, 2])
def test_everything_is_planned_then_run(images: Path, abreast: int | None) -> None:
    execute = Pretend(codes=[0, 3, 0])
    assert go(images, execute, abreast=abreast) is ExitCode.INCOMPLETE
    assert sorted(execute.runs) == [(f"{name}.bundle", False) for name in "abc"]
    lines = told(images)
    assert lines[:3] == [("planned", name) for name in "abc"]
    assert {name for name, _ in lines} <= set(EVENTS)
    assert sorted(lines[3:]) == [(what, n) for what in ("finished", "started") for n in "abc"]


@pytest.mark.parametrize("abreast", [None, 2])
def test_a_bad_image_is_recorded_and_the_next_begun(images: Path, abreast: int | None) -> None:
    def act(job: Job, output: Path) -> None:
        del output
        if job.name == "b":
            raise DamagedImageError("segment is missing", where="b.E01")

    assert go(images, Pretend(act, codes=[4, 4, 4]), abreast=abreast) is ExitCode.FAILED
    (failed,) = [event for event in events(images) if event["event"] == "failed"]
    assert failed["reason"] == "b.E01: segment is missing"
    assert failed["exit_code"] == 1
    assert sum(event["event"] == "finished" for event in events(images)) == 2


def full(job: Job, output: Path) -> None:
    if job.name == "b":
        output.with_name("b.bundle.partial").mkdir()
        raise BundleError("cannot write") from OSError(errno.ENOSPC, "no space")


@pytest.mark.parametrize("abreast", [None, 2])
def test_a_full_disk_stops_the_batch_and_loses_nothing(images: Path, abreast: int | None) -> None:
    with pytest.raises(BundleError, match=r"disk is full.*--resume"):
        go(images, Pretend(full), abreast=abreast)
    assert ("finished", "a") in told(images)
    assert "failed" not in {what for what, _ in told(images)}
    again = Pretend()
    assert go(images, again, resume=True) is ExitCode.OK
    assert ("b.bundle", True) in again.runs


def test_ctrl_c_stops_and_resume_continues_what_is_half_done(images: Path) -> None:
    def act(job: Job, output: Path) -> None:
        if job.name == "b":
            output.with_name("b.bundle.partial").mkdir()
            raise InterruptedRunError("interrupted")

    with pytest.raises(InterruptedRunError, match="--resume"):
        go(images, Pretend(act))
    again = Pretend()
    assert go(images, again, resume=True) is ExitCode.OK
    assert again.runs[1:] == [("b.bundle", True), ("c.bundle", False)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_that_the_run_took_for_its_seal_stops_as_well(
    images: Path, number: signal.Signals
) -> None:
    def act(job: Job, output: Path) -> None:
        del job, output
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)

    execute = Pretend(act)
    with pytest.raises(InterruptedRunError):
        go(images, execute)
    assert len(execute.runs) == 1
    assert told(images)[-1] == ("finished", "a")


def test_ctrl_c_is_passed_on_to_the_runs_that_go_on(images: Path) -> None:
    execute = Pretend()

    def act(job: Job, output: Path) -> None:
        del output
        if job.name == "a":
            os.kill(os.getpid(), signal.SIGINT)
        if not execute.stopped.wait(20):
            raise TriageError("never told to stop")
        raise InterruptedRunError("stopped")

    execute.act = act
    with pytest.raises(InterruptedRunError):
        go(images, execute, abreast=2)
    assert "failed" not in {what for what, _ in told(images)}


def test_a_batch_is_not_begun_twice(images: Path) -> None:
    go(images, Pretend())
    with pytest.raises(UsageError, match="--resume"):
        go(images, Pretend())


def test_two_batches_do_not_write_one_folder(images: Path) -> None:
    out = images.parent / "out"
    with State(out, resume=False), pytest.raises(BundleError, match="another batch"):
        State(out, resume=True)


@pytest.mark.parametrize(
    ("settings", "more", "says"),
    [
        (Settings(hash_media=False), {}, r"a.bundle: options.hash_media was True, is False"),
        (Settings(profiles=("quick",)), {}, r"options.profile.\w+ was "),
        (Settings(examiner="B"), {}, "options.examiner was nothing, is 'B'"),
        (Settings(), {"case": "2"}, "a.bundle: case was nothing, is '2'; b.bundle"),
    ],
)
def test_changed_options_are_refused_with_the_difference(
    images: Path, settings: Settings, more: dict[str, Any], says: str
) -> None:
    go(images, Pretend())
    before = events(images)
    with pytest.raises(UsageError, match=says):
        go(images, Pretend(), resume=True, settings=settings, **more)
    assert events(images) == before


def test_changed_images_are_refused_and_new_ones_taken(images: Path) -> None:
    go(images, Pretend())
    shutil.copy(IMAGES / "single.E01", images / "d.E01")
    again = Pretend()
    go(images, again, resume=True)
    assert ("d.bundle", False) in again.runs
    os.utime(images / "a.E01", ns=(1, 1))
    (images / "b.E01").unlink()
    with pytest.raises(UsageError) as caught:
        go(images, Pretend(), resume=True)
    assert "a.bundle: segments[1].modified_ns was" in str(caught.value)
    assert "b.bundle: was planned for" in str(caught.value)


def test_a_torn_last_line_is_dropped(images: Path) -> None:
    go(images, Pretend())
    path = images.parent / "out" / "batch.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"event":"finis')
    go(images, Pretend(), resume=True)
    assert path.read_bytes().startswith(whole)
    assert events(images)


@pytest.mark.parametrize("line", [b"{}\n", b'{"event": "planned"}\n', b"\xff\n", b"[1]\n"])
def test_a_log_that_is_none_is_refused(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "batch.jsonl").write_bytes(line)
    with pytest.raises(AlteredError, match="line 1"):
        State(tmp_path, resume=True)


def test_what_was_passed_over_is_recorded_and_counts(images: Path) -> None:
    (images / "x.vmdk").write_bytes(b"KDMV" + bytes(600))
    assert go(images, Pretend()) is ExitCode.INCOMPLETE
    (skipped,) = [event for event in events(images) if event["event"] == "skipped"]
    assert skipped["counts"]
    assert "VMDK" in skipped["reason"]
