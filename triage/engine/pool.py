"""Worker processes: started, fed, watched, and replaced when they die.

The parent trusts nothing that comes back. A worker that dies, hangs or answers what is not an
answer costs the task it was at: tried once more in a fresh process, then given up with a reason.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Self

import msgspec

from triage import errors
from triage.engine import messages as m
from triage.engine.nursery import Launcher, Process
from triage.engine.place import look, new_page
from triage.engine.wire import Channel, Kept
from triage.errors import ImageError, TriageError, WorkerError

LOST = {
    "worker_died": "the worker process ended",
    "worker_hung": "the worker process did not answer in time",
    "worker_lied": "the worker process sent what is not an answer",
}
"""How a worker can be lost: code and words of the failure."""

_OPENING = {  # what the channel says → how it came, None: the process says
    "closed": None,
    "timed out": "no answer in time",
    "not a message": "it sent what is not an answer",
    "too large": "it sent what is not an answer",
}
_LONGEST_ANSWER = 1 << 30  # bytes of all replies to one request
_OPENING_SECONDS = 600.0  # a RAID of slow disks may take long to answer the first read


@dataclass(slots=True, kw_only=True)
class Task:
    """One request on its way, and what came of it."""

    request: m.AnyRequest
    most_tries: int = 2  # when workers die of it
    progress: Callable[[int], None] = lambda _: None
    ended: Callable[[Task], None] = lambda _: None  # for those in the background
    replies: Kept[m.AnyReply] = field(default_factory=partial(Kept, m.AnyReply))
    tries: int = 0
    failure: m.Failed | None = None
    place: int | None = None  # metadata address at which the last worker was lost

    @property
    def again(self) -> bool:
        """Whether it is to be tried once more, in a fresh process."""
        lost = self.failure is not None and self.failure.code in LOST
        return lost and self.tries < self.most_tries


@dataclass(slots=True, kw_only=True)
class _Worker:
    process: Process
    channel: Channel
    descriptors: tuple[int, ...]
    page: int | None
    task: Task | None = None
    heard: float = 0.0
    steps: int = 0  # in its page, when it was last asked
    received: int = 0  # bytes, before its task
    background: bool = False


class Pool:
    """Some workers with the same image open."""

    def __init__(
        self,
        opening: m.Open,
        launcher: Launcher,
        *,
        jobs: int,
        silent_seconds: float,
        index_fd: int | None,
    ) -> None:
        self._opening = opening
        self._launcher = launcher
        self._jobs = jobs if index_fd is not None else 1
        self._silent = silent_seconds
        self._index_fd = index_fd
        self._setup: list[m.AnyRequest] = []
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self.opened: m.Opened | None = None
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
                running -= 1
                if task.again:
                    waiting.append(task)
                else:
                    yield task

    def complete(self, task: Task) -> None:
        """Carry out one task."""
        for _ in self.run([task]):
            pass

    def background(self, task: Task) -> None:
        """Begin a long task in a process of its own, beside whatever `run` does.

        `task.ended` is called from within `run` or `finish`.
        """
        worker = self._start()
        worker.background = True
        self._give(worker, task)

    def finish(self, task: Task) -> None:
        """Wait until a background task has ended."""
        while any(worker.task is task for worker in self._workers):
            self._wait()

    def _idle(self, wanted: int) -> list[_Worker]:
        """Return workers without a task, as many as wanted if there may be so many."""
        while True:
            ours = [worker for worker in self._workers if not worker.background]
            free = [worker for worker in ours if worker.task is None]
            if len(ours) >= self._jobs or len(free) >= wanted:
                return free
            try:
                self._start()
            except TriageError:
                if not ours:
                    raise
                self._jobs = len(ours)  # no room for more of them: go on with those there are

    def _start(self) -> _Worker:
        worker = self._launch()
        try:
            self._prepare(worker)
        except BaseException as error:
            if isinstance(error, WorkerError) and error.message == "closed":
                worker.process.wait(1)
            self._discard(worker)
            if isinstance(error, WorkerError) and error.message in _OPENING:
                how = _OPENING[error.message] or _how(worker.process.returncode)
                raise WorkerError(f"a worker failed while it opened the image: {how}") from None
            raise
        self._selector.register(worker.channel, selectors.EVENT_READ, worker)
        return worker

    def _prepare(self, worker: _Worker) -> None:
        """Have it open the image, and do what the others have done to be ready."""
        opening = msgspec.structs.replace(self._opening, place_fd=worker.page)
        for reply in self._dialogue(worker, opening, _OPENING_SECONDS):
            if isinstance(reply, m.Failed):
                raise _as_error(reply)
            if isinstance(reply, m.Opened):
                self._check(reply)
        for request in self._setup:
            if not self._ask(worker, request):
                raise WorkerError("a new worker could not be prepared")

    def _launch(self) -> _Worker:
        to_worker, from_worker, page = os.pipe(), os.pipe(), new_page()
        kept = (from_worker[0], to_worker[1], *(() if page is None else (page,)))
        try:
            shared = [fd for fd in (self._index_fd, page) if fd is not None]
            process = self._launcher.launch(to_worker[0], from_worker[1], shared)
        except WorkerError:
            for descriptor in kept:
                os.close(descriptor)
            raise
        finally:
            os.close(to_worker[0])
            os.close(from_worker[1])
        channel = Channel(from_worker[0], to_worker[1])
        worker = _Worker(process=process, channel=channel, descriptors=kept, page=page)
        self._workers.append(worker)
        return worker

    def _check(self, opened: m.Opened) -> None:
        """Keep what the first worker says; the others must say the same."""
        if self.opened is None:
            self.opened = opened
        elif opened != self.opened:
            raise ImageError("is no longer what it was when the run began", where="the image")

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
        task.failure = task.place = None
        worker.task, worker.heard = task, time.monotonic()
        worker.received = worker.channel.received
        with contextlib.suppress(WorkerError):  # noticed when the worker does not answer
            worker.channel.send(task.request, self._silent)

    def _wait(self) -> list[Task]:
        """Take what has come in; return tasks of `run` that ended."""
        ended: list[Task] = []
        for key, _ in self._selector.select(timeout=1.0):
            worker: _Worker = key.data
            if worker.task is None:
                continue
            task, background = worker.task, worker.background
            try:
                self._hear(worker, task)
            except WorkerError as error:
                code = "worker_died" if error.message == "closed" else "worker_lied"
                self._lost(worker, task, code)
            if worker.task is None:
                self._settle(task, ended, background=background)
        for worker in list(self._workers):
            if worker.task is not None and self._hangs(worker):
                task, background = worker.task, worker.background
                self._lost(worker, task, "worker_hung")
                self._settle(task, ended, background=background)
        return ended

    def _settle(self, task: Task, ended: list[Task], *, background: bool) -> None:
        if not background:
            ended.append(task)
            return
        if task.again:
            with contextlib.suppress(TriageError):  # its failure says enough
                self.background(task)
                return
        task.ended(task)

    def _hear(self, worker: _Worker, task: Task) -> None:
        """Take the replies that have come in. Raises WorkerError."""
        alive = worker.channel.feed()
        for reply in worker.channel.messages(m.AnyReply):
            if isinstance(reply, (m.Done, m.Failed)):
                worker.task = None
                task.failure = reply if isinstance(reply, m.Failed) else None
                if task.failure and task.failure.error == errors.FailingDeviceError.__name__:
                    raise _as_error(task.failure)  # the end of the run, not of a task
                break
            if isinstance(reply, m.Progress):
                task.progress(reply.done)
            else:
                task.replies.append(reply)
        worker.heard = time.monotonic()
        if not alive and worker.task is not None:
            raise WorkerError("closed")
        if worker.channel.received - worker.received > _LONGEST_ANSWER:
            raise WorkerError("too large")

    def _hangs(self, worker: _Worker) -> bool:
        now = time.monotonic()
        if now - worker.heard <= self._silent:
            return False
        steps, _ = look(worker.page)
        if steps == worker.steps:
            return True
        worker.steps, worker.heard = steps, now  # it walks, slowly
        return False

    def _lost(self, worker: _Worker, task: Task, code: str) -> None:
        _, task.place = look(worker.page)
        worker.task = None
        self._discard(worker)
        self.deaths += 1
        task.failure = m.Failed(code=code, text=LOST[code], error="WorkerError")

    def _discard(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        with contextlib.suppress(KeyError):
            self._selector.unregister(worker.channel)
        worker.process.kill()
        worker.process.wait()
        for descriptor in worker.descriptors:
            os.close(descriptor)


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def _as_error(failure: m.Failed) -> TriageError:
    kind = getattr(errors, failure.error, TriageError)
    if isinstance(kind, type) and issubclass(kind, TriageError):
        return kind(failure.text)
    return TriageError(failure.text)
