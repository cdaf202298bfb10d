"""Runs of the ordinary command, each in a process of its own that does not outlive us."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.engine.nursery import LENT, Nursery
from triage.errors import ExitCode, InterruptedRunError, TriageError, UsageError, WorkerError

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
LEASH = "TRIAGE_LEASH"
"""Set in the environment of a run whose standard input ends when the batch does."""

_LAST = 2000  # characters of what a command said that go into its failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a command; plain values, so that it may come from another machine."""

    result: dict[str, Any] | None  # the values named in RESULT
    exit_code: int
    said: str  # the last line on stderr

    def value(self) -> dict[str, Any]:
        """Return the result. Raises the TriageError that the command ended with."""
        if self.result is not None:
            return self.result
        message = self.said.removeprefix("triage: ")[-_LAST:] or f"exit code {self.exit_code}"
        if self.exit_code == ExitCode.INTERRUPTED:
            raise InterruptedRunError(message)
        if self.exit_code == ExitCode.USAGE:
            raise UsageError(message)
        raise TriageError(message)


class Commands:
    """The runs that are going on. `run` may be called from several threads."""

    def __init__(self, nursery: Nursery | None = None) -> None:
        """Take a nursery that each run gets a copy of; without one, each starts its own."""
        self._nursery = nursery
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, arguments: Sequence[str], log: Path) -> Answer:
        """Run `triage` with `arguments`; its messages are added to `log`.

        Raises InterruptedRunError after `interrupt`, TriageError when it cannot be started.
        """
        try:
            log.parent.mkdir(exist_ok=True)
            with log.open("ab") as told, _leash() as leash:
                start = told.tell()
                text, code = self._communicate(arguments, leash, told)
            said = log.read_bytes()[start:].decode("utf-8", "replace")
        except OSError as error:
            raise TriageError(f"cannot start the run: {error.strerror}") from error
        lines = [line for line in said.splitlines() if line.strip()]
        return Answer(result=_result(text), exit_code=code, said=lines[-1] if lines else "")

    def _communicate(self, arguments: Sequence[str], leash: int, told: Any) -> tuple[bytes, int]:
        with self._lock, ExitStack() as stack:
            if self._stopped:
                raise InterruptedRunError("not started: the batch was interrupted")
            environment = {**os.environ, LEASH: "1"}
            kept: tuple[int, ...] = ()
            if self._nursery is not None:
                with suppress(WorkerError):  # it was killed: this run starts its own
                    lent = stack.enter_context(self._nursery.lend())
                    kept = (lent.fileno(),)
                    environment[LENT] = str(lent.fileno())
            # A session of its own: Ctrl-C reaches it once, through `interrupt`.
            child = subprocess.Popen(  # noqa: S603 - our own command, no shell
                [sys.executable, "-m", "triage", *arguments],
                stdin=leash,
                stdout=subprocess.PIPE,
                stderr=told,
                start_new_session=True,
                pass_fds=kept,
                env=environment,
            )
            self._running.add(child)
        try:
            text, _ = child.communicate()
        finally:
            with self._lock:
                self._running.discard(child)
        return text, child.returncode

    def interrupt(self) -> None:
        """Pass Ctrl-C on to every run, and start no more."""
        with self._lock:
            self._stopped = True
            for child in self._running:
                child.send_signal(signal.SIGINT)


@contextmanager
def _leash() -> Iterator[int]:
    """Give a descriptor that ends when this process does, however it ends."""
    theirs, ours = os.pipe()
    try:
        yield theirs
    finally:
        os.close(theirs)
        os.close(ours)


def hold_leash() -> None:
    """Die with the batch that started this run; without one, do nothing.

    A run that went on alone would keep its bundle from the one that continues it.
    """
    if os.environ.pop(LEASH, None):
        threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGKILL)  # at every moment the journal is fit for --resume


def _result(text: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
        return {name: value[name] for name in RESULT}
    except (ValueError, LookupError, TypeError):
        return None
