"""All volumes of an image: those of its table, and those that lie in others, however deep.

A snapshot, a volume that a key opened, a logical volume: each is a layer over the volume it lies
in, and what a layer holds is divided into volumes like an image (`volumes`). Names go on after that
of the outer volume: `p2/vss-3`, `p3/luks`, `p3/luks/lv-root`.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final

from triage.errors import EvidenceError, ParseError
from triage.evidence import bitlocker, luks, lvm
from triage.evidence.image import DiskImage
from triage.evidence.layers import Layer, LayerMedia, Part
from triage.evidence.locks import Keys, Known, Lock
from triage.evidence.shadow import shadow_copies
from triage.evidence.volumes import volumes
from triage.model import InFile, Volume, VolumeState

_MOST_DEEP: Final = 6
_MOST_PARTS: Final = 4096
_MOST_GROUPS: Final = 64
# No damage that we did not think of may cost more than the volume in which it is.
_FAILURES: Final = (
    EvidenceError,
    ParseError,
    struct.error,
    LookupError,
    ValueError,
    TypeError,
    ArithmeticError,
)


def parts(image: DiskImage, keys: Keys | None = None) -> list[Part]:
    """Return every volume, each one followed by those that lie in it.

    Nothing is raised for what the image holds: what cannot be read is a state and a `problem`.
    Without `keys` only volumes whose key lies in clear are opened.
    """
    survey = _Survey(keys or Known())
    survey.divide(Part(volume=_NOTHING, image=image))
    survey.assemble()
    return survey.found


def parts_of(below: Part, disk: Layer, file: InFile, keys: Keys | None = None) -> list[Part]:
    """Return the volumes of a disk that lies as a file in a volume."""
    survey = _Survey(keys or Known())
    survey.divide(_layered(below, disk, VolumeState.META))
    survey.assemble()
    return [replace(part, volume=replace(part.volume, in_file=file)) for part in survey.found]


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
    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self.found: list[Part] = []

    def divide(self, outer: Part) -> None:
        """Add the volumes of what a part's image holds."""
        for volume in volumes(outer.image):
            self._add(replace(outer, volume=_inside(outer.volume, volume)))

    def _add(self, part: Part) -> None:
        if len(self.found) >= _MOST_PARTS:
            return
        place = len(self.found)
        self.found.append(part)
        if part.depth >= _MOST_DEEP:
            return
        try:
            part, layers = self._layers(part)
        except _FAILURES as error:
            part, layers = _with_problem(part, _words(error)), []
        self.found[place] = part
        for layer in layers:
            self._go_into(part, layer)

    def _layers(self, part: Part) -> tuple[Part, list[Layer]]:
        """Return what lies in a volume as a whole. Raises EvidenceError and ParseError."""
        volume = part.volume
        if volume.filesystem == "ntfs" and volume.snapshot_of is None:
            return part, [*shadow_copies(part.image, volume)]
        lock = _lock(part)
        key = None if lock is None else self._keys.of(volume.name, lock)
        if lock is None or key is None:
            return part, []
        layer = lock.layer(key.key)
        details = {**volume.details, "opened_by": key.opened_by}
        opened = replace(volume, state=VolumeState.OPENED, details=details, problem=None)
        return replace(part, volume=opened), [layer]

    def _go_into(self, below: Part, layer: Layer) -> None:
        inner = _layered(below, layer, below.volume.state)
        if layer.snapshot:
            self._add(inner)
        else:
            self.divide(inner)

    def assemble(self) -> None:
        """Put logical volumes together; what is in them may be physical volumes again."""
        seen: set[str] = set()
        for _ in range(_MOST_GROUPS):
            members = [
                (number, part)
                for number, part in enumerate(self.found)
                if part.volume.scheme == lvm.SCHEME and part.volume.name not in seen
            ]
            if not members:
                return
            seen.update(part.volume.name for _, part in members)
            groups: dict[tuple[str, str], list[lvm.PhysicalVolume]] = {}
            for number, part in members:
                try:
                    physical = lvm.read_physical(part.image, part.volume)
                except _FAILURES as error:
                    self.found[number] = _with_problem(part, _words(error))
                    continue
                layer = part.volume.within or ""
                groups.setdefault((layer, physical.group), []).append(physical)
            for group in groups.values():
                self._group(group)

    def _group(self, members: list[lvm.PhysicalVolume]) -> None:
        """Add the volumes of a group behind the first of those that it is made of."""
        names = {member.volume.name for member in members}
        numbers = [n for n, part in enumerate(self.found) if part.volume.name in names]
        first = self.found[numbers[0]]
        try:
            layers, unread = lvm.logical_volumes(first.image, members)
        except _FAILURES as error:
            self.found[numbers[0]] = _with_problem(first, _words(error))
            return
        for number in numbers:
            part = self.found[number]
            known = replace(part.volume, state=VolumeState.META, problem=None)
            self.found[number] = replace(part, volume=known)
        behind = self.found[numbers[0] + 1 :]
        del self.found[numbers[0] + 1 :]
        for layer in layers:
            if layer.name == lvm.REST:
                self.found.append(_layered(self.found[numbers[0]], layer, VolumeState.GAP))
            else:
                self._go_into(self.found[numbers[0]], layer)
        for one in unread:
            volume = replace(
                first.volume,
                name=f"{first.volume.name}/{one.name}",
                length=0,  # nobody knows where
                description="logical volume of LVM",
                state=VolumeState.UNSUPPORTED,
                scheme=f"{lvm.SCHEME}-{one.kind}",
                details={"size": str(one.length)},
                problem=one.problem,
            )
            self.found.append(replace(first, volume=volume))
        self.found += behind


def _layered(below: Part, layer: Layer, state: VolumeState) -> Part:
    """Return a layer as one volume."""
    name = f"{below.volume.name}/{layer.name}"
    volume = replace(
        below.volume,
        name=name,
        offset=0,
        length=layer.size,
        description=layer.description,
        label=None,
        state=state,
        scheme=None,
        details=dict(layer.details),
        problem=None,
        within=name,
        snapshot_of=below.volume.name if layer.snapshot else None,
    )
    image = DiskImage(LayerMedia(layer, below.image))
    return Part(volume=volume, image=image, layer=layer, below=below)


def _lock(part: Part) -> Lock | None:
    """Read the header of a locked volume; None where we know no way in. Raises ParseError."""
    volume = part.volume
    if volume.state is not VolumeState.LOCKED:
        return None
    if volume.scheme in luks.SCHEMES:
        return luks.read_luks(part.image, volume)
    if volume.scheme == bitlocker.NAME:
        return bitlocker.read_bitlocker(part.image, volume)
    return None


def _words(error: Exception) -> str:
    """Return what is wrong, never the text of a library."""
    if isinstance(error, EvidenceError | ParseError):
        return error.message
    return "what lies in it is damaged in a way that was not foreseen"


def _with_problem(part: Part, message: str) -> Part:
    problem = "; ".join(filter(None, (part.volume.problem, message)))
    return replace(part, volume=replace(part.volume, problem=problem))


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
