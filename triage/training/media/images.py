"""Write a described disk into an image file: raw, or E01."""

from __future__ import annotations

from pathlib import Path

from triage.training.media.ewf import Acquisition, new_file, write_ewf
from triage.training.media.model import Disk
from triage.training.media.partitions import lay_out


def write_raw(disk: Disk, path: Path) -> None:
    """Write `disk` as a raw image, sparse where the file system of the host allows it.

    Raises TrainingError when the disk cannot be built, FileExistsError when `path` exists.
    """
    canvas = lay_out(disk)
    with new_file(path) as file:
        for offset, data in canvas.pieces():
            file.seek(offset)
            file.write(data)
        file.truncate(canvas.size)


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
    acquisition = Acquisition(
        case=case, evidence=evidence, examiner=examiner, notes=notes, when=when
    )
    return write_ewf(lay_out(disk), path, acquisition)
