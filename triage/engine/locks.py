"""What passwords can be tried against: read again from the image, as no bundle holds it.

Only the artifacts that a bundle says are locked are read, by the extractors that said so, in
workers like those of a run. Each file must still have the hash that the bundle gives it.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from triage.artifact import Lock
from triage.bundle import Bundle
from triage.engine import messages as m
from triage.engine.nursery import launcher
from triage.engine.pool import Pool, Task
from triage.engine.records import file_key
from triage.errors import AlteredError, TriageError, UsageError
from triage.model import VolumeState
from triage.profile import Limits
from triage.registry import NONE, load

_PAGE = 1 << 16
_Where: TypeAlias = tuple[str, str, str, str]
"""Extractor, volume, path, address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedStore:
    """One locked store and what a password is tried against."""

    finding: str  # id of the finding that says so
    software: str
    volume: str
    path: str
    lock: Lock


@dataclass(slots=True, kw_only=True)
class Locks:
    """All that were found, and the findings for which there are none."""

    stores: list[LockedStore] = field(default_factory=list)
    without: list[tuple[str, str, str]] = field(default_factory=list)  # finding, path, why


def read_locks(bundle: Bundle, image: Path) -> Locks:
    """Read the locked stores of a bundle from its image.

    Raises UsageError when it is another image, AlteredError when a file is not what it was, and
    what opening an image raises.
    """
    found, wanted = Locks(), _wanted(bundle)
    if not wanted:
        return found
    names = sorted({where[0] for where in wanted})
    known = {entry.extractor.name: entry for entry in load(NONE).entries}
    selected = tuple(name for name in names if name in known)
    hashes = {record["key"]: record["hashes"] for record in bundle.files()}
    index_fd = os.memfd_create("index") if hasattr(os, "memfd_create") else None
    limits = Limits()
    opening = m.Open(
        path=os.fspath(image.absolute()),
        allow_incomplete=True,
        allow_writable_device=False,
        plugins=NONE,
        extractors=selected,
        limits=asdict(limits),
        index_fd=index_fd,
        send_secrets=False,
        send_locks=True,
    )
    try:
        with (
            launcher(NONE) as workers,
            Pool(
                opening,
                workers,
                jobs=1,
                silent_seconds=limits.silent_seconds,
                index_fd=index_fd,
            ) as pool,
        ):
            opened = pool.open()
            _compare(bundle, opened, image)
            asked = list(_asked(pool, opened, selected, wanted, bundle.run["profile"]["scope"]))
            for where, task in asked:
                pool.complete(task)
                _take(found, wanted[where], where, task, hashes)
            missing = wanted.keys() - {where for where, _ in asked}
            for where in sorted(missing):
                found.without.append((wanted[where]["id"], where[2], "not found again"))
    finally:
        if index_fd is not None:
            os.close(index_fd)
    return found


def _wanted(bundle: Bundle) -> dict[_Where, dict[str, Any]]:
    """Return the findings about stores that are locked, or were and a password opened them."""
    wanted: dict[_Where, dict[str, Any]] = {}
    for record in bundle.findings():
        value, source = record["value"], record["source"]
        locked = value.get("needed_to_open") or value.get("opened_by")
        if locked and "secret_type" not in value and source["within"] is None and source["path"]:
            where = (
                record["extractor"]["name"],
                source["volume"],
                source["path"],
                source["address"],
            )
            wanted.setdefault(where, record)
    return wanted


def _compare(bundle: Bundle, opened: m.Opened, image: Path) -> None:
    """Demand the same media, as far as its size and its stored hashes tell."""
    told, info = bundle.run["image"], opened.info
    if told.get("media_size") != info.media_size or told.get("stored_hashes") != dict(
        info.stored_hashes
    ):
        raise UsageError("is not the image that the bundle was made of", where=str(image))


def _asked(
    pool: Pool,
    opened: m.Opened,
    selected: Sequence[str],
    wanted: Iterable[_Where],
    scope: dict[str, Any],
) -> Iterator[tuple[_Where, Task]]:
    """Walk the volumes that matter and yield what is to be read, with the task for it."""
    places: dict[tuple[str, str, str], list[_Where]] = defaultdict(list)
    for where in wanted:
        if where[0] in selected:
            places[where[1:]].append(where)
    volumes = {volume for volume, _, _ in places}
    end = 0
    for number, volume in enumerate(opened.volumes):
        if volume.name not in volumes or volume.state is not VolumeState.FILESYSTEM:
            continue
        replies = _walked(pool, number, volume.name, end)
        end += sum(_whole_pages(each) for each in replies if isinstance(each, m.Walked))
        if any(place[0] == volume.name for place in places.keys() - _places(volume.name, replies)):
            replies = chain(replies, _recognised(pool, number, volume.name, replies, scope))
        for reply in replies:
            if isinstance(reply, m.Matched | m.Recognised):
                entry = reply.entry
                for where in places.pop((volume.name, entry.path, entry.address), ()):
                    request = m.Extract(extractor=where[0], volume=number, row=reply.row)
                    yield where, Task(request=request)


def _walked(pool: Pool, number: int, volume: str, at: int) -> Iterable[m.AnyReply]:
    task = Task(request=m.WalkVolume(volume=number, at=at))
    pool.complete(task)
    if task.failure is not None:
        raise TriageError(task.failure.text, where=volume)
    for reply in task.replies:
        if isinstance(reply, m.Walked):
            pool.setup(m.Attach(volume=number, at=at, length=reply.length, places=reply.places))
    return task.replies


def _places(volume: str, replies: Iterable[m.AnyReply]) -> set[tuple[str, str, str]]:
    return {
        (volume, reply.entry.path, reply.entry.address)
        for reply in replies
        if isinstance(reply, m.Matched)
    }


def _recognised(
    pool: Pool, number: int, volume: str, replies: Iterable[m.AnyReply], scope: dict[str, Any]
) -> Iterable[m.AnyReply]:
    """Look at the content of a volume's files: some store was found by it, not by its path.

    The borders of the run hold here too. Whose a file is is not known without the first round, so
    within a scope of accounts nothing is looked at.
    """
    if scope["accounts"]:
        return []
    count = sum(reply.entries for reply in replies if isinstance(reply, m.Walked))
    exclude = tuple(scope["exclude_paths"])
    task = Task(request=m.Recognise(volume=number, first=0, count=count, exclude=exclude))
    pool.complete(task)
    if task.failure is not None:
        raise TriageError(task.failure.text, where=volume)
    return task.replies


def _whole_pages(walked: m.Walked) -> int:
    return walked.span + -walked.span % _PAGE


def _take(
    found: Locks,
    record: dict[str, Any],
    where: _Where,
    task: Task,
    hashes: dict[str, dict[str, str]],
) -> None:
    for reply in task.replies:
        if isinstance(reply, m.FileRead):
            known = hashes.get(file_key(where[1], reply.entry), {}).get("sha256")
            if known and reply.hashes.get("sha256", known) != known:
                raise AlteredError("is not what the bundle says it was", where=reply.entry.path)
    locks = [reply for reply in task.replies if isinstance(reply, m.Locked)]
    for reply in locks:
        lock = Lock(line=reply.line, hashcat=reply.hashcat, john=reply.john, place=reply.place)
        found.stores.append(
            LockedStore(
                finding=record["id"],
                software=record["value"].get("software") or where[0],
                volume=where[1],
                path=where[2],
                lock=lock,
            )
        )
    if not locks:
        why = task.failure.text if task.failure else "no format of hashcat or john is known for it"
        found.without.append((record["id"], where[2], why))
