"""Evidence content that goes into the bundle: what findings rest on, under the export rule.

Pictures and video never leave the image: a triage bundle must be safe to hand on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from triage.bundle import BundleWriter
from triage.engine import messages as m
from triage.engine.coverage import Outcome
from triage.engine.pool import Pool, Task
from triage.engine.results import FileFact, Results
from triage.errors import EvidenceError
from triage.profile import Profile

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


def export(
    results: Results, pool: Pool, writer: BundleWriter, profile: Profile, recipient: Any
) -> dict[str, int]:
    """Copy what the profile allows; returns how many files and bytes for the custody log."""
    total = count = 0
    for key in sorted(results.files):
        fact = results.files[key]
        wanted = profile.export == "all" or (profile.export == "cited" and fact.cited)
        # What was not read whole has no digest; files.jsonl says so.
        if not wanted or "sha256" not in fact.record["hashes"]:
            continue
        if fact.secret and recipient is None:
            _left_out(results, fact, Outcome.WITHHELD_SECRET, None)
            continue
        size = int(fact.record["size"])
        limits = profile.limits
        if size > limits.exported_file_bytes or total + size > limits.exported_total_bytes:
            _left_out(results, fact, Outcome.NOT_EXAMINED, "export_limit")
        elif _copied(results, fact, pool, writer, recipient):
            total += size
            count += 1
    for fact in results.files.values():
        # Asked at the end: equal content that another file makes secret is sealed for both.
        sha256 = fact.record["hashes"].get("sha256")
        if sha256 is not None:
            fact.record["exported"] = writer.where(sha256)
    return {"files": count, "bytes": total}


def _copied(
    results: Results, fact: FileFact, pool: Pool, writer: BundleWriter, recipient: Any
) -> bool:
    sha256 = fact.record["hashes"]["sha256"]
    blocks = _Content(pool, fact)
    try:
        if fact.secret:
            writer.add_sealed_file(sha256, blocks, recipient)
        else:
            writer.add_file(sha256, blocks)
    except EvidenceError as error:
        if blocks.picture:
            _left_out(results, fact, Outcome.OUT_OF_SCOPE, "picture_or_video")
        else:
            _left_out(results, fact, Outcome.NOT_EXAMINED, "export_failed")
            results.problem("export_failed", error.message, volume=fact.record["volume"])
        return False
    return True


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

    def __init__(self, pool: Pool, fact: FileFact) -> None:
        self._pool, self._fact = pool, fact
        self.picture = False

    def __iter__(self) -> Iterator[bytes]:
        task = Task(request=m.Export(volume=self._fact.volume, row=self._fact.row))
        for _ in self._pool.run([task]):
            pass
        if task.failure is not None:
            raise EvidenceError(task.failure.text)
        for number, reply in enumerate(task.replies):
            if isinstance(reply, m.Chunk):
                if number == 0 and _is_picture(reply.data):
                    self.picture = True
                    raise EvidenceError("a picture or video")
                yield reply.data


def _is_picture(head: bytes) -> bool:
    container = head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"AVI ")
    return head.startswith(_PICTURES) or head[4:8] == b"ftyp" or container
