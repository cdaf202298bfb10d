"""How one image is run: in this process, or through the real command in a process of its own."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from triage.batch.plan import Job
from triage.batch.settings import Settings
from triage.bundle import Signer
from triage.bundle.writer import MIN_FREE
from triage.engine.options import Observer, Reporter
from triage.engine.start import run
from triage.errors import ExitCode, InterruptedRunError, TriageError, UsageError
from triage.profile import Profile

RESULT = (
    "bundle_id",
    "exit_code",
    "findings",
    "image_hash",
    "milliseconds",
    "not_examined",
    "problems",
    "seal_code",
)
_LAST = 2000  # characters of what a command said that go into its failure


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
    reporter: Reporter
    signer: Signer | None

    def __call__(self, job: Job, output: Path, *, settings: Settings, resume: bool) -> Any:
        """Run one image with the engine."""
        profile: Profile = settings.profile()
        options = settings.options(job, output, profile=profile, signer=self.signer, resume=resume)
        with self.observe(job) as observer:
            result = run(options, observer, self.reporter)
        return {
            **{name: getattr(result, name) for name in RESULT},
            "exit_code": int(result.exit_code),
        }

    def interrupt(self) -> None:
        """Do nothing: Ctrl-C has reached the run already."""


class OtherProcesses:
    """Runs the command; its messages go to `logs/NAME.log` beside the bundle."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def __call__(self, job: Job, output: Path, *, settings: Settings, resume: bool) -> Any:
        """Run one image with the command; may be called from several threads."""
        log = self._logs / f"{output.stem}.log"
        try:
            self._logs.mkdir(exist_ok=True)
            with log.open("ab") as told:
                start = told.tell()
                out = self._run(settings.command(job, output, resume=resume), told)
            said = log.read_bytes()[start:].decode("utf-8", "replace").strip()
        except OSError as error:
            raise TriageError(f"cannot start the run: {error.strerror}") from error
        if out[0] is not None:
            return out[0]
        lines = [line for line in said.splitlines() if line.strip()]
        raise _error(out[1], lines[-1][-_LAST:] if lines else f"exit code {out[1]}")

    def _run(self, command: list[str], told: Any) -> tuple[dict[str, Any] | None, int]:
        with self._lock:
            if self._stopped:
                raise InterruptedRunError("not started: the batch was interrupted")
            # A session of its own: Ctrl-C reaches it once, through `interrupt`.
            child = subprocess.Popen(  # noqa: S603 - our own command, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=told,
                start_new_session=True,
            )
            self._running.add(child)
        try:
            text, _ = child.communicate()
        finally:
            with self._lock:
                self._running.discard(child)
        try:
            value = json.loads(text)
            return {name: value[name] for name in RESULT}, child.returncode
        except (ValueError, LookupError, TypeError):
            return None, child.returncode

    def interrupt(self) -> None:
        """Pass Ctrl-C on to every run."""
        with self._lock:
            self._stopped = True
            for child in self._running:
                child.send_signal(signal.SIGINT)


def _error(code: int, said: str) -> TriageError:
    message = said.removeprefix("triage: ")
    if code == ExitCode.INTERRUPTED:
        return InterruptedRunError(message)
    if code == ExitCode.USAGE:
        return UsageError(message)
    return TriageError(message)


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
