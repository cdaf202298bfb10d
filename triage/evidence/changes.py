"""Which files of a snapshot the live volume does not have as they were.

Reading a file twice to find that nothing changed is what this spares. A row is unchanged when the
live volume has the same metadata entry in the same folder with the same size and times, and where
its content lies no block was written since. The time of last access does not count.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Final, Protocol, runtime_checkable

import numpy as np

from triage.evidence.arrays import Bools, Ints
from triage.evidence.beginnings import INSIDE
from triage.evidence.index import Index
from triage.model import ByteRun, Storage

_COMPARED: Final = ("inode", "attribute", "size", "modified", "changed", "created", "flags")
# Rows are compared by a sum of products; whoever made the image cannot know the factors.
_FACTORS: Final = tuple(secrets.randbits(64) | 1 for _ in range(len(_COMPARED) + 1))


@runtime_checkable
class Differing(Protocol):
    """A snapshot that knows which of its bytes the live volume has otherwise."""

    def differs(self, starts: Ints, ends: Ints) -> Ints:
        """Return for each stretch how much of it differs; 0: nothing."""
        ...

    def stores(self, index: Index) -> list[int]:
        """Return the rows of the files that snapshots are made of: no content of their own."""
        ...


def changed_rows(
    index: Index, live: Index, places: memoryview[int] | None, snapshot: object
) -> Bools:
    """Return for each row of a snapshot whether its content has to be read."""
    keys, known_keys = _keys(index), np.sort(_keys(live))
    at = np.minimum(np.searchsorted(known_keys, keys), len(known_keys) - 1)
    changed: Bools = known_keys[at] != keys
    if places is not None and isinstance(snapshot, Differing):
        place = np.frombuffer(places, dtype=np.int64)
        size = index.column("size")
        # What stands in its metadata entry has the times of that entry.
        known = (place >= 0) & (place & INSIDE == 0) & (size > 0)
        starts = place[known] >> 1
        changed[known] |= snapshot.differs(starts, starts + size[known]) > 0
    if isinstance(snapshot, Differing):
        changed[snapshot.stores(index)] = False
    return changed


def runs_changed(runs: Iterable[ByteRun], snapshot: object) -> bool:
    """Return whether bytes of a file lie where the live volume has others."""
    if not isinstance(snapshot, Differing):
        return False
    placed = [run for run in runs if run.image_offset is not None and run.length > 0]
    placed = [run for run in placed if run.storage is not Storage.RESIDENT]
    starts = np.array([run.image_offset for run in placed], dtype=np.int64)
    ends = starts + np.array([run.length for run in placed], dtype=np.int64)
    return bool(snapshot.differs(starts, ends).any())


def _keys(index: Index) -> Ints:
    """Return one number for what is compared of each row."""
    mixed = np.zeros(len(index), dtype=np.uint64)

    def add(column: Ints, factor: int) -> None:
        value = column.astype(np.int64).view(np.uint64) * np.uint64(factor)
        value ^= value >> np.uint64(29)
        mixed[:] = (mixed + value) * np.uint64(_FACTORS[0])
        mixed[:] ^= mixed >> np.uint64(31)

    inode = index.column("inode")
    add(inode[np.maximum(index.column("parent"), 0)], _FACTORS[-1])
    for name, factor in zip(_COMPARED, _FACTORS, strict=False):
        add(index.column(name), factor)
    return mixed.view(np.int64)
