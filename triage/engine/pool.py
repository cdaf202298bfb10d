"""Worker processes: started, fed, watched, and replaced when they die.

The parent trusts nothing that comes back. A worker that dies, hangs or answers what is not an
answer costs the task it was at: tried once more in a fresh process, then given up with a reason.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import triage
from triage import errors
from triage.engine import messages as m
from triage.engine.wire import Channel
from triage.errors import TriageError, WorkerError

_TRIES = 2
_OPENING_SECONDS = 600.0  # a RAID of slow disks may take long to answer the first read


@dataclass(slots=True, kw_only=True)
class Task:
    """One request on its way. `sink` gets replies as they come; such a task is tried once."""

    request: m.AnyRequest
    sink: Callable[[m.AnyReply], None] | None = None
    replies: list[m.AnyReply] = field(default_factory=list)
    tries: int = 0
    failure: m.Failed | None = None


@dataclass(slots=True, kw_only=True)
class _Worker:
    process: subprocess.Popen[bytes]
    channel: Channel
    pipes: tuple[int, int]
    task: Task | None = None
    heard: float = 0.0
    background: bool = False


class Pool:
    """Some workers with the same image open."""

    def __init__(
        self,
        opening: m.Open,
        *,
        jobs: int,
        silent_seconds: float,
        index_fd: int | None,
        progress: Callable[[Task, int], None] = lambda _task, _done: None,
    ) -> None:
        self._opening = opening
        self._jobs = jobs if index_fd is not None else 1
        self._silent = silent_seconds
        self._index_fd = index_fd
        self._progress = progress
        self._setup: list[m.AnyRequest] = []
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self.opened: m.Opened | None = None
        self._background: list[Task] = []
        self.deaths = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in list(self._workers):
            self._discard(worker)
        self._selector.close()

    def open(self) -> m.Opened:
        """Start the first worker. Raises what went wrong there, as the same kind of error."""
        self._start()
        if self.opened is None:
            raise WorkerError("the image was not opened")
        return self.opened

    def setup(self, request: m.AnyRequest) -> None:
        """Have every worker, also those started later, carry out a request first."""
        if isinstance(request, m.Attach) and self._index_fd is None:
            return  # the only worker has the index it made
        self._setup.append(request)
        for worker in list(self._workers):
            if worker.task is None and not self._ask(worker, request):
                self._discard(worker)

    def run(
        self, tasks: Iterable[Task], *, stop: Callable[[], bool] = lambda: False
    ) -> Iterator[Task]:
        """Carry out tasks on all workers; yield each when finished, in no particular order.

        Once `stop` says so no task is begun any more; those left are yielded with `tries` 0.
        """
        waiting = deque(tasks)
        running = 0
        while waiting or running:
            if waiting and stop():
                yield from (task for task in waiting if not task.tries)
                waiting = deque(task for task in waiting if task.tries)
            for worker in self._idle(len(waiting)):
                if waiting:
                    self._give(worker, waiting.popleft())
                    running += 1
            for task in self._wait():
                if not any(task is mine for mine in self._background):
                    running -= 1
                    if task.failure and self._again(task):
                        waiting.append(task)
                    else:
                        yield task

    def background(self, task: Task) -> None:
        """Begin a long task in a process of its own, beside whatever `run` does."""
        worker = self._start()
        worker.background = True
        self._background.append(task)
        self._give(worker, task)

    def finish(self, task: Task) -> None:
        """Wait until a background task has ended."""
        while any(worker.task is task for worker in self._workers):
            self._wait()

    def _idle(self, wanted: int) -> list[_Worker]:
        while sum(not worker.background for worker in self._workers) < self._jobs:
            free = sum(w.task is None and not w.background for w in self._workers)
            if free >= wanted:
                break
            self._start()
        return [w for w in self._workers if w.task is None and not w.background]

    @staticmethod
    def _again(task: Task) -> bool:
        assert task.failure is not None  # noqa: S101 - the caller asked
        return task.failure.code.startswith("worker_") and task.sink is None and task.tries < _TRIES

    def _start(self) -> _Worker:
        to_worker, from_worker = os.pipe(), os.pipe()
        fds = () if self._index_fd is None else (self._index_fd,)
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "triage.engine.worker"],
                stdin=to_worker[0],
                stdout=from_worker[1],
                stderr=subprocess.DEVNULL,
                pass_fds=fds,
                env=_environment(),
                start_new_session=True,  # Ctrl-C reaches the parent alone
            )
        finally:
            os.close(to_worker[0])
            os.close(from_worker[1])
        pipes = (from_worker[0], to_worker[1])
        worker = _Worker(process=process, channel=Channel(*pipes), pipes=pipes)
        self._workers.append(worker)
        try:
            for reply in self._dialogue(worker, self._opening, _OPENING_SECONDS):
                if isinstance(reply, m.Failed):
                    raise _as_error(reply)
                if isinstance(reply, m.Opened):
                    self.opened = self.opened or reply
            for request in self._setup:
                if not self._ask(worker, request):
                    raise WorkerError("a new worker could not be prepared")
        except TriageError:
            self._discard(worker)
            raise
        self._selector.register(worker.channel, selectors.EVENT_READ, worker)
        return worker

    def _dialogue(
        self, worker: _Worker, request: m.AnyRequest, timeout: float
    ) -> Iterator[m.AnyReply]:
        worker.channel.send(request, timeout)
        while True:
            reply: m.AnyReply = worker.channel.receive(m.AnyReply, timeout=timeout)
            yield reply
            if isinstance(reply, (m.Done, m.Failed)):
                return

    def _ask(self, worker: _Worker, request: m.AnyRequest) -> bool:
        try:
            replies = list(self._dialogue(worker, request, self._silent))
        except WorkerError:
            return False
        return isinstance(replies[-1], m.Done)

    def _give(self, worker: _Worker, task: Task) -> None:
        task.tries += 1
        task.replies.clear()
        task.failure = None
        worker.task, worker.heard = task, time.monotonic()
        with contextlib.suppress(WorkerError):  # noticed when the worker does not answer
            worker.channel.send(task.request, self._silent)

    def _wait(self) -> list[Task]:
        """Take what has come in; return tasks that ended."""
        ended: list[Task] = []
        for key, _ in self._selector.select(timeout=1.0):
            worker: _Worker = key.data
            task = worker.task
            if task is None:
                continue
            try:
                alive = worker.channel.feed()
                for reply in worker.channel.messages(m.AnyReply):
                    self._take(worker, task, reply)
                if not alive and worker.task is not None:
                    raise WorkerError("closed")  # noqa: TRY301 - handled like the others
            except WorkerError as error:
                ended.append(self._lost(worker, f"worker_{_reason(error)}", error.message))
                continue
            worker.heard = time.monotonic()
            if worker.task is None:
                ended.append(task)
        now = time.monotonic()
        hung = [w for w in self._workers if w.task is not None and now - w.heard > self._silent]
        ended += [self._lost(worker, "worker_hung", "no answer in time") for worker in hung]
        return ended

    def _take(self, worker: _Worker, task: Task, reply: m.AnyReply) -> None:
        if isinstance(reply, (m.Done, m.Failed)):
            worker.task = None
            task.failure = reply if isinstance(reply, m.Failed) else None
        elif isinstance(reply, m.Progress):
            self._progress(task, reply.done)
        elif task.sink is not None:
            task.sink(reply)
        else:
            task.replies.append(reply)

    def _lost(self, worker: _Worker, code: str, text: str) -> Task:
        task = worker.task
        assert task is not None  # noqa: S101 - only busy workers are lost
        self._discard(worker)
        self.deaths += 1
        task.failure = m.Failed(code=code, text=text, error="WorkerError")
        return task

    def _discard(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        with contextlib.suppress(KeyError):
            self._selector.unregister(worker.channel)
        worker.process.kill()
        worker.process.wait()
        for pipe in worker.pipes:
            os.close(pipe)


def _reason(error: WorkerError) -> str:
    return "died" if error.message == "closed" else "lied"


def _as_error(failure: m.Failed) -> TriageError:
    kind = getattr(errors, failure.error, TriageError)
    if isinstance(kind, type) and issubclass(kind, TriageError):
        return kind(failure.text)
    return TriageError(failure.text)


def _environment() -> dict[str, str]:
    """Return the same small environment on every host, so that results do not depend on it."""
    package = str(Path(triage.__file__).parents[1])
    before = os.environ.get("PYTHONPATH")
    return {
        "LC_ALL": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",  # a thread before the lock would escape it
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(filter(None, (package, before))),
        "PYTHONUTF8": "1",
        "TZ": "UTC",
    }
