"""What is hidden and looked for: the files of one artifact, and what they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from triage.training.truth import Data, Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One finding that is to be had. `path`: which of the files; None: any bytes of it show it."""

    kind: str
    path: str | None
    match: Mapping[str, Wanted] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """Files, each a path without a leading slash and its bytes, and what they show.

    readable: what a reader of the files finds. bare: what is left where only the bytes are, without
    a name, in unallocated space or in an archive.
    """

    name: str
    data: Data
    files: Mapping[str, bytes]
    readable: tuple[Shown, ...]
    bare: tuple[Shown, ...] = ()
