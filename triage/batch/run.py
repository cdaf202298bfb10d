"""The batch: every image in its turn, whatever becomes of the one before it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from triage import canonical
from triage.batch.execute import Execute, disk_full, noting_interrupts
from triage.batch.plan import Job, Plan
from triage.batch.settings import Settings
from triage.batch.state import Event, State
from triage.bundle import Bundle, verify
from triage.bundle.writer import MIN_FREE
from triage.engine.records import finding_id
from triage.errors import (
    BundleError,
    ExitCode,
    InterruptedRunError,
    TriageError,
    UsageError,
    worst,
)

SUFFIX = ".bundle"
_SHOWN = 80  # characters of a value in a difference
_DIFFERENCES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One time through all images."""

    settings: Settings
    suffix: str = SUFFIX


class Batch:
    """A batch in its folder. Use it inside `with state:`."""

    def __init__(self, *, folder: Path, plan: Plan, state: State, execute: Execute) -> None:
        self.folder = folder
        self.plan = plan
        self.state = state
        self._execute = execute

    def prepare(self, passes: Sequence[Pass]) -> int:
        """Write the plan, or compare it with the one that is resumed; return the bytes needed.

        Raises UsageError with the differences when options or images have changed, BundleError
        when the disk is full already.
        """
        lines = [self._planned(job, one) for one in passes for job in self.plan.jobs]
        known = dict(self.state.planned)
        if known:
            self._same(lines)
        if shutil.disk_usage(self.folder).free < MIN_FREE:
            raise BundleError(f"less than {MIN_FREE} bytes free", where=str(self.folder))
        for line in lines:
            if line["bundle"] not in known:
                self.state.append("planned", **line)
        if not known:
            for left in self.plan.left:
                self.state.append(
                    "skipped",
                    bundle=None,
                    image=str(left.path),
                    reason=left.problem,
                    counts=left.counts,
                )
        return sum(
            job.space
            for one in passes
            for job in self.plan.jobs
            if not (self.folder / bundle_name(job, one)).exists()
        )

    def _planned(self, job: Job, one: Pass) -> dict[str, Any]:
        line: Any = canonical.jsonable(
            {
                "bundle": bundle_name(job, one),
                "image": str(job.image),
                "case": job.case,
                "exhibit": job.exhibit,
                "segments": [asdict(segment) for segment in job.segments],
                "options": one.settings.record(job, one.settings.profile()),
                "bytes_estimated": job.space,
            }
        )
        plain: dict[str, Any] = line
        return plain

    def _same(self, lines: Iterable[dict[str, Any]]) -> None:
        now = {line["bundle"]: line for line in lines}
        found: list[str] = []
        for bundle, before in self.state.planned.items():
            if bundle not in now:
                found.append(f"{bundle}: was planned for {before['image']}, and is not now")
                continue
            for key in ("image", "case", "exhibit", "segments", "options"):
                found += differences(before.get(key), now[bundle][key], f"{bundle}: {key}")
        if found:
            more = f"; and {len(found) - _DIFFERENCES} more" * (len(found) > _DIFFERENCES)
            raise UsageError(
                "--resume continues the same batch only: " + "; ".join(found[:_DIFFERENCES]) + more,
                where=str(self.folder),
            )

    def go(
        self,
        one: Pass,
        *,
        abreast: int | None = None,
        order: Callable[[tuple[Job, ...]], Sequence[Job]] = lambda jobs: jobs,
    ) -> None:
        """Go once through all images, `abreast` at a time; None: one by one in this process.

        A bad image is recorded and the next one begun. Raises InterruptedRunError on Ctrl-C and
        BundleError on a full disk; what was begun is kept for `--resume`.
        """
        with noting_interrupts() as pressed:
            try:
                waiting = iter([job for job in order(self.plan.jobs) if not self._done(job, one)])
                if abreast is not None:
                    self._abreast(waiting, one, abreast)
                    return
                for job in waiting:
                    resume = self._start(job, one)
                    try:
                        result = self._run(job, one, resume=resume)
                    except TriageError as error:
                        self._failed(job, one, error)
                    else:
                        self._finished(job, one, result)
                    if pressed():
                        raise self._interrupted()
            except KeyboardInterrupt:
                raise self._interrupted() from None

    def _abreast(self, waiting: Iterator[Job], one: Pass, abreast: int) -> None:
        running: dict[Future[Any], Job] = {}
        stop: TriageError | None = None
        with ThreadPoolExecutor(abreast) as pool:
            while True:
                try:
                    while stop is None and len(running) < abreast and (job := next(waiting, None)):
                        resume = self._start(job, one)
                        running[pool.submit(self._run, job, one, resume=resume)] = job
                    if not running:
                        break
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        stop = self._ended(running.pop(future), one, future) or stop
                except KeyboardInterrupt:
                    stop = self._interrupted()
                    self._execute.interrupt()
        if stop is not None:
            raise stop

    def _ended(self, job: Job, one: Pass, future: Future[Any]) -> TriageError | None:
        """Record what became of a run; return why the batch must stop, if it must."""
        try:
            try:
                result = future.result()
            except TriageError as error:
                self._failed(job, one, error)
            else:
                self._finished(job, one, result)
        except (InterruptedRunError, BundleError) as error:
            return error
        return None

    def _run(self, job: Job, one: Pass, *, resume: bool) -> Any:
        output = self.folder / bundle_name(job, one)
        return self._execute(job, output, settings=one.settings, resume=resume)

    def _start(self, job: Job, one: Pass) -> bool:
        bundle = bundle_name(job, one)
        resume = (self.folder / f"{bundle}.partial").exists()
        self.state.append("started", bundle=bundle, image=str(job.image), resumed=resume)
        return resume

    def _finished(self, job: Job, one: Pass, result: dict[str, Any]) -> None:
        self.state.append("finished", bundle=bundle_name(job, one), image=str(job.image), **result)

    def _failed(self, job: Job, one: Pass, error: TriageError) -> None:
        if isinstance(error, InterruptedRunError):
            raise self._interrupted() from error
        full = disk_full(error, self.folder)
        bundle = bundle_name(job, one)
        if not full:
            self.state.append(
                "failed",
                bundle=bundle,
                image=str(job.image),
                exit_code=int(error.exit_code),
                reason=str(error),
            )
            return
        raise BundleError(
            f"the disk is full: {bundle} is not finished. Nothing is lost: make room, then the "
            "same command with --resume continues",
            where=str(self.folder),
        ) from error

    def _interrupted(self) -> InterruptedRunError:
        return InterruptedRunError(
            f"interrupted; what is finished is kept in {self.folder}: the same command with "
            "--resume continues it"
        )

    def _done(self, job: Job, one: Pass) -> bool:
        """Whether a bundle is there already: then it is verified, and not made again."""
        bundle = bundle_name(job, one)
        path = self.folder / bundle
        if not path.exists():
            return False
        before = self.state.ended.get(bundle, {})
        about: dict[str, Any] = {"bundle": bundle, "image": str(job.image)}
        try:
            checked = verify(path, seal_code=before.get("seal_code"), finding_id=finding_id)
        except TriageError as error:
            self.state.append(
                "failed", **about, exit_code=int(error.exit_code), reason=f"verify: {error}"
            )
            return True
        if checked.exit_code is ExitCode.MISMATCH:
            self.state.append(
                "failed",
                **about,
                exit_code=int(ExitCode.MISMATCH),
                reason=f"verify: {checked.verdict}",
            )
        elif before.get("event") != "finished":  # sealed, then killed before it was noted
            self.state.append("finished", **about, **from_bundle(path, checked.seal_code))
        else:
            self.state.append(
                "skipped", **about, reason="finished before, and verified now", counts=False
            )
        return True

    def exit_code(self) -> ExitCode:
        """Return the worst of all runs, and 3 when something in a folder could hold evidence."""
        codes = [_code(event) for event in self.state.ended.values()]
        if any(left.counts for left in self.plan.left):
            codes.append(ExitCode.INCOMPLETE)
        return worst(*codes)


