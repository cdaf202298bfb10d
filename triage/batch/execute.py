"""How one image is run: in this process, or by the command in a process of its own."""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import triage
from triage.batch.commands import RESULT, Commands
from triage.batch.plan import Job
from triage.batch.settings import Settings
from triage.bundle import Signer
from triage.bundle.writer import MIN_FREE
from triage.engine.nursery import Nursery
from triage.engine.options import Observer
from triage.profile import Profile


class Execute(Protocol):
    """Runs one image and returns the values named in RESULT; raises TriageError."""

    def __call__(self, job: Job, output: Path, *, settings: Settings, resume: bool) -> Any:
        """Run."""
        ...

    def interrupt(self) -> None:
        """Ask the runs that are going on to stop; called once, at Ctrl-C."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InProcess:
    """One run after the other, here. `observe` makes what shows the progress of one."""

    observe: Callable[[Job], AbstractContextManager[Observer]]
    signer: Signer | None

    def __call__(self, job: Job, output: Path, *, settings: Settings, resume: bool) -> Any:
        """Run one image with the engine."""
        profile: Profile = settings.profile()
        options = settings.options(job, output, profile=profile, signer=self.signer, resume=resume)
        with self.observe(job) as observer:
            result = triage.run(options, observer)
        return {
            **{name: getattr(result, name) for name in RESULT},
            "exit_code": int(result.exit_code),
        }

    def interrupt(self) -> None:
        """Do nothing: Ctrl-C has reached the run already."""


class OtherProcesses:
    """Runs the command here; its messages go to `logs/NAME.log` beside the bundle."""

    def __init__(self, logs: Path, nursery: Nursery | None = None) -> None:
        """Put logs into the folder `logs`; runs share what `nursery` has imported."""
        self._logs = logs
        self._commands = Commands(nursery)

    def __call__(self, job: Job, output: Path, *, settings: Settings, resume: bool) -> Any:
        """Run one image with the command; may be called from several threads."""
        arguments = settings.arguments(job, output, resume=resume)
        return self._commands.run(arguments, log_of(output, self._logs)).value()

    def interrupt(self) -> None:
        """Pass Ctrl-C on to every run."""
        self._commands.interrupt()


def log_of(output: Path, logs: Path) -> Path:
    """Return where the messages of the run that makes `output` go."""
    return logs / f"{output.stem}.log"


def disk_full(error: BaseException | None, folder: Path) -> bool:
    """Whether an error is that of a full disk, or the disk is as good as full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    try:
        return shutil.disk_usage(folder).free < MIN_FREE
    except OSError:
        return False


@contextmanager
def noting_interrupts() -> Iterator[Callable[[], bool]]:
    """Note Ctrl-C also where the engine takes it and goes on to its seal; SIGTERM is the same."""
    pressed = False
    if threading.current_thread() is not threading.main_thread():
        yield lambda: pressed
        return

    def press(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.default_int_handler(number, frame)

    before = {number: signal.signal(number, press) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: pressed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
