"""Bytes made of other bytes: a volume decrypted, put together, or as it was at an earlier time.

A layer is read like an image, so whatever opens an image opens it as well; nothing of it is ever
written down. It says where each of its bytes comes from, as far as there is such a place, and that
is how byte runs of files in it lead back to the media.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from triage.evidence.image import DiskImage
from triage.model import ByteRun, Reader, Storage, Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Some bytes of a layer and where they lie in the image below; None: nowhere as such."""

    at: int  # in the layer
    below: int | None
    length: int
    storage: Storage = Storage.PLAIN


class Layer(Reader, Protocol):
    """One volume in another. `name` follows that of the outer one: `luks`, `lv-root`, `vss-3`."""

    name: str
    description: str
    details: Mapping[str, str]
    snapshot: bool
    """It is an earlier state of the volume that it lies in, with the same file system."""

    def stretches(self, offset: int, length: int) -> Iterator[Stretch]:
        """Yield where bytes come from, in their order. Offsets below count as the volume's do."""
        ...


class LayerMedia:
    """A layer as the media of an image."""

    missing: tuple[tuple[int, int], ...] = ()
    bad_ranges: tuple[tuple[int, int], ...] = ()  # the image below has them

    def __init__(self, layer: Layer, below: DiskImage) -> None:
        self._layer, self._below = layer, below
        self.size = layer.size
        self.sector_size: int | None = below.sector_size
        self.info = replace(below.info, media_size=layer.size, notes=())

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer only at the end. Raises EvidenceError."""
        length = min(length, self.size - offset)
        return self._layer.read_at(offset, length) if offset >= 0 and length > 0 else b""

    def bad_in(self, offset: int, length: int) -> bool:
        """Whether bytes that it is made of are known to be bad."""
        return any(
            stretch.below is not None and self._below.bad_in(stretch.below, stretch.length)
            for stretch in self._layer.stretches(offset, length)
        )

    def changed(self) -> tuple[str, ...]:
        """Return nothing: the image below is asked."""
        return ()

    def close(self) -> None:
        """Do nothing: the image below belongs to whoever opened it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A volume with the bytes that its offset counts in."""

    volume: Volume
    image: DiskImage
    layer: Layer | None = None  # that the image is made of; None: it is the media
    below: Part | None = field(default=None, repr=False)  # the volume that the layer lies in

    @property
    def depth(self) -> int:
        """How many layers lie between it and the media."""
        return 0 if self.below is None else self.below.depth + 1

    @property
    def reader(self) -> Reader:
        """The bytes."""
        return self.image

    def bad_in(self, offset: int, length: int) -> bool:
        """Whether bytes that are not sound were met there."""
        return self.image.bad_in(offset, length)

    def on_media(self, runs: Iterable[ByteRun]) -> tuple[ByteRun, ...]:
        """Return byte runs as they lie on the media."""
        part: Part | None = self
        while part is not None and part.layer is not None:
            runs = _lowered(runs, part.layer)
            part = part.below
        return tuple(runs)


def _lowered(runs: Iterable[ByteRun], layer: Layer) -> Iterator[ByteRun]:
    for run in runs:
        if run.image_offset is None or run.length <= 0:
            yield run
            continue
        for stretch in layer.stretches(run.image_offset, run.length):
            plain = run.storage in (Storage.PLAIN, Storage.SPARSE)
            yield ByteRun(
                file_offset=run.file_offset + stretch.at - run.image_offset,
                image_offset=stretch.below,
                length=stretch.length,
                storage=stretch.storage if plain else run.storage,
            )