def bundle_name(job: Job, one: Pass) -> str:
    """Return the name of the folder of a bundle."""
    return f"{job.name}{one.suffix}"


def _code(event: Event) -> ExitCode:
    code = ExitCode(int(event["exit_code"]))
    # In a batch the request was right, and this one image could not be done.
    return ExitCode.FAILED if code is ExitCode.USAGE else code


def from_bundle(path: Path, seal_code: str | None) -> dict[str, Any]:
    """Return the result of a run that nobody heard of, from the bundle that it sealed."""
    bundle = Bundle.open(path)
    run = bundle.run
    return {
        "bundle_id": next(iter(bundle.custody()), {}).get("bundle"),
        "exit_code": int(run["exit_code"]),
        "findings": sum(1 for _ in bundle.findings()),
        "image_hash": run["image"]["hash_verdict"],
        "milliseconds": None,
        "not_examined": sum(bool(line["counts"]) for line in bundle.coverage()),
        "problems": sum(1 for _ in bundle.problems()),
        "seal_code": seal_code,
    }


def differences(old: object, new: object, where: str) -> Iterator[str]:
    """Yield what differs between two JSON values: place, old and new value."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from differences(old.get(key), new.get(key), f"{where}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, now) in enumerate(zip(old, new, strict=True), 1):
            yield from differences(before, now, f"{where}[{number}]")
    elif old != new:
        yield f"{where} was {_shown(old)}, is {_shown(new)}"


def _shown(value: object) -> str:
    text = "nothing" if value is None else ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
