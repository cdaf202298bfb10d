"""An exercise as a folder of files: images, papers, and the answers for who may have them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from triage.engine.training import NOTICE, mark_notes
from triage.errors import UsageError
from triage.training import exercise
from triage.training.build import Built
from triage.training.exercise import Published
from triage.training.hiding import nanoseconds
from triage.training.media.images import write_e01, write_raw
from triage.training.media.model import Disk
from triage.training.media.partitions import lay_out
from triage.training.paper import to_html
from triage.training.truth import Truth, commitment, sealed, to_bytes

Format = Literal["e01", "raw"]

_ZEROS: Final = bytes(1 << 20)
_SUFFIX: Final[Mapping[Format, str]] = {"e01": "E01", "raw": "raw"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """What was written."""

    folder: Path
    files: tuple[Path, ...]
    truth: Truth
    commitment: str


def publish(
    built: Built, folder: Path, *, format_: Format, answers: bool, passphrase: str | None
) -> Exercise:
    """Write an exercise into a new folder.

    answers: with the key in clear and the solution. passphrase: with the key sealed. Raises
    UsageError when the folder exists, TrainingError when an image cannot be built.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise UsageError("exists already", where=str(folder)) from None
    names = {name: f"{name}.{_SUFFIX[format_]}" for name in built.disks}
    for name, disk in built.disks.items():
        _image(built, name, disk, folder / names[name], format_)
    truth = built.truth({name: media_sha256(disk) for name, disk in built.disks.items()})
    fixed = commitment(truth)
    published = Published(
        images={names[image.name]: image.sha256 for image in truth.images}, commitment=fixed
    )
    title = built.scenario.title
    files = {
        "exercise.html": to_html(title, NOTICE, exercise.sheet(built, published)),
        "answers.csv": exercise.answer_sheet(built).encode(),
    }
    if answers:
        files["truth.json"] = to_bytes(truth)
        files["solution.html"] = to_html(title, NOTICE, exercise.solution(built))
    if passphrase is not None:
        files["truth.json.age"] = sealed(truth, passphrase)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    written = tuple(folder / name for name in (*names.values(), *files))
    return Exercise(folder=folder, files=written, truth=truth, commitment=fixed)


def _image(built: Built, name: str, disk: Disk, path: Path, format_: Format) -> None:
    if format_ == "raw":
        write_raw(disk, path)
        return
    write_e01(
        disk,
        path,
        case=f"TRAINING {built.scenario.name}",
        evidence=name,
        examiner="training",
        notes=f"{mark_notes(built.scenario.name)}. {NOTICE}",
        when=nanoseconds(built.when),
    )


def media_sha256(disk: Disk) -> str:
    """Return the SHA-256 of the bytes of a disk."""
    digest = hashlib.sha256()
    for data in _bytes(disk):
        digest.update(data)
    return digest.hexdigest()


def _bytes(disk: Disk) -> Iterator[bytes | bytearray]:
    canvas, end = lay_out(disk), 0
    for offset, data in canvas.pieces():
        yield from _zeros(offset - end)
        yield data
        end = offset + len(data)
    yield from _zeros(canvas.size - end)


def _zeros(count: int) -> Iterator[bytes]:
    for at in range(0, count, len(_ZEROS)):
        yield _ZEROS[: count - at]
