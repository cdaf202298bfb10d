"""Evidence content that goes into the bundle: what findings rest on, under the export rule.

Pictures and video never leave the image: a triage bundle must be safe to hand on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from triage.bundle import BundleWriter
from triage.bundle.layout import exported
from triage.engine import messages as m
from triage.engine.coverage import Outcome
from triage.engine.journal import Journal, Sealed
from triage.engine.options import Observer
from triage.engine.pool import Pool, Task
from triage.engine.results import FileFact, Results
from triage.errors import EvidenceError
from triage.profile import Profile

_WINDOW = 8 << 20  # bytes fetched at once

_PICTURES = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF8",
    b"II*\x00",  # TIFF
    b"MM\x00*",
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"\x00\x00\x01\xba",  # MPEG
    b"\x00\x00\x01\xb3",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """Where content comes from and goes to."""

    pool: Pool
    writer: BundleWriter
    journal: Journal
    recipient: Any  # age; None: what is secret stays out
    profile: Profile

    def copied(self, results: Results, fact: FileFact) -> bool:
        """Copy one file; False when that cannot or must not be: coverage says why."""
        sha256 = fact.record["hashes"]["sha256"]
        blocks = _Content(self.pool, fact, self.profile.limits.exported_file_bytes)
        try:
            if fact.secret:
                self._seal(sha256, blocks)
            else:
                self.writer.add_file(sha256, blocks)
        except EvidenceError as error:
            if blocks.picture:
                _left_out(results, fact, Outcome.OUT_OF_SCOPE, "picture_or_video")
            else:
                _left_out(results, fact, Outcome.NOT_EXAMINED, "export_failed")
                results.problem("export_failed", error.message, volume=fact.record["volume"])
            return False
        return True

    def _seal(self, sha256: str, blocks: _Content) -> None:
        path = exported(sha256, sealed=True)
        known = self.journal.sealed.get(path)
        self.writer.add_sealed_file(sha256, blocks, self.recipient, known=known)
        digest = self.writer.sha256(path)
        if digest != known:
            self.journal.note(Sealed(path=path, sha256=digest))
            self.journal.sealed[path] = digest


def export(results: Results, exporter: Exporter, observer: Observer) -> dict[str, int]:
    """Copy what the profile allows; returns how many files and bytes for the custody log."""
    profile = exporter.profile
    total = count = 0
    for done, key in enumerate(sorted(results.files)):
        observer.progress(done)
        fact = results.files[key]
        wanted = profile.export == "all" or (profile.export == "cited" and fact.cited)
        # What was not read whole has no digest; files.jsonl says so.
        if not wanted or "sha256" not in fact.record["hashes"]:
            continue
        if fact.secret and exporter.recipient is None:
            _left_out(results, fact, Outcome.WITHHELD_SECRET, None)
            continue
        size = int(fact.record["size"])
        limits = profile.limits
        if size > limits.exported_file_bytes or total + size > limits.exported_total_bytes:
            _left_out(results, fact, Outcome.NOT_EXAMINED, "export_limit")
        elif exporter.copied(results, fact):
            total += size
            count += 1
    for fact in results.files.values():
        # Asked at the end: equal content that another file makes secret is sealed for both.
        sha256 = fact.record["hashes"].get("sha256")
        if sha256 is not None:
            fact.record["exported"] = exporter.writer.where(sha256)
    return {"files": count, "bytes": total}


def _left_out(results: Results, fact: FileFact, outcome: Outcome, reason: str | None) -> None:
    results.coverage.add(
        "export",
        outcome,
        reason=reason,
        volume=fact.record["volume"],
        path=fact.record["path"],
        address=fact.record["address"],
    )


class _Content:
    """The blocks of one file, fetched from a worker when asked for."""

    def __init__(self, pool: Pool, fact: FileFact, limit: int) -> None:
        self._pool, self._fact, self._limit = pool, fact, limit
        self.picture = False

    def __iter__(self) -> Iterator[bytes]:
        for offset in range(0, self._limit, _WINDOW):
            task = Task(
                request=m.Export(
                    volume=self._fact.volume, row=self._fact.row, offset=offset, length=_WINDOW
                )
            )
            self._pool.complete(task)
            if task.failure is not None:
                raise EvidenceError(task.failure.text)
            blocks = [reply.data for reply in task.replies if isinstance(reply, m.Chunk)]
            if offset == 0 and blocks and _is_picture(blocks[0]):
                self.picture = True
                raise EvidenceError("a picture or video")
            yield from blocks
            if sum(map(len, blocks)) < _WINDOW:
                return


def _is_picture(head: bytes) -> bool:
    container = head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"AVI ")
    return head.startswith(_PICTURES) or head[4:8] == b"ftyp" or container
