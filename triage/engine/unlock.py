"""Opening locked volumes, once, before the run: keys are derived here and given to all workers.

A password may take seconds and a gigabyte to try, so that one worker with room for it does so, in
the same sandbox. What comes back are the keys of volumes. They stand in the memory of the parent
and the workers, like the credentials, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from triage.engine import messages as m
from triage.engine.nursery import Launcher
from triage.engine.pool import Pool, Task
from triage.engine.results import Results, word
from triage.engine.volume_secrets import given
from triage.evidence.locks import VolumeKey
from triage.model import VolumeState
from triage.profile import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlocked:
    """The keys that were found, and why something could not be tried: (volume, text)."""

    keys: tuple[VolumeKey, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()

    def note(self, results: Results) -> None:
        """Record what could not be tried."""
        for volume, text in self.problems:
            results.problem("not_unlocked", text, volume=volume)


def unlock(opening: m.Open, workers: Launcher, limits: Limits) -> Unlocked:
    """Return the keys of the locked volumes of an image. Raises what opening an image raises."""
    if not opening.may_decrypt and not any(True for _ in given(opening.credentials)):
        return Unlocked()
    room = limits.worker_memory_bytes + limits.unlock_memory_bytes
    roomy = msgspec.structs.replace(
        opening, limits={**opening.limits, "worker_memory_bytes": room}, index_fd=None
    )
    pool = Pool(roomy, workers, jobs=1, silent_seconds=limits.silent_seconds, index_fd=None)
    with pool:
        if not any(v.state is VolumeState.LOCKED for v in pool.open().volumes):
            return Unlocked()
        task = Task(request=m.Unlock())
        pool.complete(task)
        if task.failure is not None:
            locked = (v for v in pool.open().volumes if v.state is VolumeState.LOCKED)
            return Unlocked(problems=tuple((v.name, word(task.failure.code)) for v in locked))
        found = [reply for reply in task.replies if isinstance(reply, m.Unlocked)]
    return Unlocked(
        keys=tuple(key for reply in found for key in reply.keys),
        problems=tuple(problem for reply in found for problem in reply.problems),
    )
