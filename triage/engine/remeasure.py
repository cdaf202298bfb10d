"""`verify --against`: what the findings of a bundle rest on, read again from the image.

A file whose byte runs stand as such on the media (or in the archive) is hashed from these runs
alone, by code that parses no file system; from an E01 the bytes come through pyewf, which no run
uses. The rest is read by a worker through a second reader (`evidence.second_tree`,
`second_archive`). Of a folder each file is read again by its path, as this computer gives it. What
nobody can read is counted as not compared, with the reason: it is never taken for equal.
"""

from __future__ import annotations

import base64
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from triage.bundle import Bundle
from triage.engine import messages as m
from triage.engine.nursery import launcher
from triage.engine.pool import Pool, Task
from triage.engine.source import open_source
from triage.errors import EvidenceError, UsageError
from triage.evidence.second_reader import SecondReader
from triage.hashing import Digests
from triage.model import Container, Reader
from triage.profile import Limits
from triage.registry import NONE

_BLOCK = 1 << 20
_RAW, _SECOND = "raw", "second reader"
_FILES = (Container.FOLDER, Container.TAR, Container.ZIP)
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How many were compared in which way and were equal; `not_compared`: reason → how many."""

    raw: int
    second_reader: int
    different: int
    not_compared: Mapping[str, int]

    @property
    def sentence(self) -> str:
        """Say the three counts, and what differs."""
        reasons = ", ".join(f"{why}: {count}" for why, count in sorted(self.not_compared.items()))
        left = sum(self.not_compared.values())
        return (
            f"{self.raw} compared raw, {self.second_reader} by a second reader, "
            f"{left} not compared{f' ({reasons})' if reasons else ''}; {self.different} different"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Remeasured:
    """What a second reading gave. `different` names the places."""

    files: Compared
    findings: Compared
    different: tuple[str, ...]
    image_hash: str  # match, mismatch, not computed
    reader: str  # which code read the image this time

    @property
    def verdict(self) -> str:
        """Return one sentence about the media; `files` and `findings` have their own."""
        return f"image hash: {self.image_hash}; read by {self.reader}"


def remeasure(bundle: Bundle, image: Path) -> Remeasured:
    """Read again what the files of a bundle hold, and the media as a whole.

    Raises ImageError, and UsageError when `image` is not of the kind that was examined.
    """
    source = open_source(image, allow_incomplete=True, allow_writable_device=False)
    examined, container = bundle.run["image"].get("container"), source.info.container
    if examined is not None and _nature(examined) != _nature(container):
        raise UsageError(f"examined was a {examined}, this is a {container}", where=str(image))
    media, reader = source.media, "the same reader"
    if container is Container.EWF:
        media, reader = SecondReader(image, source.info), "pyewf"
    files = list(bundle.files())
    if media is None:
        reader = "this computer, file by file"
        outcomes: dict[str, str | None] = {r["key"]: _of_folder(image, r) for r in files}
    else:
        outcomes = {record["key"]: _raw(media, record) for record in files}
        rest = [record for record in files if outcomes[record["key"]] is None]
        if rest:
            outcomes |= _second(image, rest)
    different = [f"{r['volume']}{r['path']}" for r in files if outcomes[r["key"]] == "different"]
    expected = bundle.run["image"].get("hashes", {}).get("sha256")
    verdict = "not applicable" if media is None else _image_hash(media, expected)
    if verdict == "mismatch":
        different.append("image hash")
    cited = (record["source"]["file"] for record in bundle.findings())
    return Remeasured(
        files=_compared(Counter(str(outcome) for outcome in outcomes.values())),
        findings=_compared(Counter(str(outcomes.get(key, "rests on no file")) for key in cited)),
        different=tuple(different),
        image_hash=verdict,
        reader=reader,
    )


def _compared(outcomes: Counter[str]) -> Compared:
    raw, second, different = (outcomes.pop(name, 0) for name in (_RAW, _SECOND, "different"))
    return Compared(
        raw=raw,
        second_reader=second,
        different=different,
        not_compared=dict(sorted(outcomes.items())),
    )


def _raw(media: Reader, record: dict[str, Any]) -> str | None:
    """Return the outcome from the byte runs alone; None: it takes a second reader."""
    sha256, runs = record["hashes"].get("sha256"), record["byte_runs"]
    if sha256 is None:
        return "was not hashed in the run"
    covered = 0
    if not runs or any(run["storage"] != "plain" or run["image_offset"] is None for run in runs):
        return None
    digests = Digests(("sha256",))
    try:
        for run in sorted(runs, key=lambda run: int(run["file_offset"])):
            if int(run["file_offset"]) != covered:
                return None  # a hole: these bytes do not stand on the media
            covered += int(run["length"])
            _feed(digests, media, int(run["image_offset"]), int(run["length"]))
    except EvidenceError:
        return "different"
    return _RAW if digests.hex()["sha256"] == sha256 else "different"


def _nature(container: str) -> str:
    """Return what can stand for each other: images of one media in any container, or itself."""
    return container if container in _FILES else "media"


def _of_folder(folder: Path, record: dict[str, Any]) -> str:
    """Return the outcome from the file of the host, no part of whose path may be a link."""
    if record["hashes"].get("sha256") is None:
        return "was not hashed in the run"
    if record["within"] is not None:
        return "inside another file"
    digests = Digests(("sha256",))
    try:
        descriptor = os.open(folder, _DIRECTORY)
        for part in filter(None, _path(record).split(b"/")):
            inside = _inside(part, descriptor)
            os.close(descriptor)
            descriptor = inside
        with os.fdopen(descriptor, "rb") as file:
            while block := file.read(_BLOCK):
                digests.update(block)
    except OSError:
        return "different"  # it was there, and could be read
    return _RAW if digests.hex()["sha256"] == record["hashes"]["sha256"] else "different"


def _inside(name: bytes, directory: int) -> int:
    try:
        return os.open(name, _READ, dir_fd=directory)
    except OSError:
        os.close(directory)
        raise


def _path(record: dict[str, Any]) -> bytes:
    """Return a path as it stands in the evidence: of what is no valid text the exact bytes."""
    raw = record.get("path_raw")
    return base64.b64decode(raw) if raw else str(record["path"]).encode("utf-8", "surrogateescape")


def _second(image: Path, records: list[dict[str, Any]]) -> dict[str, str]:
    """Let a worker read files through the second reader."""
    limits = Limits()
    opening = m.Open(
        path=os.fspath(image.absolute()),
        allow_incomplete=True,
        allow_writable_device=False,
        plugins=NONE,
        extractors=(),
        limits=asdict(limits),
        index_fd=None,
        send_secrets=False,
    )
    with (
        launcher(NONE) as workers,
        Pool(opening, workers, jobs=1, silent_seconds=limits.silent_seconds, index_fd=None) as pool,
    ):
        numbers = {volume.name: number for number, volume in enumerate(pool.open().volumes)}
        return {record["key"]: _again(pool, numbers, record) for record in records}


def _again(pool: Pool, numbers: Mapping[str, int], record: dict[str, Any]) -> str:
    if record["within"] is not None:
        return "inside another file"
    if record["volume"] not in numbers:
        return "the image has no such volume"
    task = Task(
        request=m.Reread(
            volume=numbers[record["volume"]],
            address=str(record["address"]),
            path=_path(record),
            size=int(record["size"]),
        )
    )
    pool.complete(task)
    if task.failure is not None:
        return task.failure.text if task.failure.error == "EvidenceError" else "the worker failed"
    found = next((reply for reply in task.replies if isinstance(reply, m.Hashed)), None)
    if found is None:
        return "the worker failed"
    return _SECOND if found.hashes.get("sha256") == record["hashes"]["sha256"] else "different"


def _image_hash(media: Reader, expected: str | None) -> str:
    if not expected:
        return "not computed"
    digests = Digests(("sha256",))
    _feed(digests, media, 0, media.size)
    return "match" if digests.hex()["sha256"] == expected else "mismatch"


def _feed(digests: Digests, media: Reader, offset: int, length: int) -> None:
    while length > 0:
        data = media.read_at(offset, min(length, _BLOCK))
        if not data:
            raise EvidenceError(f"no bytes at {offset}")
        digests.update(data)
        offset += len(data)
        length -= len(data)
