"""What a validation measured: counts, limits, and where they were measured.

`validation.json` is canonical JSON, `"format": "disk-triage-validation/1"`. Counts only: shares and
intervals follow from them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from triage import canonical
from triage.errors import ParseError
from triage.training.ratio import Ratio

FORMAT: Final = "disk-triage-validation/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Of one kind in one place: `found` of `there`.

    set: artifacts, scenarios, foreign. data: self_made or foreign. extractor: who finds it where it
    lies open; `none` where nothing does.
    """

    set: str
    data: str
    kind: str
    extractor: str
    place: str
    filesystem: str
    depth: str
    found: int
    there: int

    @property
    def ratio(self) -> Ratio:
        """Found of there."""
        return Ratio(part=self.found, whole=self.there)


_COLUMNS: Final = tuple(field.name for field in fields(Cell))


@dataclass(frozen=True, slots=True, kw_only=True)
class Falsehood:
    """False positives: in how many of `files`, in which nothing is, something was found.

    kinds: kind of finding → how many.
    """

    set: str
    data: str
    filesystem: str
    depth: str
    files: int
    wrong: int
    kinds: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One image and run: how it was made and that it is what was examined."""

    name: str
    sha256: str
    depth: str
    exit_code: int
    findings: int
    seal_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What was not measured, or is known not to be found, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Everything that `validation.json` holds.

    method: version, digest, code, python, libraries. machine: system and hardware, clock.
    begun, ended: UTC by the clock of this machine.
    """

    method: dict[str, Any]
    machine: dict[str, Any]
    begun: str
    ended: str
    sets: tuple[str, ...]
    cells: tuple[Cell, ...]
    falsehoods: tuple[Falsehood, ...]
    measured: tuple[Measured, ...]
    limits: tuple[Limit, ...]

    def to_bytes(self) -> bytes:
        """Return `validation.json`; the cells are a table, as there are thousands."""
        rows = [[getattr(cell, name) for name in _COLUMNS] for cell in self.cells]
        table = {"columns": _COLUMNS, "rows": rows}
        return canonical.line({"format": FORMAT, **asdict(self), "cells": table})


def read(data: bytes) -> Validation:
    """Read `validation.json`. Raises ParseError when it is not one."""
    try:
        value = json.loads(data)
        if value.pop("format") != FORMAT:
            raise ParseError("not a validation of this version")
        return Validation(
            **{
                **value,
                "sets": tuple(value["sets"]),
                "cells": tuple(
                    Cell(**dict(zip(value["cells"]["columns"], row, strict=True)))
                    for row in value["cells"]["rows"]
                ),
                "falsehoods": tuple(Falsehood(**one) for one in value["falsehoods"]),
                "measured": tuple(Measured(**one) for one in value["measured"]),
                "limits": tuple(Limit(**one) for one in value["limits"]),
            }
        )
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ParseError("not a validation") from error


def summed(cells: Iterable[Cell], *keys: str) -> dict[tuple[str, ...], Ratio]:
    """Return the counts of cells that are equal in some fields, in the order of these."""
    found: Counter[tuple[str, ...]] = Counter()
    there: Counter[tuple[str, ...]] = Counter()
    for cell in cells:
        key = tuple(str(getattr(cell, name)) for name in keys)
        found[key] += cell.found
        there[key] += cell.there
    return {key: Ratio(part=found[key], whole=there[key]) for key in sorted(there)}
