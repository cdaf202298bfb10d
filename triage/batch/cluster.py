"""The same batch on a Dask cluster: an image is a task, and a task is the ordinary command.

Images and bundles lie on storage that all machines see under the same paths. A task carries the
arguments of one run there and its outcome back; evidence never travels through the scheduler, and
each run locks itself as it does everywhere. Scheduler and workers are Dask's own programs.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import triage
from triage.batch.commands import Answer, Commands
from triage.batch.execute import log_of
from triage.batch.plan import Job
from triage.batch.run import from_bundle
from triage.batch.settings import Settings
from triage.bundle import verify
from triage.engine.records import finding_id
from triage.errors import ExitCode, InterruptedRunError, TriageError, UsageError

if TYPE_CHECKING:
    from distributed import Client

_ENCRYPTED = ("tls", "wss")
_CONNECT_SECONDS = 30

_here: dict[str, Commands] = {}  # in a worker: of each batch, the runs that go on
_guard = threading.Lock()


class Cluster:
    """Runs images as tasks of a scheduler. Use it in a `with` statement."""

    def __init__(self, address: str, *, logs: Path) -> None:
        """Connect, and look whether all workers have this version.

        Raises UsageError when an address is not safe or a worker has another version, TriageError
        when there is no scheduler or no worker.
        """
        try:
            from distributed import Client  # noqa: PLC0415 - an extra, and slow to import
        except ImportError as error:
            raise UsageError(
                "needs the extra [cluster]: pip install 'disk-triage[cluster]'", where="--scheduler"
            ) from error
        _check_encrypted(address)
        self._logs = logs
        self._token = secrets.token_hex(8)
        try:
            self._client: Client = Client(  # type: ignore[no-untyped-call]
                address, timeout=_CONNECT_SECONDS, set_as_default=False, name="triage-batch"
            )
        except (OSError, TimeoutError, TypeError, ValueError) as error:
            raise TriageError(f"no scheduler: {error}", where=address) from error
        try:
            self.slots, self.jobs = self._look(address)
        except BaseException:
            self.close()
            raise

    def _look(self, address: str) -> tuple[int, int]:
        """Return how many images may run at once, and the worker processes for each."""
        workers: Mapping[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        if not workers:
            raise TriageError("the scheduler has no worker", where=address)
        for worker in workers:
            _check_encrypted(worker)
        try:
            answers: Mapping[str, tuple[str, int]] = self._client.run(_about)
        except ImportError as error:
            raise UsageError(f"a worker has not installed it: {error}", where=address) from error
        for worker, (version, _) in sorted(answers.items()):
            if version != triage.__version__:
                raise UsageError(
                    f"this is version {triage.__version__}, the worker has {version}", where=worker
                )
        threads = {worker: int(about["nthreads"]) for worker, about in workers.items()}
        shares = [answers[worker][1] // threads[worker] for worker in answers if worker in threads]
        return sum(threads.values()), max(1, min(shares, default=1))

    def __call__(self, job: Job, output: Path, *, settings: Settings, resume: bool) -> Any:
        """Run one image on some worker; may be called from several threads."""
        from distributed import CancelledError, KilledWorker  # noqa: PLC0415 - see above

        del resume  # a worker that takes over from a dead one finds out
        with suppress(OSError):
            self._logs.mkdir(exist_ok=True)
        future = self._client.submit(
            _attempt,
            self._token,
            triage.__version__,
            settings.arguments(job, output, resume=False),
            os.fspath(output),
            os.fspath(log_of(output, self._logs)),
            key=f"triage-{output.stem}-{secrets.token_hex(4)}",
            pure=False,
        )
        try:
            told: dict[str, Any] | None = future.result()
        except CancelledError as error:
            raise InterruptedRunError("the scheduler was lost") from error
        except KilledWorker as error:
            raise TriageError("the workers that ran it died") from error
        if told is None:  # sealed by a worker that died before it could say so
            checked = verify(output, finding_id=finding_id)
            if checked.exit_code is ExitCode.MISMATCH:
                raise TriageError(f"verify: {checked.verdict}")
            return from_bundle(output, checked.seal_code)
        return Answer(**told).value()

    def interrupt(self) -> None:
        """Pass Ctrl-C on to every run."""
        with suppress(OSError, TimeoutError):
            self._client.run(_interrupt, self._token)

    def close(self) -> None:
        """Leave the scheduler; it and its workers go on."""
        self._client.close()  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_encrypted(address: str) -> None:
    """Raise UsageError unless an address speaks TLS or does not leave this machine."""
    with suppress(ValueError):  # neither an address nor a name
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
        host = parts.hostname or ""
        if parts.scheme in _ENCRYPTED or host == "localhost":
            return
        if ipaddress.ip_address(host).is_loopback:
            return
    raise UsageError(
        "off this machine only TLS is spoken: give a tls:// address, see docs/batch.md",
        where=address,
    )


# What runs in a worker. Only plain values come and go.


def _about() -> tuple[str, int]:
    return triage.__version__, os.cpu_count() or 1


def _commands(token: str) -> Commands:
    with _guard:
        return _here.setdefault(token, Commands())


def _attempt(
    token: str, version: str, arguments: list[str], output: str, log: str
) -> dict[str, Any] | None:
    """Run one image here; None when its bundle is sealed already. Never raises ours."""
    if version != triage.__version__:
        said = f"the batch has version {version}, this worker {triage.__version__}"
        return asdict(Answer(result=None, exit_code=ExitCode.FAILED, said=said))
    if os.path.lexists(output):
        return None
    if os.path.lexists(f"{output}.partial"):
        arguments = [arguments[0], "--resume", *arguments[1:]]
    try:
        answer = _commands(token).run(arguments, Path(log))
    except TriageError as error:
        answer = Answer(result=None, exit_code=error.exit_code, said=str(error))
    return {**asdict(answer), "exit_code": int(answer.exit_code)}


def _interrupt(token: str) -> None:
    _commands(token).interrupt()
