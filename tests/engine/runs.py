"""Runs that are interrupted, killed, counted; in this process or in a forked one."""

from __future__ import annotations

import io
import os
import signal
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, lines
from triage import profile
from triage.bundle import Bundle
from triage.engine import messages as m
from triage.engine import pool
from triage.engine.options import Options, RunResult, Silent
from triage.engine.start import run

SEED = "scheme spot photo card baby mountain device kick cradle pact join borrow"  # of BIP-39
PRACTICE = ROOT / "triage" / "training" / "practice.E01"
HOSTILE = ROOT / "tests" / "engine" / "hostile_plugins"
RECORDS = ("findings", "files", "coverage", "problems")


def options(image: Path, output: Path, **more: Any) -> Options:
    """Return options for a small run."""
    given = {"profile": profile.load([]), "plugins": str(HOSTILE), **more}
    return Options(image=image, output=output, **given)


def _brief(bundle: Bundle) -> Iterator[tuple[str, bytes]]:
    """Make a report that costs nothing."""
    yield "summary.txt", f"{sum(1 for _ in bundle.findings())} findings\n".encode()


def go(chosen: Options, observer: Silent | None = None) -> RunResult:
    """Run."""
    return run(chosen, observer or Silent(), _brief)


def small_image(path: Path) -> Path:
    """Make a tar of two systems, what tor left in them, and a seed."""
    with tarfile.open(path, "w") as tar:
        for case in ("system/linux/debian", "tor/client/windows", "tor/service/linux"):
            tar.add(ROOT / "fixtures" / case / "tree", ".", filter=_dated)
        seed = tarfile.TarInfo("home/alice/secret.txt")
        seed.size = len(SEED)
        tar.addfile(seed, io.BytesIO(SEED.encode()))
    return path


def _dated(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = 1_700_000_000
    return member


def records(bundle: Path) -> dict[str, bytes]:
    """Return the four files that must not differ between runs."""
    return {name: (bundle / "data" / f"{name}.jsonl").read_bytes() for name in RECORDS}


def exported(bundle: Path) -> set[str]:
    """Return the names of exported files."""
    return {path.name for path in (bundle / "data" / "files").rglob("*") if path.is_file()}


def events(bundle: Path) -> list[dict[str, Any]]:
    """Return the custody events of a bundle or of what is left of one."""
    return lines(bundle / "data" / "custody.jsonl")


def partial(bundle: Path) -> Path:
    """Return where a bundle is while it is written."""
    return bundle.with_name(f"{bundle.name}.partial")


class At(Silent):
    """Presses Ctrl-C when a phase begins, or after so many steps of it."""

    def __init__(self, phase: str, steps: int = 0) -> None:
        self._wanted, self._steps, self._now = phase, steps, ""
        self.phases: list[str] = []

    def phase(self, name: str, total: int | None, unit: str) -> None:
        del total, unit
        self._now = name.partition(" ")[0]
        self.phases.append(self._now)
        self._press(0)

    def progress(self, done: int) -> None:
        self._press(done)

    def _press(self, done: int) -> None:
        if self._now == self._wanted and done >= self._steps:
            self._wanted = ""
            signal.raise_signal(signal.SIGINT)


@contextmanager
def requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[m.AnyRequest]]:
    """Collect every request that is given to a worker as a task."""
    seen: list[m.AnyRequest] = []
    give = pool.Pool._give

    def noting(self: pool.Pool, worker: Any, task: pool.Task) -> None:
        seen.append(task.request)
        give(self, worker, task)

    with monkeypatch.context() as patched:
        patched.setattr(pool.Pool, "_give", noting)
        yield seen


def forked(action: Callable[[], object]) -> int:
    """Do something in a forked process; return its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Fuse:
    """Counts writes and syncs of this process, and kills it at one: a write is cut in half."""

    def __init__(self, at: int) -> None:
        self.left = at
        self._write, self._sync = os.write, os.fsync
        self._process = 0

    def arm(self) -> None:
        """Take the place of the real calls, for good: use it in a forked process."""
        self._process = os.getpid()  # workers may be forked from it, and are not meant
        for name, action in (("write", self._writing), ("fsync", self._syncing)):
            setattr(os, name, action)

    def _burns(self) -> bool:
        self.left -= os.getpid() == self._process
        return self.left < 0

    def _writing(self, descriptor: int, data: bytes | memoryview) -> int:
        if self._burns():
            self._write(descriptor, bytes(data)[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return self._write(descriptor, data)

    def _syncing(self, descriptor: int) -> None:
        if self._burns():
            os.kill(os.getpid(), signal.SIGKILL)
        self._sync(descriptor)
