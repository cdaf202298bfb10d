"""All volumes of an image: those of its table, and those that lie in others, however deep.

A snapshot, a volume that a key opened, a logical volume: each is a layer over the volume it lies
in, and what a layer holds is divided into volumes like an image (`volumes`). Names go on after that
of the outer volume: `p2/vss-3`, `p3/luks`, `p3/luks/lv-root`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from triage.errors import EvidenceError, ParseError
from triage.evidence.image import DiskImage
from triage.evidence.layers import Layer, LayerMedia, Part
from triage.evidence.shadow import shadow_copies
from triage.evidence.volumes import volumes
from triage.model import Volume, VolumeState

_MOST_DEEP: Final = 6
_MOST_PARTS: Final = 4096


def parts(image: DiskImage) -> list[Part]:
    """Return every volume, each one followed by those that lie in it.

    Nothing is raised for what the image holds: what cannot be read is a state and a `problem`.
    """
    survey = _Survey()
    survey.divide(Part(volume=_NOTHING, image=image), depth=0)
    return survey.found


_NOTHING = Volume(
    name="",
    offset=0,
    length=0,
    table="none",
    description="",
    label=None,
    state=VolumeState.META,
    filesystem=None,
    scheme=None,
    details={},
    problem=None,
)


class _Survey:
    def __init__(self) -> None:
        self.found: list[Part] = []

    def divide(self, outer: Part, depth: int) -> None:
        """Add the volumes of what a part's image holds."""
        for volume in volumes(outer.image):
            self._add(replace(outer, volume=_inside(outer.volume, volume)), depth)

    def _add(self, part: Part, depth: int) -> None:
        if len(self.found) >= _MOST_PARTS:
            return
        place = len(self.found)
        self.found.append(part)
        if depth >= _MOST_DEEP:
            return
        try:
            layers = _layers(part)
        except (EvidenceError, ParseError) as error:
            problem = "; ".join(filter(None, (part.volume.problem, error.message)))
            self.found[place] = replace(part, volume=replace(part.volume, problem=problem))
            return
        for layer in layers:
            self._go_into(self.found[place], layer, depth + 1)

    def _go_into(self, below: Part, layer: Layer, depth: int) -> None:
        image = DiskImage(LayerMedia(layer, below.image))
        name = f"{below.volume.name}/{layer.name}"
        volume = replace(
            below.volume,
            name=name,
            offset=0,
            length=layer.size,
            description=layer.description,
            details=dict(layer.details),
            problem=None,
            within=name,
            snapshot_of=below.volume.name if layer.snapshot else None,
        )
        inner = Part(volume=volume, image=image, layer=layer, below=below)
        if layer.snapshot:
            self._add(inner, depth)
        else:
            self.divide(inner, depth)


def _layers(part: Part) -> list[Layer]:
    """Return what lies in a volume as a whole. Raises EvidenceError and ParseError."""
    volume = part.volume
    if volume.filesystem == "ntfs" and volume.snapshot_of is None:
        return [*shadow_copies(part.image, volume)]
    return []


def _inside(outer: Volume, volume: Volume) -> Volume:
    """Name a volume of a layer after it; one that is all of the layer has the layer's name."""
    if not outer.name:
        return volume
    first, slash, rest = volume.name.partition("/")
    own = f"{slash}{rest}" if first == "whole" else f"/{volume.name}"
    return replace(
        volume,
        name=f"{outer.name}{own}",
        within=outer.within,
        description=volume.description if own else outer.description,
        details=volume.details if own else {**outer.details, **volume.details},
    )
