"""A whole validation: make the images, examine them, count, and say what was left out."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from triage.custody import system_clock, utc_text
from triage.engine.method import this_method
from triage.errors import TriageError, UsageError
from triage.training import build, scenario
from triage.training.artifacts.scene import Family
from triage.training.media.images import write_raw
from triage.training.media.model import Filesystem
from triage.training.truth import Image, Truth, to_bytes
from triage.training.validation.foreign import foreign
from triage.training.validation.images import Gap, Made, Placed, artifact_images, locked_images
from triage.training.validation.measure import DEPTHS, Measure, examine
from triage.training.validation.results import Limit, Validation
from triage.training.validation.specimen import Specimen
from triage.training.validation.specimens import made

SETS: Final = ("artifacts", "scenarios", "foreign")
SAMPLES: Final = "TRIAGE_SAMPLES"

NOT_MADE: Final = "no image can be made"
NOT_EXAMINED: Final = "the run failed"

_SEED: Final = "validation-1"
_FAMILIES: Final[dict[str, Family]] = {"ntfs": "windows", "ext4": "linux"}
_ALWAYS: Final = (
    Limit(
        what="BitLocker, FileVault, LUKS 1",
        why="no volume of them is made; LUKS 2 stands for the way from a key to the volume",
    ),
    Limit(what="shadow copies, APFS snapshots", why="no tool makes them offline here"),
    Limit(what="phones, memory, network devices", why="not what this program examines"),
    Limit(
        what="chance",
        why="intervals speak of chance alone; an error of a reader hits all things of its sort",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be measured. filesystems: empty for all."""

    folder: Path
    sets: tuple[str, ...]
    jobs: int
    samples: Path | None
    examiner: str | None = None
    notes: str | None = None
    filesystems: tuple[str, ...] = ()


def validate(asked: Asked, say: Callable[[str], None]) -> Validation:
    """Measure, writing images, truths and bundles into a new folder; `say` is told each step.

    Raises UsageError when the folder exists, or the set `foreign` is asked for without samples.
    """
    if "foreign" in asked.sets and asked.samples is None:
        raise UsageError(f"the set `foreign` needs {SAMPLES}, a folder of real files")
    try:
        asked.folder.mkdir(parents=True)
    except FileExistsError:
        raise UsageError("exists already", where=str(asked.folder)) from None
    for name in ("images", "bundles"):
        (asked.folder / name).mkdir()
    begun = utc_text(system_clock())
    measure, limits = Measure(), list(_ALWAYS)
    for set_, one in _images(asked):
        if isinstance(one, Gap):
            limits.append(Limit(what=f"{set_}: {one.what}", why=one.why))
            continue
        limits.extend(Limit(what=f"{set_}: {gap.what}", why=gap.why) for gap in one.gaps)
        say(f"{one.name}: make the image")
        try:
            one.write(asked.folder / "images" / f"{one.name}.raw")
        except TriageError as error:
            limits.append(Limit(what=f"{set_}: {one.name}", why=f"{NOT_MADE}: {error}"))
            continue
        for depth in DEPTHS:
            say(f"{one.name}: examine, profile {depth}")
            try:
                _examine(asked, set_, one, depth, measure)
            except TriageError as error:
                what = f"{set_}: {one.name}, profile {depth}"
                limits.append(Limit(what=what, why=f"{NOT_EXAMINED}: {error}"))
    method = this_method()
    return Validation(
        method={**asdict(method), "digest": method.digest},
        machine=_machine(asked),
        begun=begun,
        ended=utc_text(system_clock()),
        sets=asked.sets,
        cells=tuple(measure.results()),
        falsehoods=tuple(measure.falsehoods),
        measured=tuple(measure.measured),
        limits=_distinct(limits),
    )


def _images(asked: Asked) -> Iterator[tuple[str, Made | Gap]]:
    """Yield set and image, or why there is none."""
    wanted = asked.filesystems
    if "artifacts" in asked.sets:
        for one in artifact_images("artifacts", _artifacts, wanted):
            yield "artifacts", one
        if not wanted:
            for one in locked_images("artifacts", _artifacts):
                yield "artifacts", one
    if "foreign" in asked.sets and asked.samples is not None:
        samples = tuple(foreign(asked.samples))
        for one in artifact_images("foreign", lambda *_: samples, wanted):
            yield "foreign", one
    if "scenarios" in asked.sets:
        for name in scenario.shipped():
            for disk in _scenario(name):
                yield "scenarios", disk


def _artifacts(label: str, filesystem: Filesystem) -> Sequence[Specimen]:
    return tuple(made(label, _FAMILIES.get(filesystem, "none")))


def _scenario(name: str) -> Iterator[Made | Gap]:
    try:
        built = build.build(scenario.load(name), _SEED)
    except TriageError as error:
        yield Gap(what=name, why=f"{NOT_MADE}: {error}")
        return
    for image, disk in built.disks.items():
        plan = next(one for one in built.scenario.images if one.name == image)
        filesystems = {volume.name: volume.filesystem for volume in plan.volumes}
        placed = tuple(
            Placed(
                item=item,
                hiding=item.place,
                filesystem=filesystems.get(str(item.volume), ""),
                specimen=f"{name}/{item.id}",
            )
            for item in built.items
            if item.image == image
        )
        known = {one.item.known_miss for one in placed} - {None}
        yield Made(
            name=f"{name}-{image}",
            filesystem=", ".join(sorted(set(filesystems.values()))),
            write=partial(write_raw, disk),
            placed=placed,
            gaps=tuple(
                Gap(what=f"{name}, known miss", why=str(why)) for why in sorted(known, key=str)
            ),
        )


def _examine(asked: Asked, set_: str, one: Made, depth: str, measure: Measure) -> None:
    """Run once and count; the truth is written beside the image, with the hash of the media."""
    bundle, measured = examine(
        asked.folder / "images" / f"{one.name}.raw",
        asked.folder / "bundles" / f"{one.name}.{depth}.bundle",
        depth=depth,
        jobs=asked.jobs,
        password=one.password,
    )
    measure.measured.append(measured)
    measure.count(set_, depth, one.placed, bundle)
    if one.noise:
        measure.count_noise(set_, one.filesystem, depth, one.noise, bundle)
    truth = to_bytes(_truth(one, measured.sha256))
    (asked.folder / "images" / f"{one.name}.truth.json").write_bytes(truth)


def _truth(one: Made, sha256: str) -> Truth:
    """Return the answers as a file, so that `train grade` can be held against our counts."""
    items = [placed.item for placed in one.placed]
    names = {item.image for item in items} or {one.name}
    return Truth(
        scenario=one.name,
        salt=_SEED,
        seed_commitment=_SEED,
        images=tuple(Image(name=image, sha256=sha256) for image in sorted(names)),
        items=tuple(replace(item, question=None) for item in items),
    )


def _machine(asked: Asked) -> dict[str, Any]:
    return {
        "system": platform.system(),
        "release": platform.release(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "jobs": asked.jobs,
        "clock": "system clock of this machine, UTC",
        "examiner": asked.examiner,
        "notes": asked.notes,
    }


def _distinct(limits: Sequence[Limit]) -> tuple[Limit, ...]:
    return tuple(dict.fromkeys(limits))
