"""Ctrl-C, a full disk, an output that cannot be written: said clearly, and nothing is lost."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.engine.runs import (
    HOSTILE,
    At,
    exported,
    forked,
    go,
    options,
    partial,
    records,
    small_image,
)
from triage.bundle import verify, writer
from triage.engine.options import RunResult
from triage.engine.records import finding_id
from triage.errors import BundleError, ExitCode, InterruptedRunError


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_image(tmp_path_factory.mktemp("image") / "image.tar")


@pytest.fixture(scope="module")
def whole(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "b"
    go(options(image, path))
    return path


@pytest.mark.parametrize(
    ("phase", "steps"),
    [("walk", 0), ("context", 0), ("context", 1), ("extract", 0), ("export", 2), ("seal", 0)],
)
def test_ctrl_c_says_what_is_left_and_what_to_do(
    image: Path, whole: Path, tmp_path: Path, phase: str, steps: int
) -> None:
    chosen = options(image, tmp_path / "b")
    with pytest.raises(InterruptedRunError) as stopped:
        go(chosen, At(phase, steps))
    assert stopped.value.exit_code == ExitCode.INTERRUPTED
    assert "b.partial: the same command with --resume" in str(stopped.value)
    assert not chosen.output.exists()
    go(replace(chosen, resume=True))
    assert records(chosen.output) == records(whole)
    assert exported(chosen.output) == exported(whole)


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_when_only_the_hash_is_missing_seals(
    image: Path, whole: Path, tmp_path: Path, jobs: int
) -> None:
    result = go(options(image, tmp_path / "b", jobs=jobs), At("hash"))
    found = records(tmp_path / "b")
    assert found["findings"] == records(whole)["findings"]
    assert verify(tmp_path / "b", finding_id=finding_id).intact
    if result.image_hash == "not finished":  # with two jobs it may have been faster than Ctrl-C
        assert result.exit_code == ExitCode.INCOMPLETE
        assert b'"reason":"not_finished"' in found["coverage"]


def test_ctrl_c_after_the_seal_says_so(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = writer.BundleWriter.seal

    def late(self: writer.BundleWriter, **given: object) -> object:
        seal(self, **given)  # type: ignore[arg-type] # passed on
        raise KeyboardInterrupt

    monkeypatch.setattr(writer.BundleWriter, "seal", late)
    with pytest.raises(InterruptedRunError, match="sealed already"):
        go(options(image, tmp_path / "b"))
    assert verify(tmp_path / "b").intact


def test_the_command_ends_with_130_and_the_advice(image: Path, tmp_path: Path) -> None:
    driver = """
import signal, sys
from triage.cli import run
class Pressed(run.ProgressObserver):
    def phase(self, name, total, unit):
        if name == "extract":
            signal.raise_signal(signal.SIGINT)
run.ProgressObserver = Pressed
from triage.__main__ import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", driver, "run", image, "-o", tmp_path / "b", "--plugins", HOSTILE],
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 130, done.stderr
    assert "interrupted" in done.stderr
    assert "--resume" in done.stderr
    assert "Traceback" not in done.stderr


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def fails(action: Callable[[], RunResult], words: str) -> Callable[[], None]:
    def checked() -> None:
        with pytest.raises(BundleError, match=words) as failed:
            action()
        assert failed.value.exit_code == ExitCode.FAILED
        assert "--resume" in str(failed.value)

    return checked


@needs_fork
@pytest.mark.parametrize("size", [15_000, 19_000])
def test_a_file_that_meets_a_limit_of_its_size_is_a_full_disk(
    image: Path, whole: Path, tmp_path: Path, size: int
) -> None:
    chosen = options(image, tmp_path / "b")

    def limited() -> None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        fails(lambda: go(chosen), "disk is full|disk took a part|File too large")()

    assert forked(limited) == 0
    assert partial(chosen.output).is_dir()
    go(replace(chosen, resume=True))
    assert records(chosen.output) == records(whole)


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str, int], Path]]:
    """Mount small file systems in memory, where this process may."""
    libc = ctypes.CDLL(None, use_errno=True)
    mounted: list[Path] = []

    def make(options: str, flags: int) -> Path:
        path = tmp_path / f"mounted-{len(mounted)}"
        path.mkdir()
        if libc.mount(b"none", os.fsencode(path), b"tmpfs", flags, options.encode()) != 0:
            pytest.skip(f"may not mount: {os.strerror(ctypes.get_errno())}")
        mounted.append(path)
        return path

    yield make
    for path in mounted:
        libc.umount2(os.fsencode(path), 2)


@pytest.mark.parametrize("kib", [16, 48, 100])
def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(
    image: Path,
    whole: Path,
    mount: Callable[[str, int], Path],
    monkeypatch: pytest.MonkeyPatch,
    kib: int,
) -> None:
    monkeypatch.setattr(writer, "MIN_FREE", 0)
    folder = mount(f"size={kib}k", 0)
    chosen = options(image, folder / "b")
    fails(lambda: go(chosen), "disk is full|No space left")()
    libc = ctypes.CDLL(None)
    assert libc.mount(b"none", os.fsencode(folder), b"tmpfs", 32, b"size=64m") == 0  # MS_REMOUNT
    go(replace(chosen, resume=True))
    assert records(chosen.output) == records(whole)


def test_a_read_only_folder_is_refused_before_anything_is_done(
    image: Path, mount: Callable[[str, int], Path]
) -> None:
    folder = mount("size=1m", 1)  # MS_RDONLY
    with pytest.raises(BundleError, match=r"Read-only|bytes free") as failed:
        go(options(image, folder / "b"))
    assert failed.value.exit_code == ExitCode.FAILED
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_process_and_no_descriptor_is_left_behind(image: Path, tmp_path: Path) -> None:
    def state() -> tuple[int, list[str]]:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
        return len(list(Path("/proc/self/fd").iterdir())), children.split()

    go(options(image, tmp_path / "first"))
    before = state()
    go(options(image, tmp_path / "second", jobs=2))
    with suppress(InterruptedRunError):
        go(options(image, tmp_path / "third", jobs=2), At("extract", 1))
    with suppress(BundleError):
        go(options(image, tmp_path / "second"))
    assert state() == before
