"""Worker processes, forked from one that has imported everything and seen nothing.

Starting an interpreter and importing every reader and extractor takes half a second of a core and
80 MB; workers that are forked share both. The nursery holds no key, is sent no evidence and opens
none. A worker leaves it before it is told what to open, and locks itself as if it had come alone.
The nursery ends when the run closes its end of the socket; so do the workers, with their pipes.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import gc
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn, Protocol

import triage
from triage.errors import WorkerError

NURSERY = ("-P", "-m", "triage.engine.nursery")
"""Arguments of the nursery's interpreter; where third-party extractors come from follows."""

WORKER = ("-P", "-m", "triage.engine.worker")
"""Arguments of the interpreter of a worker that comes alone."""

LENT = "TRIAGE_NURSERY"
"""Names the descriptor of a nursery that a batch lends to a run that it starts."""

_MOST_KEPT = 16  # descriptors of one worker
_HEAD = struct.Struct("=ci")  # what is asked, or said; a process or its status
_FORK, _STATUS, _LEND = b"f", b"s", b"l"
_NUMBER = struct.Struct("=i")


class Process(Protocol):
    """A worker process as the run sees it."""

    @property
    def returncode(self) -> int | None:
        """How it ended, as `subprocess` has it; None before, and when nobody can say any more."""
        ...

    def kill(self) -> None:
        """End it, unless it has ended."""
        ...

    def wait(self, seconds: float | None = None) -> None:
        """Wait for its end, no longer than `seconds`."""
        ...


class Launcher(Protocol):
    """What starts worker processes."""

    def launch(self, stdin: int, stdout: int, kept: Sequence[int]) -> Process:
        """Start a worker on two pipes; `kept` have the same numbers there. Raises WorkerError."""
        ...

    def close(self) -> None:
        """Start no more of them."""
        ...


class Child:
    """A process that the nursery has forked."""

    def __init__(self, nursery: socket.socket, pid: int, descriptor: int) -> None:
        """Take over a process of the nursery by its descriptor, which no other can be given."""
        self._pid = pid
        self._nursery = nursery
        self._descriptor = descriptor
        self._ended = False
        self.returncode: int | None = None

    def kill(self) -> None:
        """End it, unless it has ended."""
        if not self._ended:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def wait(self, seconds: float | None = None) -> None:
        """Wait for its end."""
        if self._ended or not select.select([self._descriptor], [], [], seconds)[0]:
            return
        self._ended = True
        os.close(self._descriptor)
        with contextlib.suppress(OSError, struct.error):
            self._nursery.send(_HEAD.pack(_STATUS, self._pid))
            said, status = _HEAD.unpack(self._nursery.recv(_HEAD.size))
            if said == _STATUS:
                self.returncode = os.waitstatus_to_exitcode(status)


