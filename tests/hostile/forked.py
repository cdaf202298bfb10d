"""Workers forked from this process instead of started anew: the same code, the same lock, sooner.

Starting an interpreter and importing everything takes half a second, which a campaign of ten
thousand images cannot spend. What is forked has imported it all; from there on it is the worker
that a run starts, in a session of its own, with its pipes and nothing else open.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar
from unittest import mock

from triage import registry
from triage.engine import pool, worker


class Forked:
    """What the pool uses of `subprocess.Popen`; and which signals ended workers by themselves."""

    crashed: ClassVar[list[int]] = []

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        stdin: int,
        stdout: int,
        env: Mapping[str, str],
        pass_fds: Sequence[int] = (),
        **others: object,
    ) -> None:
        del arguments, others
        self.pid = os.fork()
        self._status: int | None = None
        if self.pid == 0:
            try:
                _become_worker(stdin, stdout, pass_fds, env)
            finally:
                os._exit(1)

    def kill(self) -> None:
        """End it, unless it has ended itself."""
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end, and remember the signal if it was not ours."""
        if self._status is None:
            self._status = os.waitpid(self.pid, 0)[1]
            if os.WIFSIGNALED(self._status) and os.WTERMSIG(self._status) != signal.SIGKILL:
                self.crashed.append(os.WTERMSIG(self._status))
        return self._status


def _become_worker(
    stdin: int, stdout: int, pass_fds: Sequence[int], env: Mapping[str, str]
) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(env)
    os.dup2(stdin, 0)
    os.dup2(stdout, 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    at = 3
    for keep in (*sorted(pass_fds), 1 << 16):
        os.closerange(at, keep)
        at = keep + 1
    worker.main()


@contextlib.contextmanager
def forked_workers(plugins: str) -> Iterator[None]:
    """Let every pool fork its workers; `plugins` is imported now, as are all extractors."""
    registry.load(plugins)
    worker._import_all()
    stand_in = types.SimpleNamespace(Popen=Forked, DEVNULL=subprocess.DEVNULL)
    with mock.patch.object(pool, "subprocess", stand_in):
        yield
