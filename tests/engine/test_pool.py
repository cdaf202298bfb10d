"""Workers that fail while they open, hash or answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.conftest import lines
from tests.engine.runs import go, options, records, small_image
from triage.engine import messages as m
from triage.engine import nursery
from triage.engine import pool as pool_module
from triage.engine.options import Silent
from triage.engine.pool import Pool, Task
from triage.errors import ExitCode, FailingDeviceError, ImageError, TriageError, WorkerError
from triage.profile import Limits

PROGRAM = """
import os, signal, time
from pathlib import Path
from triage.engine import nursery, worker

def odd():
    exec({code!r}, globals())
    serve()

serve, worker.main = worker.main, odd
nursery.main()
"""
DIES_ONCE = """
from pathlib import Path
mark = Path({mark!r})
{how}
honest = worker.Worker.hash_media
def hash_media(self, request):
    if first:
        for _ in range(200): self.channel.send(worker.m.Progress(done=10**12))
        os.kill(os.getpid(), signal.SIGKILL)
    return honest(self, request)
worker.Worker.hash_media = hash_media
"""

Workers = Callable[[str], None]


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Workers:
    """Have every worker run some code first."""

    def use(code: str) -> None:
        monkeypatch.setattr(nursery, "NURSERY", ("-P", "-c", PROGRAM.format(code=code)))

    return use


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return small_image(tmp_path / "image.tar")


@pytest.fixture
def pool(image: Path) -> Iterator[Callable[..., Pool]]:
    index_fd = os.memfd_create("index") if hasattr(os, "memfd_create") else None

    def make(*, jobs: int = 1, silent: float = 60) -> Pool:
        opening = m.Open(
            path=os.fspath(image),
            allow_incomplete=False,
            allow_writable_device=False,
            plugins="none",
            extractors=(),
            limits=asdict(Limits()),
            index_fd=index_fd,
            send_secrets=False,
        )
        workers = stack.enter_context(nursery.launcher("none"))
        one = Pool(opening, workers, jobs=jobs, silent_seconds=silent, index_fd=index_fd)
        return stack.enter_context(one)

    with ExitStack() as stack:
        yield make
    if index_fd is not None:
        os.close(index_fd)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "while it opened the image: killed by SIGSEGV"),
        ("os._exit(7)", "while it opened the image: exit code 7"),
        ("os.write(1, b'\\xff' * 64); time.sleep(60)", "it sent what is not an answer"),
        ("os.write(1, b'\\0\\0\\0\\1\\0'); time.sleep(60)", "it sent what is not an answer"),
        ("worker._open = lambda *_: 1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_worker_that_fails_while_opening_ends_the_run_clearly(
    workers: Workers, image: Path, tmp_path: Path, code: str, words: str
) -> None:
    workers(code)
    with pytest.raises(TriageError, match=words):
        go(options(image, tmp_path / "b"))
    assert not list(tmp_path.glob("b*"))


def test_a_device_that_fails_read_after_read_ends_the_run_with_advice(
    workers: Workers, image: Path, tmp_path: Path
) -> None:
    workers("from triage.engine import source; source.FilesSource.failing = True")
    with pytest.raises(FailingDeviceError, match="image the device first"):
        go(options(image, tmp_path / "b"))


def test_an_image_that_became_another_is_noticed(pool: Callable[..., Pool], image: Path) -> None:
    workers = pool(jobs=2)
    workers.open()
    with image.open("ab") as file:
        file.write(bytes(512))
    with pytest.raises(ImageError, match="no longer what it was"):
        workers.background(Task(request=m.HashMedia(algorithms=("md5",))))


def test_a_successor_that_cannot_be_started_leaves_a_run_to_continue(
    workers: Workers, tmp_path: Path
) -> None:
    for name in ("crash", "fine"):
        (tmp_path / "evidence" / name).mkdir(parents=True)
        (tmp_path / "evidence" / name / f"{name}.txt").write_text("a")
    chosen = options(tmp_path / "evidence", tmp_path / "b", only=("bad.*",))
    mark = f"mark = Path({os.fspath(tmp_path / 'mark')!r})"
    workers(f"{mark}\nif mark.exists(): os._exit(9)\nmark.touch()")
    with pytest.raises(WorkerError, match=r"exit code 9; what is finished .* --resume"):
        go(chosen)
    workers("")
    result = go(replace(chosen, resume=True))
    assert (result.findings, result.exit_code) == (2, ExitCode.INCOMPLETE)


def test_when_there_is_no_room_for_more_workers_it_goes_on_with_fewer(
    pool: Callable[..., Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = pool(jobs=4)
    many.open()

    def full(*_: object) -> None:
        raise WorkerError("a worker cannot be started: no more processes")

    monkeypatch.setattr(nursery.Nursery, "launch", full)
    tasks = [Task(request=m.HashMedia(algorithms=("md5",))) for _ in range(3)]
    assert [task.failure for task in many.run(tasks)] == [None] * 3


def test_an_answer_without_end_costs_the_task(
    workers: Workers, pool: Callable[..., Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_LONGEST_ANSWER", 1 << 20)
    workers(
        "def hash_media(self, request):\n"
        "    while True: self.channel.send(worker.m.Chunk(data=bytes(1 << 16)))\n"
        "worker.Worker.hash_media = hash_media"
    )
    one = pool()
    one.open()
    task = Task(request=m.HashMedia(algorithms=("md5",)))
    one.complete(task)
    assert task.failure is not None
    assert (task.failure.code, task.tries) == ("worker_lied", 2)


class Bars(Silent):
    """Remembers every step of every phase."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int]] = []
        self._phase = ""

    def phase(self, name: str, total: int | None, unit: str) -> None:
        del total, unit
        self._phase = name.partition(" ")[0]

    def progress(self, done: int) -> None:
        self.steps.append((self._phase, done))


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_hash_worker_that_dies_is_tried_again_and_moves_no_other_bar(
    workers: Workers, image: Path, tmp_path: Path, jobs: int
) -> None:
    mark = tmp_path / "mark"
    # The second worker that is started is the one that hashes.
    how = "n = int(mark.read_text()) if mark.exists() else 0; mark.write_text(str(n + 1))\n"
    how += "first = n == 1"
    workers(DIES_ONCE.format(mark=os.fspath(mark), how=how))
    bars = Bars()
    result = go(options(image, tmp_path / "b", jobs=jobs), bars)
    assert result.image_hash == "no stored hash"
    assert {phase for phase, done in bars.steps if done == 10**12} <= {"hash"}
    custody = lines(tmp_path / "b" / "data" / "custody.jsonl")
    assert {"count": 1} in [event["data"] for event in custody]


def test_a_hash_worker_that_always_dies_costs_the_hash_alone(
    workers: Workers, image: Path, tmp_path: Path
) -> None:
    go(options(image, tmp_path / "whole"))
    workers(DIES_ONCE.format(mark="", how="first = True"))
    result = go(options(image, tmp_path / "b", jobs=2))
    assert result.image_hash == "not finished"
    assert result.exit_code == ExitCode.INCOMPLETE
    assert records(tmp_path / "b")["findings"] == records(tmp_path / "whole")["findings"]
    record = (tmp_path / "b" / "data" / "run.json").read_text()
    assert '"hash_failure":"the worker process ended"' in record
