"""The images of a validation: a disk for each file system, a volume for each place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from triage.training.media.images import write_raw
from triage.training.media.model import Disk, Entry, Filesystem, Volume
from triage.training.media.partitions import lay_out
from triage.training.truth import Expect, Item
from triage.training.validation.hiding import Hiding, Lair, hide, possible, whole
from triage.training.validation.noise import noise
from triage.training.validation.specimen import Specimen
from triage.training.writers.luks import luks2

FILESYSTEMS: Final[tuple[Filesystem, ...]] = ("fat16", "exfat", "ntfs", "ext4")

_SIZE: Final = 20 << 20  # of a volume, in bytes
_PASSWORD: Final = b"validation"  # of data that is no secret
_WHEN: Final = 1_741_199_400 * 10**9
_SIGNATURE: Final = 0x5EED0000

Specimens = Callable[[str, Filesystem], Sequence[Specimen]]
"""Gives the specimens of one place (a label, from which invented values follow)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An item of the truth, and what tables count it under."""

    item: Item
    hiding: str
    filesystem: str
    specimen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What could not be measured, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One image before it is a file.

    write: makes it, and raises TrainingError when it cannot be made. noise: volume → number of
    files in which nothing is. password: of its volume, where the run is given it.
    """

    name: str
    filesystem: str
    write: Callable[[Path], None]
    placed: tuple[Placed, ...]
    noise: Mapping[str, int] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    password: bytes | None = None


def artifact_images(
    prefix: str, specimens: Specimens, filesystems: Sequence[str] = ()
) -> Iterator[Made]:
    """Yield an image for each file system, or for those of `filesystems`."""
    for number, filesystem in enumerate(FILESYSTEMS):
        if not filesystems or filesystem in filesystems:
            yield _image(f"{prefix}-{filesystem}", filesystem, number, specimens)


def _image(name: str, filesystem: Filesystem, number: int, specimens: Specimens) -> Made:
    volumes: list[Volume] = []
    placed: list[Placed] = []
    gaps: list[Gap] = []
    for hiding in Hiding:
        if not possible(hiding, filesystem):
            continue
        label = f"{name} {hiding}"
        lair = hide(specimens(label, filesystem), hiding, filesystem)
        volumes.append(lair.volume(label=_label(hiding), size=_SIZE, serial=len(volumes) + 1))
        volume = f"p{len(volumes)}"
        gaps.extend(
            Gap(what=f"{specimen}, {hiding}", why=why) for specimen, why in lair.left_out.items()
        )
        placed.extend(_placed(lair, name, volume, hiding, filesystem))
    ordinary = noise(name)
    volumes.append(_noise_volume(ordinary, filesystem))
    disk = Disk(scheme="gpt", volumes=tuple(volumes), signature=_SIGNATURE + number)
    return Made(
        name=name,
        filesystem=filesystem,
        write=partial(write_raw, disk),
        placed=tuple(placed),
        noise={f"p{len(volumes)}": len(ordinary)},
        gaps=tuple(gaps),
    )


def locked_images(prefix: str, specimens: Specimens) -> Iterator[Made]:
    """Yield a disk that is one LUKS volume with a FAT in it, without its password and with it."""
    for hiding, password in ((Hiding.LOCKED, None), (Hiding.OPENED, _PASSWORD)):
        name = f"{prefix}-{'luks-opened' if password else 'luks-locked'}"
        lair = hide(specimens(f"{name} {hiding}", "fat16"), hiding, "fat16")
        yield Made(
            name=name,
            filesystem="fat16",
            write=partial(_write_locked, lair),
            placed=tuple(_placed(lair, name, "whole", hiding, "fat16")),
            password=password,
        )


def _write_locked(lair: Lair, path: Path) -> None:
    volume = lair.volume(label="LOCKED", size=_SIZE, serial=1)
    content = whole(lay_out(Disk(scheme="none", volumes=(volume,), signature=0)))
    with path.open("xb") as file:
        file.write(luks2(content, _PASSWORD))


def _placed(
    lair: Lair, image: str, volume: str, hiding: Hiding, filesystem: Filesystem
) -> Iterator[Placed]:
    for count, hidden in enumerate(lair.hidden, 1):
        item = Item(
            id=f"{volume}-{count}",
            expect=Expect.MUST,
            kind=hidden.shown.kind,
            image=image,
            volume=volume,
            path=hidden.path,
            place=hiding.place,
            match=hidden.shown.match,
            family=hidden.shown.kind.partition(".")[0],
            data=hidden.specimen.data,
        )
        yield Placed(item=item, hiding=hiding, filesystem=filesystem, specimen=hidden.specimen.name)


def _noise_volume(files: Mapping[str, bytes], filesystem: Filesystem) -> Volume:
    return Volume(
        filesystem=filesystem,
        label="NOISE",
        size=_SIZE,
        serial=0x5EEDFFFF,
        entries=tuple(
            Entry(
                path=f"/{path}",
                content=data,
                modified=_WHEN,
                created=_WHEN,
                accessed=_WHEN,
                changed=_WHEN,
            )
            for path, data in files.items()
        ),
    )


def _label(hiding: Hiding) -> str:
    return hiding.upper().replace(" ", "")[:11]
