"""Disks of virtual machines and raw images that lie as files on the image: volumes of their own.

After the walk each volume is asked which of its files may be such a disk: those with the usual
names, or also by their first bytes. What holds a file system is walked like any other volume. One
level is entered: not the disks that lie in those disks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from triage.engine import messages as m
from triage.engine.coverage import Outcome
from triage.engine.options import BUDGET, Observer
from triage.engine.pool import Pool, Task
from triage.engine.results import Results, word
from triage.evidence.patterns import PatternSet
from triage.model import Volume, VolumeState
from triage.profile import Profile

DISK_FILES: Final = "disk_files"
"""Name of the step in coverage."""

NAMES: Final = (
    "**/*.{qcow2,vmdk,vhd,vhdx,avhd,avhdx,vdi}",  # QEMU, VMware, Hyper-V, VirtualBox
    "**/*.{img,raw,dd,iso}",
)

_USABLE: Final = (VolumeState.FILESYSTEM, VolumeState.LOCKED, VolumeState.OPENED)


@dataclass(slots=True, kw_only=True)
class DiskFiles:
    """Opens the disks that lie in the walked volumes of an image."""

    pool: Pool
    volumes: Sequence[Volume]
    entries: Sequence[int]  # numbers of the walked volumes
    profile: Profile
    results: Results
    observer: Observer
    out_of_time: Callable[[], bool]

    def open(self) -> list[Volume]:
        """Return the volumes in them; every worker has these behind the others from now on."""
        asked = self.profile.disk_files
        if asked == "none":
            self.results.coverage.add("step", Outcome.NOT_SELECTED, name=DISK_FILES)
            return []
        self.observer.phase("disk files", None, "files")
        found: list[Volume] = []
        left = self.profile.limits.disk_files
        for number in self.entries:
            name = self.volumes[number].name
            if self.volumes[number].snapshot_of is not None:
                continue  # the live volume has them; what was deleted since is not looked into
            if self.out_of_time():
                self._missed(BUDGET, volume=name)
                self.results.not_repeatable.add(f"{name}: {DISK_FILES}: {BUDGET}")
                continue
            opened = 0
            for candidate, volumes in self._disks(number):
                about: dict[str, Any] = {
                    "volume": name,
                    "path": candidate.path,
                    "address": candidate.address,
                }
                if not left:
                    self._missed("limit", **about)
                    continue
                left, opened = left - 1, opened + 1
                self.pool.setup(_request(number, candidate, keep=True))
                found += volumes
                self.results.coverage.add(
                    "step", Outcome.FOUND, name=DISK_FILES, count=len(volumes), **about
                )
            if not opened:
                self.results.coverage.add("step", Outcome.ABSENT, name=DISK_FILES, volume=name)
        return found

    def _missed(self, code: str, **about: Any) -> None:
        self.results.coverage.add(
            "step", Outcome.NOT_EXAMINED, reason=code, counts=True, name=DISK_FILES, **about
        )

    def _disks(self, number: int) -> list[tuple[m.DiskFound, tuple[Volume, ...]]]:
        """Return the files that are disks, and the volumes in each; parts of others are none."""
        asked: list[tuple[m.DiskFound, m.InDisk]] = []
        for candidate in self._candidates(number):
            task = Task(request=_request(number, candidate, keep=False))
            self.pool.complete(task)
            if task.failure is not None:
                code = word(task.failure.code)
                self._unread(code, "a worker failed at it", number, candidate)
            asked += [(candidate, reply) for reply in task.replies if isinstance(reply, m.InDisk)]
        parts = {row for _, reply in asked for row in reply.parts}
        found = []
        for candidate, reply in asked:
            if candidate.row in parts:
                continue
            if reply.problem is not None:
                self._unread("unsupported", reply.problem, number, candidate)
            elif any(volume.state in _USABLE for volume in reply.volumes):
                found.append((candidate, reply.volumes))
        return found

    def _unread(self, code: str, text: str, number: int, candidate: m.DiskFound) -> None:
        volume = self.volumes[number].name
        about = {"volume": volume, "path": candidate.path, "address": candidate.address}
        self.results.problem(code, f"{DISK_FILES}: {text}", **about)
        self._missed(code, **about)

    def _candidates(self, number: int) -> list[m.DiskFound]:
        task = Task(
            request=m.FindDisks(
                volume=number,
                names=NAMES,
                by_content=self.profile.disk_files == "recognised",
            )
        )
        self.pool.complete(task)
        if task.failure is not None:
            self._missed(word(task.failure.code), volume=self.volumes[number].name)
        excluded = PatternSet(self.profile.scope.exclude_paths)
        found = []
        for reply in task.replies:
            if isinstance(reply, m.DiskFound):
                if excluded.matches(reply.path):
                    self.results.coverage.add(
                        "step",
                        Outcome.OUT_OF_SCOPE,
                        name=DISK_FILES,
                        volume=self.volumes[number].name,
                        path=reply.path,
                    )
                else:
                    found.append(reply)
        return found


def _request(number: int, found: m.DiskFound, *, keep: bool) -> m.LookInside:
    return m.LookInside(volume=number, row=found.row, name=f"file-{found.address}", keep=keep)
