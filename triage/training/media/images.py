"""Write a described disk into an image file: raw, or E01."""

from __future__ import annotations

from pathlib import Path

from triage.training.media.model import Disk


def write_raw(disk: Disk, path: Path) -> None:
    """Write `disk` as a raw image, sparse where the file system of the host allows it.

    Raises TrainingError when the disk cannot be built, FileExistsError when `path` exists.
    """
    raise NotImplementedError


def write_e01(
    disk: Disk,
    path: Path,
    *,
    case: str,
    evidence: str,
    examiner: str,
    notes: str,
    when: int,
) -> tuple[Path, ...]:
    """Write `disk` as E01 and return its segments, `path` first.

    The texts and `when` (nanoseconds since 1970, UTC) go into the header. Raises TrainingError when
    the disk cannot be built, FileExistsError when a segment exists.
    """
    raise NotImplementedError