class Nursery:
    """The run's side. Started at once, it imports while the run does."""

    def __init__(self, plugins: str, *, lent: int | None = None) -> None:
        """Start it, or use the one behind a descriptor. `plugins` is as in `registry.load`.

        Raises WorkerError.
        """
        self._process: subprocess.Popen[bytes] | None = None
        if lent is not None:
            self._socket = socket.socket(fileno=lent)
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                arguments = (*NURSERY, plugins)
                self._process = _interpreter(arguments, theirs.fileno(), subprocess.DEVNULL)
            except WorkerError:
                ours.close()
                raise
        self._socket = ours

    def close(self) -> None:
        """End it; workers go on."""
        self._socket.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def lend(self) -> socket.socket:
        """Return the run's side of a copy of it, which ends with that. Raises WorkerError.

        For a run in a process of its own, which would import the same.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                socket.send_fds(self._socket, [_HEAD.pack(_LEND, 0)], [theirs.fileno()])
                _HEAD.unpack(self._socket.recv(_HEAD.size))
            except (OSError, struct.error) as error:
                ours.close()
                raise WorkerError("the parent of the workers cannot be lent") from error
        return ours

    def launch(self, stdin: int, stdout: int, kept: Sequence[int]) -> Child:
        """Start a worker on two pipes; `kept` have the same numbers there. Raises WorkerError."""
        numbers = (0, 1, *kept)
        message = _HEAD.pack(_FORK, len(numbers)) + b"".join(map(_NUMBER.pack, numbers))
        try:
            socket.send_fds(self._socket, [message], [stdin, stdout, *kept])
            answer, descriptors, _, _ = socket.recv_fds(self._socket, _HEAD.size, 1)
            said, pid = _HEAD.unpack(answer)
        except (OSError, struct.error) as error:
            why = _ending(self._process) if self._process else "its parent ended"
            raise WorkerError(f"a worker cannot be started: {why}") from error
        if said != _FORK or not descriptors:
            raise WorkerError(f"a worker cannot be started: {os.strerror(pid)}")
        return Child(self._socket, pid, descriptors[0])


class Spawned:
    """A process with an interpreter of its own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Take over a process that was started."""
        self._process = process

    @property
    def returncode(self) -> int | None:
        """How it ended."""
        return self._process.returncode

    def kill(self) -> None:
        """End it, unless it has ended."""
        self._process.kill()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for its end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)


class Spawner:
    """Starts an interpreter for each worker: where a system cannot hand over descriptors."""

    def launch(self, stdin: int, stdout: int, kept: Sequence[int]) -> Spawned:
        """Start a worker on two pipes; `kept` have the same numbers there. Raises WorkerError."""
        return Spawned(_interpreter(WORKER, stdin, stdout, kept))

    def close(self) -> None:
        """Start no more of them."""


def possible() -> bool:
    """Whether descriptors and processes can be handed over here."""
    return hasattr(os, "pidfd_open") and hasattr(socket, "send_fds")


@contextlib.contextmanager
def launcher(plugins: str) -> Iterator[Launcher]:
    """Give what starts workers here; `plugins` is as in `registry.load`. Raises WorkerError."""
    lent = os.environ.pop(LENT, None)
    found = Nursery(plugins, lent=int(lent) if lent else None) if possible() else Spawner()
    with contextlib.closing(found):
        yield found


def _interpreter(
    arguments: Sequence[str], stdin: int, stdout: int, kept: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, *arguments],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            pass_fds=kept,
            env=_environment(),
            start_new_session=True,  # Ctrl-C reaches the run alone
        )
    except OSError as error:
        raise WorkerError(f"a worker cannot be started: {error.strerror}") from error


def _environment() -> dict[str, str]:
    """Return the same small environment on every host, so that results do not depend on it."""
    package = str(Path(triage.__file__).parents[1])
    before = os.environ.get("PYTHONPATH")
    return {
        "LC_ALL": "C.UTF-8",
        "MALLOC_MMAP_THRESHOLD_": "1048576",  # large blocks go back to the system when freed
        "OPENBLAS_NUM_THREADS": "1",  # a thread before the lock would escape it
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(filter(None, (package, before))),
        "PYTHONUTF8": "1",
        "TZ": "UTC",
    }


def _ending(process: subprocess.Popen[bytes]) -> str:
    process.kill()
    code = process.wait()
    return "its parent was killed" if code < 0 else f"its parent ended with exit code {code}"


def main() -> None:
    """Import everything, then fork workers on demand until the run closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run
    run = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    from triage.engine import worker  # noqa: PLC0415 - the run, which starts us, needs none of it

    worker.import_all(sys.argv[-1])
    gc.collect()
    gc.freeze()  # what is shared stays shared
    copies: list[int] = []
    while True:
        request, descriptors, _, _ = socket.recv_fds(run, 4096, _MOST_KEPT)
        if not request:
            return
        asked, number = _HEAD.unpack_from(request)
        if asked == _LEND:
            copies = [copy for copy in copies if not os.waitpid(copy, os.WNOHANG)[0]]
            copy = os.fork()
            if copy == 0:
                run.close()
                run, copies = socket.socket(fileno=descriptors[0]), []
                continue
            copies.append(copy)
            os.close(descriptors[0])
            run.send(_HEAD.pack(_LEND, 0))
            continue
        if asked == _STATUS:
            run.send(_HEAD.pack(_STATUS, os.waitpid(number, 0)[1]))
            continue
        numbers = array.array("i", request[_HEAD.size :])
        try:
            pid = os.fork()
        except OSError as error:
            run.send(_HEAD.pack(b"e", error.errno or 0))
        else:
            if pid == 0:
                _become_worker(worker.main, descriptors, numbers)
            handle = os.pidfd_open(pid)
            socket.send_fds(run, [_HEAD.pack(_FORK, pid)], [handle])
            os.close(handle)
        for descriptor in descriptors:
            os.close(descriptor)


def _become_worker(
    serve: Callable[[], None], descriptors: Sequence[int], numbers: Sequence[int]
) -> NoReturn:
    """Put the descriptors where the run wants them, close all others, and serve."""
    try:
        gc.unfreeze()
        os.setsid()
        above = max(*numbers, 2) + 1
        moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, above) for descriptor in descriptors]
        for descriptor, number in zip(moved, numbers, strict=True):
            os.dup2(descriptor, number)
        at = 3  # standard error leads nowhere already
        for keep in (*sorted(number for number in numbers if number > 2), 1 << 16):  # noqa: PLR2004
            os.closerange(at, keep)
            at = keep + 1
        serve()
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
