"""Dividing the files of a volume into parts that can be scanned one by one, anywhere.

The same index gives the same plan: so a part has a number, whoever works on it and when. Small
files lie together in a part, in the order of the media; a large one is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from triage.engine import messages as m
from triage.engine.accounts import Accounts
from triage.evidence.arrays import Bools
from triage.evidence.beginnings import INSIDE, NOWHERE
from triage.evidence.extents import Extents
from triage.evidence.index import Index
from triage.evidence.patterns import PatternSet
from triage.model import ByteRun, Storage

PART: Final = 64 << 20
"""Bytes of a part, about."""

_FILES: Final = 512  # of a part
_BAD_CLUSTERS: Final = "8-"  # $BadClus of NTFS is as long as the volume and holds nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The files of a volume in the order of the media, each content once."""

    rows: Sequence[int]
    sizes: Sequence[int]
    excluded: frozenset[int]  # rows outside of the scope: nothing of them is read
    inside: Extents  # contents that stand in metadata entries
    places: dict[int, int]  # where those stand, by row

    @classmethod
    def of(
        cls,
        index: Index,
        places: memoryview[int] | None,
        scope: m.ScanScope,
        known: Accounts,
        changed: Bools | None = None,
    ) -> Plan:
        """Take all files of an index, deleted ones too; of several names of one file, one.

        Of a snapshot only those that `changed`.
        """
        rows, taken = [], set()
        files = index.files(places)
        for row in (files if changed is None else files[changed[files]]).tolist():
            address = index.address(row)
            if address not in taken and not (address.startswith(_BAD_CLUSTERS) and "-" in address):
                taken.add(address)
                rows.append(row)
        excluded = {match.row for match in index.matches(PatternSet(scope.exclude))}
        names = {name.casefold() for name in scope.accounts}
        if names:
            for row in rows:
                account = known.of(index.volume, index.path(row))
                ids = account and {account.name.casefold(), (account.id or "").casefold()}
                if not (ids and names & ids):
                    excluded.add(row)
        sizes = [index.size(row) for row in rows]
        inside = {
            row: places[row] >> 1
            for row in rows
            if places is not None and places[row] != NOWHERE and places[row] & INSIDE
        }
        starts = np.fromiter(inside.values(), np.int64, len(inside))
        ends = starts + np.fromiter((index.size(row) for row in inside), np.int64, len(inside))
        return cls(
            rows=rows,
            sizes=sizes,
            excluded=frozenset(excluded),
            inside=Extents.of(starts, ends),
            places=inside,
        )

    def parts(self, most: int, runs: Callable[[int], Sequence[ByteRun]]) -> list[m.ScanPart]:
        """Return the parts; of one file `most` bytes are looked at. `runs` tells where a row lies.

        A sparse file of 16 EiB has as few parts as it has bytes.
        """
        parts: list[m.ScanPart] = []
        first, total = 0, 0
        for number, size in enumerate(self.sizes):
            if size > PART:
                if number > first:
                    parts.append(m.ScanPart(first=first, count=number - first))
                begins = _stored(runs(self.rows[number]), min(size, most))
                parts += [m.ScanPart(first=number, count=1, at=at) for at in begins]
                first, total = number + 1, 0
            elif number - first >= _FILES or total + size > PART:
                parts.append(m.ScanPart(first=first, count=number - first))
                first, total = number, size
            else:
                total += size
        if len(self.sizes) > first:
            parts.append(m.ScanPart(first=first, count=len(self.sizes) - first))
        return parts


def _stored(runs: Sequence[ByteRun], size: int) -> list[int]:
    """Return where the parts of a large file begin in which something is stored, and the first."""
    if not runs:
        return list(range(0, size, PART))
    found = {0}
    for run in runs:
        if run.storage is not Storage.SPARSE:
            end = min(size, run.file_offset + run.length)
            found.update(range(run.file_offset // PART * PART, end, PART))
    return sorted(found)
