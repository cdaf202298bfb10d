"""One nursery for many runs of this process: the workers are real, only their mother is shared.

Starting a nursery takes as long as a small run. Tests that change what it runs get one of their
own; so does a forked process, whose end may come in the middle of what it says: it forks one.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from signal import SIGKILL
from unittest import mock

from triage.engine import nursery, run, start
from triage.engine.nursery import Child, Launcher, Nursery

_start = nursery.launcher
_KEPT = 3  # nurseries for other places


@dataclass(slots=True)
class SharedNursery:
    """Gives the nursery of its place for third-party extractors to every run that asks.

    A run with another place gets the one that is kept for that, or starts it.
    """

    plugins: str
    nursery: Nursery
    others: dict[str, SharedNursery] = field(default_factory=dict)
    arguments: tuple[str, ...] = field(default_factory=lambda: nursery.NURSERY)
    process: int = field(default_factory=os.getpid)
    started: list[Child] = field(default_factory=list)

    @contextlib.contextmanager
    def launcher(self, plugins: str) -> Iterator[Launcher]:
        """Stand in for `triage.engine.nursery.launcher`."""
        if self.arguments != nursery.NURSERY:
            with _start(plugins) as found:
                yield found
        elif os.getpid() != self.process:
            yield ForkedNursery(plugins)  # ends with the process
        elif plugins != self.plugins:
            self.started.clear()
            with self._other(plugins).launcher(plugins) as found:
                yield found
        else:
            self.started.clear()
            yield self

    def _other(self, plugins: str) -> SharedNursery:
        if plugins not in self.others:
            while len(self.others) >= _KEPT:
                self.others.pop(next(iter(self.others))).nursery.close()
            self.others[plugins] = SharedNursery(plugins, Nursery(plugins), started=self.started)
        return self.others[plugins]

    def launch(self, stdin: int, stdout: int, kept: Sequence[int]) -> Child:
        """Start a worker."""
        self.started.append(self.nursery.launch(stdin, stdout, kept))
        return self.started[-1]

    def close(self) -> None:
        """Go on: there are more runs."""

    @property
    def crashed(self) -> list[int]:
        """The signals by which workers of the last run ended, without those that it ended."""
        codes = (child.returncode for child in self.started)
        return [-code for code in codes if code is not None and code < 0 and code != -SIGKILL]


class ForkedNursery(Nursery):
    """Forked from this process, which has imported everything, instead of started."""

    def __init__(self, plugins: str) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            self._socket.close()
            os.dup2(theirs.fileno(), 0)
            theirs.close()
            sys.argv.append(plugins)
            try:
                nursery.main()
            finally:
                os._exit(0)
        theirs.close()


@contextlib.contextmanager
def shared_nursery(plugins: str) -> Iterator[SharedNursery]:
    """Let the runs of this process share a nursery."""
    with contextlib.closing(Nursery(plugins)) as started:
        shared = SharedNursery(plugins, started)
        with (
            mock.patch.object(run, "launcher", shared.launcher),
            mock.patch.object(start, "launcher", shared.launcher),
        ):
            yield shared
        for other in shared.others.values():
            other.nursery.close()
